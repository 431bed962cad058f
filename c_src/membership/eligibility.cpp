#include "rancher_cnode/membership/eligibility.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode::membership {
namespace {

constexpr std::size_t longest_example = 120;

/// nullptr if the container has none of its own in primary_ip: null and "" both mean none yet.
const std::string* primary_address(const Container& container) {
  return container.primary_ip && !container.primary_ip->empty() ? &*container.primary_ip : nullptr;
}

const std::string* first_address(const Container& container) {
  return !container.ips.empty() && !container.ips.front().empty() ? &container.ips.front() : nullptr;
}

/// Finds the containers that others live on. Most services have no such container, so it indexes only when
/// asked.
class Networks {
 public:
  explicit Networks(const Service& service) : service_(service) {}

  const std::string* address_of(const std::string& uuid) {
    if (by_uuid_.empty()) {
      for (const Container& container : service_.containers) {
        by_uuid_.emplace(container.uuid, &container);
      }
    }
    const auto found = by_uuid_.find(uuid);
    if (found == by_uuid_.end()) {
      return nullptr;
    }
    const std::string* primary = primary_address(*found->second);
    return primary != nullptr ? primary : first_address(*found->second);
  }

 private:
  const Service& service_;
  std::unordered_map<std::string_view, const Container*> by_uuid_;
};

const std::string* find_address(const Container& container, Networks& networks) {
  if (const std::string* primary = primary_address(container)) {
    return primary;
  }
  if (container.network_from_container_uuid && !container.network_from_container_uuid->empty()) {
    if (const std::string* shared = networks.address_of(*container.network_from_container_uuid)) {
      return shared;
    }
  }
  return first_address(container);
}

void drop(DropCounts& counts, DropReason reason, std::string_view name, std::string_view address) {
  Dropped& dropped = counts.at(static_cast<std::size_t>(reason));
  ++dropped.count;
  dropped.example = name;
  if (!address.empty()) {
    dropped.example.append(": ").append(address);
  }
  dropped.example.resize(beginning_of(dropped.example, longest_example).size());
}

std::string hold_of(const Container& container, HealthPolicy health) {
  if (!is_up(container.state)) {
    return "state is " + container.state;
  }
  if (health == HealthPolicy::passing && !is_passing(container.health_state)) {
    return "health is " + *container.health_state;
  }
  return {};
}

/// Puts the members in order and makes one of those that share an address.
void join_by_address(Eligibility& result) {
  auto& members = result.members;
  std::ranges::stable_sort(members, {}, &Member::address);
  std::size_t kept = 0;
  for (std::size_t next = 0; next < members.size(); ++next) {
    if (kept == 0 || members[kept - 1].address != members[next].address) {
      if (kept != next) {
        members[kept] = std::move(members[next]);
      }
      ++kept;
      continue;
    }
    drop(result.dropped, DropReason::duplicate, members[next].name, members[next].address.to_string());
    Member& first = members[kept - 1];
    if (!first.hold.empty() && members[next].hold.empty()) {
      first = std::move(members[next]);
    }
  }
  members.resize(kept);
}

}  // namespace

std::string_view to_string(DropReason reason) {
  switch (reason) {
    case DropReason::no_address:
      return "no_address";
    case DropReason::not_ipv4:
      return "not_ipv4";
    case DropReason::not_a_host:
      return "not_a_host";
    case DropReason::duplicate:
      return "duplicate";
    case DropReason::unselected:
      return "unselected";
  }
  return "unknown";
}

bool is_up(std::string_view state) {
  constexpr auto down =
      std::to_array<std::string_view>({"stopping", "stopped", "updating-stopped", "removing", "removed",
                                       "erroring", "error", "purging", "purged"});
  return std::find(down.begin(), down.end(), state) == down.end();
}

bool is_passing(const std::optional<std::string>& health_state) {
  return !health_state || health_state->empty() || *health_state == "healthy" ||
         *health_state == "updating-healthy";
}

Eligibility judge(const Service& service, HealthPolicy health) {
  Eligibility result;
  Networks networks(service);
  for (const Container& container : service.containers) {
    if (!container.selected) {
      drop(result.dropped, DropReason::unselected, container.name, {});
      continue;
    }
    const auto leave_out = [&](DropReason reason, std::string_view text) {
      drop(result.dropped, reason, container.name, text);
      if (!container.uuid.empty()) {
        result.unaddressed.push_back(container.uuid);
      }
    };
    const std::string* text = find_address(container, networks);
    if (text == nullptr) {
      leave_out(DropReason::no_address, {});
      continue;
    }
    const auto address = Ipv4Address::parse(*text);
    if (!address || !address->is_host()) {
      leave_out(address ? DropReason::not_a_host : DropReason::not_ipv4, *text);
      continue;
    }
    result.members.push_back(
        {*address, container.uuid, container.name, hold_of(container, health), is_up(container.state)});
  }
  join_by_address(result);
  std::sort(result.unaddressed.begin(), result.unaddressed.end());
  return result;
}

const Member* Eligibility::find(Ipv4Address address) const {
  const auto place = std::ranges::lower_bound(members, address, {}, &Member::address);
  return place != members.end() && place->address == address ? &*place : nullptr;
}

}  // namespace rancher_cnode::membership
