#include "rancher_cnode/agent/wait.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
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
    asker_.stop();
    if (done_) {
      return {};
    }
    return failure(ErrorCode::timeout, cnode_.str() + ": " + last_reason_);
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
    later(reply ? "the first round is not done yet" : reply.error().message);
  }

  void later(const std::string& reason) {
    last_reason_ = reason;
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
  std::string last_reason_ = "the first round is not done yet";
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
