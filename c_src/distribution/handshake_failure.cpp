#include "handshake_failure.hpp"

#include <cerrno>
#include <system_error>

namespace rancher_cnode::distribution {
namespace {

std::string refusal(HandshakeStage stage, const std::string& status) {
  if (status == "nok") {
    return "the peer is connecting to us at the same moment";
  }
  if (status == "alive") {
    return "the peer still holds an older connection under our name";
  }
  if (status == "not_allowed") {
    return "the peer does not allow our name";
  }
  switch (stage) {
    case HandshakeStage::connect:
      return "the connection was closed";
    case HandshakeStage::name:
      return "the peer closed after our name: it refuses the name or our flags";
    case HandshakeStage::status:
    case HandshakeStage::challenge:
      return "the peer closed in the middle of the handshake";
    case HandshakeStage::challenge_ack:
      return "the peer closed after our challenge reply: most likely the cookie "
             "differs";
    case HandshakeStage::complete:
      break;
  }
  return "the handshake failed";
}

/// ei found nothing wrong on the wire and gave up all the same: the name (incoming) or challenge (outgoing)
/// that it had just read shows a release that it does not speak to.
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
  return {stage, {ErrorCode::timeout, "no answer in time at stage " + std::string(to_string(stage))}};
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
  if (socket.malformed()) {
    return {stage, {ErrorCode::malformed, "the peer does not speak the distribution handshake"}};
  }
  if (stage == HandshakeStage::connect) {
    return {stage,
            {ErrorCode::unavailable, error == ECONNREFUSED ? "nobody listens there" : system_message(error)}};
  }
  if (error != 0 && !socket.peer_closed()) {
    return {stage, {ErrorCode::unavailable, system_message(error)}};
  }
  if (too_old(socket)) {
    return {stage,
            {ErrorCode::refused, "its OTP release is too old (it lacks capabilities that ours needs)"}};
  }
  if (socket.direction() == Direction::incoming) {
    return {stage,
            {ErrorCode::refused, stage == HandshakeStage::challenge
                                     ? "the stranger's answer to our challenge is wrong or missing: "
                                       "most likely its "
                                       "cookie differs"
                                     : "the stranger left before it gave a name that we understand"}};
  }
  if (error == 0 && stage == HandshakeStage::challenge_ack) {
    return {stage,
            {ErrorCode::refused,
             "the peer's answer to our challenge is wrong: "
             "most likely the cookie differs"}};
  }
  const std::string& status = socket.peer_status();
  const auto code = status == "nok" || status == "alive" ? ErrorCode::unavailable : ErrorCode::refused;
  return {stage, {code, refusal(stage, status)}};
}

}  // namespace rancher_cnode::distribution
