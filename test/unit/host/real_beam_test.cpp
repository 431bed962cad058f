// The component against real BEAMs, found in the real /proc.
#include "real_beam.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "rancher_cnode/host/process_table.hpp"
#include "rancher_cnode/host/selection.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::host;
using rancher_cnode::host::test::RealBeam;

namespace {

std::optional<Beam> found(pid_t pid) {
  const auto beams = ProcessTable().beams();
  const auto beam = std::ranges::find(beams, pid, &Beam::pid);
  return beam == beams.end() ? std::nullopt : std::optional(*beam);
}

std::string cookie_file(const std::string& folder, const std::string& cookie) {
  std::filesystem::create_directories(folder);
  auto path = folder + "/.erlang.cookie";
  std::ofstream(path) << cookie;
  ::chmod(path.c_str(), 0400);
  return path;
}

/// Without an epmd, and with an -erl_epmd_port that counts for nothing, OTP 27 and 29 do not start.
enum class Starts { always, on_otp_25 };

const char* names(NameKind kind) {
  return kind == NameKind::long_name ? "long" : kind == NameKind::short_name ? "short" : "none";
}

}  // namespace

TEST_CASE("what is read from a BEAM's command line is what the BEAM reports of itself") {
  const TemporaryDirectory folder;
  const auto home = folder.path() + "/home";
  cookie_file(home, "of_the_home");
  const auto args_file = folder.file("vm.args", "-name file@127.0.0.1 -setcookie of_the_file\n");
  struct Row {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    Starts starts = Starts::always;
  };
  const std::vector<Row> rows{
      {{"-name", "a@127.0.0.1", "-setcookie", "x"}, {}},
      {{"-name", "a@127.0.0.1"}, {}},
      {{"-sname", "a@b"}, {}},
      {{"-setcookie", "x"}, {}},
      {{"-name", "a@127.0.0.1", "-name", "b@127.0.0.1"}, {}},
      {{"-name", "a@127.0.0.1", "-sname", "b@c"}, {}},
      {{"-name", "a@127.0.0.1", "words"}, {}},
      {{"-name", "a@127.0.0.1", "-setcookie", "x", "-setcookie", "y"}, {}},
      {{"-name", "a@127.0.0.1", "-setcookie", "-x"}, {}},
      {{"-name", "a@127.0.0.1", "-setcookie", "a@127.0.0.1", "own", "-setcookie", "x"}, {}},
      {{"-name", "a@127.0.0.1", "-setcookie", "b@127.0.0.1", "other", "-setcookie", "x"}, {}},
      {{"-name", "a@127.0.0.1", "-setcookie", "a", "b", "c"}, {}},
      {{"-name", "a@127.0.0.1", "-nocookie"}, {}},
      {{"-name", "a@127.0.0.1", "-setcookie", "a b'\"|c"}, {}},
      {{"-args_file", args_file}, {"ERL_AFLAGS=-hidden false", "ERL_FLAGS=-hidden"}},
      {{"-hidden", "-extra", "-name", "not@this"}, {"ERL_ZFLAGS=-name zflags@127.0.0.1 -setcookie z"}},
      {{"-name", "a@127.0.0.1", "-remsh", "b@127.0.0.1"}, {"ERL_EPMD_PORT=45123"}},
      {{"-name", "a@127.0.0.1", "-dist_listen", "false", "-epmd_port", "1", "+A", "4"},
       {"ERL_EPMD_PORT=45123"}},
      {{"-name", "a@127.0.0.1", "--", "-setcookie", "--", "x"}, {}},
      {{"-name", "a@127.0.0.1", "-erl_epmd_port", "45124"}, {}},
      {{"-name", "a@127.0.0.1", "-erl_epmd_port", "045124"}, {}},
      {{"-name", "a@127.0.0.1", "-erl_epmd_port", "45124", "45125"}, {}, Starts::on_otp_25},
      {{"-name", "a@127.0.0.1", "-erl_epmd_port", "45124", "-erl_epmd_port", "45125"}, {}, Starts::on_otp_25},
      {{"-name", "a@127.0.0.1"}, {"ERL_ZFLAGS=-erl_epmd_port 45124"}, Starts::on_otp_25},
  };
  for (const auto& row : rows) {
    std::string shown;
    for (const auto& word : row.arguments) {
      shown += word + ' ';
    }
    CAPTURE(shown);
    auto environment = row.environment;
    environment.push_back("HOME=" + home);
    RealBeam real(row.arguments, environment);
    auto report = real.report();
    if (report.empty() && row.starts == Starts::on_otp_25) {
      MESSAGE("this release does not start with " << shown);
      continue;
    }
    const auto beam = found(real.pid());
    REQUIRE(beam.has_value());
    const auto& arguments = beam->arguments;
    CHECK(names(arguments.name_kind) == report["names"]);
    CHECK(arguments.home == report["home"]);
    CHECK(arguments.remsh.value_or("") == report["remsh"]);
    CHECK((arguments.erl_epmd_port ? std::to_string(*arguments.erl_epmd_port) : "") == report["dist_port"]);
    CHECK((arguments.epmd_port ? std::to_string(*arguments.epmd_port) : "") == report["epmd_port"]);
    if (arguments.name_kind != NameKind::none) {
      CHECK(arguments.name == report["node"]);
      CHECK(ProcessTable().cookie_of(*beam).value_or(BeamCookie{}).cookie.reveal() == report["cookie"]);
      const bool hidden = arguments.hidden == Switch::on || arguments.dist_listen == Switch::off;
      CHECK((hidden ? "hidden" : "normal") == report["type"]);
    }
  }
}

