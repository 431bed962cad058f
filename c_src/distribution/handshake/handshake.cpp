#include "rancher_cnode/distribution/handshake.hpp"

#include <arpa/inet.h>
#include <ei.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "distribution/handshake/handshake_failure.hpp"
#include "distribution/handshake/handshake_socket.hpp"
#include "distribution/tls/tls_session.hpp"

namespace rancher_cnode::distribution {
namespace {

HandshakeSocket& socket_of(void* context) { return *static_cast<HandshakeSocket*>(context); }

/// One step of a handshake for ei. Only exhausted memory can throw here, and no exception may pass through
/// C.
template <class Step>
int guarded(Step step) noexcept {
  try {
    return step();
  } catch (...) {
    return ENOMEM;
  }
}

// ei's socket callbacks: C linkage in effect.
extern "C" {

static int on_socket(void** context, void* setup) {
  *context = setup;
  auto& socket = socket_of(setup);
  return socket.direction() == Direction::outgoing ? socket.open() : 0;
}

// Nothing is closed here: the descriptor must stay open until ei's table, which is keyed by its number, has
// forgotten it. HandshakeSocket's destructor closes it after that.
static int on_close(void* /*context*/) { return 0; }

// A listener of ours exists only for ei's table: its one connection was accepted by the loop already.
static int on_listen(void* /*context*/, void* /*address*/, int* /*length*/, int /*backlog*/) { return 0; }

static int on_accept(void** /*context*/, void* /*address*/, int* /*length*/, unsigned /*timeout*/) {
  return 0;
}

static int on_connect(void* context, void* address, int length, unsigned /*timeout*/) {
  return guarded([&] {
    auto& socket = socket_of(context);
    const int error = socket.connect(address, static_cast<std::size_t>(length));
    return error == 0 ? socket.secure() : error;
  });
}

static int on_read(void* context, char* buffer, ssize_t* length, unsigned /*timeout*/) {
  auto size = static_cast<std::size_t>(*length);
  const int error = guarded([&] { return socket_of(context).read(buffer, size); });
  *length = static_cast<ssize_t>(size);
  return error;
}

static int on_write(void* context, const char* buffer, ssize_t* length, unsigned /*timeout*/) {
  auto size = static_cast<std::size_t>(*length);
  return guarded([&] { return socket_of(context).write(buffer, size); });
}

static int on_header_size(void* context, int* size) {
  *size = static_cast<int>(socket_of(context).length_size());
  return 0;
}

static int on_complete(void* context) {
  socket_of(context).complete();
  return 0;
}

static int on_get_fd(void* context, int* fd) {
  *fd = socket_of(context).fd();
  return 0;
}
}

ei_socket_callbacks callbacks() {
  ei_socket_callbacks table{};
  table.flags = EI_SCLBK_FLG_FULL_IMPL;
  table.socket = on_socket;
  table.close = on_close;
  table.listen = on_listen;
  table.accept = on_accept;
  table.connect = on_connect;
  table.write = on_write;
  table.read = on_read;
  table.handshake_packet_header_size = on_header_size;
  table.connect_handshake_complete = on_complete;
  table.accept_handshake_complete = on_complete;
  table.get_fd = on_get_fd;
  return table;
}

in_addr network_order(Ipv4Address address) { return in_addr{htonl(address.bits())}; }

/// Fills ei's description of the local node; handshakes differ only in the socket.
bool describe(ei_cnode& node, const Identity& self, HandshakeSocket& socket, ei_socket_callbacks& table) {
  const std::string host(self.name.host());
  const std::string alive(self.name.alive());
  in_addr address = network_order(Ipv4Address::parse(host).value_or(Ipv4Address{}));
  return ei_connect_xinit_ussi(&node, host.c_str(), alive.c_str(), self.name.str().c_str(), &address,
                               self.cookie.reveal().c_str(), self.creation, &table, sizeof(table),
                               &socket) >= 0;
}

/// Takes the socket over from ei. ei keeps its own descriptor in a table and closes it; the connection
/// continues with a duplicate, so no descriptor belongs to two libraries.
HandshakeResult hand_over(int ei_fd, HandshakeSocket& socket) {
  FileDescriptor own(::fcntl(ei_fd, F_DUPFD_CLOEXEC, 0));
  const int error = errno;
  ei_close_connection(ei_fd);
  if (!own.valid()) {
    return tl::unexpected(HandshakeFailure{socket.stage(), {ErrorCode::failed, system_message(error)}});
  }
  const int on = 1;
  ::setsockopt(own.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(own.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  if (socket.tls()) {
    socket.tls()->use(own.get());
  }
  return EstablishedConnection{std::move(own), socket.peer_name(), socket.tls()};
}

/// Null without TLS.
Expected<std::shared_ptr<TlsSession>> tls_session(const Identity& self, Direction direction,
                                                  const std::string& host) {
  if (!self.tls) {
    return nullptr;
  }
  const auto options = tls_options(*self.tls);
  if (!options) {
    return tl::unexpected<Error>(options.error());
  }
  return direction == Direction::outgoing ? TlsSession::client(options->client, host)
                                          : TlsSession::server(options->server);
}

/// ei takes 0 for "no limit"; the real limit is the deadline in HandshakeSocket.
constexpr unsigned ei_timeout_ms = 60'000;

}  // namespace

std::string_view to_string(HandshakeStage stage) {
  switch (stage) {
    case HandshakeStage::connect:
      return "connect";
    case HandshakeStage::tls:
      return "tls";
    case HandshakeStage::name:
      return "name";
    case HandshakeStage::status:
      return "status";
    case HandshakeStage::challenge:
      return "challenge";
    case HandshakeStage::challenge_ack:
      return "challenge_ack";
    case HandshakeStage::complete:
      return "complete";
  }
  return "unknown";
}

HandshakeStop::HandshakeStop() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_.valid()) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
}

void HandshakeStop::request() { ::eventfd_write(event_.get(), 1); }

HandshakeResult connect_handshake(const Identity& self, const NodeName& peer, Ipv4Address address,
                                  std::uint16_t port, TimePoint deadline, const HandshakeStop& stop) {
  auto tls = tls_session(self, Direction::outgoing, std::string(peer.host()));
  if (!tls) {
    return tl::unexpected(HandshakeFailure{HandshakeStage::tls, tls.error()});
  }
  HandshakeSocket socket(Direction::outgoing, FileDescriptor(), deadline, stop.fd(), *std::move(tls));
  ei_cnode node{};
  ei_socket_callbacks table = callbacks();
  if (!describe(node, self, socket, table)) {
    return tl::unexpected(
        HandshakeFailure{HandshakeStage::connect, {ErrorCode::failed, "ei rejects the name of this node"}});
  }
  in_addr to = network_order(address);
  const int fd = ei_xconnect_host_port_tmo(&node, &to, port, ei_timeout_ms);
  if (fd < 0) {
    return tl::unexpected(explain(socket));
  }
  auto established = hand_over(fd, socket);
  if (established && established->peer != peer.str()) {
    return tl::unexpected(HandshakeFailure{
        HandshakeStage::complete, {ErrorCode::refused, "the node that answered is not " + peer.str()}});
  }
  return established;
}

HandshakeResult accept_handshake(const Identity& self, FileDescriptor accepted, TimePoint deadline,
                                 const HandshakeStop& stop) {
  if (Clock::now() >= deadline) {
    // It waited too long for its turn; many that do must not cost the reading of certificates each.
    return tl::unexpected(no_answer_in_time(self.tls ? HandshakeStage::tls : HandshakeStage::name));
  }
  auto tls = tls_session(self, Direction::incoming, "");
  if (!tls) {
    return tl::unexpected(HandshakeFailure{HandshakeStage::tls, tls.error()});
  }
  HandshakeSocket socket(Direction::incoming, std::move(accepted), deadline, stop.fd(), *std::move(tls));
  if (socket.secure() != 0) {
    return tl::unexpected(explain(socket));
  }
  ei_cnode node{};
  ei_socket_callbacks table = callbacks();
  if (!describe(node, self, socket, table)) {
    return tl::unexpected(
        HandshakeFailure{HandshakeStage::name, {ErrorCode::failed, "ei rejects the name of this node"}});
  }
  in_addr any{};
  int port = 0;
  // ei finds its callbacks by the listener's descriptor, so the accepted socket is entered as its own
  // listener.
  const int listener = ei_xlisten(&node, &any, &port, 1);
  if (listener < 0) {
    return tl::unexpected(
        HandshakeFailure{HandshakeStage::name, {ErrorCode::failed, "ei accepts no listener"}});
  }
  const int fd = ei_accept_tmo(&node, listener, nullptr, ei_timeout_ms);
  if (fd < 0) {
    const auto failure_seen = explain(socket);
    ei_close_connection(listener);
    return tl::unexpected(failure_seen);
  }
  return hand_over(fd, socket);
}

}  // namespace rancher_cnode::distribution
