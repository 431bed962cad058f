// Why a handshake failed, in words. The other side never says; what tells is how far it came, what went
// wrong on the wire, and whose turn it was. Used by handshake.
#pragma once

#include <string>

#include "handshake_socket.hpp"

namespace rancher_cnode::distribution {

/// Of a handshake that ei gave up.
[[nodiscard]] HandshakeFailure explain(const HandshakeSocket& socket);

/// The deadline came at this stage.
[[nodiscard]] HandshakeFailure no_answer_in_time(HandshakeStage stage);

/// The system's words for an errno value.
[[nodiscard]] std::string system_message(int error);

}  // namespace rancher_cnode::distribution
