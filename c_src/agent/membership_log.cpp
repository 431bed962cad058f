#include "agent/membership_log.hpp"

namespace rancher_cnode::agent {

using membership::DropReason;
using membership::OwnMembership;
namespace fact = membership::fact;

namespace {

/// "a, b, c and 4 more"
std::string some_of(std::size_t all, const std::vector<std::string>& first) {
  std::string text;
  for (const auto& each : first) {
    text += (text.empty() ? "" : ", ") + each;
  }
  return all > first.size() ? text + " and " + std::to_string(all - first.size()) + " more" : text;
}

}  // namespace

void MembershipLog::write(const std::vector<membership::MembershipFact>& facts) const {
  for (const auto& fact : facts) {
    std::visit([this](const auto& what) { write(what); }, fact);
  }
}

void MembershipLog::write(const fact::PeerListed& fact) const {
  log_.info("peer_listed", "it belongs to the service",
            {{"peer", fact.peer.str()}, {"service", fact.service}});
}

void MembershipLog::write(const fact::PeerHeld& fact) const {
  log_.info("peer_held", "it is not dialled for now; connections to it stay",
            {{"peer", fact.peer.str()}, {"reason", fact.reason}});
}

void MembershipLog::write(const fact::PeerReleased& fact) const {
  log_.info("peer_released", "it may be dialled again", {{"peer", fact.peer.str()}});
}

void MembershipLog::write(const fact::PeerDeparted& fact) const {
  log_.info("peer_departed", "it is no longer in the service; it is not dialled",
            {{"peer", fact.peer.str()}});
}

void MembershipLog::write(const fact::PeerForgotten& fact) const {
  log_.info("peer_forgotten", "it is no peer any more; connections to it stay", {{"peer", fact.peer.str()}});
}

void MembershipLog::write(const fact::ServiceRemoved& fact) const {
  log_.info("service_removed", "its peers are forgotten; connections stay", {{"service", fact.service}});
}

void MembershipLog::write(const fact::ServiceAdded& fact) const {
  log_.info("service_added", "its containers become peers", {{"service", fact.service}});
}

void MembershipLog::write(const fact::OwnMembershipChanged& fact) const {
  switch (fact.after) {
    case OwnMembership::unknown:
      break;  // the service that listed it was taken away
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

void MembershipLog::write(const fact::OwnUnlisted& fact) const {
  constexpr auto message =
      "no container that the metadata lists has our address: check --service, and that the address is the "
      "one that 'rancher_cnode ip' prints";
  const LogField service("service", fact.service);
  const LogField address("address", fact.own);
  const LogField listed("listed", fact.listed.empty() ? "nothing" : some_of(fact.containers, fact.listed));
  if (fact.known_as.empty()) {
    log_.warning("own_container_unlisted", message, {service, address, listed});
  } else {
    log_.warning("own_container_unlisted", message,
                 {service, address, {"metadata_address", fact.known_as}, listed});
  }
}

void MembershipLog::write(const fact::ContainersSkipped& fact) const {
  // Two containers on one address are a service with a sidekick, and other labels are asked for: normal, and
  // in the status only.
  if (fact.reason == DropReason::duplicate || fact.reason == DropReason::unselected) {
    return;
  }
  if (fact.containers.count == 0) {
    log_.info("containers_usable", "no listed container is skipped for this reason any more",
              {{"service", fact.service}, {"reason", to_string(fact.reason)}});
    return;
  }
  constexpr auto message = "listed containers without a usable address are not peers";
  const Log::Fields fields{{"service", fact.service},
                           {"reason", to_string(fact.reason)},
                           {"count", fact.containers.count},
                           {"example", fact.containers.example}};
  if (fact.reason == DropReason::no_address) {
    log_.info("containers_skipped", message, fields);
  } else {
    log_.warning("containers_skipped", message, fields);
  }
}

void MembershipLog::write(const fact::MassRemovalGuard& fact) const {
  if (fact.on) {
    std::vector<std::string> peers;
    for (const NodeName& peer : fact.on->examples) {
      peers.push_back(peer.str());
    }
    log_.warning("mass_removal_guard_on",
                 std::string(fact.on->is_more_than_half()
                                 ? "more than half of the peers are missing from the metadata, or were lost"
                                 : "a service lists no containers, perhaps only for a while") +
                     "; none departs that has been missing for less than --mass-removal-delay",
                 {{"service", fact.service},
                  {"peers", some_of(fact.on->missing, peers)},
                  {"missing", fact.on->missing},
                  {"known", fact.on->known},
                  {"left_ms", fact.left.count()}});
  } else {
    log_.info("mass_removal_guard_off", "the missing peers are back or have departed",
              {{"service", fact.service}});
  }
}

}  // namespace rancher_cnode::agent
