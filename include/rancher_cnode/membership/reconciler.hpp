// SKETCH - the owner of this room finishes it
// Desired against connected, for one target: the actions due now and when to wake next. Pure.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/node_name.hpp"
#include "rancher_cnode/policy.hpp"

namespace rancher_cnode::membership {

struct ReconcilerSettings {
  NodeName target;                       ///< the BEAM that is driven; never dials itself
  std::uint32_t max_dials = 32;          ///< probes and dials in flight, together
  ProbeMode probe = ProbeMode::epmd;
  Milliseconds retry_first{100};
  Milliseconds retry_limit{10'000};
  Milliseconds list_interval{1'000};
  Milliseconds leave_spread{500};        ///< random wait before a leave
  Milliseconds leave_again{30'000};
  std::uint64_t seed = 0;                ///< of the jitter
};

enum class ProbeOutcome { found, no_answer, refused, not_registered };
enum class DialOutcome { linked, refused /* false */, not_alive /* ignored */, no_reply };
enum class LeaveOutcome { done, unreachable, failed };

namespace event {
struct DesiredChanged { std::shared_ptr<const Desired> desired; };
struct TargetUp {};
struct TargetDown {};
struct LinksListed { std::vector<NodeName> links; };  ///< visible and hidden
struct ListFailed {};
struct Probed { NodeName peer; ProbeOutcome outcome; };
struct Dialled { NodeName peer; DialOutcome outcome; };
struct Left { NodeName peer; LeaveOutcome outcome; };
struct News {};   ///< the metadata version changed: retry delays start over
struct Tick {};
}  // namespace event
using Event = std::variant<event::DesiredChanged, event::TargetUp, event::TargetDown, event::LinksListed, event::ListFailed,
                           event::Probed, event::Dialled, event::Left, event::News, event::Tick>;

namespace action {
struct ListLinks {};
struct Probe { NodeName peer; };
struct Dial { NodeName peer; };
struct Leave { NodeName peer; };   ///< peer == target: our own container has left
}  // namespace action
using Action = std::variant<action::ListLinks, action::Probe, action::Dial, action::Leave>;

class Reconciler {
 public:
  explicit Reconciler(ReconcilerSettings settings);
  [[nodiscard]] std::vector<Action> step(TimePoint now, const Event& event);
  /// When step(now, Tick) must be called next at the latest.
  [[nodiscard]] TimePoint next_wake() const;
  // + view of every peer for status: state, reason in words, since, attempts; counters;
  // + first_round_done(): links were listed once and every dialable peer is linked or has failed at least once
};

}  // namespace rancher_cnode::membership
