#include "support/unit/loopback.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rancher_cnode::distribution::test {
namespace {

sockaddr_in endpoint(Ipv4Address host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host.bits());
  return address;
}

sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

void bound_reads(const FileDescriptor& socket) {
  const timeval limit{patience.count() / 1000, 0};
  REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
}

FileDescriptor new_socket() {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(socket.valid());
  bound_reads(socket);
  return socket;
}

std::uint16_t bind_to_any_port(const FileDescriptor& socket) {
  auto address = endpoint(loopback, 0);
  socklen_t length = sizeof(address);
  REQUIRE(::bind(socket.get(), generic(address), length) == 0);
  REQUIRE(::getsockname(socket.get(), generic(address), &length) == 0);
  return ntohs(address.sin_port);
}

}  // namespace

ReservedPort::ReservedPort() : socket_(new_socket()) {
  const int on = 1;
  REQUIRE(::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
  number_ = bind_to_any_port(socket_);
}

RawListener::RawListener() : socket_(new_socket()), port_(bind_to_any_port(socket_)) {
  REQUIRE(::listen(socket_.get(), 128) == 0);
}

FileDescriptor RawListener::accept() const {
  FileDescriptor socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(socket.valid());
  return socket;
}

NoDescriptors::NoDescriptors() {
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
  const rlimit few{256, before_.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  while (true) {
    FileDescriptor one(::eventfd(0, EFD_CLOEXEC));
    if (!one.valid()) {
      return;
    }
    all_.push_back(std::move(one));
  }
}

NoDescriptors::~NoDescriptors() {
  all_.clear();
  ::setrlimit(RLIMIT_NOFILE, &before_);
}

FileDescriptor raw_connect(std::uint16_t port, Ipv4Address from) {
  auto socket = new_socket();
  auto source = endpoint(from, 0);
  REQUIRE(::bind(socket.get(), generic(source), sizeof(source)) == 0);
  auto address = endpoint(loopback, port);
  REQUIRE(::connect(socket.get(), generic(address), sizeof(address)) == 0);
  return socket;
}

std::pair<FileDescriptor, FileDescriptor> raw_pair() {
  const RawListener listener;
  auto one = raw_connect(listener.port());
  auto other = listener.accept();
  return {std::move(one), std::move(other)};
}

std::pair<FileDescriptor, FileDescriptor> local_pair() {
  int ends[2] = {-1, -1};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  std::pair<FileDescriptor, FileDescriptor> pair{ends[0], ends[1]};
  bound_reads(pair.first);
  return pair;
}

void raw_send(const FileDescriptor& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string raw_receive(const FileDescriptor& socket, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const auto got = ::recv(socket.get(), bytes.data() + done, size - done, 0);
    if (got <= 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

bool raw_closed(const FileDescriptor& socket) {
  char dropped[4096];
  while (true) {
    const auto got = ::recv(socket.get(), dropped, sizeof(dropped), 0);
    if (got > 0) {
      continue;
    }
    return got == 0 || errno == ECONNRESET;
  }
}

void make_non_blocking(const FileDescriptor& socket) {
  REQUIRE(::fcntl(socket.get(), F_SETFL, O_NONBLOCK) == 0);
}

}  // namespace rancher_cnode::distribution::test
