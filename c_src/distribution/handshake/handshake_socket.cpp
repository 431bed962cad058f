#include "distribution/handshake/handshake_socket.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "distribution/big_endian.hpp"

namespace rancher_cnode::distribution {
namespace {

/// The first two bytes of a record of TLS: its type, and a version of which only the second part changes (RFC
/// 8446, 5.1).
constexpr char tls_alert_record = 0x15;
constexpr char tls_handshake_record = 0x16;
constexpr char tls_major = 0x03;

}  // namespace

HandshakeSocket::HandshakeSocket(Direction direction, FileDescriptor socket, TimePoint deadline, int stop_fd,
                                 std::shared_ptr<TlsSession> tls)
    : direction_(direction),
      socket_(std::move(socket)),
      deadline_(deadline),
      stop_fd_(stop_fd),
      tls_(std::move(tls)),
      stage_(direction == Direction::incoming ? HandshakeStage::name : HandshakeStage::connect) {}

int HandshakeSocket::fail(int error) {
  if (wire_error_ == 0) {
    wire_error_ = error;
  }
  return error;
}

/// Waits until the socket is ready, the deadline (ETIMEDOUT) or the stop (ECANCELED).
int HandshakeSocket::wait(short events) {
  while (true) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline_ - Clock::now());
    if (left.count() <= 0) {
      return fail(ETIMEDOUT);
    }
    std::array<pollfd, 2> polled{{{socket_.get(), events, 0}, {stop_fd_, POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) {
      return fail(errno);
    }
    if (polled[1].revents != 0) {
      return fail(ECANCELED);
    }
    if (ready > 0) {
      return 0;
    }
  }
}

/// 0: try again.
int HandshakeSocket::settle(TlsStatus status) {
  switch (status) {
    case TlsStatus::wait_readable:
      return wait(POLLIN);
    case TlsStatus::wait_writable:
      return wait(POLLOUT);
    case TlsStatus::closed:
      peer_closed_ = true;
      return fail(ECONNRESET);
    case TlsStatus::failed:
      if (tls_) {
        tls_problem_ = tls_->problem();
      }
      return fail(tls_ ? EPROTO : errno);
    case TlsStatus::done:
      break;
  }
  return 0;
}

int HandshakeSocket::open() {
  socket_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return socket_.valid() ? 0 : fail(errno);
}

int HandshakeSocket::connect(const void* address, std::size_t length) {
  if (::connect(fd(), static_cast<const sockaddr*>(address), static_cast<socklen_t>(length)) == 0) {
    return 0;
  }
  if (errno != EINPROGRESS) {
    return fail(errno);
  }
  if (const int error = wait(POLLOUT); error != 0) {
    return error;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;
  }
  return error == 0 ? 0 : fail(error);
}

/// Of an inbound connection: what a node sends first without TLS is the length of its name, below 256.
int HandshakeSocket::check_first_byte() {
  while (direction_ == Direction::incoming) {
    char first = 0;
    const ssize_t got = ::recv(fd(), &first, sizeof(first), MSG_PEEK);
    if (got > 0 && first != tls_handshake_record) {
      tls_problem_ = "the peer does not speak TLS";
      return fail(EPROTO);
    }
    if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      return 0;  // the end and errors are found by the handshake
    }
    if (const int error = wait(POLLIN); error != 0) {
      return error;
    }
  }
  return 0;
}

int HandshakeSocket::secure() {
  if (!tls_) {
    return 0;
  }
  stage_ = HandshakeStage::tls;
  tls_->use(fd());
  if (const int error = check_first_byte(); error != 0) {
    return error;
  }
  for (auto status = tls_->handshake(); status != TlsStatus::done; status = tls_->handshake()) {
    if (const int error = settle(status); error != 0) {
      return error;
    }
  }
  if (direction_ == Direction::incoming) {
    stage_ = HandshakeStage::name;
  }
  return 0;
}

TlsResult HandshakeSocket::receive_some(std::span<char> buffer) {
  if (tls_) {
    return tls_->read(buffer);
  }
  const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    return {TlsStatus::done, static_cast<std::size_t>(got)};
  }
  if (got == 0) {
    errno = ECONNRESET;
    return {TlsStatus::closed};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return {TlsStatus::wait_readable};
  }
  return {errno == ECONNRESET ? TlsStatus::closed : TlsStatus::failed};
}

