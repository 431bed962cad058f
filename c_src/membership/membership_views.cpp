#include "membership_views.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::membership {

std::shared_ptr<const Desired> make_desired(const Peers& peers, const Leavers& leavers, OwnPresence own,
                                            const LeaversInForce& in_force) {
  auto desired = std::make_shared<Desired>();
  desired->own = own;
  // Sorted first, then put in at the end: far faster for thousands of them than each finding its place.
  std::vector<const Peer*> by_name;
  by_name.reserve(peers.size());
  for (const auto& [address, peer] : peers) by_name.push_back(&peer);
  std::ranges::sort(by_name, {}, [](const Peer* peer) -> const std::string& { return peer->node.str(); });
  for (const Peer* peer : by_name) {
    desired->members.insert(desired->members.end(), peer->node);
    if (peer->standing() == Standing::dialable) desired->dialable.insert(desired->dialable.end(), peer->node);
  }
  if (in_force.others) {
    for (const auto& [address, leaver] : leavers) desired->leavers.insert(leaver.node);
  }
  if (in_force.own) desired->leavers.insert(*in_force.own);
  return desired;
}

std::vector<PeerStanding> make_standings(const Peers& peers, const Leavers& leavers,
                                         const std::optional<NodeName>& own, TimePoint own_since) {
  std::vector<PeerStanding> result;
  result.reserve(peers.size() + leavers.size() + 1);
  for (const auto& [address, peer] : peers) {
    const Standing standing = peer.standing();
    std::string reason = standing == Standing::suspected ? "missing from the metadata" : peer.hold;
    result.push_back({peer.node, standing, std::move(reason), peer.since});
  }
  for (const auto& [address, leaver] : leavers) {
    result.push_back({leaver.node, Standing::leaver, "left the service", leaver.since});
  }
  if (own) result.push_back({*own, Standing::leaver, "our own container left the service", own_since});
  return result;
}

std::string_view to_string(OwnPresence presence) {
  switch (presence) {
    case OwnPresence::unknown:
      return "unknown";
    case OwnPresence::present:
      return "present";
    case OwnPresence::missing:
      return "missing";
    case OwnPresence::left:
      return "left";
  }
  return "unknown";
}

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::dialable:
      return "dialable";
    case Standing::held:
      return "held";
    case Standing::suspected:
      return "suspected";
    case Standing::leaver:
      return "leaver";
  }
  return "unknown";
}

}  // namespace rancher_cnode::membership
