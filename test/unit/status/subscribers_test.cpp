// Subscribers over real connections; the clock is set by hand.
#include "status/subscribers.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "rancher_cnode/status/events_term.hpp"
#include "support/unit/caller.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/log_lines.hpp"
#include "unit/distribution/nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using distribution::GenCall;
using distribution::Pid;
using distribution::Reference;
using distribution::TermBytes;
using distribution::TermReader;
using distribution::TermWriter;
using distribution::test::EpmdStandIn;
using distribution::test::Node;
using status::Subscribers;

namespace {

TermBytes just_new() { return TermWriter().atom("new").take(); }
TermBytes after(std::int64_t instance, std::int64_t id) {
  return TermWriter().tuple(2).integer(instance).integer(id).take();
}

struct SubscribersNode {
  SubscribersNode() { node.start(); }
  ~SubscribersNode() {
    node.cnode->stop();
    distribution::test::run_for(loop, Milliseconds(1));
  }
  SubscribersNode(const SubscribersNode&) = delete;
  SubscribersNode& operator=(const SubscribersNode&) = delete;

  boost::asio::io_context loop;
  EpmdStandIn epmd{loop};
  Node node{loop, epmd, "rancher_cnode@127.0.0.1"};
};

/// A node whose process rancher_cnode answers `subscribe`, and `version` to show that it has taken all
/// before.
struct ServedSubscribers : SubscribersNode {
  ServedSubscribers() {
    node.cnode->add_process(
        "rancher_cnode",
        {.call =
             [this](const GenCall& call) {
               TermReader request(call.request);
               request.accept_tuple(3) && request.accept_atom("subscribe")
                   ? subscribers.add(call, request.rest())
                   : node.cnode->reply(call, call.request);
             },
         .cast = {},
         .caller_gone = [this](const Pid& caller,
                               const Reference& monitor) { subscribers.remove(caller, monitor); }});
  }

  /// The messages of the events that a subscription has got.
  std::string got(Caller& caller, std::uint32_t subscription) {
    caller.ask(TermWriter().atom("version").take());
    std::string all;
    for (const TermBytes& event : caller.events(subscription)) {
      all += event_of(event).message + " ";
    }
    return all;
  }
  static LoggedEvent event_of(const TermBytes& term) {
    TermWriter events;
    events.map(2).atom("instance").integer(1).atom("events").list(1).raw(term).nil();
    const auto read = status::read_events(events.bytes());
    REQUIRE(read);
    return read->events.front();
  }
  static int gaps(const std::vector<TermBytes>& events) {
    int found = 0;
    for (std::size_t i = 1; i < events.size(); ++i) {
      const auto step = event_of(events[i]).id - event_of(events[i - 1]).id;
      REQUIRE(step >= 1);
      found += step > 1 ? 1 : 0;
    }
    return found;
  }
  std::string ok(std::int64_t id) const {
    return "{ok,{" + std::to_string(log.recent(0, 0).instance) + "," + std::to_string(id) + "}}";
  }

  FakeTimers timers;
  Log log{LogLevel::error, LogFormat::text, std::make_shared<LogLines>()};
  Subscribers subscribers{timers, *node.cnode,
                          [this](std::uint64_t id, std::size_t limit) { return log.recent(id, limit); }};
  Caller beam{loop, *node.cnode, "beam@127.0.0.1"};
};

}  // namespace

TEST_CASE("a new subscriber gets the events from then on, each once, and no debug") {
  ServedSubscribers served;
  served.log.info("peer_listed", "before");
  const auto subscription = served.beam.subscribe(just_new());
  CHECK(served.beam.await_answer(subscription) == served.ok(1));
  served.log.info("peer_listed", "one");
  served.log.debug("setting", "detail");
  served.log.warning("peer_lost", "two");
  served.subscribers.deliver();
  CHECK(served.got(served.beam, subscription) == "one two ");
  served.log.info("peer_listed", "three");
  served.subscribers.deliver();
  served.subscribers.deliver();
  CHECK(served.got(served.beam, subscription) == "one two three ");
}

