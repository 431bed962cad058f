// The socket that ei reads and writes during one handshake. Lives on the handshake's stack; never shared.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "distribution/handshake/handshake_packet.hpp"
#include "distribution/tls/tls_session.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/distribution/handshake.hpp"

namespace rancher_cnode::distribution {

class HandshakeSocket {
 public:
  /// Outgoing: socket is invalid until open(). Incoming: the accepted connection.
  /// With a TLS session, the packets pass through it.
  HandshakeSocket(Direction direction, FileDescriptor socket, TimePoint deadline, int stop_fd,
                  std::shared_ptr<TlsSession> tls = nullptr);

  // Called by ei's callbacks. Each returns 0 or an errno value.
  int open();
  int connect(const void* address, std::size_t length);
  /// The TLS handshake; nothing to do without TLS.
  int secure();
  int read(char* buffer, std::size_t& length);
  int write(const char* buffer, std::size_t& length);

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] Direction direction() const { return direction_; }
  [[nodiscard]] HandshakeStage stage() const { return stage_; }
  void complete() { stage_ = HandshakeStage::complete; }
  [[nodiscard]] const std::string& peer_name() const { return peer_name_; }
  /// The answer of the peer to our name ("ok", "nok", "not_allowed", "alive", ...); empty before.
  [[nodiscard]] const std::string& peer_status() const { return peer_status_; }
  /// The first error on the wire: an errno value, 0 = none.
  [[nodiscard]] int wire_error() const { return wire_error_; }
  [[nodiscard]] bool peer_closed() const { return peer_closed_; }
  [[nodiscard]] bool malformed() const { return malformed_; }
  /// What is wrong with TLS, or that only one side speaks it; empty if nothing.
  [[nodiscard]] const std::string& tls_problem() const { return tls_problem_; }
  /// Of the length before a packet: an Erlang node keeps {packet, 4} over TLS.
  [[nodiscard]] std::size_t length_size() const { return tls_ ? tls_length_size : packet_length_size; }
  [[nodiscard]] const std::shared_ptr<TlsSession>& tls() const { return tls_; }

 private:
  int wait(short events);
  int settle(TlsStatus status);
  [[nodiscard]] int check_first_byte();
  [[nodiscard]] TlsResult receive_some(std::span<char> buffer);
  [[nodiscard]] TlsResult send_some(std::span<const char> bytes);
  int fill(std::span<char> buffer);
  int receive_packet();
  void read_alert();
  void note(Packet packet);
  int fail(int error);

  Direction direction_;
  FileDescriptor socket_;
  TimePoint deadline_;
  int stop_fd_;
  std::shared_ptr<TlsSession> tls_;
  HandshakeStage stage_ = HandshakeStage::connect;
  std::vector<char> packet_;  ///< one whole packet with its length, being handed to ei
  std::size_t handed_out_ = 0;
  std::string peer_name_;
  std::string peer_status_;
  int wire_error_ = 0;
  bool peer_closed_ = false;
  bool malformed_ = false;
  std::string tls_problem_;
};

}  // namespace rancher_cnode::distribution
