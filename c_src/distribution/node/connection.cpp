#include "rancher_cnode/distribution/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "distribution/tls/tls_session.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t read_size = std::size_t{16} << 10U;

/// Far below the shortest interval at which a BEAM misses ticks (net_ticktime is 1 s at least).
constexpr Milliseconds quiet_enough_to_tick{100};

constexpr std::string_view reads_nothing = "the other side does not read what we send";

Error why_lost(const error_code& error) {
  if (error == asio::error::eof) {
    return {ErrorCode::unavailable, "the other side closed the connection"};
  }
  return {ErrorCode::unavailable, "connection lost: " + error.message()};
}

}  // namespace

Connection::Connection(asio::io_context& loop, FileDescriptor socket, Timing timing, Handlers handlers,
                       std::shared_ptr<TlsSession> tls)
    : loop_(loop),
      socket_(loop),
      tls_(std::move(tls)),
      check_(loop),
      timing_(timing),
      handlers_(std::move(handlers)),
      last_sent_(Clock::now()) {
  socket_.assign(asio::ip::tcp::v4(), socket.get(), assigned_);
  if (!assigned_) {
    static_cast<void>(socket.release());
    const auto limit_ms = static_cast<unsigned>(timing.unread_limit.count());
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms));
  }
}

void Connection::start() {
  if (assigned_) {
    close(why_lost(assigned_));
    return;
  }
  read_more();
  check_later();
}

void Connection::read_more() {
  if (tls_) {
    read_more_over_tls();
    return;
  }
  const auto room = reader_.prepare(read_size);
  socket_.async_read_some(asio::buffer(room.data(), room.size()),
                          [self = shared_from_this()](const error_code& error, std::size_t size) {
                            if (!self->open_) {
                              return;
                            }
                            if (error) {
                              self->close(why_lost(error));
                              return;
                            }
                            self->received(size);
                          });
}

/// Whatever TLS has already decrypted is taken first: the socket does not become readable for it.
void Connection::read_more_over_tls() {
  const auto [status, size] = tls_->read(reader_.prepare(read_size));
  if (status != TlsStatus::done) {
    wait_for(status, &Connection::read_more_over_tls);
    return;
  }
  // Posted, as between any two reads: a peer that sends without end must not keep the loop.
  asio::post(loop_, [self = shared_from_this(), size]() {
    if (self->open_) {
      self->received(size);
    }
  });
}

void Connection::wait_for(TlsStatus status, void (Connection::*again)()) {
  if (status == TlsStatus::closed || status == TlsStatus::failed) {
    close(status == TlsStatus::closed ? why_lost(asio::error::eof)
                                      : Error{ErrorCode::unavailable, "connection lost: " + tls_->problem()});
    return;
  }
  const auto what =
      status == TlsStatus::wait_writable ? asio::socket_base::wait_write : asio::socket_base::wait_read;
  socket_.async_wait(what, [self = shared_from_this(), again](const error_code& error) {
    if (!self->open_) {
      return;
    }
    if (error) {
      self->close(why_lost(error));
      return;
    }
    ((*self).*again)();
  });
}

void Connection::received(std::size_t size) {
  silent_ = Milliseconds(0);
  reader_.commit(size);
  take_frames();
}

/// Handles all whole frames, some at a time, then reads on.
void Connection::take_frames() {
  for (std::size_t taken = 0; open_; ++taken) {
    if (taken == frames_at_once) {
      asio::post(loop_, [self = shared_from_this()]() { self->take_frames(); });
      return;
    }
    const auto frame = reader_.next();
    if (!frame) {
      close(frame.error());
      return;
    }
    if (!frame->has_value()) {
      tick_if_idle();
      read_more();
      return;
    }
    if ((*frame)->empty()) {
      continue;
    }
    const auto message = decode_message(**frame);
    if (!message) {
      close(message.error());
      return;
    }
    handlers_.message(*message);
  }
}

