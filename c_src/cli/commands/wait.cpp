#include "cli/commands/wait.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands/own_address.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/distribution/term.hpp"
#include "rancher_cnode/status/status_server.hpp"

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
      : work_(loop_.get_executor()),
        again_(loop_),
        cnode_(NodeName::of(config.basename, own)),
        asker_(loop_, settings(config, own), {}, log) {}

  Expected<void> wait_for(Milliseconds timeout) {
    ask();
    if (timeout.count() > 0) {
      loop_.run_for(timeout);
    } else {
      loop_.run();
    }
    if (!done_) {
      ask_readiness();
      loop_.run_for(last_request_limit);
    }
    if (done_) {
      return {};
    }
    return failure(ErrorCode::timeout, cnode_.str() + ": " + readiness_.value_or(no_answer()));
  }

 private:
  static distribution::CNode::Settings settings(const Config& config, Ipv4Address own) {
    // Not derived from --basename, which may already have the maximum length.
    return {.name = NodeName::of("rancher_cnode_wait_" + std::to_string(::getpid()), own),
            .cookie = config.cookie,
            .listen_ports = {},
            .epmd_port = config.epmd_port,
            .handshake_threads = {.outgoing = 1, .incoming = 0},
            .timing = {}};
  }

  void ask() {
    asker_.connect(cnode_, [this](const auto& connected) {
      if (!connected) {
        later(connected.error().error.message);
        return;
      }
      TermWriter request;
      request.tuple(2).atom("await").integer(request_limit.count());
      asker_.request(cnode_, status::StatusServer::process_name, request.bytes(),
                     request_limit + retry_interval, [this](const CallResult& reply) { answered(reply); });
    });
  }

  void answered(const CallResult& reply) {
    if (reply && TermReader(*reply).accept_atom("ok")) {
      done_ = true;
      loop_.stop();
      return;
    }
    later(reply ? not_done : reply.error().message);
  }

  /// An older C-node does not know this request; its initial sync is awaited all the same.
  void ask_readiness() {
    asker_.connect(cnode_, [this](const auto& connected) {
      if (!connected) {
        finish(connected.error().error.message);
        return;
      }
      asker_.request(cnode_, status::StatusServer::process_name, TermWriter().atom("readiness").bytes(),
                     request_limit, [this](const CallResult& reply) { readiness_received(reply); });
    });
  }

  void readiness_received(const CallResult& reply) {
    if (!reply) {
      finish(reply.error().message);
      return;
    }
    TermReader reader(*reply);
    if (reader.accept_atom("ok")) {
      done_ = true;
      loop_.stop();
      return;
    }
    const auto text = reader.binary();
    finish(text ? "the initial sync is not done yet: " + std::string(*text) : not_done);
  }

  void finish(std::string reason) {
    readiness_ = std::move(reason);
    loop_.stop();
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

  asio::io_context loop_;
  /// A handshake runs on its own thread; the loop must not run out of work meanwhile.
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer again_;
  NodeName cnode_;
  distribution::CNode asker_;
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
