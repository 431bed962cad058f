#include "rancher_cnode/host/process_table.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "support/unit/fake_proc.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::host;
using rancher_cnode::host::test::beam_cmdline;
using rancher_cnode::host::test::cmdline;
using rancher_cnode::host::test::FakeProc;
namespace fs = std::filesystem;

namespace {

using Pids = std::vector<pid_t>;

/// A BEAM with -home `home` and no -setcookie, process 7 of `proc`.
Beam without_cookie(FakeProc& proc, const std::string& home) {
  proc.add("7", {.cmdline = cmdline({"beam.smp", "--", "-home", home, "--", "-name", "a@10.42.0.2"})});
  const auto beams = proc.table().beams();
  REQUIRE(beams.size() == 1);
  return beams.front();
}

}  // namespace

TEST_CASE("a BEAM is known by its name in the kernel") {
  struct Row {
    const char* comm;
    bool is_beam;
  };
  for (const auto& row : {Row{"beam.smp", true},
                          {"beam", true},
                          {"beam.debug.smp", true},
                          {"beam.frmptr.smp", true},
                          {"erlexec", false},
                          {"beamer", false},
                          {"sh", false},
                          {"my-beam.smp", false},
                          {"", false}}) {
    CAPTURE(row.comm);
    FakeProc proc;
    proc.add("7", {.comm = row.comm});
    CHECK((proc.pids() == Pids{7}) == row.is_beam);
  }
}

TEST_CASE("BEAMs are listed oldest first, with their arguments and their parents up to process 1") {
  FakeProc proc;
  proc.add("1", {.comm = "tini", .start = 1, .parent = 0});
  proc.add("7", {.comm = "sh", .start = 2});
  proc.add("30", {.start = 400, .parent = 7});
  proc.add("40", {.cmdline = beam_cmdline({"-sname", "old"}), .start = 300});
  const auto beams = proc.table().beams();
  REQUIRE(beams.size() == 2);
  CHECK(beams[0].pid == 40);
  CHECK(beams[0].start_time == 300);
  CHECK(beams[0].arguments.name == "old");
  CHECK(beams[1].pid == 30);
  CHECK(beams[1].ancestors == Pids{7, 1});
}

TEST_CASE("the parents end where one has ended, and where they form a circle") {
  FakeProc proc;
  proc.add("7", {.parent = 6});
  CHECK(proc.table().beams().at(0).ancestors == Pids{6});
  proc.add("6", {.comm = "sh", .parent = 7});
  CHECK(proc.table().beams().at(0).ancestors.size() == 64);
}

TEST_CASE("what is no live BEAM is left out") {
  FakeProc proc;
  CHECK(proc.pids().empty());
  fs::create_directories(proc.path() + "/self");
  proc.add("1x", {});
  proc.add("-7", {});
  proc.add("0", {});
  proc.add("99999999999", {});
  proc.add("2", {.cmdline = "", .state = 'Z'});
  proc.add("3", {.state = 'Z'});
  proc.add("4", {.cmdline = ""});
  for (const auto* missing : {"comm", "cmdline", "stat"}) {
    const auto pid = std::string("5");
    proc.add(pid, {});
    proc.remove(pid + "/" + missing);
    CAPTURE(missing);
    CHECK(proc.pids().empty());
  }
  proc.add("5", {});
  proc.file("5/stat", "5 (beam.smp) S");
  CHECK(proc.pids().empty());
  proc.add("6", {});
  CHECK(proc.pids() == Pids{6});
}

TEST_CASE("without /proc there is no BEAM") { CHECK(ProcessTable("/nonexistent").beams().empty()); }

TEST_CASE("a command line that is too long is read up to a bound, without the argument that is cut there") {
  FakeProc proc;
  auto text = beam_cmdline({"-name", "app@10.42.0.2", "-pa"});
  const std::string cut = "-setcookie";
  while (text.size() + cut.size() + 1 < ProcessTable::max_cmdline_length - 3) {
    text += cmdline({"x"});
  }
  text += cmdline({cut, "secret", "-hidden"});
  proc.add("7", {.cmdline = text});
  const auto beam = proc.table().beams().at(0);
  CHECK(beam.arguments.name == "app@10.42.0.2");
  CHECK(beam.arguments.setcookie_flag == SetcookieFlag::ignored);
  CHECK(beam.arguments.hidden == Switch::off);

  proc.add("7", {.cmdline = std::string(ProcessTable::max_cmdline_length + 1, 'x')});
  CHECK(proc.table().beams().at(0).arguments.name_kind == NameKind::none);
}

