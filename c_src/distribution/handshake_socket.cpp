#include "handshake_socket.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace rancher_cnode::distribution {
namespace {

constexpr std::size_t length_size = 2;

/// Flags, challenge and a name of 255 characters in UTF-8 fit well; nothing in a handshake is longer.
constexpr std::size_t max_packet = 2048;

std::size_t number(std::span<const char> bytes, std::size_t offset, std::size_t width) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    value = (value << 8U) | static_cast<unsigned char>(bytes[offset + i]);
  }
  return value;
}

/// The name in a packet whose tag is 'N' (fixed part, 2-byte length, name, perhaps more) or 'n' (fixed part,
/// name to the end). False if it does not fit.
bool take_name(std::span<const char> body, std::size_t old_fixed, std::size_t new_fixed, std::string& name) {
  if (body[0] == 'n') {
    if (body.size() <= old_fixed) {
      return false;
    }
    name.assign(body.begin() + static_cast<std::ptrdiff_t>(old_fixed), body.end());
  } else {
    if (body.size() < new_fixed) {
      return false;
    }
    const std::size_t length = number(body, new_fixed - length_size, length_size);
    if (length == 0 || new_fixed + length > body.size()) {
      return false;
    }
    name.assign(body.data() + new_fixed, length);
  }
  return name.size() <= NodeName::max_length;
}

/// Adds to the flags of a name or challenge packet ('N', 8 bytes of flags, ...) that we take monitors by
/// name. ei does not say so, and a BEAM then sends no monitor at all: a call to a name that does not live
/// here would wait for its timeout instead of failing with noproc.
void offer_monitors(std::span<char> packet) {
  constexpr unsigned dist_monitor_name = 0x20;  // DFLAG_DIST_MONITOR_NAME
  constexpr std::size_t last_byte_of_flags = length_size + 8;
  if (packet.size() > last_byte_of_flags && packet[length_size] == 'N') {
    char& flags = packet[last_byte_of_flags];
    flags = static_cast<char>(static_cast<unsigned char>(flags) | dist_monitor_name);
  }
}

}  // namespace

HandshakeSocket::HandshakeSocket(Direction direction, FileDescriptor socket, TimePoint deadline, int stop_fd)
    : direction_(direction),
      socket_(std::move(socket)),
      deadline_(deadline),
      stop_fd_(stop_fd),
      stage_(direction == Direction::incoming ? HandshakeStage::name : HandshakeStage::connect) {}

int HandshakeSocket::fail(int error) {
  if (wire_error_ == 0) {
    wire_error_ = error;
  }
  return error;
}

/// Until the socket is ready, the deadline (ETIMEDOUT) or the stop (ECANCELED).
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
    if (ready > 0 && polled[0].revents != 0) {
      return 0;
    }
  }
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

int HandshakeSocket::fill(char* buffer, std::size_t length) {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got = ::recv(fd(), buffer + done, length - done, 0);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (got == 0) {
      peer_closed_ = true;
      return fail(ECONNRESET);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (const int error = wait(POLLIN); error != 0) {
        return error;
      }
    } else if (errno != EINTR) {
      peer_closed_ = errno == ECONNRESET;
      return fail(errno);
    }
  }
  return 0;
}

int HandshakeSocket::receive_packet() {
  packet_.resize(length_size);
  handed_out_ = 0;
  if (const int error = fill(packet_.data(), length_size); error != 0) {
    return error;
  }
  const std::size_t length = number(packet_, 0, length_size);
  if (length == 0 || length > max_packet) {
    malformed_ = true;
    return fail(EPROTO);
  }
  packet_.resize(length_size + length);
  if (const int error = fill(packet_.data() + length_size, length); error != 0) {
    return error;
  }
  if (!understand_packet()) {
    malformed_ = true;
    return fail(EPROTO);
  }
  return 0;
}

/// Checks a packet's shape and notes what it says. ei copies names by differences of lengths, so a packet
/// that is shorter than its fixed part must never reach it.
bool HandshakeSocket::understand_packet() {
  const auto body = std::span<const char>(packet_).subspan(length_size);
  constexpr std::size_t digest = 16;
  switch (body[0]) {
    case 's':
      peer_status_.assign(body.begin() + 1, body.end());
      stage_ = HandshakeStage::status;
      return direction_ == Direction::outgoing;
    case 'n':
    case 'N': {
      const bool fits = direction_ == Direction::incoming ? take_name(body, 7, 15, peer_name_)
                                                          : take_name(body, 11, 19, peer_name_);
      stage_ = direction_ == Direction::incoming ? stage_ : HandshakeStage::challenge;
      return fits;
    }
    case 'r':
      return direction_ == Direction::incoming && body.size() == 1 + 4 + digest;
    case 'a':
      return direction_ == Direction::outgoing && body.size() == 1 + digest;
    case 'c':
      return direction_ == Direction::incoming && body.size() == 1 + 8;
    default:
      return false;
  }
}

int HandshakeSocket::read(char* buffer, std::size_t& length) {
  if (handed_out_ == packet_.size()) {
    if (const int error = receive_packet(); error != 0) {
      length = 0;
      return error;
    }
  }
  length = std::min(length, packet_.size() - handed_out_);
  std::memcpy(buffer, packet_.data() + handed_out_, length);
  handed_out_ += length;
  return 0;
}

int HandshakeSocket::write(const char* buffer, std::size_t& length) {
  std::vector<char> packet(buffer, buffer + length);
  offer_monitors(packet);
  std::size_t done = 0;
  while (done < length) {
    const ssize_t put = ::send(fd(), packet.data() + done, length - done, MSG_NOSIGNAL);
    if (put >= 0) {
      done += static_cast<std::size_t>(put);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (const int error = wait(POLLOUT); error != 0) {
        return error;
      }
    } else if (errno != EINTR) {
      peer_closed_ = errno == EPIPE || errno == ECONNRESET;
      return fail(errno);
    }
  }
  if (length > length_size) {
    switch (buffer[length_size]) {
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
