// The port of an HTTP server, which may outlive the server: what connects between two servers waits for the
// second. Used by the agent.
#pragma once

#include <cstdint>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::http {

class ListeningPort {
 public:
  ListeningPort(Ipv4Address address, std::uint16_t port) : address_(address), port_(port) {}

  /// Another descriptor of the socket, non-blocking. Listens first if it does not yet;
  /// ErrorCode::unavailable, with address and port, if that fails. May be called again.
  [[nodiscard]] Expected<FileDescriptor> open();

  [[nodiscard]] bool is_listening() const { return socket_.valid(); }
  [[nodiscard]] Ipv4Address address() const { return address_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  Ipv4Address address_;  ///< 0.0.0.0 = all
  std::uint16_t port_;
  FileDescriptor socket_;
};

}  // namespace rancher_cnode::http
