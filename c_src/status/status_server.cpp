#include "rancher_cnode/status/status_server.hpp"

#include <cstdint>
#include <utility>

#include "status/snapshot_term.hpp"

namespace rancher_cnode::status {
using distribution::GenCall;
using distribution::Pid;
using distribution::Reference;
using distribution::TermReader;
using distribution::TermWriter;

namespace {

/// The longest wait of a caller; the same as the limit of gen_server (2^32 - 1 ms).
constexpr std::int64_t longest_await_ms = 4'294'967'295;

TermWriter ok() { return std::move(TermWriter().atom("ok")); }

}  // namespace

StatusServer::StatusServer(Timers& timers, distribution::CNode& cnode, Source source)
    : timers_(timers), cnode_(cnode), source_(std::move(source)) {
  cnode_.add_process(process_name, {.call = [this](const GenCall& call) { answer(call); },
                                    .cast =
                                        [this](std::span<const char> request) {
                                          if (TermReader(request).accept_atom("refresh")) {
                                            source_.refresh();
                                          } else {
                                            cnode_.drop_message();
                                          }
                                        },
                                    .caller_gone =
                                        [this](const Pid& caller, const Reference& reference) {
                                          std::erase_if(waiting_, [&](const Waiting& waiting) {
                                            return waiting.call.from == caller &&
                                                   waiting.call.reference == reference;
                                          });
                                        },
                                    .system = [this](const GenCall& call) { answer_system(call); }});
}

void StatusServer::answer(const GenCall& call) {
  TermReader request(call.request);
  if (request.accept_atom("status")) {
    cnode_.reply(call, status::status_term(source_.snapshot()));
  } else if (request.accept_atom("peers")) {
    cnode_.reply(call, status::peers_term(source_.snapshot()));
  } else if (request.accept_atom("version")) {
    cnode_.reply(call, TermWriter().binary(source_.version).bytes());
  } else if (request.accept_atom("readiness")) {
    cnode_.reply(call,
                 source_.has_synced() ? ok().bytes() : TermWriter().binary(source_.readiness()).bytes());
  } else if (request.accept_atom("refresh")) {
    source_.refresh();
    cnode_.reply(call, ok().bytes());
  } else if (request.accept_tuple(2) && request.accept_atom("await")) {
    await(call, request.rest());
  } else {
    cnode_.reply_error(call, "unknown_request");
  }
}

/// As OTP's sys.erl answers for a process; the state is the status term.
void StatusServer::answer_system(const GenCall& call) {
  TermReader request(call.request);
  if (request.accept_atom("get_state")) {
    cnode_.reply(call, status::status_term(source_.snapshot()));
  } else if (request.accept_atom("get_status")) {
    TermWriter reply;
    // {status, Pid, {module, Module}, [Dictionary, running, Parent, Debug, State]}
    reply.tuple(4).atom("status").pid(cnode_.pid()).tuple(2).atom("module").atom(process_name);
    reply.list(5).nil().atom("running").pid(cnode_.pid()).nil();
    reply.raw(status::status_term(source_.snapshot())).nil();
    cnode_.reply(call, reply.bytes());
  } else {
    cnode_.reply_error(call, "unknown_system_msg");
  }
}

void StatusServer::await(const GenCall& call, std::span<const char> timeout) {
  TermReader reader(timeout);
  const bool no_limit = reader.accept_atom("infinity");
  const std::int64_t limit_ms = no_limit ? 0 : reader.integer().value_or(-1);
  if (limit_ms < 0 || limit_ms > longest_await_ms) {
    cnode_.reply_error(call, "unknown_request");
    return;
  }
  if (source_.has_synced()) {
    cnode_.reply(call, ok().bytes());
    return;
  }
  if (waiting_.size() >= max_waiting) {
    reply_error(call, "too_many_waiting");
    return;
  }
  const auto place = waiting_.insert(waiting_.end(), Waiting{call, nullptr});
  if (no_limit) {
    return;
  }
  place->deadline = timers_.call_after(Milliseconds(limit_ms), [this, place]() {
    reply_error(place->call, "timeout");
    waiting_.erase(place);
  });
}

void StatusServer::forget(const NodeName& node) {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.call.from.node == node.str(); });
}

void StatusServer::check_initial_sync() {
  if (waiting_.empty() || !source_.has_synced()) {
    return;
  }
  for (const auto& waiting : std::exchange(waiting_, {})) {
    cnode_.reply(waiting.call, ok().bytes());
  }
}

void StatusServer::reply_error(const GenCall& call, std::string_view reason) {
  cnode_.reply(call, TermWriter().tuple(2).atom("error").atom(reason).bytes());
}

}  // namespace rancher_cnode::status
