// Discovery with a folder in place of /proc, and a clock that stands still.
#include "agent/discovery.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/unit/fake_proc.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/log_lines.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent;
using agent::test::FakeTimers;
using host::test::beam_cmdline;
using host::test::cmdline;
using host::test::FakeProc;

namespace {

const Ipv4Address container_address = *Ipv4Address::parse("10.42.0.2");

struct Looking {
  Looking() {
    config.cookie_origin = CookieOrigin::fallback;
    discovery.emplace(timers, config, log, proc.table(),
                      Discovery::Handlers{.found = [this](const FoundBeam& beam) { found.push_back(beam); },
                                          .ended = [this]() { ++ended; }});
  }
  void start() { discovery->start(container_address); }
  void pass(Milliseconds time) { timers.advance(time); }

  FakeProc proc;
  FakeTimers timers;
  Config config;
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines, [this] { return timers.now(); }};
  std::vector<FoundBeam> found;
  int ended = 0;
  std::optional<Discovery> discovery;
};

FakeProc::Process named(const std::string& name, int start = 100) {
  return {.cmdline = beam_cmdline({"-name", name, "-setcookie", "of-" + name}), .start = start};
}

}  // namespace

TEST_CASE("a BEAM that runs already is found at once, with its name, cookie and port of epmd") {
  Looking looking;
  looking.proc.add("7", {.cmdline = cmdline({"beam.smp", "--", "-home", "/", "-epmd_port", "5555", "--",
                                             "-name", "app@10.42.0.2", "-setcookie", "secret"})});
  looking.start();
  REQUIRE(looking.found.size() == 1);
  CHECK(looking.found[0].name.str() == "app@10.42.0.2");
  CHECK(looking.found[0].cookie.reveal() == "secret");
  CHECK(looking.found[0].epmd_port == 5555);
  CHECK(looking.lines->count("beam_found") == 1);
  CHECK(looking.lines->of("beam_found")[0].find("secret") == std::string::npos);
}

TEST_CASE("the distribution port of a BEAM without epmd is taken from it, unless it is set") {
  for (const bool is_set : {false, true}) {
    CAPTURE(is_set);
    Looking looking;
    if (is_set) {
      looking.config.dist_port = 6790;
    }
    looking.proc.add("7", {.cmdline = cmdline({"beam.smp", "--", "-name", "app@10.42.0.2", "-setcookie", "x",
                                               "-start_epmd", "false", "-erl_epmd_port", "6789"})});
    looking.start();
    REQUIRE(looking.found.size() == 1);
    CHECK(looking.found[0].dist_port == (is_set ? 6790 : 6789));
  }
}

