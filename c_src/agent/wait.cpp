#include "rancher_cnode/agent/wait.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>
#include <utility>

#include "rancher_cnode/agent/own_address.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/distribution/term.hpp"
#include "status_server.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using boost::system::error_code;
using distribution::CallResult;
using distribution::TermReader;
using distribution::TermWriter;

namespace {

constexpr Milliseconds ask_again{100};

/// How long one question may stay open; the next one follows at once.
constexpr Milliseconds one_question{60'000};

/// How long the C-node has to tell what is missing, once the time is over.
constexpr Milliseconds last_question{1'000};

constexpr const char* not_done = "the first round is not done yet";

/// Asks one C-node until it says ok. Lives on the stack of wait_for_first_round, as does its loop.
class Question {
 public:
  Question(const Config& config, Ipv4Address own, const Log& log)
      : work_(loop_.get_executor()),
        again_(loop_),
        cnode_(NodeName::of(config.basename, own)),
        asker_(loop_, settings(config, own), {}, log) {}

  Expected<void> ask_for(Milliseconds timeout) {
    ask();
    if (timeout.count() > 0) {
      loop_.run_for(timeout);
    } else {
      loop_.run();
    }
    if (!done_) {
      ask_what_is_missing();
      loop_.run_for(last_question);
    }
    if (done_) {
      return {};
    }
    return failure(ErrorCode::timeout, cnode_.str() + ": " + missing_.value_or(silence()));
  }

 private:
  static distribution::CNode::Settings settings(const Config& config, Ipv4Address own) {
    // Not made from --basename, which may be as long as a name can be.
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
      request.tuple(2).atom("await").integer(one_question.count());
      asker_.request(cnode_, StatusServer::process_name, request.bytes(), one_question + ask_again,
                     [this](const CallResult& reply) { answered(reply); });
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

  /// An older C-node does not know this question; it waits for its first round all the same.
  void ask_what_is_missing() {
    asker_.connect(cnode_, [this](const auto& connected) {
      if (!connected) {
        missing_is(connected.error().error.message);
        return;
      }
      asker_.request(cnode_, StatusServer::process_name, TermWriter().atom("missing").bytes(), one_question,
                     [this](const CallResult& reply) { told(reply); });
    });
  }

  void told(const CallResult& reply) {
    if (!reply) {
      missing_is(reply.error().message);
      return;
    }
    TermReader reader(*reply);
    if (reader.accept_atom("ok")) {
      done_ = true;
      loop_.stop();
      return;
    }
    const auto text = reader.binary();
    missing_is(text ? "the first round is not done yet: " + std::string(*text) : not_done);
  }

  void missing_is(std::string reason) {
    missing_ = std::move(reason);
    loop_.stop();
  }

  /// The last question got no answer either.
  [[nodiscard]] std::string silence() const {
    return last_failure_.empty() ? "does not answer" : "does not answer; before that: " + last_failure_;
  }

  void later(const std::string& reason) {
    last_failure_ = reason;
    again_.expires_after(ask_again);
    again_.async_wait([this](const error_code& cancelled) {
      if (!cancelled) {
        ask();
      }
    });
  }

  asio::io_context loop_;
  /// A handshake runs on a thread of its own; the loop must not end for want of work meanwhile.
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer again_;
  NodeName cnode_;
  distribution::CNode asker_;
  std::string last_failure_;            ///< of a question before the last one
  std::optional<std::string> missing_;  ///< the answer to the last question
  bool done_ = false;
};

}  // namespace

Expected<void> wait_for_first_round(const Config& config, Milliseconds timeout, const Log& log) {
  const auto began = Clock::now();
  const auto own = config.ip ? Expected<Ipv4Address>(*config.ip) : own_address(config, timeout, log);
  if (!own) {
    return tl::unexpected<Error>(own.error());
  }
  distribution::initialise_handshakes();
  // What the address took is no longer there; 0 still means for ever.
  const auto spent = std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
  const auto left = timeout.count() == 0 ? timeout : std::max(timeout - spent, Milliseconds(1));
  return Question(config, *own, log).ask_for(left);
}

}  // namespace rancher_cnode::agent
