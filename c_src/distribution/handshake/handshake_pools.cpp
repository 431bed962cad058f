#include "distribution/handshake/handshake_pools.hpp"

#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "distribution/handshake/handshake_failure.hpp"
#include "rancher_cnode/distribution/tls_warnings.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;

namespace {

/// Runs a handshake; an exception (exhausted memory) fails the handshake, not the thread.
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
  for (const auto& inbound : silent_) {
    inbound->timer.cancel();
    inbound->socket.close(ignored);
  }
}

void HandshakePools::set_cookie(const Cookie& cookie) {
  self_ = std::make_shared<const Identity>(Identity{self_->name, cookie, self_->creation, self_->tls});
}

void HandshakePools::set_tls(const std::optional<TlsSettings>& tls) {
  self_ = std::make_shared<const Identity>(Identity{self_->name, self_->cookie, self_->creation, tls});
}

void HandshakePools::check_tls(Checked done) {
  if (!self_->tls) {
    return;
  }
  asio::post(outgoing_, [this, self = self_, done = std::move(done),
                         alive = std::weak_ptr<HandshakePools*>(alive_)]() mutable {
    asio::post(loop_, [warnings = tls_warnings(*self->tls, std::string(self->name.host())),
                       done = std::move(done), alive]() {
      if (alive.lock()) {
        done(warnings);
      }
    });
  });
}

void HandshakePools::connect(const NodeName& peer, Ipv4Address address, std::uint16_t port, Done done) {
  // What the pool's thread uses (limit_, stop_) outlives it: the destructor joins first. The result is passed
  // as a value, and dropped on the loop if this object has been destroyed.
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
  watch(std::make_shared<Inbound>(Inbound{std::move(watched), asio::steady_timer(loop_), source,
                                          Clock::now() + limit_, std::move(done)}));
  return true;
}

/// Until the first bytes arrive, the connection closes (a thread finds that at once), or the deadline.
void HandshakePools::watch(const SharedInbound& inbound) {
  silent_.insert(inbound);
  inbound->timer.expires_at(inbound->deadline);
  inbound->timer.async_wait([inbound](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      boost::system::error_code ignored;
      inbound->socket.cancel(ignored);
    }
  });
  inbound->socket.async_wait(asio::ip::tcp::socket::wait_read,
                             [this, inbound, alive = std::weak_ptr<HandshakePools*>(alive_)](
                                 const boost::system::error_code& error) {
                               if (!alive.lock()) {
                                 return;
                               }
                               silent_.erase(inbound);
                               inbound->timer.cancel();
                               if (error) {
                                 timed_out(inbound);
                               } else {
                                 waiting_.push_back(inbound);
                                 run_waiting();
                               }
                             });
}

void HandshakePools::timed_out(const SharedInbound& inbound) {
  const auto share = shares_.find(inbound->source);
  --share->second.waiting;
  forget_if_idle(share);
  boost::system::error_code ignored;
  inbound->socket.close(ignored);
  inbound->done(tl::unexpected(no_answer_in_time(self_->tls ? HandshakeStage::tls : HandshakeStage::name)));
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
    const SharedInbound inbound = std::move(*next);
    next = waiting_.erase(next);
    run(inbound);
  }
}

void HandshakePools::run(const SharedInbound& inbound) {
  boost::system::error_code error;
  // `inbound` is returned to the loop: its socket and timer must not be destroyed on a pool's thread.
  auto socket = std::make_shared<FileDescriptor>(inbound->socket.release(error));
  asio::post(incoming_, [this, self = self_, shared = inbound, socket,
                         alive = std::weak_ptr<HandshakePools*>(alive_)]() mutable {
    auto result = std::make_shared<HandshakeResult>(
        guarded([&] { return accept_handshake(*self, std::move(*socket), shared->deadline, stop_); }));
    asio::post(loop_, [result, inbound = std::move(shared), alive = std::move(alive)]() {
      if (const auto pools = alive.lock()) {
        (*pools)->finished(inbound->source);
        inbound->done(std::move(*result));
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
