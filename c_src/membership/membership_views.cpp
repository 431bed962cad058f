#include "membership/membership_views.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::membership {

std::shared_ptr<const Desired> make_desired(const PeerRecords& peers, const DepartedPeers& departed,
                                            OwnMembership own, const std::optional<NodeName>& departed_own,
                                            Confirmed confirmed) {
  auto desired = std::make_shared<Desired>();
  desired->own = own;
  // Sorted first, then put in at the end: far faster for thousands of them than each finding its place.
  std::vector<const PeerRecord*> by_name;
  by_name.reserve(peers.size());
  for (const auto& [address, peer] : peers) {
    by_name.push_back(&peer);
  }
  std::ranges::sort(by_name, {},
                    [](const PeerRecord* peer) -> const std::string& { return peer->node.str(); });
  for (const PeerRecord* peer : by_name) {
    desired->members.insert(desired->members.end(), peer->node);
    if (peer->state() == MemberState::dialable) {
      desired->dialable.insert(desired->dialable.end(), peer->node);
    }
  }
  auto& others = confirmed.others ? desired->departed : desired->suspended;
  for (const auto& [address, peer] : departed) {
    others.insert(peer.node);
  }
  if (departed_own) {
    (confirmed.own ? desired->departed : desired->suspended).insert(*departed_own);
  }
  return desired;
}

std::vector<MemberView> make_member_views(const PeerRecords& peers, const DepartedPeers& departed,
                                          const std::optional<NodeName>& departed_own, TimePoint own_since) {
  std::vector<MemberView> result;
  result.reserve(peers.size() + departed.size() + 1);
  for (const auto& [address, peer] : peers) {
    result.push_back({peer.node, peer.state(), std::string(peer.reason()), peer.since});
  }
  for (const auto& [address, peer] : departed) {
    result.push_back({peer.node, MemberState::departed, "no longer in the service", peer.since});
  }
  if (departed_own) {
    result.push_back(
        {*departed_own, MemberState::departed, "our own container is no longer in the service", own_since});
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
