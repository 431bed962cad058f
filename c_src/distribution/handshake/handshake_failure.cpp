#include "distribution/handshake/handshake_failure.hpp"

#include <cerrno>
#include <system_error>

namespace rancher_cnode::distribution {
namespace {

std::string refusal(HandshakeStage stage, const std::string& status) {
  if (status == "nok") {
    return "the peer is connecting to us at the same moment";
  }
  if (status == "alive") {
    return "the peer still has a connection to this node name: an older one of ours, or another program's";
  }
  if (status == "not_allowed") {
    return "the peer does not allow this node name";
  }
  switch (stage) {
    case HandshakeStage::connect:
    case HandshakeStage::tls:
      return "the connection was closed";
    case HandshakeStage::name:
      return "the peer closed the connection after our name: it refuses the name or the flags";
    case HandshakeStage::status:
    case HandshakeStage::challenge:
      return "the peer closed the connection during the handshake";
    case HandshakeStage::challenge_ack:
      return "the peer closed the connection after our challenge reply: most likely the cookies differ";
    case HandshakeStage::complete:
      break;
  }
  return "the handshake failed";
}

/// It refuses nothing: it still has an older connection of ours, or our last attempt has just taken the place
/// of this one (net_kernel ends the process that had accepted this one with `remarked`), or it is ending.
bool is_busy(HandshakeStage stage, const std::string& status) {
  const bool is_accepted = status.starts_with("ok");
  return status == "nok" || status == "alive" || (is_accepted && stage < HandshakeStage::challenge_ack);
}

/// ei gave up without an error on the wire: the name (incoming) or challenge (outgoing) that it had just read
/// belongs to a release that it does not support.
bool too_old(const HandshakeSocket& socket) {
  if (socket.wire_error() != 0) {
    return false;
  }
  return socket.direction() == Direction::outgoing
             ? socket.stage() == HandshakeStage::challenge
             : socket.stage() == HandshakeStage::name && !socket.peer_name().empty();
}

}  // namespace

std::string system_message(int error) { return std::generic_category().message(error); }

HandshakeFailure no_answer_in_time(HandshakeStage stage) {
  return {stage,
          {ErrorCode::timeout,
           "no answer in time at stage " + std::string(to_string(stage)) +
               (stage == HandshakeStage::tls ? ": the peer does not speak TLS, or hangs" : "")}};
}

HandshakeFailure explain(const HandshakeSocket& socket) {
  const auto stage = socket.stage();
  const int error = socket.wire_error();
  if (error == ECANCELED) {
    return {stage, {ErrorCode::cancelled, "cancelled"}};
  }
  if (error == ETIMEDOUT) {
    return no_answer_in_time(stage);
  }
  if (socket.malformed() && !socket.tls_problem().empty()) {
    return {stage, {ErrorCode::malformed, socket.tls_problem()}};
  }
  if (!socket.tls_problem().empty()) {
    // Also where it came after the TLS handshake, as from a server of TLS 1.3 that refuses a client.
    return {HandshakeStage::tls, {ErrorCode::refused, socket.tls_problem()}};
  }
  if (stage == HandshakeStage::tls && socket.peer_closed()) {
    return {stage, {ErrorCode::refused, "the peer closed the connection during the TLS handshake"}};
  }
  if (socket.malformed()) {
    return {stage, {ErrorCode::malformed, "the peer does not speak the distribution protocol"}};
  }
  if (stage == HandshakeStage::connect) {
    return {stage,
            {ErrorCode::unavailable, error == ECONNREFUSED ? "connection refused" : system_message(error)}};
  }
  if (error != 0 && !socket.peer_closed()) {
    return {stage, {ErrorCode::unavailable, system_message(error)}};
  }
  if (too_old(socket)) {
    return {stage, {ErrorCode::refused, "its OTP release is too old (it lacks required capabilities)"}};
  }
  if (socket.direction() == Direction::incoming) {
    return {
        stage,
        {ErrorCode::refused, stage == HandshakeStage::challenge
                                 ? "its challenge reply is wrong or missing: most likely the cookies differ"
                                 : "it closed the connection before it sent a valid name"}};
  }
  if (error == 0 && stage == HandshakeStage::challenge_ack) {
    return {stage,
            {ErrorCode::refused, "the peer's challenge reply is wrong: most likely the cookies differ"}};
  }
  const std::string& status = socket.peer_status();
  const auto code = is_busy(stage, status) ? ErrorCode::unavailable : ErrorCode::refused;
  return {stage, {code, refusal(stage, status)}};
}

}  // namespace rancher_cnode::distribution
