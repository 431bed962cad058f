#include "agent/answers.hpp"

#include <doctest/doctest.h>

#include "rancher_cnode/distribution/term.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent;
using distribution::ConnectFailure;
using distribution::TermBytes;
using distribution::TermWriter;
using reconciler::DialOutcome;
using reconciler::ProbeOutcome;

namespace {

TermBytes lone_atom(std::string_view name) { return TermWriter().atom(name).bytes(); }

/// STRING_EXT, as a BEAM sends a list of small numbers.
TermBytes release(std::string_view text) {
  TermBytes bytes{'k', 0, static_cast<char>(text.size())};
  bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

TermBytes setting(std::string_view value) { return TermWriter().tuple(2).atom("ok").atom(value).bytes(); }

}  // namespace

TEST_CASE("a probe's failure is reported by its kind") {
  const auto outcome = [](ErrorCode code) { return probe_outcome(failure(code, ""), ProbeMode::epmd); };
  CHECK(probe_outcome(std::uint16_t{1}, ProbeMode::epmd) == ProbeOutcome::found);
  CHECK(outcome(ErrorCode::not_found) == ProbeOutcome::not_registered);
  CHECK(outcome(ErrorCode::refused) == ProbeOutcome::refused);
  CHECK(outcome(ErrorCode::malformed) == ProbeOutcome::no_epmd);
  CHECK(outcome(ErrorCode::timeout) == ProbeOutcome::no_answer);
  CHECK(outcome(ErrorCode::unavailable) == ProbeOutcome::no_answer);
}

TEST_CASE("where nobody listens on the distribution port, the probe is refused") {
  const auto outcome = [](ErrorCode code) { return probe_outcome(failure(code, ""), ProbeMode::port); };
  CHECK(probe_outcome(std::uint16_t{1}, ProbeMode::port) == ProbeOutcome::found);
  CHECK(outcome(ErrorCode::not_found) == ProbeOutcome::refused);
  CHECK(outcome(ErrorCode::timeout) == ProbeOutcome::no_answer);
}

TEST_CASE("a dial is connected, refused, ignored or without reply") {
  constexpr Milliseconds soon{20};
  CHECK(dial_outcome(lone_atom("true"), soon) == DialOutcome::connected);
  CHECK(dial_outcome(lone_atom("false"), soon) == DialOutcome::refused);
  CHECK(dial_outcome(lone_atom("false"), Milliseconds(3'499)) == DialOutcome::refused);
  CHECK(dial_outcome(lone_atom("false"), Milliseconds(3'500)) == DialOutcome::silent);
  CHECK(dial_outcome(lone_atom("true"), Milliseconds(7'000)) == DialOutcome::connected);
  CHECK(dial_outcome(lone_atom("ignored"), soon) == DialOutcome::not_alive);
  CHECK(dial_outcome(lone_atom("nonsense"), soon) == DialOutcome::refused);
  CHECK(dial_outcome(failure(ErrorCode::timeout, ""), soon) == DialOutcome::no_reply);
}

TEST_CASE("invalid node names are skipped, and anything but a list of atoms is malformed") {
  TermWriter list;
  list.list(3).atom("myapp@10.42.0.1").atom("shell").atom("b@10.42.0.2").nil();
  const auto names = node_names(list.bytes());
  REQUIRE(names);
  REQUIRE(names->size() == 2);
  CHECK(names->front().str() == "myapp@10.42.0.1");
  CHECK(names->back().str() == "b@10.42.0.2");
  CHECK(node_names(TermWriter().nil().bytes())->empty());
  CHECK(node_names(lone_atom("true")).error().code == ErrorCode::malformed);
  CHECK(node_names(TermWriter().list(1).integer(1).nil().bytes()).error().code == ErrorCode::malformed);
}

TEST_CASE("silence after the connection is no refusal") {
  const auto absence = [](const char* stage, ErrorCode code) {
    return absence_of(ConnectFailure{stage, {code, ""}});
  };
  CHECK(absence("epmd", ErrorCode::timeout) == Absence::awaited);
  CHECK(absence("connect", ErrorCode::timeout) == Absence::awaited);
  CHECK(absence("name", ErrorCode::timeout) == Absence::unresponsive);
  CHECK(absence("challenge_ack", ErrorCode::timeout) == Absence::unresponsive);
  CHECK(absence("challenge_ack", ErrorCode::refused) == Absence::refused);
}

TEST_CASE("a BEAM that is busy with an older connection of ours does not refuse us") {
  CHECK(absence_of({"status", {ErrorCode::unavailable, ""}}) == Absence::awaited);
  CHECK(absence_of({"status", {ErrorCode::refused, ""}}) == Absence::refused);
  CHECK(absence_of({"name", {ErrorCode::malformed, ""}}) == Absence::refused);
}

TEST_CASE("a process is gone when epmd does not know the name or nothing listens on its port") {
  CHECK(is_gone({"epmd", {ErrorCode::not_found, ""}}));
  CHECK(is_gone({"connect", {ErrorCode::unavailable, ""}}));
  CHECK(is_gone({"connect", {ErrorCode::not_found, ""}}));
  CHECK_FALSE(is_gone({"epmd", {ErrorCode::refused, ""}}));
  CHECK_FALSE(is_gone({"epmd", {ErrorCode::timeout, ""}}));
  CHECK_FALSE(is_gone({"connect", {ErrorCode::timeout, ""}}));
  CHECK_FALSE(is_gone({"challenge_ack", {ErrorCode::refused, ""}}));
}

TEST_CASE("a dead host is one failure, whether the kernel reports it or nothing answers") {
  const ConnectFailure silent{"epmd", {ErrorCode::timeout, "its epmd does not answer"}};
  const ConnectFailure unreachable{"epmd", {ErrorCode::unavailable, "no route to host"}};
  const ConnectFailure unknown{"epmd", {ErrorCode::not_found, "not registered"}};
  CHECK(kind_of(silent) == kind_of(unreachable));
  CHECK(kind_of(silent) != kind_of(unknown));
  CHECK(kind_of(silent) != kind_of({"connect", silent.error}));
}

TEST_CASE("a refusal is one failure per text") {
  const ConnectFailure refused{"challenge_ack", {ErrorCode::refused, "the cookies differ"}};
  CHECK(kind_of(refused) == "the cookies differ");
}

TEST_CASE("partitions are prevented by the setting, else by the release's default") {
  CHECK(prevents_partitions(setting("true"), release("24")));
  CHECK_FALSE(prevents_partitions(setting("false"), release("25")));
  CHECK(prevents_partitions(lone_atom("undefined"), release("25")));
  CHECK(prevents_partitions(lone_atom("undefined"), release("27")));
  CHECK_FALSE(prevents_partitions(lone_atom("undefined"), release("24")));
  CHECK_FALSE(prevents_partitions(lone_atom("undefined"), release("9")));
}

TEST_CASE("in doubt, partitions are prevented") {
  CHECK(prevents_partitions(setting("nonsense"), release("24")));
  CHECK(prevents_partitions(lone_atom("undefined"), lone_atom("24")));
  CHECK(prevents_partitions(lone_atom("undefined"), release("R16B03")));
  CHECK(prevents_partitions({}, {}));
}
