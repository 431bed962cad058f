// The process rancher_cnode as callers on another node see it, over a real connection; its clock is set by
// hand.
#include "rancher_cnode/status/status_server.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "rancher_cnode/status/events_term.hpp"
#include "status/snapshot_term.hpp"
#include "support/unit/caller.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/log_lines.hpp"
#include "unit/distribution/nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using distribution::TermBytes;
using distribution::TermWriter;
using distribution::test::EpmdStandIn;
using distribution::test::Node;
using status::StatusServer;

namespace {

TermBytes request(std::string_view name) { return TermWriter().atom(name).take(); }
TermBytes await(std::int64_t milliseconds) {
  return TermWriter().tuple(2).atom("await").integer(milliseconds).take();
}
TermBytes events(std::int64_t after_id, std::int64_t limit) {
  return TermWriter().tuple(3).atom("events").integer(after_id).integer(limit).take();
}
TermWriter& add_list(TermWriter& writer, const std::vector<std::string>& texts) {
  if (!texts.empty()) {
    writer.list(texts.size());
  }
  for (const auto& text : texts) {
    writer.binary(text);
  }
  return writer.nil();
}
TermBytes set_services(const std::vector<std::string>& services) {
  TermWriter writer;
  return add_list(writer.tuple(2).atom("set_services"), services).take();
}
TermBytes await(std::int64_t milliseconds, const std::vector<std::string>& services) {
  TermWriter writer;
  return add_list(writer.tuple(3).atom("await").integer(milliseconds), services).take();
}
TermBytes await_for_ever() { return TermWriter().tuple(2).atom("await").atom("infinity").take(); }

struct Listening {
  Listening() { served.start(); }
  ~Listening() {
    served.cnode->stop();
    distribution::test::run_for(loop, Milliseconds(1));
  }

  boost::asio::io_context loop;
  EpmdStandIn epmd{loop};
  Node served{loop, epmd, "rancher_cnode@127.0.0.1"};
};

struct Served : Listening {
  /// One peer, so that status and peers differ from what is empty.
  [[nodiscard]] status::Snapshot snapshot() const {
    status::TargetSnapshot target{.node = *NodeName::parse("a@127.0.0.1"),
                                  .reason = {},
                                  .stage = {},
                                  .since = {},
                                  .peers = {{.node = *NodeName::parse("b@127.0.0.1"),
                                             .reason = "the dial failed",
                                             .since = {},
                                             .next_try = {}}},
                                  .departed = {},
                                  .counters = {}};
    return {.now = {},
            .started = {},
            .node = served.cnode->name(),
            .program_version = "1.2.3",
            .node_counters = {},
            .metadata = {},
            .member_views = {},
            .targets = {std::move(target)}};
  }
  Expected<void> set_services(const std::vector<std::string>& services) {
    if (services.empty()) {
      return failure(ErrorCode::bad_setting, "none is given");
    }
    set = services;
    return {};
  }
  void sync() {
    synced = true;
    server.check_initial_sync();
  }

  FakeTimers timers;
  Log log{LogLevel::error, LogFormat::text, std::make_shared<LogLines>()};
  bool synced = false;
  int refreshed = 0;
  std::vector<std::string> read;  ///< services
  std::vector<std::string> set;
  std::vector<std::function<void(const status::Mesh&)>> mesh_callers;
  StatusServer server{
      timers, *served.cnode,
      StatusServer::Source{
          .snapshot = [this] { return snapshot(); },
          .has_synced = [this] { return synced; },
          .have_synced = [this](const auto& services) { return synced && services == read; },
          .readiness = [] { return "much"; },
          .refresh = [this] { ++refreshed; },
          .set_services = [this](const auto& services) { return set_services(services); },
          .events = [this](std::uint64_t after_id, std::size_t limit) { return log.recent(after_id, limit); },
          .mesh = [this](auto done) { mesh_callers.push_back(std::move(done)); },
          .version = "1.2.3"}};
  Caller caller{loop, *served.cnode, "beam@127.0.0.1"};
};

}  // namespace

TEST_CASE("status, peers and the version are answered at once") {
  Served served;
  CHECK(served.caller.ask_for_bytes(request("status")) == status::status_term(served.snapshot()));
  CHECK(served.caller.ask_for_bytes(request("peers")) == status::peers_term(served.snapshot()));
  CHECK(served.caller.ask_for_bytes(request("version")) == TermWriter().binary("1.2.3").bytes());
}

TEST_CASE("the readiness report is returned until the initial sync is done") {
  Served served;
  CHECK(served.caller.ask(request("readiness")).find("much") != std::string::npos);
  served.synced = true;
  CHECK(served.caller.ask(request("readiness")) == "ok");
}

TEST_CASE("a refresh may be called or cast") {
  Served served;
  CHECK(served.caller.ask(request("refresh")) == "ok");
  CHECK(served.refreshed == 1);
  served.caller.cast(request("something else"));
  served.caller.cast(request("refresh"));
  served.caller.ask(request("version"));  // answered after the casts were taken
  CHECK(served.refreshed == 2);
}

