// What the dialler knows of one member, and what that amounts to. Used by dialler and newcomers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "reconciler/dial_queue.hpp"

namespace rancher_cnode::reconciler {

enum class Stage { probe, inspect, dial };

enum class Standing {
  former,   ///< no member; kept for the answer to its action in flight
  held,     ///< a member that must not be dialled
  untried,  ///< dialable; not tried since that, or since the target restarted
  tried,    ///< dialable; connected, or tried without success
};

enum class Connection {
  none,
  unlisted,  ///< the dial succeeded; no list has shown it yet
  listed,
  lost,  ///< there was one: the peer is inspected before it is dialled
};

/// What the last probe found.
enum class Lookup { none, missed, found };

struct Peer : Queued {
  const NodeName* name = nullptr;  ///< the key in Peers
  Standing standing = Standing::held;
  Connection connection = Connection::none;
  ActionId flight = 0;  ///< the action whose answer is waited for
  Stage stage = Stage::probe;
  TimePoint started;         ///< the last action
  ActionId judged_from = 0;  ///< lists before this one may be older than the connection
  ActionId seen_in = 0;      ///< the last list that showed the connection
  TimePoint connected_since;
  std::string_view reason;
  std::string_view stated;  ///< the last reason that was stated as a fact
  std::string_view
      last_error;         ///< why an attempt failed or a connection was lost; stays once it is connected
  TimePoint last_failed;  ///< of that
  std::uint32_t attempts = 0;
  std::uint32_t failures = 0;     ///< in a row, since retry_now()
  std::uint32_t losses = 0;       ///< since a connection lasted, or the target or the peer was new
  std::uint64_t retry_epoch = 0;  ///< the one that `failures` belong to
  PeerState state = PeerState::queued;
  TimePoint since;

  // Its epmd.
  Lookup lookup = Lookup::none;
  TimePoint probed_at;     ///< when that probe was answered
  std::uint16_t port = 0;  ///< of the peer, if found

  // Dials that it refused, one after the other, at one port.
  std::uint32_t refusals = 0;
  std::uint16_t refused_port = 0;
  TimePoint dial_due;  ///< not dialled at that port before

  // Before it is dialled.
  std::uint32_t inspections = 0;                     ///< that failed or found the old connection
  std::optional<std::vector<NodeName>> connections;  ///< its own, sorted, as inspected in this attempt
  std::optional<TimePoint> held_since;               ///< for the sake of members that cannot be looked up

  [[nodiscard]] bool is_member() const { return standing != Standing::former; }
  [[nodiscard]] bool is_dialable() const {
    return standing == Standing::untried || standing == Standing::tried;
  }
  [[nodiscard]] bool is_connected() const {
    return connection == Connection::unlisted || connection == Connection::listed;
  }
  [[nodiscard]] bool wants_dial() const { return is_dialable() && !is_connected(); }
  [[nodiscard]] PeerState current_state() const;
  /// Earlier failures no longer count.
  void start_over();
};

using Peers = std::map<NodeName, Peer>;

/// Why an attempt failed, for people. Empty if it did not.
[[nodiscard]] std::string_view words(ProbeOutcome outcome, ProbeMode probe);
/// Whether these are the words of a probe that found nobody, as while the peer starts.
[[nodiscard]] bool is_absence(std::string_view reason, ProbeMode probe);
[[nodiscard]] std::string_view words(InspectOutcome outcome);
[[nodiscard]] std::string_view words(DialOutcome outcome, ProbeMode probe);

}  // namespace rancher_cnode::reconciler