/// Answers received data with a tick: a BEAM that keeps sending does not tick itself.
void Connection::tick_if_idle() {
  // Data just sent or queued serves as a tick. A node that answers every tick, as ei does, would otherwise
  // exchange ticks with us without end.
  if (unsent_.empty() && Clock::now() - last_sent_ >= quiet_enough_to_tick) {
    send(tick_frame());
  }
}

void Connection::send(std::vector<char> frame) {
  if (!open_) {
    return;
  }
  if (frame.size() > room()) {
    close({ErrorCode::too_large, std::string(reads_nothing)});
    return;
  }
  unsent_bytes_ += frame.size();
  unsent_.push_back(std::move(frame));
  if (unsent_.size() == 1) {
    write_next();
  }
}

void Connection::write_next() {
  unread_ = Milliseconds(0);
  if (tls_) {
    write_next_over_tls();
    return;
  }
  asio::async_write(socket_, asio::buffer(unsent_.front()),
                    [self = shared_from_this()](const error_code& error, std::size_t /*size*/) {
                      if (!self->open_) {
                        return;
                      }
                      if (error) {
                        self->close(why_lost(error));
                        return;
                      }
                      self->sent_first();
                    });
}

/// A part that TLS has taken is no longer ours to send.
void Connection::write_next_over_tls() {
  while (first_sent_ < unsent_.front().size()) {
    const auto [status, size] = tls_->write(std::span<const char>(unsent_.front()).subspan(first_sent_));
    if (status != TlsStatus::done) {
      wait_for(status, &Connection::write_next_over_tls);
      return;
    }
    first_sent_ += size;
  }
  // Posted: send() must not call itself for each frame of a long queue, nor handlers from inside.
  asio::post(loop_, [self = shared_from_this()]() {
    if (self->open_) {
      self->first_sent_ = 0;
      self->sent_first();
    }
  });
}

void Connection::sent_first() {
  last_sent_ = Clock::now();
  unsent_bytes_ -= unsent_.front().size();
  unsent_.pop_front();
  if (!unsent_.empty()) {
    write_next();
  }
}

void Connection::check_later() {
  check_.expires_after(timing_.check_every);
  check_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (cancelled || !self->open_) {
      return;
    }
    self->silent_ += self->timing_.check_every;
    if (self->silent_ >= self->timing_.silence_limit) {
      self->close({ErrorCode::timeout, "the other side sent nothing for too long"});
      return;
    }
    self->unread_ += self->timing_.check_every;
    if (!self->unsent_.empty() && self->unread_ >= self->timing_.unread_limit) {
      self->close({ErrorCode::timeout, std::string(reads_nothing)});
      return;
    }
    if (self->unsent_.empty() && Clock::now() - self->last_sent_ >= self->timing_.tick_after) {
      self->send(tick_frame());
    }
    self->check_later();
  });
}

void Connection::finish(const Error& why) {
  if (!open_) {
    return;
  }
  open_ = false;
  check_.cancel();
  if (tls_) {
    tls_->announce_end();
  }
  error_code ignored;
  socket_.close(ignored);
  if (handlers_.closed) {
    asio::post(loop_, [self = shared_from_this(), why]() {
      const auto handlers = std::exchange(self->handlers_, {});
      if (handlers.closed) {
        handlers.closed(why);
      }
    });
  }
}

void Connection::close(const Error& why) { finish(why); }

void Connection::close_silently(std::span<const char> last_frames) {
  // A frame being sent may be half written; nothing may follow it then.
  if (open_ && unsent_.empty() && tls_) {
    while (!last_frames.empty()) {
      const auto [status, size] = tls_->write(last_frames);
      if (status != TlsStatus::done) {
        break;
      }
      last_frames = last_frames.subspan(size);
    }
  } else if (open_ && unsent_.empty()) {
    error_code error;
    socket_.non_blocking(true, error);
    while (!error && !last_frames.empty()) {
      last_frames = last_frames.subspan(
          socket_.write_some(asio::buffer(last_frames.data(), last_frames.size()), error));
    }
  }
  handlers_.closed = nullptr;
  finish({ErrorCode::cancelled, "closed silently"});
}

}  // namespace rancher_cnode::distribution
