// Why a handshake failed, in words. The other side gives no reason; it is derived from the stage, the error
// on the wire, and whose turn it was. Used by handshake.
#pragma once

#include <string>

#include "distribution/handshake/handshake_socket.hpp"

namespace rancher_cnode::distribution {

/// For a handshake that ei gave up.
[[nodiscard]] HandshakeFailure explain(const HandshakeSocket& socket);

/// The deadline passed at this stage.
[[nodiscard]] HandshakeFailure no_answer_in_time(HandshakeStage stage);

/// The system's message for an errno value.
[[nodiscard]] std::string system_message(int error);

}  // namespace rancher_cnode::distribution
