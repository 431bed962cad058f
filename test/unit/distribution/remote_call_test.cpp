#include "rancher_cnode/distribution/remote_call.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "bytes.hpp"
#include "connected.hpp"
#include "rancher_cnode/distribution/control_message.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

const ModuleFunction nodes{"erlang", "nodes"};

/// Calls whose frames are kept instead of sent.
struct Calls {
  RemoteCalls& on(std::uint32_t link = 1) {
    calls = std::make_unique<RemoteCalls>(loop, ours, link, [this](std::vector<char> frame) {
      const auto message = decode_message(std::span<const char>(frame).subspan(4));
      REQUIRE(message);
      const auto* send = std::get_if<control::RegSend>(&message->control);
      REQUIRE(send != nullptr);
      CHECK(send->from == ours);
      receivers.push_back(send->to);
      TermReader reader(message->payload);
      REQUIRE(reader.accept_tuple(3));
      REQUIRE(reader.accept_atom("$gen_call"));
      REQUIRE(reader.accept_tuple(2));
      CHECK(reader.pid() == ours);
      const auto tag = reader.skip();
      REQUIRE(tag);
      tags.emplace_back(tag->begin(), tag->end());
      requests.push_back(printed(reader.rest()));
    });
    return *calls;
  }

  TermBytes answer(std::size_t to, const TermBytes& result) const {
    return TermWriter().tuple(2).raw(tags.at(to)).raw(result).take();
  }

  OnCallResult keep() {
    return [this](CallResult result) { results.push_back(std::move(result)); };
  }

  asio::io_context loop;
  std::unique_ptr<RemoteCalls> calls;
  std::vector<std::string> receivers;
  std::vector<TermBytes> tags;
  std::vector<std::string> requests;
  std::vector<CallResult> results;
};

TermBytes badrpc(const TermBytes& reason) { return TermWriter().tuple(2).atom("badrpc").raw(reason).take(); }

constexpr Milliseconds long_enough{60'000};

}  // namespace

TEST_CASE("a call asks rex as rpc does") {
  Calls calls;
  calls.on().call(nodes, TermWriter().list(1).atom("connected").nil().take(), long_enough, calls.keep());
  REQUIRE(calls.requests.size() == 1);
  CHECK(calls.receivers[0] == "rex");
  CHECK(calls.requests[0] == "{call,erlang,nodes,[connected],user}");
  CHECK(TermReader(calls.tags[0]).reference());
}

TEST_CASE("answers come in any order, each to its own call") {
  Calls calls;
  auto& on = calls.on();
  std::vector<int> answered;
  for (int i = 0; i < 3; ++i) {
    on.call(nodes, hex("6a"), long_enough, [&answered, i](const CallResult& result) {
      CHECK(TermReader(*result).integer() == i);
      answered.push_back(i);
    });
  }
  for (const int i : {2, 0, 1}) {
    CHECK(on.handle_reply(calls.answer(static_cast<std::size_t>(i), TermWriter().integer(i).take())));
  }
  CHECK(answered == std::vector<int>{2, 0, 1});
}

TEST_CASE("an answer is taken once, and only if it is one") {
  Calls calls;
  auto& on = calls.on();
  on.call(nodes, hex("6a"), long_enough, calls.keep());
  const auto answer = calls.answer(0, hex("6a"));
  const TermBytes rows[] = {
      {},
      hex("6a"),
      TermWriter().tuple(2).atom("x").atom("y").take(),
      TermWriter().tuple(2).reference({"cn@127.0.0.1", 9, 3, {77, 0, 1}}).atom("y").take(),
      TermWriter().tuple(1).raw(calls.tags[0]).take(),
      TermWriter().raw(calls.tags[0]).take(),
  };
  for (const auto& row : rows) {
    CAPTURE(printed(row));
    CHECK_FALSE(on.handle_reply(row));
  }
  CHECK(calls.results.empty());
  CHECK(on.handle_reply(answer));
  CHECK_FALSE(on.handle_reply(answer));
  CHECK(calls.results.size() == 1);
}

