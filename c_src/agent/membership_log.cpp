#include "agent/membership_log.hpp"

namespace rancher_cnode::agent {

using membership::DropReason;
using membership::OwnMembership;
namespace fact = membership::fact;

void MembershipLog::write(const std::vector<membership::MembershipFact>& facts) const {
  for (const auto& fact : facts) {
    std::visit([this](const auto& what) { write(what); }, fact);
  }
}

void MembershipLog::write(const fact::PeerListed& fact) const {
  log_.info("peer_listed", "it belongs to the service", {{"peer", fact.peer.str()}});
}

void MembershipLog::write(const fact::PeerHeld& fact) const {
  log_.info("peer_held", "it is not dialled for now; connections to it stay",
            {{"peer", fact.peer.str()}, {"reason", fact.reason}});
}

void MembershipLog::write(const fact::PeerReleased& fact) const {
  log_.info("peer_released", "nothing holds it any longer", {{"peer", fact.peer.str()}});
}

void MembershipLog::write(const fact::PeerDeparted& fact) const {
  log_.info("peer_departed", "it is no longer in the service; it is not dialled",
            {{"peer", fact.peer.str()}});
}

void MembershipLog::write(const fact::PeerForgotten&) const {}

void MembershipLog::write(const fact::OwnMembershipChanged& fact) const {
  switch (fact.after) {
    case OwnMembership::unknown:
      break;  // never again, once it is known
    case OwnMembership::listed:
      log_.info("own_container_listed", "the metadata lists our own container");
      break;
    case OwnMembership::missing:
      log_.warning("own_container_missing",
                   "the metadata no longer lists our own container; nothing is dialled");
      break;
    case OwnMembership::removed:
      log_.warning(
          "own_container_removed",
          "our own container is no longer in the service; its BEAM is disconnected from the cluster");
      break;
  }
}

void MembershipLog::write(const fact::OwnUnlisted&) const {
  log_.warning("own_container_unlisted", "the metadata has not listed our own container: is --ip right?");
}

void MembershipLog::write(const fact::ContainersSkipped& fact) const {
  // Two containers on one address are a service with a sidekick: normal, and said nowhere.
  if (fact.reason == DropReason::duplicate) {
    return;
  }
  log_.write(fact.reason == DropReason::no_address ? LogLevel::info : LogLevel::warning, "containers_skipped",
             "listed containers without a usable address make no peers",
             {{"reason", to_string(fact.reason)},
              {"count", fact.containers.count},
              {"example", fact.containers.example}});
}

void MembershipLog::write(const fact::MassRemovalGuard& fact) const {
  if (fact.on) {
    log_.warning("mass_removal_guard_on",
                 "more than half of the peers are missing from the metadata; none departs until it has been "
                 "missing for "
                 "--mass-removal-delay",
                 {{"missing", fact.on->missing}, {"known", fact.on->known}});
  } else {
    log_.info("mass_removal_guard_off", "the missing peers are back or have departed");
  }
}

}  // namespace rancher_cnode::agent
