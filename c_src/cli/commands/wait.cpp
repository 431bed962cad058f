#include "cli/commands/wait.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>
#include <thread>

#include "cli/commands/cnode_client.hpp"
#include "cli/commands/container_names.hpp"
#include "cli/commands/status.hpp"
#include "cli/commands/timeout.hpp"
#include "rancher_cnode/distribution/term.hpp"
#include "rancher_cnode/status/verdict.hpp"

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

/// How long the C-node has to answer the last request, however little of the timeout is left.
constexpr Milliseconds last_request_limit{1'000};

/// Between two questions for the status, and for each answer.
constexpr Milliseconds report_interval{250};
constexpr Milliseconds report_limit{5'000};

constexpr const char* not_done = "the initial sync is not done yet";

/// Asks one C-node until it answers ok. Lives on the stack of wait_for_initial_sync, as does its loop.
class SyncWaiter {
 public:
  SyncWaiter(const Config& config, Ipv4Address own, const Log& log)
      : client_(config, own, log), again_(client_.loop()) {}

  Expected<void> wait_until(TimePoint deadline) {
    ask();
    client_.loop().run_until(deadline);
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
  const auto deadline = Clock::now() + limit_of(timeout);
  const auto own = address_of_cnode(config, timeout, log);
  if (!own) {
    return tl::unexpected<Error>(own.error());
  }
  distribution::initialise_handshakes();
  return SyncWaiter(config, *own, log).wait_until(deadline);
}

Expected<void> wait_for_peers(const Config& config, Milliseconds timeout, const Log& log) {
  const auto until = Clock::now() + limit_of(timeout);
  for (;;) {
    const auto left = std::chrono::duration_cast<Milliseconds>(until - Clock::now());
    const auto report = container_report(config, std::clamp(left, last_request_limit, report_limit), log);
    if (report && status::verdict_on(*report).kind == status::Verdict::Kind::whole) {
      return {};
    }
    if (until - Clock::now() <= report_interval) {
      return failure(ErrorCode::timeout, report ? status::in_words(status::verdict_on(*report)) + "; " +
                                                      status::shortfall(*report)
                                                : report.error().message);
    }
    std::this_thread::sleep_for(report_interval);
  }
}

}  // namespace rancher_cnode::cli