TEST_CASE("a BEAM that starts later is found within the interval, and once") {
  Looking looking;
  looking.start();
  looking.pass(Milliseconds(700));
  looking.proc.add("7", named("app@10.42.0.2"));
  looking.pass(Discovery::interval);
  CHECK(looking.found.size() == 1);
  CHECK(looking.found[0].epmd_port == 4369);
  CHECK_FALSE(looking.found[0].dist_port);
  looking.pass(Milliseconds(60'000));
  CHECK(looking.found.size() == 1);
}

TEST_CASE("a BEAM that starts again is found again, whatever its name and cookie") {
  Looking looking;
  looking.proc.add("7", named("app@10.42.0.2"));
  looking.start();
  looking.proc.remove("7");
  looking.pass(Milliseconds(2'000));
  looking.proc.add("8", named("other@10.42.0.2", 200));
  looking.pass(Discovery::interval);
  REQUIRE(looking.found.size() == 2);
  CHECK(looking.found[1].name.str() == "other@10.42.0.2");
  CHECK(looking.found[1].cookie.reveal() == "of-other@10.42.0.2");
}

TEST_CASE("a process that has the number of the BEAM later is not taken for it") {
  Looking looking;
  looking.proc.add("7", named("app@10.42.0.2"));
  looking.start();
  looking.proc.add("7", named("next@10.42.0.2", 300));
  looking.pass(Discovery::interval);
  REQUIRE(looking.found.size() == 2);
  CHECK(looking.found[1].name.str() == "next@10.42.0.2");
}

TEST_CASE("the cookie that is set wins over that of the BEAM") {
  Looking looking;
  looking.config.cookie_origin = CookieOrigin::setting;
  looking.config.cookie = Cookie("set");
  looking.proc.add("7", named("app@10.42.0.2"));
  looking.start();
  REQUIRE(looking.found.size() == 1);
  CHECK(looking.found[0].cookie.reveal() == "set");
}

TEST_CASE("a cookie of the environment counts only where that of the BEAM cannot be read") {
  for (const bool readable : {true, false}) {
    CAPTURE(readable);
    Looking looking;
    looking.config.cookie = Cookie("environment");
    // A directory in the place of the file cannot be read.
    std::filesystem::create_directories(looking.proc.path() + "/home/.erlang.cookie");
    looking.proc.add("7", {.cmdline = cmdline({"beam.smp", "--", "-home", looking.proc.path() + "/home", "--",
                                               "-name", "app@10.42.0.2", readable ? "-setcookie" : "-kernel",
                                               readable ? "own" : "x"})});
    looking.start();
    REQUIRE(looking.found.size() == 1);
    CHECK(looking.found[0].cookie.reveal() == (readable ? "own" : "environment"));
  }
}

TEST_CASE("a cookie file that the BEAM makes at its first start is awaited") {
  Looking looking;
  const std::string home = looking.proc.path() + "/home";
  std::filesystem::create_directories(home);
  looking.proc.add("7",
                   {.cmdline = cmdline({"beam.smp", "--", "-home", home, "--", "-name", "app@10.42.0.2"})});
  looking.start();
  CHECK(looking.found.empty());
  looking.proc.file("home/.erlang.cookie", "ABCDEF\n");
  looking.pass(Discovery::interval);
  REQUIRE(looking.found.size() == 1);
  CHECK(looking.found[0].cookie.reveal() == "ABCDEF");
  CHECK(looking.lines->count("beam_awaited") == 0);
}

TEST_CASE("the peers' name need not be that of the BEAM, but a BEAM that has it is preferred") {
  Looking looking;
  looking.config.node_basename = "peers";
  looking.proc.add("7", named("app@10.42.0.2", 100));
  looking.start();
  REQUIRE(looking.found.size() == 1);
  CHECK(looking.found[0].name.str() == "app@10.42.0.2");

  Looking both;
  both.config.node_basename = "peers";
  both.proc.add("7", named("app@10.42.0.2", 100));
  both.proc.add("8", named("peers@10.42.0.2", 200));
  both.start();
  REQUIRE(both.found.size() == 1);
  CHECK(both.found[0].name.str() == "peers@10.42.0.2");
}

TEST_CASE("what runs in place of the BEAM is reported once it has lasted, and once") {
  struct Row {
    const char* flag;
    const char* name;
    const char* level;
    const char* part;
  };
  for (const auto& row : {Row{"-sname", "app", " warning ", "found app, a short name"},
                          {"-name", "app@10.42.0.9", " warning ", "our address is 10.42.0.2"},
                          {"-kernel", "x", " info ", "found nonode"}}) {
    CAPTURE(row.name);
    Looking looking;
    looking.proc.add("7", {.cmdline = beam_cmdline({row.flag, row.name})});
    looking.start();
    looking.pass(Discovery::report_delay - Milliseconds(1));
    CHECK(looking.lines->count("beam_awaited") == 0);
    looking.pass(Milliseconds(60'000));
    REQUIRE(looking.lines->count("beam_awaited") == 1);
    CHECK(looking.lines->of("beam_awaited")[0].find(row.part) != std::string::npos);
    const auto& all = looking.lines->all();
    CHECK(std::ranges::any_of(all,
                              [&](const auto& line) { return line.find(row.level) != std::string::npos; }));
    CHECK(looking.found.empty());
  }
}

TEST_CASE("a migration that runs before the BEAM is not reported") {
  Looking looking;
  looking.proc.add("7", {.cmdline = beam_cmdline({"-noshell"})});
  looking.start();
  looking.pass(Discovery::report_delay - Milliseconds(1'000));
  looking.proc.remove("7");
  looking.proc.add("8", named("app@10.42.0.2", 200));
  looking.pass(Milliseconds(60'000));
  CHECK(looking.found.size() == 1);
  CHECK(looking.lines->count("beam_awaited") == 0);
}

TEST_CASE("where no BEAM is seen, a cookie file that is set is reported while it is missing") {
  for (const bool appears : {false, true}) {
    CAPTURE(appears);
    Looking looking;
    looking.config.node_basename = "app";
    looking.config.cookie_origin = CookieOrigin::setting;
    looking.config.cookie_path = looking.proc.path() + "/cookie";
    looking.start();
    if (appears) {
      looking.proc.file("cookie", "c\n");
    }
    looking.pass(Milliseconds(60'000));
    REQUIRE(looking.lines->count("beam_awaited") == (appears ? 0 : 1));
    if (!appears) {
      CHECK(looking.lines->of("beam_awaited")[0].find("no cookie: " + looking.config.cookie_path) !=
            std::string::npos);
    }
  }
}

TEST_CASE("where all is set, no BEAM that can be seen is no news") {
  Looking looking;
  looking.config.node_basename = "app";
  looking.config.cookie = Cookie("c");
  looking.start();
  looking.pass(Milliseconds(60'000));
  CHECK(looking.lines->count("beam_awaited") == 0);
  looking.config.cookie = Cookie();
  looking.pass(Milliseconds(60'000));
  REQUIRE(looking.lines->count("beam_awaited") == 1);
  CHECK(looking.lines->of("beam_awaited")[0].find("found no BEAM") != std::string::npos);
}

TEST_CASE(
    "the end of the last BEAM is reported when nothing is there to start it again, and only on request") {
  Looking looking;
  looking.config.exit_with_beam = Switch::on;
  looking.proc.add("7", named("app@10.42.0.2"));
  looking.proc.add("6", {.comm = "heart", .cmdline = "heart"});
  looking.start();
  looking.proc.remove("7");
  looking.pass(Milliseconds(60'000));
  CHECK(looking.ended == 0);
  looking.proc.remove("6");
  looking.pass(Discovery::end_delay - Discovery::interval);
  CHECK(looking.ended == 0);
  looking.pass(2 * Discovery::interval);
  CHECK(looking.ended >= 1);

  Looking unasked;
  unasked.start();
  unasked.pass(Milliseconds(600'000));
  CHECK(unasked.ended == 0);
}

TEST_CASE("the first BEAM has some seconds to appear before its end is assumed") {
  Looking looking;
  looking.config.exit_with_beam = Switch::on;
  looking.start();
  looking.pass(Discovery::first_start_limit - Milliseconds(1));
  CHECK(looking.ended == 0);
  looking.pass(Discovery::interval);
  CHECK(looking.ended >= 1);
}

TEST_CASE("a BEAM that cannot be used yet is no end, before the first was found") {
  Looking looking;
  looking.config.exit_with_beam = Switch::on;
  looking.proc.add("7", {.cmdline = beam_cmdline({"-noshell"})});
  looking.start();
  looking.pass(Milliseconds(60'000));
  CHECK(looking.ended == 0);
  looking.proc.remove("7");
  looking.pass(Discovery::first_start_limit + Discovery::interval);
  CHECK(looking.ended >= 1);
}