TEST_CASE("arguments of another process are never those of a PID that is reused") {
  FakeProc proc;
  proc.add("7", {.cmdline = beam_cmdline({"-name", "old@10.42.0.2"}), .start = 100});
  fs::create_directories(proc.path() + "/next");
  fs::copy(proc.path() + "/7", proc.path() + "/old");
  proc.add("7", {.cmdline = beam_cmdline({"-name", "new@10.42.0.2"}), .start = 200});
  fs::copy(proc.path() + "/7", proc.path() + "/new");
  const auto process = proc.path() + "/7";
  const auto other = proc.path() + "/other";
  std::size_t seen = 0;
  for (int round = 0; round < 400; ++round) {
    fs::remove_all(process);
    fs::remove_all(other);
    fs::copy(proc.path() + "/old", process);
    fs::copy(proc.path() + "/new", other);
    std::atomic<bool> begun = false;
    std::thread reuse([&] {
      while (!begun) {
      }
      for (std::atomic<int> spins = 0; spins < round * 50; ++spins) {
      }
      ::renameat2(AT_FDCWD, process.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
    });
    begun = true;
    const auto beams = proc.table().beams();
    reuse.join();
    for (const auto& beam : beams) {
      ++seen;
      CHECK((beam.start_time == 100) == (beam.arguments.name == "old@10.42.0.2"));
    }
  }
  CHECK(seen > 0);
}

TEST_CASE("-setcookie is the cookie, and one that a node name cannot carry is malformed") {
  FakeProc proc;
  proc.add("7", {});
  const auto cookie = proc.table().cookie_of(proc.table().beams().at(0));
  REQUIRE(cookie.has_value());
  CHECK(cookie->cookie.reveal() == "x");
  CHECK(cookie->source == "-setcookie");
  for (const auto& bad : {std::string(), std::string("\xff"), std::string("a\nb"), std::string(513, 'x')}) {
    proc.add("7", {.cmdline = beam_cmdline({"-setcookie", bad})});
    const auto refused = proc.table().cookie_of(proc.table().beams().at(0));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::malformed);
    CHECK(refused.error().message.starts_with("-setcookie: the cookie "));
  }
}

TEST_CASE("without -setcookie the file below -home is read, and named") {
  const TemporaryDirectory home;
  FakeProc proc;
  const auto path = home.file(".erlang.cookie", "of_the_home\n");
  const auto cookie = proc.table().cookie_of(without_cookie(proc, home.path()));
  REQUIRE(cookie.has_value());
  CHECK(cookie->cookie.reveal() == "of_the_home");
  CHECK(cookie->source == "'" + path + "'");
}

TEST_CASE("the source of the cookie states that a -setcookie is ignored") {
  const TemporaryDirectory home;
  FakeProc proc;
  home.file(".erlang.cookie", "of_the_home");
  proc.add("7", {.cmdline = cmdline({"beam.smp", "--", "-home", home.path(), "--", "-setcookie", "-x"})});
  const auto cookie = proc.table().cookie_of(proc.table().beams().at(0));
  CHECK(cookie.value().source.ends_with("/.erlang.cookie', as the BEAM ignores its -setcookie"));
}

TEST_CASE("the second file is that of the BEAM's own environment") {
  const TemporaryDirectory folder;
  fs::create_directories(folder.path() + "/xdg/erlang");
  fs::create_directories(folder.path() + "/home/.config/erlang");
  folder.file("xdg/erlang/.erlang.cookie", "of_xdg");
  folder.file("home/.config/erlang/.erlang.cookie", "of_the_config");
  FakeProc proc;
  const auto beam = without_cookie(proc, folder.path() + "/home");
  const auto cookie = [&] { return proc.table().cookie_of(beam).value().cookie.reveal(); };
  CHECK(cookie() == "of_the_config");
  proc.file("7/environ", cmdline({"A=1", "NOT_XDG_CONFIG_HOME=/x", "XDG_CONFIG_HOME_2=/y"}));
  CHECK(cookie() == "of_the_config");
  proc.file("7/environ", cmdline({"A=1", "XDG_CONFIG_HOME=" + folder.path() + "/xdg", "HOME=/x"}));
  CHECK(cookie() == "of_xdg");
}

