// Control messages of the distribution protocol: decoding and encoding. Used by connection and cnode.
// Source: ERTS user's guide, "Distribution Protocol", "Protocol between Connected Nodes"; names follow it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::distribution {

namespace control {

/// SEND, SEND_TT, SEND_SENDER, SEND_SENDER_TT
struct Send {
  Pid to;
};
/// REG_SEND, REG_SEND_TT
struct RegSend {
  Pid from;
  std::string to;
};
struct Link {
  Pid from;
  Pid to;
};
/// UNLINK (before OTP 23.3) and UNLINK_ID; id is the encoded number, empty for UNLINK
struct Unlink {
  TermBytes id;
  Pid from;
  Pid to;
};
/// EXIT and EXIT_TT: a process has ended, and its link with it
struct Exit {
  Pid from;
  Pid to;
};
/// MONITOR_P; to is one of our pids or a registered name
struct Monitor {
  Pid from;
  std::variant<Pid, std::string> to;
  Reference reference;
};
struct Demonitor {
  Pid from;
  Reference reference;
};
/// Operations that we ignore: EXIT2 (exit/2, a signal that does not affect links), GROUP_LEADER,
/// NODE_LINK, UNLINK_ID_ACK, MONITOR_P_EXIT, and any other number.
struct Ignored {
  std::int64_t operation = 0;
};

}  // namespace control

using ControlMessage = std::variant<control::Send, control::RegSend, control::Link, control::Unlink,
                                    control::Exit, control::Monitor, control::Demonitor, control::Ignored>;

struct Message {
  ControlMessage control;
  /// The message term without version byte; empty if the control carries none.
  std::span<const char> payload;
};

/// Decodes one frame that is not a tick. ErrorCode::malformed for anything that breaks the protocol. An
/// unknown operation is control::Ignored if its arguments are at most 15 whole terms. The payload points into
/// the frame.
[[nodiscard]] Expected<Message> decode_message(std::span<const char> frame);

/// Whole frames, ready for the socket. `payload` has no version byte.
[[nodiscard]] std::vector<char> encode_send(const Pid& to, std::span<const char> payload);
[[nodiscard]] std::vector<char> encode_reg_send(const Pid& from, std::string_view to,
                                                std::span<const char> payload);
[[nodiscard]] std::vector<char> encode_unlink_id_ack(std::span<const char> id, const Pid& from,
                                                     const Pid& to);
[[nodiscard]] std::vector<char> encode_exit(const Pid& from, const Pid& to, std::string_view reason);
[[nodiscard]] std::vector<char> encode_monitor_exit(const std::variant<Pid, std::string>& from, const Pid& to,
                                                    const Reference& reference, std::string_view reason);

}  // namespace rancher_cnode::distribution
