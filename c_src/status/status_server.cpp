#include "rancher_cnode/status/status_server.hpp"

#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include "rancher_cnode/status/events_term.hpp"
#include "status/snapshot_term.hpp"
#include "status/subscribers.hpp"

namespace rancher_cnode::status {
using distribution::GenCall;
using distribution::Pid;
using distribution::Reference;
using distribution::TermReader;
using distribution::TermWriter;

namespace {

/// The longest wait of a caller; the same as the limit of gen_server (2^32 - 1 ms).
constexpr std::int64_t longest_await_ms = 4'294'967'295;

/// A list of binaries; nothing for another term.
std::optional<std::vector<std::string>> texts_in(std::span<const char> list) {
  TermReader reader(list);
  const auto length = reader.list();
  if (!length) {
    return std::nullopt;
  }
  std::vector<std::string> texts;
  for (std::uint32_t i = 0; i < *length; ++i) {
    auto text = reader.binary();
    if (!text) {
      return std::nullopt;
    }
    texts.push_back(*std::move(text));
  }
  return *length == 0 || reader.nil() ? std::optional(std::move(texts)) : std::nullopt;
}

TermWriter ok() { return std::move(TermWriter().atom("ok")); }

}  // namespace

StatusServer::StatusServer(Timers& timers, distribution::CNode& cnode, Source source)
    : timers_(timers),
      cnode_(cnode),
      source_(std::move(source)),
      subscribers_(std::make_unique<Subscribers>(timers, cnode, source_.events)) {
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
                                          subscribers_->remove(caller, reference);
                                        },
                                    .system = [this](const GenCall& call) { answer_system(call); }});
}

StatusServer::~StatusServer() = default;

void StatusServer::answer(const GenCall& call) {
  TermReader request(call.request);
  if (request.accept_atom("status")) {
    cnode_.reply(call, status::status_term(source_.snapshot()));
  } else if (request.accept_atom("peers")) {
    cnode_.reply(call, status::peers_term(source_.snapshot()));
  } else if (request.accept_atom("mesh")) {
    answer_mesh(call);
  } else if (request.accept_atom("version")) {
    cnode_.reply(call, TermWriter().binary(source_.version).bytes());
  } else if (request.accept_atom("readiness")) {
    cnode_.reply(call,
                 source_.has_synced() ? ok().bytes() : TermWriter().binary(source_.readiness()).bytes());
  } else if (request.accept_atom("refresh")) {
    source_.refresh();
    cnode_.reply(call, ok().bytes());
  } else if (request.accept_tuple(2) && request.accept_atom("await")) {
    await(call, request.rest(), {});
  } else if (TermReader set(call.request); set.accept_tuple(2) && set.accept_atom("set_services")) {
    set_services(call, set.rest());
  } else if (TermReader wait(call.request); wait.accept_tuple(3) && wait.accept_atom("await")) {
    await_services(call, wait.rest());
  } else if (TermReader events(call.request); events.accept_tuple(3) && events.accept_atom("events")) {
    answer_events(call, events.rest());
  } else if (TermReader after(call.request); after.accept_tuple(3) && after.accept_atom("subscribe")) {
    subscribers_->add(call, after.rest());
  } else {
    cnode_.reply_error(call, "unknown_request");
  }
}

void StatusServer::answer_events(const GenCall& call, std::span<const char> range) {
  TermReader reader(range);
  const std::int64_t after = reader.integer().value_or(-1);
  const std::int64_t limit = reader.integer().value_or(0);
  if (after < 0 || limit < 1 || limit > max_events) {
    cnode_.reply_error(call, "unknown_request");
    return;
  }
  cnode_.reply(
      call, events_term(source_.events(static_cast<std::uint64_t>(after), static_cast<std::size_t>(limit))));
}

void StatusServer::answer_mesh(const GenCall& call) {
  if (waiting_for_mesh_ >= max_waiting) {
    reply_error(call, "too_many_waiting");
    return;
  }
  ++waiting_for_mesh_;
  source_.mesh([this, call](const Mesh& mesh) {
    --waiting_for_mesh_;
    cnode_.reply(call, mesh_term(mesh));
  });
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

void StatusServer::set_services(const GenCall& call, std::span<const char> services) {
  const auto texts = texts_in(services);
  if (!texts) {
    cnode_.reply_error(call, "unknown_request");
    return;
  }
  if (const auto done = source_.set_services(*texts); !done) {
    refuse(call, done.error());
    return;
  }
  cnode_.reply(call, ok().bytes());
}

/// {error, Text}: what the caller wrote is wrong.
void StatusServer::refuse(const GenCall& call, const Error& error) {
  cnode_.reply(call, TermWriter().tuple(2).atom("error").binary(error.message).bytes());
}

void StatusServer::await_services(const GenCall& call, std::span<const char> arguments) {
  TermReader reader(arguments);
  const auto timeout = reader.skip();
  auto services = texts_in(reader.rest());
  if (!timeout || !services) {
    cnode_.reply_error(call, "unknown_request");
    return;
  }
  await(call, *timeout, *std::move(services));
}

Expected<bool> StatusServer::has_synced(const std::vector<std::string>& services) const {
  return services.empty() ? source_.has_synced() : source_.have_synced(services);
}

void StatusServer::await(const GenCall& call, std::span<const char> timeout,
                         std::vector<std::string> services) {
  TermReader reader(timeout);
  const bool no_limit = reader.accept_atom("infinity");
  const std::int64_t limit_ms = no_limit ? 0 : reader.integer().value_or(-1);
  if (limit_ms < 0 || limit_ms > longest_await_ms) {
    cnode_.reply_error(call, "unknown_request");
    return;
  }
  const auto synced = has_synced(services);
  if (!synced) {
    refuse(call, synced.error());
    return;
  }
  if (*synced) {
    cnode_.reply(call, ok().bytes());
    return;
  }
  if (waiting_.size() >= max_waiting) {
    reply_error(call, "too_many_waiting");
    return;
  }
  const auto place = waiting_.insert(waiting_.end(), Waiting{call, std::move(services), nullptr});
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
  subscribers_->forget(node);
}

void StatusServer::deliver_events() { subscribers_->deliver(); }

void StatusServer::check_initial_sync() {
  std::list<Waiting> synced;
  for (auto each = waiting_.begin(); each != waiting_.end();) {
    const auto next = std::next(each);
    if (has_synced(each->services).value_or(false)) {
      synced.splice(synced.end(), waiting_, each);
    }
    each = next;
  }
  for (const auto& waiting : synced) {
    cnode_.reply(waiting.call, ok().bytes());
  }
}

void StatusServer::reply_error(const GenCall& call, std::string_view reason) {
  cnode_.reply(call, TermWriter().tuple(2).atom("error").atom(reason).bytes());
}

}  // namespace rancher_cnode::status