TEST_CASE("services are set as they are given, or the reply says why not") {
  Served served;
  CHECK(served.caller.ask(set_services({"self/service", "a/b=worker"})) == "ok");
  CHECK(served.set == std::vector<std::string>{"self/service", "a/b=worker"});
  CHECK(served.caller.ask(set_services({})) == "{error,<<\"none is given\">>}");
  CHECK(served.set.size() == 2);
}

TEST_CASE("a caller may wait for the read of services, too") {
  Served served;
  served.sync();
  CHECK(served.caller.ask(await(0)) == "ok");
  const auto both = served.caller.call(await(5'000, {"a/b", "c/d"}));
  const auto other = served.caller.call(await(5'000, {"e/f"}));
  served.caller.ask(request("version"));  // answered after both were taken
  served.read = {"a/b", "c/d"};
  served.sync();
  CHECK(served.caller.await_answer(both) == "ok");
  CHECK(served.caller.ask(await(0, {"a/b", "c/d"})) == "ok");
  CHECK(served.caller.ask(await(0, {})) == "ok");
  served.timers.advance(Milliseconds(5'000));
  CHECK(served.caller.await_answer(other) == "{error,timeout}");
}

TEST_CASE("an unknown request is answered with unknown_request") {
  Served served;
  for (const auto& [asked, answer] :
       {std::pair{request("wait"), "{error,{unknown_request,wait}}"},
        std::pair{await(-1), "{error,{unknown_request,{await,-1}}}"},
        std::pair{await(4'294'967'296), "{error,{unknown_request,{await,4294967296}}}"},
        std::pair{TermWriter().tuple(2).atom("await").atom("ever").take(),
                  "{error,{unknown_request,{await,ever}}}"},
        std::pair{TermWriter().tuple(3).atom("await").integer(1).integer(1).take(),
                  "{error,{unknown_request,{await,1,1}}}"},
        std::pair{TermWriter().tuple(3).atom("await").integer(-1).nil().take(),
                  "{error,{unknown_request,{await,-1,[]}}}"},
        std::pair{TermWriter().tuple(2).atom("set_services").atom("all").take(),
                  "{error,{unknown_request,{set_services,all}}}"},
        std::pair{TermWriter().tuple(2).atom("set_services").list(1).atom("all").nil().take(),
                  "{error,{unknown_request,{set_services,[all]}}}"},
        std::pair{TermWriter().tuple(2).atom("set_services").list(1).binary("a/b").atom("c").take(),
                  "{error,{unknown_request,{set_services,[<<\"a/b\">>|c]}}}"},
        std::pair{events(-1, 1), "{error,{unknown_request,{events,-1,1}}}"},
        std::pair{events(0, 0), "{error,{unknown_request,{events,0,0}}}"},
        std::pair{events(0, 1'001), "{error,{unknown_request,{events,0,1001}}}"},
        std::pair{TermWriter().tuple(2).atom("events").integer(0).take(),
                  "{error,{unknown_request,{events,0}}}"},
        std::pair{TermWriter().tuple(3).atom("subscribe").atom("me").atom("new").take(),
                  "{error,{unknown_request,{subscribe,me,new}}}"}}) {
    CHECK(served.caller.ask(asked) == answer);
  }
}

TEST_CASE("the recent events above an id are returned, up to a limit") {
  Served served;
  served.log.info("peer_listed", "one");
  served.log.warning("peer_lost", "two", {{"peer", "a@10.42.0.1"}});
  served.log.info("peer_connected", "three");
  const auto recent = [&](std::int64_t after_id, std::int64_t limit) {
    std::string messages;
    const auto answer = status::read_events(served.caller.ask_for_bytes(events(after_id, limit)));
    REQUIRE(answer);
    for (const auto& event : answer->events) {
      messages += event.message + " ";
    }
    return messages;
  };
  CHECK(recent(0, 1'000) == "one two three ");
  CHECK(recent(0, 2) == "one two ");
  CHECK(recent(1, 1'000) == "two three ");
  CHECK(recent(3, 1'000) == "");
}

TEST_CASE("a subscriber gets events until it takes its monitor back, or its node has gone") {
  Served served;
  Caller other(served.loop, *served.served.cnode, "other@127.0.0.1");
  const auto after = TermWriter().atom("new").take();
  const auto ends = served.caller.subscribe(after);
  const auto stays = served.caller.subscribe(after);
  const auto goes = other.subscribe(after);
  served.caller.await_answer(stays);
  other.await_answer(goes);
  served.caller.give_up(ends);
  served.caller.ask(request("version"));
  served.server.forget(*NodeName::parse("other@127.0.0.1"));
  served.log.info("peer_listed", "one");
  served.server.deliver_events();
  served.caller.ask(request("version"));
  other.ask(request("version"));
  CHECK(served.caller.events(ends).empty());
  CHECK(served.caller.events(stays).size() == 1);
  CHECK(other.events(goes).empty());
}

TEST_CASE("once synced every await is answered at once") {
  Served served;
  served.synced = true;
  CHECK(served.caller.ask(await(0)) == "ok");
  CHECK(served.caller.ask(await(4'294'967'295)) == "ok");
  CHECK(served.caller.ask(await_for_ever()) == "ok");
}

TEST_CASE("callers that wait are answered together, once, when the initial sync is done") {
  Served served;
  Caller other(served.loop, *served.served.cnode, "other@127.0.0.1");
  const auto first = served.caller.call(await(1'000));
  const auto second = other.call(await_for_ever());
  served.caller.ask(request("version"));
  other.ask(request("version"));
  served.server.check_initial_sync();
  CHECK(served.caller.ask(request("version")).find("1.2.3") != std::string::npos);
  CHECK(served.caller.answer(first).empty());

  served.sync();
  CHECK(served.caller.await_answer(first) == "ok");
  CHECK(other.await_answer(second) == "ok");
  served.timers.advance(Milliseconds(1'000));  // would be a second answer
  served.caller.ask(request("version"));
  CHECK(served.caller.answer(first) == "ok");
}

TEST_CASE("an await ends with a time-out when its time is over, and not before") {
  Served served;
  const auto late = served.caller.call(await(1'000));
  const auto later = served.caller.call(await(2'000));
  const auto never = served.caller.call(await_for_ever());
  served.caller.ask(request("version"));
  served.timers.advance(Milliseconds(999));
  served.caller.ask(request("version"));
  CHECK(served.caller.answer(late).empty());
  served.timers.advance(Milliseconds(1));
  CHECK(served.caller.await_answer(late) == "{error,timeout}");
  served.timers.advance(Milliseconds(1'000));
  CHECK(served.caller.await_answer(later) == "{error,timeout}");
  served.timers.advance(Milliseconds(1'000'000));
  served.sync();
  CHECK(served.caller.await_answer(never) == "ok");
}

TEST_CASE("an await of no time asks whether the initial sync is done") {
  Served served;
  const auto asked = served.caller.call(await(0));
  served.caller.ask(request("version"));
  served.timers.advance(Milliseconds(0));
  CHECK(served.caller.await_answer(asked) == "{error,timeout}");
}

TEST_CASE("a caller beyond the limit is refused, and a place that becomes free is given again") {
  Served served;
  std::vector<std::uint32_t> waiting;
  for (std::size_t i = 0; i + 1 < StatusServer::max_waiting; ++i) {
    waiting.push_back(served.caller.call(await_for_ever()));
  }
  const auto limited = served.caller.call(await(1'000));
  CHECK(served.caller.ask(await_for_ever()) == "{error,too_many_waiting}");
  CHECK(served.caller.answer(limited).empty());

  served.timers.advance(Milliseconds(1'000));
  const auto in_place_of_late = served.caller.call(await_for_ever());
  CHECK(served.caller.ask(await_for_ever()) == "{error,too_many_waiting}");

  served.caller.give_up(waiting.front());
  const auto in_place_of_dead = served.caller.call(await_for_ever());
  CHECK(served.caller.ask(await_for_ever()) == "{error,too_many_waiting}");

  served.sync();
  CHECK(served.caller.await_answer(in_place_of_late) == "ok");
  CHECK(served.caller.await_answer(in_place_of_dead) == "ok");
  CHECK(served.caller.await_answer(waiting.back()) == "ok");
  CHECK(served.caller.answer(waiting.front()).empty());
}

TEST_CASE("a caller cannot cancel the call of another") {
  Served served;
  Caller other(served.loop, *served.served.cnode, "other@127.0.0.1");
  const auto waiting = served.caller.call(await_for_ever());
  served.caller.ask(request("version"));
  other.give_up(waiting, served.caller);
  other.ask(request("version"));
  served.sync();
  CHECK(served.caller.await_answer(waiting) == "ok");
}

TEST_CASE("the callers of a node that has gone give their places back, and no others do") {
  Served served;
  Caller other(served.loop, *served.served.cnode, "other@127.0.0.1");
  const auto stays = other.call(await_for_ever());
  other.ask(request("version"));
  for (std::size_t i = 1; i < StatusServer::max_waiting; ++i) {
    served.caller.call(await_for_ever());
  }
  CHECK(served.caller.ask(await_for_ever()) == "{error,too_many_waiting}");
  served.server.forget(*NodeName::parse("beam@127.0.0.1"));
  std::vector<std::uint32_t> again;
  for (std::size_t i = 1; i < StatusServer::max_waiting; ++i) {
    again.push_back(other.call(await_for_ever()));
  }
  CHECK(other.ask(await_for_ever()) == "{error,too_many_waiting}");
  served.sync();
  CHECK(other.await_answer(again.back()) == "ok");
  CHECK(other.await_answer(stays) == "ok");
}
