#include "membership/membership_views.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::membership {

void collect_members(const PeerRecords& peers, std::vector<MemberRef>& members) {
  members.reserve(members.size() + peers.size());
  for (const auto& [address, peer] : peers) {
    members.push_back({&peer.node, peer.state()});
  }
}

void collect_departed(const DepartedPeers& departed, const std::optional<NodeName>& departed_own,
                      Confirmed confirmed, Desired& into) {
  auto& others = confirmed.others ? into.departed : into.suspended;
  for (const auto& [address, peer] : departed) {
    others.insert(peer.node);
  }
  if (departed_own) {
    (confirmed.own ? into.departed : into.suspended).insert(*departed_own);
  }
}

void take_members(std::vector<MemberRef> members, Desired& into) {
  // Sorted first, then put in at the end: far faster for thousands of them than each finding its place. The
  // states are in the order of what they allow.
  std::ranges::sort(members, [](const MemberRef& one, const MemberRef& other) {
    const int order = one.node->str().compare(other.node->str());
    return order != 0 ? order < 0 : one.state < other.state;
  });
  const NodeName* last = nullptr;
  for (const MemberRef& member : members) {
    if (last != nullptr && *last == *member.node) {
      continue;
    }
    last = member.node;
    into.members.insert(into.members.end(), *member.node);
    if (member.state == MemberState::dialable) {
      into.dialable.insert(into.dialable.end(), *member.node);
    }
  }
}

std::shared_ptr<const Desired> make_desired(const PeerRecords& peers, const DepartedPeers& departed,
                                            OwnMembership own, const std::optional<NodeName>& departed_own,
                                            Confirmed confirmed) {
  auto desired = std::make_shared<Desired>();
  desired->own = own;
  std::vector<MemberRef> members;
  collect_members(peers, members);
  take_members(std::move(members), *desired);
  collect_departed(departed, departed_own, confirmed, *desired);
  return desired;
}

std::vector<MemberView> make_member_views(const PeerRecords& peers, const DepartedPeers& departed,
                                          const std::optional<NodeName>& departed_own, TimePoint own_since) {
  std::vector<MemberView> result;
  result.reserve(peers.size() + departed.size() + 1);
  for (const auto& [address, peer] : peers) {
    result.push_back({peer.node, peer.state(), std::string(peer.reason()), peer.since, {}});
  }
  for (const auto& [address, peer] : departed) {
    result.push_back({peer.node, MemberState::departed, "no longer in the service", peer.since, {}});
  }
  if (departed_own) {
    result.push_back({*departed_own,
                      MemberState::departed,
                      "our own container is no longer in the service",
                      own_since,
                      {}});
  }
  return result;
}

std::string_view to_string(OwnMembership own) {
  switch (own) {
    case OwnMembership::unknown:
      return "unknown";
    case OwnMembership::listed:
      return "listed";
    case OwnMembership::missing:
      return "missing";
    case OwnMembership::removed:
      return "removed";
  }
  return "unknown";
}

std::string_view to_string(MemberState state) {
  switch (state) {
    case MemberState::dialable:
      return "dialable";
    case MemberState::held:
      return "held";
    case MemberState::suspected:
      return "suspected";
    case MemberState::departed:
      return "departed";
  }
  return "unknown";
}

}  // namespace rancher_cnode::membership