TEST_CASE("a subscriber goes on after an event of this instance, and of another one gets all events") {
  ServedSubscribers served;
  const auto instance = served.log.recent(0, 0).instance;
  for (const char* message : {"one", "two", "three"}) {
    served.log.info("peer_listed", message);
  }
  const auto same = served.beam.subscribe(after(instance, 1));
  const auto other = served.beam.subscribe(after(instance - 1, 2));
  const auto any = served.beam.subscribe(after(0, 0));
  CHECK(served.beam.await_answer(same) == served.ok(1));
  CHECK(served.beam.await_answer(other) == served.ok(0));
  CHECK(served.got(served.beam, same) == "two three ");
  CHECK(served.got(served.beam, other) == "one two three ");
  CHECK(served.got(served.beam, any) == "one two three ");
}

TEST_CASE("what is not a place in the events is an unknown request") {
  ServedSubscribers served;
  for (const TermBytes& wrong :
       {after(0, -1), TermWriter().atom("old").take(), TermWriter().integer(3).take(),
        TermWriter().tuple(2).atom("new").integer(1).take()}) {
    const auto subscription = served.beam.subscribe(wrong);
    CHECK(served.beam.await_answer(subscription).starts_with("{error,{unknown_request,{subscribe,"));
  }
}

TEST_CASE("a subscriber beyond the limit is refused, and one that ends gives its place back") {
  ServedSubscribers served;
  Caller other(served.loop, *served.node.cnode, "other@127.0.0.1");
  std::vector<std::uint32_t> all;
  for (std::size_t i = 0; i < Subscribers::max_subscribers; ++i) {
    all.push_back(served.beam.subscribe(just_new()));
    served.beam.await_answer(all.back());
  }
  const auto refused = [&] { return other.await_answer(other.subscribe(just_new())); };
  CHECK(refused() == "{error,too_many_subscribers}");
  // Nobody ends the subscription of another.
  other.give_up(all.front(), served.beam);
  CHECK(refused() == "{error,too_many_subscribers}");
  served.beam.give_up(all.front());
  served.got(served.beam, all.back());
  CHECK(refused() == served.ok(0));
  CHECK(refused() == "{error,too_many_subscribers}");
  served.subscribers.forget(*NodeName::parse("beam@127.0.0.1"));
  CHECK(refused() == served.ok(0));
}

TEST_CASE("one that does not read costs no more than its limit, and has a gap once it reads again") {
  ServedSubscribers served;
  boost::asio::io_context reading;
  Caller suspended(served.loop, *served.node.cnode, "suspended@127.0.0.1", reading);
  const auto behind = suspended.subscribe(just_new());
  const auto reads = served.beam.subscribe(just_new());
  distribution::test::run_until(served.loop, "both subscriptions", [&] {
    reading.poll();
    return !suspended.answer(behind).empty() && !served.beam.answer(reads).empty();
  });

  const auto last_id = [&] { return served.log.recent(0, 0).last_id; };
  const std::string detail(250, 'x');
  while (served.timers.idle() && last_id() < 200'000) {
    for (int i = 0; i < 100; ++i) {
      served.log.info("peer_listed", detail);
    }
    served.subscribers.deliver();
    served.loop.poll();
  }
  REQUIRE_FALSE(served.timers.idle());
  for (int i = 0; i < 2'000; ++i) {
    served.log.info("peer_listed", detail);
    served.subscribers.deliver();
    served.loop.poll();
  }
  const Pid pid{"suspended@127.0.0.1", 1, 0, 7};
  const auto message = TermWriter().tuple(2).reference({pid.node, 7, 1, {99}}).binary(detail).take();
  CHECK_FALSE(served.node.cnode->offer(pid, message, Subscribers::max_unsent_bytes - 1'000));
  CHECK(served.node.cnode->offer(pid, message, Subscribers::max_unsent_bytes + 1'000));

  distribution::test::run_until(served.loop, "the last event", [&] {
    reading.restart();
    reading.poll();
    served.timers.advance(Subscribers::retry);
    const auto& events = suspended.events(behind);
    return !events.empty() && ServedSubscribers::event_of(events.back()).id == last_id();
  });
  CHECK(served.timers.idle());
  CHECK(ServedSubscribers::gaps(suspended.events(behind)) == 1);
  served.got(served.beam, reads);
  CHECK(served.beam.events(reads).size() == last_id());
  CHECK(ServedSubscribers::gaps(served.beam.events(reads)) == 0);
}
