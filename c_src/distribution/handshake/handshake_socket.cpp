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
  packet_.resize(packet_length_size);
  handed_out_ = 0;
  if (const int error = fill(packet_.data(), packet_length_size); error != 0) {
    return error;
  }
  const std::size_t length = big_endian(packet_);
  if (length == 0 || length > max_packet) {
    malformed_ = true;
    return fail(EPROTO);
  }
  packet_.resize(packet_length_size + length);
  if (const int error = fill(packet_.data() + packet_length_size, length); error != 0) {
    return error;
  }
  auto packet = read_packet(std::span<const char>(packet_).subspan(packet_length_size), direction_);
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
  if (length > packet_length_size) {
    switch (buffer[packet_length_size]) {
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
