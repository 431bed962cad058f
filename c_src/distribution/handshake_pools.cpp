#include "handshake_pools.hpp"

#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <utility>

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

HandshakePools::HandshakePools(asio::io_context& loop, Identity self, Milliseconds limit)
    : loop_(loop),
      self_(std::move(self)),
      limit_(limit),
      alive_(std::make_shared<HandshakePools*>(this)),
      outgoing_(outgoing_threads),
      incoming_(incoming_threads) {}

HandshakePools::~HandshakePools() {
  stop_.request();
  outgoing_.stop();
  incoming_.stop();
  outgoing_.join();
  incoming_.join();
}

void HandshakePools::connect(const NodeName& peer, Ipv4Address address, std::uint16_t port, Done done) {
  const auto deadline = Clock::now() + limit_;
  // What the pool's thread touches (self_, stop_) outlives it: the destructor joins first. The answer goes
  // back as a value, and is dropped on the loop if this object has gone by then.
  asio::post(outgoing_, [this, peer, address, port, deadline, done = std::move(done),
                         alive = std::weak_ptr<HandshakePools*>(alive_)]() mutable {
    auto result = std::make_shared<HandshakeResult>(
        guarded([&] { return connect_handshake(self_, peer, address, port, deadline, stop_); }));
    asio::post(loop_, [result, done = std::move(done), alive = std::move(alive)]() {
      if (alive.lock()) {
        done(std::move(*result));
      }
    });
  });
}

bool HandshakePools::accept(FileDescriptor socket, Ipv4Address source, Done done) {
  const auto known = shares_.find(source);
  if (waiting_.size() >= max_waiting ||
      (known != shares_.end() && known->second.waiting >= max_waiting_per_source)) {
    return false;
  }
  ++shares_[source].waiting;
  waiting_.push_back(Stranger{std::move(socket), source, Clock::now() + limit_, std::move(done)});
  run_waiting();
  return true;
}

void HandshakePools::run_waiting() {
  for (auto next = waiting_.begin(); next != waiting_.end() && running_ < incoming_threads;) {
    Share& share = shares_[next->source];
    if (share.running >= incoming_threads_per_source) {
      ++next;
      continue;
    }
    --share.waiting;
    ++share.running;
    ++running_;
    Stranger stranger = std::move(*next);
    next = waiting_.erase(next);
    run(std::move(stranger));
  }
}

void HandshakePools::run(Stranger stranger) {
  auto shared = std::make_shared<Stranger>(std::move(stranger));
  asio::post(incoming_, [this, shared, alive = std::weak_ptr<HandshakePools*>(alive_)]() mutable {
    auto result = std::make_shared<HandshakeResult>(
        guarded([&] { return accept_handshake(self_, std::move(shared->socket), shared->deadline, stop_); }));
    asio::post(loop_, [result, shared, alive = std::move(alive)]() {
      if (const auto pools = alive.lock()) {
        (*pools)->finished(shared->source);
        shared->done(std::move(*result));
      }
    });
  });
}

void HandshakePools::finished(Ipv4Address source) {
  --running_;
  const auto share = shares_.find(source);
  --share->second.running;
  if (share->second.running == 0 && share->second.waiting == 0) {
    shares_.erase(share);
  }
  run_waiting();
}

}  // namespace rancher_cnode::distribution
