// Asking the members for their connections: which calls are made, and what follows from the answers.
#include "agent/mesh_query.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/unit/fake_connections.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/inline_executor.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::MeshQuery;
using distribution::TermBytes;
using distribution::TermWriter;
using membership::MemberState;
using status::Mesh;

namespace {

using Texts = std::vector<std::string>;
using Positions = std::vector<std::size_t>;

const std::string a = "myapp@10.42.0.1";
const std::string b = "myapp@10.42.0.2";
const std::string c = "myapp@10.42.0.3";
const Error timeout{ErrorCode::timeout, "no answer in time"};

membership::MemberView member(const std::string& name, MemberState state = MemberState::dialable) {
  return {.node = node(name), .state = state, .reason = {}, .since = {}};
}

/// What a member returns that lacks these, and has so many connections.
TermBytes lacking(const Texts& names, std::int64_t connections) {
  TermWriter term;
  term.tuple(3).atom("value").list(1).tuple(2).raw(atoms(names)).integer(connections).nil().nil();
  return term.take();
}
TermBytes ok(const TermBytes& value) { return TermWriter().tuple(2).atom("ok").raw(value).take(); }
TermBytes failed(const char* reason) {
  return TermWriter().tuple(2).atom("error").tuple(2).atom("erpc").atom(reason).take();
}
TermBytes list(const std::vector<TermBytes>& items) {
  TermWriter term;
  term.list(items.size());
  for (const auto& item : items) {
    term.raw(item);
  }
  return term.nil().take();
}

struct Querying {
  void ask() {
    query->ask([this](const Mesh& mesh) { answers.push_back(mesh); });
  }
  /// Answers the one call that is open, and must begin so.
  void answer(const std::string& beginning, const distribution::CallResult& with) {
    REQUIRE(connections.calls.size() == 1);
    const auto call = connections.take_call();
    CAPTURE(call.text);
    CHECK(call.text.starts_with(beginning));
    CHECK(call.text.ends_with(" on " + a));
    CHECK(call.limit == MeshQuery::call_limit);
    last_text = call.text;
    call.done(with);
  }
  /// Our BEAM lacks nobody, and the others answer so.
  void answer_all(const std::vector<TermBytes>& others) {
    ask();
    answer("erl_eval:expr(", lacking({a}, static_cast<std::int64_t>(others.size())));
    answer("erpc:multicall(", list(others));
    REQUIRE(answers.size() == 1);
  }

  // First, because the calls that are open at the end post to it.
  boost::asio::io_context loop;
  FakeConnections connections{"rancher_cnode@10.42.0.1"};
  FakeTimers timers;
  MeshQuery::Question question{.via = node(a), .members = {member(a), member(b), member(c)}};
  std::shared_ptr<MeshQuery> query =
      std::make_shared<MeshQuery>(InlineExecutor(loop), connections, timers, [this] { return question; });
  std::vector<Mesh> answers;
  std::string last_text;
};

}  // namespace

TEST_CASE("every member that the BEAM is connected to is asked by way of it, and reports whom it sees") {
  Querying querying;
  querying.answer_all({ok(lacking({b}, 3)), ok(lacking({c, b}, 1))});
  CHECK(querying.last_text.starts_with("erpc:multicall([[myapp@10.42.0.2,myapp@10.42.0.3],erl_eval,expr,"));
  const Mesh& mesh = querying.answers.front();
  CHECK(mesh.via == a);
  REQUIRE(mesh.members.size() == 3);
  CHECK(mesh.members[0].sees == Positions{1, 2});
  CHECK(mesh.members[1].sees == Positions{0, 2});
  CHECK(mesh.members[1].others == 1);
  CHECK(mesh.members[2].sees == Positions{0});
  for (const auto& each : mesh.members) {
    CHECK(each.answer == Mesh::Answer::answered);
    CHECK(each.reason == "");
    CHECK(each.dialable);
  }
}

TEST_CASE("a member that the BEAM is not connected to is not asked, because that would dial it") {
  Querying querying;
  querying.ask();
  querying.answer("erl_eval:expr(", lacking({a, c}, 1));
  querying.answer("erpc:multicall([[myapp@10.42.0.2],erl_eval", list({ok(lacking({b}, 2))}));
  REQUIRE(querying.answers.size() == 1);
  CHECK(querying.answers[0].members[1].answer == Mesh::Answer::answered);
  CHECK(querying.answers[0].members[2].answer == Mesh::Answer::not_asked);
  CHECK(querying.answers[0].members[2].reason == "the BEAM is not connected to it");
}

TEST_CASE("nobody is asked by a BEAM that is connected to no member") {
  Querying querying;
  querying.ask();
  querying.answer("erl_eval:expr(", lacking({a, b, c}, 7));
  CHECK(querying.connections.calls.empty());
  REQUIRE(querying.answers.size() == 1);
  CHECK(querying.answers[0].members[0].answer == Mesh::Answer::answered);
  CHECK(querying.answers[0].members[0].others == 7);
}

