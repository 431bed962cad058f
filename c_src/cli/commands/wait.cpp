#include "cli/commands/wait.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>

#include "cli/commands/cnode_client.hpp"
#include "cli/commands/own_address.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::cli {
namespace asio = boost::asio;
using boost::system::error_code;
using distribution::CallResult;
using distribution::TermReader;
using distribution::TermWriter;

namespace {

constexpr Milliseconds retry_interval{100};

/// Timeout of one request; the next one follows at once.
constexpr Milliseconds request_limit{60'000};

/// How long the C-node has to answer the readiness request once the timeout has passed.
constexpr Milliseconds last_request_limit{1'000};

constexpr const char* not_done = "the initial sync is not done yet";

/// Asks one C-node until it answers ok. Lives on the stack of wait_for_initial_sync, as does its loop.
class SyncWaiter {
 public:
  SyncWaiter(const Config& config, Ipv4Address own, const Log& log)
      : client_(config, own, log), again_(client_.loop()) {}

  Expected<void> wait_for(Milliseconds timeout) {
    ask();
    if (timeout.count() > 0) {
      client_.loop().run_for(timeout);
    } else {
      client_.loop().run();
    }
    if (!done_) {
      ask_readiness();
      client_.loop().run_for(last_request_limit);
    }
    if (done_) {
      return {};
    }
    return failure(ErrorCode::timeout, client_.cnode().str() + ": " + readiness_.value_or(no_answer()));
  }

 private:
  void ask() {
    TermWriter request;
    request.tuple(2).atom("await").integer(request_limit.count());
    client_.ask(request.bytes(), request_limit + retry_interval,
                [this](const CallResult& reply) { answered(reply); });
  }

  void answered(const CallResult& reply) {
    if (reply && TermReader(*reply).accept_atom("ok")) {
      finish();
    } else {
      later(reply ? not_done : reply.error().message);
    }
  }

  /// An older C-node does not know this request; its initial sync is awaited all the same.
  void ask_readiness() {
    client_.ask(TermWriter().atom("readiness").bytes(), request_limit,
                [this](const CallResult& reply) { readiness_received(reply); });
  }

  void readiness_received(const CallResult& reply) {
    if (reply && TermReader(*reply).accept_atom("ok")) {
      finish();
      return;
    }
    const auto text = reply.and_then([](const auto& term) { return TermReader(term).binary(); });
    readiness_ = !reply ? reply.error().message : text ? std::string(not_done) + ": " + *text : not_done;
    client_.loop().stop();
  }

  void finish() {
    done_ = true;
    client_.loop().stop();
  }

  /// The last request got no answer either.
  [[nodiscard]] std::string no_answer() const {
    return last_failure_.empty() ? "does not answer" : "does not answer; before that: " + last_failure_;
  }

  void later(const std::string& reason) {
    last_failure_ = reason;
    again_.expires_after(retry_interval);
    again_.async_wait([this](const error_code& cancelled) {
      if (!cancelled) {
        ask();
      }
    });
  }

  CnodeClient client_;
  asio::steady_timer again_;
  std::string last_failure_;              ///< of a request before the last one
  std::optional<std::string> readiness_;  ///< the answer to the last request
  bool done_ = false;
};

}  // namespace

Expected<void> wait_for_initial_sync(const Config& config, Milliseconds timeout, const Log& log) {
  const auto began = Clock::now();
  const auto own = config.ip ? Expected<Ipv4Address>(*config.ip) : own_address(config, timeout, log);
  if (!own) {
    return tl::unexpected<Error>(own.error());
  }
  distribution::initialise_handshakes();
  // Less the time that the address took; 0 still means no limit.
  const auto spent = std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
  const auto left = timeout.count() == 0 ? timeout : std::max(timeout - spent, Milliseconds(1));
  return SyncWaiter(config, *own, log).wait_for(left);
}

}  // namespace rancher_cnode::cli
