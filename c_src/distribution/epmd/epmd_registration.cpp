#include "rancher_cnode/distribution/epmd_registration.hpp"

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <vector>

#include "distribution/epmd/epmd_protocol.hpp"
#include "rancher_cnode/core/backoff.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;
using boost::system::error_code;

std::string_view to_string(RegistrationState state) {
  switch (state) {
    case RegistrationState::unavailable:
      return "unavailable";
    case RegistrationState::name_taken:
      return "name_taken";
    case RegistrationState::registered:
      return "registered";
    case RegistrationState::lost:
      return "lost";
    case RegistrationState::not_used:
      return "not_used";
  }
  return "unknown";
}

/// The coroutine and its state; kept alive by the coroutine until it has seen the stop.
class EpmdRegistration::Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(asio::io_context& loop, Settings settings, OnChange on_change)
      : loop_(loop),
        settings_(std::move(settings)),
        on_change_(std::move(on_change)),
        socket_(loop),
        timer_(loop) {}

  void start() {
    auto self = shared_from_this();
    asio::co_spawn(
        loop_, [self]() { return self->run(); }, asio::detached);
  }

  void stop() {
    stopped_ = true;
    timer_.cancel();
    close();
  }

  [[nodiscard]] RegistrationState state() const { return state_; }

 private:
  asio::awaitable<void> run() {
    const Pace& pace = settings_.pace;
    Backoff unanswered(pace.first_retry, pace.last_retry);
    Backoff unstable(2 * pace.first_retry, pace.last_early_retry);
    while (!stopped_) {
      publishing_ = true;
      const auto accepted = co_await publish();
      publishing_ = false;
      if (!stopped_ && accepted) {
        co_await held();
        unanswered.reset();
      }
      if (stopped_) {
        break;
      }
      const bool taken = !accepted && accepted.error().code == ErrorCode::refused;
      if (accepted) {
        change(RegistrationState::lost, "epmd closed the registration");
      } else {
        change(taken ? RegistrationState::name_taken : RegistrationState::unavailable,
               accepted.error().message);
      }
      close();
      if (accepted) {
        if (!unstable_) {
          unstable.reset();
        }
        co_await pause(unstable_ ? unstable.next() : pace.first_retry);
      } else {
        const Milliseconds retry = unanswered.next();
        co_await pause(taken ? pace.taken_retry : retry);
      }
    }
  }

  asio::awaitable<void> pause(Milliseconds how_long) {
    if (!stopped_) {
      error_code ignored;
      timer_.expires_after(how_long);
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  /// Connects and registers. ErrorCode::refused only if epmd itself refused.
  asio::awaitable<Expected<void>> publish() {
    auto self = shared_from_this();
    timer_.expires_after(settings_.pace.answer_limit);
    timer_.async_wait([self](const error_code& cancelled) {
      // It also fires after epmd has answered in time: nothing cancels it then.
      if (!cancelled && self->publishing_) {
        self->close();
      }
    });
    error_code error;
    socket_ = asio::ip::tcp::socket(loop_);
    const asio::ip::tcp::endpoint epmd(asio::ip::address_v4::loopback(), settings_.epmd_port);
    co_await socket_.async_connect(epmd, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      co_return unavailable(error);
    }
    const std::vector<char> request = epmd::alive_request(settings_.alive, settings_.listen_port);
    co_await asio::async_write(socket_, asio::buffer(request),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      co_return unavailable(error);
    }
    std::array<char, epmd::alive_response_head_length> head{};
    co_await asio::async_read(socket_, asio::buffer(head), asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      co_return unavailable(error);
    }
    if (!epmd::is_alive_response(head)) {
      co_return failure(ErrorCode::malformed, "the process on the epmd port is not an epmd");
    }
    if (!epmd::is_accepted(head)) {
      co_return failure(ErrorCode::refused, "another node has registered the name " + settings_.alive);
    }
    // epmd's creation is not used: ours is new at every start and outlives an epmd.
    std::array<char, 4> creation{};
    co_await asio::async_read(socket_, asio::buffer(creation.data(), epmd::creation_length(head)),
                              asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      co_return unavailable(error);
    }
    co_return Expected<void>{};
  }

  /// Until epmd closes the connection.
  asio::awaitable<void> held() {
    if (!unstable_) {
      change(RegistrationState::registered, "");
    }
    unstable_ = true;
    timer_.expires_after(settings_.pace.stable_after);
    timer_.async_wait([self = shared_from_this(), number = ++registrations_](const error_code& cancelled) {
      if (!cancelled && !self->stopped_ && self->registrations_ == number && self->socket_.is_open()) {
        self->unstable_ = false;
        self->change(RegistrationState::registered, "");
      }
    });
    std::array<char, 16> ignored{};
    error_code error;
    while (!error) {
      co_await socket_.async_read_some(asio::buffer(ignored),
                                       asio::redirect_error(asio::use_awaitable, error));
    }
  }

  Expected<void> unavailable(const error_code& error) const {
    const std::string where = "epmd at 127.0.0.1:" + std::to_string(settings_.epmd_port);
    if (error == asio::error::connection_refused) {
      return failure(ErrorCode::unavailable, "no " + where);
    }
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
      return failure(ErrorCode::timeout, where + " does not answer");
    }
    return failure(ErrorCode::unavailable, where + ": " + error.message());
  }

  void change(RegistrationState state, const std::string& reason) {
    if (announced_ && state == state_) {
      return;
    }
    // The state stays "lost" until a registration is back: an unavailable epmd meanwhile is no new state.
    if (announced_ && state_ == RegistrationState::lost && state == RegistrationState::unavailable) {
      return;
    }
    announced_ = true;
    state_ = state;
    on_change_(state, reason);
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

  asio::io_context& loop_;
  Settings settings_;
  OnChange on_change_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  RegistrationState state_ = RegistrationState::unavailable;
  std::uint64_t registrations_ = 0;
  bool unstable_ = false;  ///< no stable registration since one was made
  bool announced_ = false;
  bool publishing_ = false;
  bool stopped_ = false;
};

EpmdRegistration::EpmdRegistration(asio::io_context& loop, Settings settings, OnChange on_change)
    : loop_(std::make_shared<Loop>(loop, std::move(settings), std::move(on_change))) {}

EpmdRegistration::~EpmdRegistration() { stop(); }

void EpmdRegistration::start() { loop_->start(); }

void EpmdRegistration::stop() { loop_->stop(); }

RegistrationState EpmdRegistration::state() const { return loop_->state(); }

}  // namespace rancher_cnode::distribution
