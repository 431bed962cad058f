#include "rancher_cnode/http/listening_port.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace rancher_cnode::http {
namespace {

/// Not valid, and errno set, if it fails.
FileDescriptor listen_on(Ipv4Address address, std::uint16_t port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(address.bits());
  name.sin_port = htons(port);
  const int on = 1;
  if (!socket.valid() || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||  // NOLINT
      ::listen(socket.get(), SOMAXCONN) != 0) {
    const int reason = errno;
    socket.reset();
    errno = reason;
  }
  return socket;
}

std::string in_words(int error) {
  return error == EADDRINUSE ? "is in use"
                             : "cannot be listened on: " + std::generic_category().message(error);
}

}  // namespace

Expected<FileDescriptor> ListeningPort::open() {
  if (!socket_.valid()) {
    socket_ = listen_on(address_, port_);
  }
  FileDescriptor copy;
  if (socket_.valid()) {
    copy = FileDescriptor(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
  }
  if (!copy.valid()) {
    const std::string why = in_words(errno);
    return failure(ErrorCode::unavailable,
                   "port " + std::to_string(port_) + " " + why + " on " + address_.to_string());
  }
  return copy;
}

}  // namespace rancher_cnode::http