TlsResult HandshakeSocket::send_some(std::span<const char> bytes) {
  if (tls_) {
    return tls_->write(bytes);
  }
  const ssize_t put = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (put >= 0) {
    return {TlsStatus::done, static_cast<std::size_t>(put)};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return {TlsStatus::wait_writable};
  }
  return {errno == EPIPE || errno == ECONNRESET ? TlsStatus::closed : TlsStatus::failed};
}

int HandshakeSocket::fill(std::span<char> buffer) {
  while (!buffer.empty()) {
    const auto [status, size] = receive_some(buffer);
    if (status == TlsStatus::done) {
      buffer = buffer.subspan(size);
    } else if (const int error = settle(status); error != 0) {
      return error;
    }
  }
  return 0;
}

int HandshakeSocket::receive_packet() {
  packet_.resize(length_size());
  handed_out_ = 0;
  if (const int error = fill(packet_); error != 0) {
    return error;
  }
  const std::size_t length = big_endian(packet_);
  if (length == 0 || length > max_packet) {
    if (!tls_ && (packet_[0] == tls_handshake_record || packet_[0] == tls_alert_record) &&
        packet_[1] == tls_major) {
      tls_problem_ = "the peer speaks TLS; this node does not: --proto-dist inet_tls";
    }
    malformed_ = true;
    return fail(EPROTO);
  }
  packet_.resize(length_size() + length);
  const auto body = std::span(packet_).subspan(length_size());
  if (const int error = fill(body); error != 0) {
    return error;
  }
  auto packet = read_packet(body, direction_);
  if (!packet) {
    malformed_ = true;
    return fail(EPROTO);
  }
  note(std::move(*packet));
  return 0;
}

void HandshakeSocket::note(Packet packet) {
  switch (packet.kind) {
    case PacketKind::status:
      peer_status_ = std::move(packet.text);
      stage_ = HandshakeStage::status;
      break;
    case PacketKind::name:
      peer_name_ = std::move(packet.text);
      break;
    case PacketKind::challenge:
      peer_name_ = std::move(packet.text);
      stage_ = HandshakeStage::challenge;
      break;
    case PacketKind::digest:
    case PacketKind::complement:
      break;
  }
}

int HandshakeSocket::read(char* buffer, std::size_t& length) {
  if (handed_out_ == packet_.size()) {
    if (const int error = receive_packet(); error != 0) {
      return error;
    }
  }
  length = std::min(length, packet_.size() - handed_out_);
  std::memcpy(buffer, packet_.data() + handed_out_, length);
  handed_out_ += length;
  return 0;
}

/// A server of TLS 1.3 refuses a client after the client's handshake: its alert has arrived, but what we
/// wrote next failed first.
void HandshakeSocket::read_alert() {
  char byte = 0;
  if (tls_ && tls_->read({&byte, 1}).status == TlsStatus::failed) {
    tls_problem_ = tls_->problem();
  }
}

int HandshakeSocket::write(const char* buffer, std::size_t& length) {
  std::vector<char> packet(buffer, buffer + length);
  if (length > length_size()) {
    offer_monitors(std::span(packet).subspan(length_size()));
  }
  for (std::span<const char> left = packet; !left.empty();) {
    const auto [status, size] = send_some(left);
    if (status == TlsStatus::done) {
      left = left.subspan(size);
      continue;
    }
    if (status == TlsStatus::closed) {
      read_alert();
    }
    if (const int error = settle(status); error != 0) {
      return error;
    }
  }
  if (length > length_size()) {
    switch (buffer[length_size()]) {
      case 'n':
      case 'N':
        stage_ = direction_ == Direction::outgoing ? HandshakeStage::name : HandshakeStage::challenge;
        break;
      case 'r':
      case 'a':
        stage_ = HandshakeStage::challenge_ack;
        break;
      default:
        break;
    }
  }
  return 0;
}

}  // namespace rancher_cnode::distribution