TEST_CASE("a member that does not answer has the reason in words, and its connections are unknown") {
  for (const auto& [item, words] :
       {std::pair{failed("timeout"), "it did not answer within 1500 ms"},
        std::pair{failed("noconnection"), "its connection was lost meanwhile"},
        std::pair{failed("notsup"), "its OTP release is before 23"},
        std::pair{TermWriter().tuple(2).atom("exit").atom("killed").take(), "the call failed: killed"},
        std::pair{ok(TermWriter().atom("what").take()), "its answer is malformed: what"},
        std::pair{ok(lacking({"x@10.42.9.9"}, 1)), "its answer is malformed: "},
        std::pair{TermWriter().integer(5).take(), "its answer is malformed: 5"}}) {
    Querying querying;
    querying.answer_all({item, ok(lacking({c}, 2))});
    const auto& silent = querying.answers[0].members[1];
    CHECK(silent.answer == Mesh::Answer::no_answer);
    CHECK(silent.reason.starts_with(words));
    CHECK(silent.sees.empty());
    CHECK(querying.answers[0].members[2].answer == Mesh::Answer::answered);
  }
}

TEST_CASE("a BEAM that does not answer is reported, and the others were not asked") {
  Querying querying;
  querying.ask();
  querying.answer("erl_eval:expr(", tl::unexpected(timeout));
  REQUIRE(querying.answers.size() == 1);
  CHECK(querying.answers[0].members[0].answer == Mesh::Answer::no_answer);
  CHECK(querying.answers[0].members[0].reason == "no answer in time");
  CHECK(querying.answers[0].members[1].answer == Mesh::Answer::not_asked);
}

TEST_CASE("a call of the members that fails as a whole leaves none of them answered") {
  for (const auto& [result, words] :
       {std::pair{distribution::CallResult(tl::unexpected(timeout)), "no answer in time"},
        std::pair{distribution::CallResult(failure(ErrorCode::not_found, "undef")),
                  "the BEAM has no erpc, which is in OTP 23 and later"},
        std::pair{distribution::CallResult(list({ok(lacking({b}, 2))})),
                  "the BEAM's answer is malformed: "}}) {
    Querying querying;
    querying.ask();
    querying.answer("erl_eval:expr(", lacking({a}, 2));
    querying.answer("erpc:multicall(", result);
    REQUIRE(querying.answers.size() == 1);
    for (const std::size_t position : {1U, 2U}) {
      CHECK(querying.answers[0].members[position].answer == Mesh::Answer::no_answer);
      CHECK(querying.answers[0].members[position].reason.starts_with(words));
    }
  }
}

TEST_CASE("without a connected BEAM nobody is asked") {
  Querying querying;
  querying.question.via.reset();
  querying.ask();
  CHECK(querying.connections.calls.empty());
  REQUIRE(querying.answers.size() == 1);
  CHECK(querying.answers[0].via == "");
  CHECK(querying.answers[0].members.empty());
}

TEST_CASE("callers share one run, and a fresh result") {
  Querying querying;
  querying.ask();
  querying.ask();
  querying.answer("erl_eval:expr(", lacking({a, b, c}, 0));
  CHECK(querying.answers.size() == 2);
  querying.timers.advance(MeshQuery::fresh_for - Milliseconds(1));
  querying.ask();
  REQUIRE(querying.answers.size() == 3);
  CHECK(querying.answers[2].age == MeshQuery::fresh_for - Milliseconds(1));
  CHECK(querying.connections.calls.empty());
  querying.timers.advance(Milliseconds(1));
  querying.ask();
  querying.answer("erl_eval:expr(", lacking({a, b}, 1));
}

TEST_CASE("that no BEAM is connected is asked again at once") {
  Querying querying;
  querying.question.via.reset();
  querying.ask();
  querying.question.via = node(a);
  querying.ask();
  CHECK(querying.connections.calls.size() == 1);
}

TEST_CASE("departed members are left out, and held ones are not dialable") {
  Querying querying;
  querying.question.members = {member(a), member(b, MemberState::held), member(c, MemberState::departed)};
  querying.ask();
  querying.answer("erl_eval:expr(", lacking({a, b}, 0));
  const Mesh& mesh = querying.answers.front();
  REQUIRE(mesh.members.size() == 2);
  CHECK_FALSE(mesh.members[1].dialable);
}

TEST_CASE("a BEAM that no metadata lists is asked, and is not dialable") {
  Querying querying;
  querying.question.members = {member(b)};
  querying.ask();
  querying.answer("erl_eval:expr(", lacking({a, b}, 0));
  const Mesh& mesh = querying.answers.front();
  REQUIRE(mesh.members.size() == 2);
  CHECK(mesh.members[0].node == a);
  CHECK_FALSE(mesh.members[0].dialable);
}

TEST_CASE("members above the limit are counted, not asked") {
  Querying querying;
  querying.question.members.clear();
  for (std::size_t i = 0; i < Mesh::max_members + 2; ++i) {
    querying.question.members.push_back(
        member("myapp@10.42." + std::to_string(1 + i / 200) + "." + std::to_string(1 + i % 200)));
  }
  querying.question.via = querying.question.members.back().node;
  querying.ask();
  querying.connections.take_call().done(tl::unexpected(timeout));
  REQUIRE(querying.answers.size() == 1);
  CHECK(querying.answers[0].members.size() == Mesh::max_members);
  CHECK(querying.answers[0].members[0].node == querying.answers[0].via);
  CHECK(querying.answers[0].omitted == 2);
}
