#include "status/subscribers.hpp"

#include <optional>
#include <utility>

#include "rancher_cnode/status/events_term.hpp"

namespace rancher_cnode::status {
using distribution::GenCall;
using distribution::Pid;
using distribution::Reference;
using distribution::TermReader;
using distribution::TermWriter;

namespace {

/// Events that are taken out of the log in one go.
constexpr std::size_t events_at_once = 64;

/// The id after which the events are wanted; nothing if the term is not as documented.
std::optional<std::uint64_t> id_in(TermReader after, const Log::Recent& now) {
  if (after.accept_atom("new")) {
    return now.last_id;
  }
  if (!after.accept_tuple(2)) {
    return std::nullopt;
  }
  const auto instance = after.integer();
  const auto id = after.integer();
  if (!instance || !id || *id < 0) {
    return std::nullopt;
  }
  return *instance == now.instance ? static_cast<std::uint64_t>(*id) : 0;
}

}  // namespace

Subscribers::Subscribers(Timers& timers, distribution::CNode& cnode, Events events)
    : timers_(timers), cnode_(cnode), events_(std::move(events)) {}

void Subscribers::add(const GenCall& call, std::span<const char> arguments) {
  TermReader reader(arguments);
  auto monitor = reader.reference();
  const Log::Recent now = events_(0, 0);
  const auto after = id_in(TermReader(reader.rest()), now);
  if (!monitor || !after) {
    cnode_.reply_error(call, "unknown_request");
    return;
  }
  TermWriter reply;
  reply.tuple(2);
  if (subscribers_.size() >= max_subscribers) {
    cnode_.reply(call, reply.atom("error").atom("too_many_subscribers").bytes());
    return;
  }
  reply.atom("ok").tuple(2).integer(now.instance).integer(static_cast<std::int64_t>(*after));
  cnode_.reply(call, reply.bytes());
  subscribers_.push_back({call.from, *std::move(monitor), *after});
  deliver();
}

void Subscribers::remove(const Pid& subscriber, const Reference& monitor) {
  std::erase_if(subscribers_,
                [&](const Subscriber& each) { return each.pid == subscriber && each.monitor == monitor; });
}

void Subscribers::forget(const NodeName& node) {
  std::erase_if(subscribers_, [&](const Subscriber& each) { return each.pid.node == node.str(); });
}

void Subscribers::deliver() {
  retry_.reset();
  for (Subscriber& subscriber : subscribers_) {
    if (deliver_to(subscriber) == Delivery::behind) {
      retry_ = timers_.call_after(retry, [this]() { deliver(); });
    }
  }
}

Subscribers::Delivery Subscribers::deliver_to(Subscriber& subscriber) {
  for (;;) {
    const Log::Recent recent = events_(subscriber.sent, events_at_once);
    if (recent.events.empty()) {
      return Delivery::complete;
    }
    for (const LoggedEvent& event : recent.events) {
      TermWriter message;
      message.tuple(3).atom("rancher_cnode_event").reference(subscriber.monitor).raw(event_term(event));
      if (!cnode_.offer(subscriber.pid, message.bytes(), max_unsent_bytes)) {
        return Delivery::behind;
      }
      subscriber.sent = event.id;
    }
  }
}

}  // namespace rancher_cnode::status
