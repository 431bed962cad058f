#include "handshake_pools.hpp"

#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "handshake_failure.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;

namespace {

/// A handshake whose exceptions (exhausted memory) end it, and not the thread.
template <class Handshake>
HandshakeResult guarded(Handshake handshake) {
  try {
    return handshake();
  } catch (const std::exception& exception) {
    return tl::unexpected(HandshakeFailure{HandshakeStage::connect, {ErrorCode::failed, exception.what()}});
  }
}

}  // namespace

HandshakePools::HandshakePools(asio::io_context& loop, Identity self, Milliseconds limit,
                               HandshakeThreads threads)
    : loop_(loop),
      self_(std::make_shared<const Identity>(std::move(self))),
      limit_(limit),
      threads_(threads),
      alive_(std::make_shared<HandshakePools*>(this)),
      outgoing_(threads.outgoing),
      incoming_(threads.incoming) {}

HandshakePools::~HandshakePools() {
  stop_.request();
  outgoing_.stop();
  incoming_.stop();
  outgoing_.join();
  incoming_.join();
  boost::system::error_code ignored;
  for (const auto& stranger : silent_) {
    stranger->timer.cancel();
    stranger->socket.close(ignored);
  }
}

void HandshakePools::set_cookie(const Cookie& cookie) {
  self_ = std::make_shared<const Identity>(Identity{self_->name, cookie, self_->creation});
}

void HandshakePools::connect(const NodeName& peer, Ipv4Address address, std::uint16_t port, Done done) {
  // What the pool's thread touches (limit_, stop_) outlives it: the destructor joins first. The answer goes
  // back as a value, and is dropped on the loop if this object has gone by then.
  asio::post(outgoing_, [this, self = self_, peer, address, port, done = std::move(done),
                         alive = std::weak_ptr<HandshakePools*>(alive_)]() mutable {
    auto result = std::make_shared<HandshakeResult>(
        guarded([&] { return connect_handshake(*self, peer, address, port, Clock::now() + limit_, stop_); }));
    asio::post(loop_, [result, done = std::move(done), alive = std::move(alive)]() {
      if (alive.lock()) {
        done(std::move(*result));
      }
    });
  });
}

bool HandshakePools::accept(FileDescriptor socket, Ipv4Address source, Done done) {
  const auto known = shares_.find(source);
  if (silent_.size() + waiting_.size() >= max_waiting ||
      (known != shares_.end() && known->second.waiting >= max_waiting_per_source)) {
    return false;
  }
  boost::system::error_code error;
  asio::ip::tcp::socket watched(loop_);
  watched.assign(asio::ip::tcp::v4(), socket.get(), error);
  if (error) {
    return false;
  }
  static_cast<void>(socket.release());
  ++shares_[source].waiting;
  watch(std::make_shared<Stranger>(Stranger{std::move(watched), asio::steady_timer(loop_), source,
                                            Clock::now() + limit_, std::move(done)}));
  return true;
}

/// Until its first bytes are there (or its end, which a thread finds at once), or its deadline.
void HandshakePools::watch(const SharedStranger& stranger) {
  silent_.insert(stranger);
  stranger->timer.expires_at(stranger->deadline);
  stranger->timer.async_wait([stranger](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      boost::system::error_code ignored;
      stranger->socket.cancel(ignored);
    }
  });
  stranger->socket.async_wait(asio::ip::tcp::socket::wait_read,
                              [this, stranger, alive = std::weak_ptr<HandshakePools*>(alive_)](
                                  const boost::system::error_code& error) {
                                if (!alive.lock()) {
                                  return;
                                }
                                silent_.erase(stranger);
                                stranger->timer.cancel();
                                if (error) {
                                  gave_up(stranger);
                                } else {
                                  waiting_.push_back(stranger);
                                  run_waiting();
                                }
                              });
}

void HandshakePools::gave_up(const SharedStranger& stranger) {
  const auto share = shares_.find(stranger->source);
  --share->second.waiting;
  forget_if_idle(share);
  boost::system::error_code ignored;
  stranger->socket.close(ignored);
  stranger->done(tl::unexpected(no_answer_in_time(HandshakeStage::name)));
}

void HandshakePools::run_waiting() {
  for (auto next = waiting_.begin(); next != waiting_.end() && running_ < threads_.incoming;) {
    Share& share = shares_[(*next)->source];
    if (share.running >= incoming_threads_per_source) {
      ++next;
      continue;
    }
    --share.waiting;
    ++share.running;
    ++running_;
    const SharedStranger stranger = std::move(*next);
    next = waiting_.erase(next);
    run(stranger);
  }
}

void HandshakePools::run(const SharedStranger& stranger) {
  boost::system::error_code error;
  // The stranger itself goes back to the loop: what is left of its socket and timer must not end on a
  // pool's thread.
  auto socket = std::make_shared<FileDescriptor>(stranger->socket.release(error));
  asio::post(incoming_, [this, self = self_, shared = stranger, socket,
                         alive = std::weak_ptr<HandshakePools*>(alive_)]() mutable {
    auto result = std::make_shared<HandshakeResult>(
        guarded([&] { return accept_handshake(*self, std::move(*socket), shared->deadline, stop_); }));
    asio::post(loop_, [result, stranger = std::move(shared), alive = std::move(alive)]() {
      if (const auto pools = alive.lock()) {
        (*pools)->finished(stranger->source);
        stranger->done(std::move(*result));
      }
    });
  });
}

void HandshakePools::finished(Ipv4Address source) {
  --running_;
  const auto share = shares_.find(source);
  --share->second.running;
  forget_if_idle(share);
  run_waiting();
}

void HandshakePools::forget_if_idle(Shares::iterator share) {
  if (share->second.running == 0 && share->second.waiting == 0) {
    shares_.erase(share);
  }
}

}  // namespace rancher_cnode::distribution