TEST_CASE("the cookie file is looked for where the BEAM looks") {
  const TemporaryDirectory folder;
  const auto both = folder.path() + "/both";
  const auto config_only = folder.path() + "/config_only";
  const auto empty = folder.path() + "/empty";
  const auto xdg = folder.path() + "/xdg";
  std::filesystem::create_directories(empty);
  cookie_file(both, "of_the_home");
  cookie_file(both + "/.config/erlang", "of_the_config");
  cookie_file(config_only + "/.config/erlang", "of_the_config");
  cookie_file(xdg + "/erlang", "of_xdg");
  struct Row {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    const char* cookie;
  };
  const std::vector<Row> rows{
      {{}, {"HOME=" + both, "XDG_CONFIG_HOME=" + xdg}, "of_the_home"},
      {{}, {"HOME=" + config_only, "XDG_CONFIG_HOME="}, "of_the_config"},
      {{}, {"HOME=" + config_only, "XDG_CONFIG_HOME=" + xdg}, "of_xdg"},
      {{"-home", both}, {"HOME=" + both, "XDG_CONFIG_HOME="}, "of_the_config"},
  };
  for (const auto& row : rows) {
    auto arguments = row.arguments;
    arguments.insert(arguments.end(), {"-name", "a@127.0.0.1"});
    RealBeam real(arguments, row.environment);
    CHECK(real.report()["cookie"] == row.cookie);
    const auto beam = found(real.pid());
    REQUIRE(beam.has_value());
    const auto cookie = ProcessTable().cookie_of(*beam);
    REQUIRE(cookie.has_value());
    CHECK(cookie->cookie.reveal() == row.cookie);
  }
  RealBeam real({"-name", "a@127.0.0.1"}, {"HOME=" + empty, "XDG_CONFIG_HOME="});
  auto made = real.report();
  CHECK(ProcessTable().cookie_of(found(real.pid()).value()).value().cookie.reveal() == made["cookie"]);
}

TEST_CASE("a BEAM is found until it ends, also below the process that started it") {
  const TemporaryDirectory home;
  auto real = std::make_unique<RealBeam>(std::vector<std::string>{"-name", "app@10.42.0.2"},
                                         std::vector<std::string>{"HOME=" + home.path()});
  real->report();
  const pid_t pid = real->pid();
  const auto beam = found(pid);
  REQUIRE(beam.has_value());
  REQUIRE(!beam->ancestors.empty());
  CHECK(beam->ancestors.front() == ::getpid());
  const Criteria below_us{.own_address = {}, .alive_name = "app", .process = ::getpid()};
  const auto beams = ProcessTable().beams();
  const auto selection = select(beams, below_us);
  REQUIRE(selection.beam.has_value());
  CHECK(selection.beam->pid == pid);

  ::kill(pid, SIGKILL);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
  CHECK_FALSE(found(pid).has_value());
  CHECK(ProcessTable().cookie_of(*beam).error().code == ErrorCode::unavailable);
  real.reset();
  CHECK_FALSE(found(pid).has_value());
}
