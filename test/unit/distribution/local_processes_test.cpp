#include "rancher_cnode/distribution/local_processes.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "bytes.hpp"

using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

namespace {

const Pid caller{"beam@127.0.0.1", 9, 0, 5};
const Reference of_call{"beam@127.0.0.1", 5, 3, {1, 2, 3}};

/// The tag as gen_server sends it since OTP 24, and as before.
TermBytes alias_tag() {
  return join({hex("6c000000017705616c696173"), TermWriter().reference(of_call).take()});
}
TermBytes plain_tag() { return TermWriter().reference(of_call).take(); }

TermBytes gen_call(const TermBytes& tag, const TermBytes& request) {
  return TermWriter().tuple(3).atom("$gen_call").tuple(2).pid(caller).raw(tag).raw(request).take();
}

struct Heard {
  LocalProcesses processes;
  std::optional<GenCall> call;
  std::optional<GenCall> system;
  std::optional<std::string> cast;

  Heard() {
    processes.add("both", {.call = [this](GenCall c) { call = std::move(c); },
                           .cast = [this](std::span<const char> request) { cast = printed(request); },
                           .caller_gone = {},
                           .system = [this](GenCall c) { system = std::move(c); }});
    processes.add("none", {});
  }
};

}  // namespace

TEST_CASE("a call is delivered, and its reply echoes the tag byte for byte") {
  for (const auto& tag : {alias_tag(), plain_tag()}) {
    Heard heard;
    REQUIRE(heard.processes.deliver("both", gen_call(tag, TermWriter().tuple(1).atom("status").take())));
    REQUIRE(heard.call);
    CHECK(heard.call->from == caller);
    CHECK(heard.call->tag == tag);
    CHECK(heard.call->reference == of_call);
    CHECK(printed(heard.call->request) == "{status}");
    const auto yes = TermWriter().atom("yes").take();
    CHECK(gen_reply(*heard.call, yes) == join({hex("6802"), tag, yes}));
  }
}

TEST_CASE("a request of module sys is delivered as such, and its reply echoes the tag") {
  Heard heard;
  const auto get_state =
      TermWriter().tuple(3).atom("system").tuple(2).pid(caller).raw(alias_tag()).atom("get_state").take();
  CHECK_FALSE(heard.processes.deliver("none", get_state));
  REQUIRE(heard.processes.deliver("both", get_state));
  CHECK_FALSE(heard.call);
  REQUIRE(heard.system);
  CHECK(heard.system->from == caller);
  CHECK(heard.system->tag == alias_tag());
  CHECK(printed(heard.system->request) == "get_state");
}

TEST_CASE("a message to the node's pid is for the process that was added first") {
  Heard heard;
  CHECK(heard.processes.deliver(gen_call(plain_tag(), hex("6a"))));
  CHECK(heard.call);
  CHECK_FALSE(LocalProcesses().deliver(gen_call(plain_tag(), hex("6a"))));
}

TEST_CASE("a tag that nobody would send for a reference is not delivered") {
  Heard heard;
  const std::size_t head = TermWriter().binary("").bytes().size();
  const auto tag_of = [&](std::size_t size) {
    return TermWriter().binary(std::string(size - head, 't')).take();
  };
  CHECK(heard.processes.deliver("both", gen_call(tag_of(1'024), hex("6a"))));
  REQUIRE(heard.call);
  CHECK_FALSE(heard.call->reference);
  heard.call.reset();
  CHECK_FALSE(heard.processes.deliver("both", gen_call(tag_of(1'025), hex("6a"))));
  CHECK_FALSE(heard.call);
}

TEST_CASE("a list that is no alias in place of the tag holds no reference") {
  Heard heard;
  const auto tag = join({hex("6c0000000177056f74686572"), plain_tag()});
  REQUIRE(heard.processes.deliver("both", gen_call(tag, hex("6a"))));
  CHECK(heard.call->tag == tag);
  CHECK_FALSE(heard.call->reference);
}

TEST_CASE("every process is notified of a removed monitor") {
  Heard heard;
  std::vector<std::string> notified;
  for (const std::string name : {"one", "another"}) {
    heard.processes.add(
        name,
        {.call = {}, .cast = {}, .caller_gone = [&notified, name](const Pid& pid, const Reference& ref) {
           CHECK(pid == caller);
           CHECK(ref == of_call);
           notified.push_back(name);
         }});
  }
  heard.processes.demonitored(caller, of_call);
  CHECK(notified == std::vector<std::string>{"another", "one"});
}

TEST_CASE("a name that is added again has its new behaviour") {
  Heard heard;
  heard.processes.add("both", {});
  CHECK_FALSE(heard.processes.deliver("both", gen_call(plain_tag(), hex("6a"))));
}

TEST_CASE("a cast is delivered") {
  Heard heard;
  CHECK(heard.processes.deliver("both", TermWriter().tuple(2).atom("$gen_cast").atom("refresh").take()));
  CHECK(heard.cast == "refresh");
  CHECK_FALSE(heard.call);
}

TEST_CASE("a message that its receiver does not understand is not delivered") {
  const auto call = gen_call(plain_tag(), hex("6a"));
  const auto cast = TermWriter().tuple(2).atom("$gen_cast").atom("refresh").take();
  Heard heard;
  CHECK_FALSE(heard.processes.deliver("nobody", call));
  CHECK_FALSE(heard.processes.deliver("none", call));
  CHECK_FALSE(heard.processes.deliver("none", cast));
  const TermBytes rows[] = {
      {},
      hex("6a"),
      TermWriter().atom("hello").take(),
      TermWriter().tuple(3).atom("$gen_call").atom("x").atom("y").take(),
      TermWriter().tuple(3).atom("$gen_call").tuple(2).atom("x").raw(plain_tag()).nil().take(),
      TermWriter().tuple(3).atom("$gen_call").tuple(1).pid(caller).nil().take(),
      TermWriter().tuple(2).atom("$gen_call").tuple(2).pid(caller).raw(plain_tag()).take(),
      TermWriter().tuple(3).atom("$gen_cast").nil().nil().take(),
      TermWriter().tuple(3).atom("system").atom("x").atom("get_state").take(),
      TermWriter().tuple(2).atom("system").tuple(2).pid(caller).raw(plain_tag()).take(),
      TermWriter().tuple(3).atom("$gen_ball").tuple(2).pid(caller).raw(plain_tag()).nil().take(),
      TermWriter().tuple(3).atom("$gen_call").tuple(2).pid(caller).take(),
  };
  for (const auto& row : rows) {
    CAPTURE(printed(row));
    CHECK_FALSE(heard.processes.deliver("both", row));
  }
  CHECK_FALSE(heard.call);
  CHECK_FALSE(heard.cast);
}

TEST_CASE("only added names are known") {
  const Heard heard;
  CHECK(heard.processes.knows("both"));
  CHECK_FALSE(heard.processes.knows("nobody"));
}