TEST_CASE("a file that the BEAM has not made yet is missing, not wrong") {
  const TemporaryDirectory home;
  FakeProc proc;
  const auto cookie = proc.table().cookie_of(without_cookie(proc, home.path()));
  REQUIRE_FALSE(cookie.has_value());
  CHECK(cookie.error().code == ErrorCode::not_found);
  CHECK(cookie.error().message ==
        "the BEAM has no -setcookie, and there is no '" + home.path() + "/.erlang.cookie'");

  proc.add("7", {.cmdline = cmdline({"beam.smp", "--", "-name", "a@10.42.0.2"})});
  CHECK(proc.table().cookie_of(proc.table().beams().at(0)).error().code == ErrorCode::not_found);
}

TEST_CASE("a file that is malformed is that, and the next one is not tried") {
  const TemporaryDirectory home;
  fs::create_directories(home.path() + "/.config/erlang");
  home.file(".config/erlang/.erlang.cookie", "of_the_config");
  FakeProc proc;
  for (const auto* text : {"", "\n", "two\nlines"}) {
    home.file(".erlang.cookie", text);
    CHECK(proc.table().cookie_of(without_cookie(proc, home.path())).error().code == ErrorCode::malformed);
  }
}

TEST_CASE("a folder or a FIFO in place of the cookie file is reported at once") {
  const TemporaryDirectory home;
  const auto path = home.path() + "/.erlang.cookie";
  FakeProc proc;
  const auto beam = without_cookie(proc, home.path());
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(proc.table().cookie_of(beam).error().code == ErrorCode::unavailable);
  fs::remove(path);
  fs::create_directories(path);
  CHECK(proc.table().cookie_of(beam).error().code == ErrorCode::unavailable);
}

TEST_CASE("the file is read in the root of the BEAM, if that is another") {
  const TemporaryDirectory root;
  fs::create_directories(root.path() + "/home/app");
  root.file("home/app/.erlang.cookie", "of_its_root");
  FakeProc proc;
  const auto beam = without_cookie(proc, "/home/app");
  fs::create_directory_symlink(root.path(), proc.path() + "/7/root");
  const auto cookie = proc.table().cookie_of(beam);
  REQUIRE(cookie.has_value());
  CHECK(cookie->cookie.reveal() == "of_its_root");
  CHECK(cookie->source == "'/home/app/.erlang.cookie'");
}

TEST_CASE("there is no cookie of a process that has ended, or whose PID is another's") {
  const TemporaryDirectory home;
  home.file(".erlang.cookie", "x");
  FakeProc proc;
  const auto beam = without_cookie(proc, home.path());
  CHECK(proc.table().cookie_of(beam).has_value());
  proc.add("7", {.start = 101});
  CHECK(proc.table().cookie_of(beam).error().message == "the BEAM has ended");
  proc.remove("7");
  CHECK(proc.table().cookie_of(beam).error().code == ErrorCode::unavailable);
}

TEST_CASE("the working directory is known where it may be seen") {
  FakeProc proc;
  proc.add("7", {.cmdline = beam_cmdline({})});
  CHECK(proc.table().beams().front().working_directory.empty());
  fs::create_directory_symlink("/srv/app", proc.path() + "/7/cwd");
  CHECK(proc.table().beams().front().working_directory == "/srv/app");
}

TEST_CASE("what starts a BEAM again counts until it has ended") {
  FakeProc proc;
  proc.add("7", {.comm = "sh"});
  CHECK_FALSE(proc.table().has_beam_starter());
  for (const char* starter : {"heart", "run_erl"}) {
    CAPTURE(starter);
    proc.add("7", {.comm = starter});
    CHECK(proc.table().has_beam_starter());
    // Not every process 1 reaps.
    proc.add("7", {.comm = starter, .state = 'Z'});
    CHECK_FALSE(proc.table().has_beam_starter());
  }
}