TEST_CASE("an answer to an older connection's call answers no call of a newer one") {
  Calls calls;
  calls.on(1).call(nodes, hex("6a"), long_enough, calls.keep());
  const auto late = calls.answer(0, hex("6a"));
  auto& newer = calls.on(2);
  newer.call(nodes, hex("6a"), long_enough, calls.keep());
  CHECK_FALSE(newer.handle_reply(late));
  CHECK(calls.results.empty());
}

TEST_CASE("a failed call is an error with the reason") {
  const auto undef = TermWriter().tuple(2).atom("EXIT").tuple(2).atom("undef").nil().take();
  const auto raised = TermWriter().tuple(2).atom("EXIT").tuple(2).atom("badarg").nil().take();
  const struct {
    TermBytes reason;
    ErrorCode code;
    std::string message;
  } rows[] = {
      {undef, ErrorCode::not_found, "erlang:nodes: the call failed: {EXIT,{undef,[]}}"},
      {raised, ErrorCode::failed, "erlang:nodes: the call failed: {EXIT,{badarg,[]}}"},
      {TermWriter().atom("nodedown").take(), ErrorCode::failed, "erlang:nodes: the call failed: nodedown"},
      {TermWriter().tuple(2).atom("exit").tuple(2).atom("undef").nil().take(), ErrorCode::failed,
       "erlang:nodes: the call failed: {exit,{undef,[]}}"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    Calls calls;
    auto& on = calls.on();
    on.call(nodes, hex("6a"), long_enough, calls.keep());
    CHECK(on.handle_reply(calls.answer(0, badrpc(row.reason))));
    REQUIRE(calls.results.size() == 1);
    CHECK(calls.results[0].error() == Error{row.code, row.message});
  }
}

TEST_CASE("a result that only looks like a failure is a result") {
  const auto result = TermWriter().tuple(3).atom("badrpc").atom("x").atom("y").take();
  Calls calls;
  auto& on = calls.on();
  on.call(nodes, hex("6a"), long_enough, calls.keep());
  CHECK(on.handle_reply(calls.answer(0, result)));
  CHECK(*calls.results.at(0) == result);
}

TEST_CASE("a request to any process returns its reply as it came") {
  Calls calls;
  auto& on = calls.on();
  on.request("rancher_cnode", TermWriter().atom("status").take(), long_enough, calls.keep());
  CHECK(calls.receivers[0] == "rancher_cnode");
  CHECK(calls.requests[0] == "status");
  CHECK(on.handle_reply(calls.answer(0, badrpc(hex("6a")))));
  CHECK(*calls.results.at(0) == badrpc(hex("6a")));
}

TEST_CASE("a call without a reply ends by its timeout, and its late reply is dropped") {
  Calls calls;
  auto& on = calls.on();
  on.call(nodes, hex("6a"), Milliseconds(20), calls.keep());
  on.call(nodes, hex("6a"), long_enough, calls.keep());
  run_until(calls.loop, "the timeout", [&] { return !calls.results.empty(); });
  CHECK(calls.results.size() == 1);
  CHECK(calls.results[0].error().code == ErrorCode::timeout);
  CHECK_FALSE(on.handle_reply(calls.answer(0, hex("6a"))));
  CHECK(on.handle_reply(calls.answer(1, hex("6a"))));
}

TEST_CASE("the end of the connection ends every call once, even calls made meanwhile") {
  Calls calls;
  auto& on = calls.on();
  on.call(nodes, hex("6a"), long_enough, [&](CallResult result) {
    calls.results.push_back(std::move(result));
    on.call(nodes, hex("6a"), Milliseconds(10), calls.keep());
  });
  on.call(nodes, hex("6a"), long_enough, calls.keep());
  on.fail_all({ErrorCode::unavailable, "the connection is lost"});
  CHECK(calls.results.size() == 2);
  run_until(calls.loop, "the last call's timeout", [&] { return calls.results.size() == 3; });
  CHECK(calls.results[0].error().code == ErrorCode::unavailable);
  CHECK(calls.results[2].error().code == ErrorCode::timeout);
}

TEST_CASE("no call ends after the calls were destroyed") {
  Calls calls;
  calls.on().call(nodes, hex("6a"), Milliseconds(0), calls.keep());
  calls.calls.reset();
  run_for(calls.loop, Milliseconds(20));
  CHECK(calls.results.empty());
}
