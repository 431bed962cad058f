// Which containers of one read are members, which of them may be dialled, and at which address each is found.
// A function of one read and nothing else; membership/membership keeps the history.
//
// Rules: docs/architecture.md, "Membership". Field meanings: Rancher 1.x metadata, version 2016-07-29.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/policy.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::membership {

/// Why a listed container makes no peer of its own.
enum class DropReason {
  no_address,  ///< none yet: null, "" or absent in primary_ip, ips and the network it is on
  not_ipv4,    ///< not a plain dotted IPv4 address
  not_a_host,  ///< loopback, multicast, broadcast or unspecified
  duplicate,   ///< another container of the read has the address: the two are one peer
  unselected,  ///< its labels are not those of the settings
};
inline constexpr std::size_t drop_reasons = 5;

/// snake_case, as in the log and the status.
[[nodiscard]] std::string_view to_string(DropReason reason);

struct Dropped {
  std::size_t count = 0;
  std::string example;  ///< the last one, as "name: address"; at most 120 bytes
  friend bool operator==(const Dropped&, const Dropped&) = default;
};
/// Indexed by DropReason.
using DropCounts = std::array<Dropped, drop_reasons>;

/// A peer's container. Of several on one address it is the first that may be dialled, else the first listed.
struct Member {
  Ipv4Address address;
  std::string_view uuid;  ///< a view into the service; may be empty in a broken answer
  std::string_view name;  ///< a view into the service
  std::string hold;       ///< why it must not be dialled, in words; empty: it may be
  bool up = true;         ///< by its state; health does not count here
};

/// Valid for as long as the service that was judged: most reads say nothing new, so nothing is copied.
struct Eligibility {
  std::vector<Member> members;                ///< one an address, in the order of the addresses
  std::vector<std::string_view> unaddressed;  ///< uuids of those without a usable address, sorted
  DropCounts dropped;

  /// nullptr if no member has the address.
  [[nodiscard]] const Member* find(Ipv4Address address) const;
};

/// Never fails: what cannot be used is dropped and counted.
[[nodiscard]] Eligibility judge(const Service& service, HealthPolicy health);
Eligibility judge(Service&& service, HealthPolicy health) = delete;  // the result looks into the service

/// True unless the state says that the container is not up. States that Rancher does not know today count
/// as up: a probe costs little, a peer that is never dialled costs a cluster. Metadata may also freeze at
/// `starting`.
[[nodiscard]] bool is_up(std::string_view state);

/// Rancher's own DNS rule: healthy, updating-healthy, or no health check.
[[nodiscard]] bool is_passing(const std::optional<std::string>& health_state);

}  // namespace rancher_cnode::membership
