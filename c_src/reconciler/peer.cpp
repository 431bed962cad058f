#include "reconciler/peer.hpp"

namespace rancher_cnode::reconciler {

PeerState Peer::current_state() const {
  if (is_connected()) {
    return PeerState::connected;
  }
  if (flight != 0) {
    switch (stage) {
      case Stage::probe:
        return PeerState::probing;
      case Stage::inspect:
        return PeerState::inspecting;
      case Stage::dial:
        return PeerState::dialling;
    }
  }
  if (!is_dialable() || (place == Place::ready && held_since)) {
    return PeerState::held;
  }
  return place == Place::waiting ? PeerState::waiting : PeerState::queued;
}

void Peer::start_over() {
  failures = 0;
  losses = 0;
  attempts = 0;
  refusals = 0;
  reason = {};
  stated = {};
  held_since.reset();
}

std::string_view words(ProbeOutcome outcome, ProbeMode probe) {
  const bool asks_epmd = probe != ProbeMode::port;
  switch (outcome) {
    case ProbeOutcome::found:
      return {};
    case ProbeOutcome::no_answer:
      return asks_epmd ? "the peer's epmd does not answer" : "the peer's distribution port does not answer";
    case ProbeOutcome::refused:
      return asks_epmd ? "the peer's epmd refuses the connection"
                       : "nobody listens on the peer's distribution port";
    case ProbeOutcome::not_registered:
      return "the peer's epmd does not know the node";
    case ProbeOutcome::no_epmd:
      return "the process on the peer's epmd port is not an epmd";
  }
  return {};
}

bool is_absence(std::string_view reason, ProbeMode probe) {
  return reason == words(ProbeOutcome::no_answer, probe) || reason == words(ProbeOutcome::refused, probe) ||
         reason == words(ProbeOutcome::not_registered, probe);
}

std::string_view words(InspectOutcome outcome) {
  switch (outcome) {
    case InspectOutcome::clear:
    case InspectOutcome::refreshed:
      return {};
    case InspectOutcome::stale:
      return "the peer still holds the connection that the target has lost";
    case InspectOutcome::no_answer:
      return "the peer is there, but does not answer";
  }
  return {};
}

std::string_view words(DialOutcome outcome, ProbeMode probe) {
  switch (outcome) {
    case DialOutcome::connected:
      return {};
    case DialOutcome::refused:
      return probe == ProbeMode::epmd
                 ? "registered, but the dial failed: another cookie, -name, -proto_dist, "
                   "certificate or OTP release, or a closed port"
             : probe == ProbeMode::port
                 ? "it listens, but the dial failed: another cookie, -name, -proto_dist, certificate or "
                   "OTP release, or its BEAM does not use this port"
                 : "the dial failed";
    case DialOutcome::silent:
      return "the dial was not answered: the peer's BEAM hangs, the network drops its packets, or the "
             "address is another host's";
    case DialOutcome::not_alive:
      return "the target is not alive as a node";
    case DialOutcome::no_reply:
      return "the target did not answer the dial";
  }
  return {};
}

}  // namespace rancher_cnode::reconciler
