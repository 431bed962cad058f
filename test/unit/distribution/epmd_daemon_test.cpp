#include "distribution/epmd/epmd_daemon.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "rancher_cnode/distribution/epmd_registration.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

class Lines final : public Log::Sink {
 public:
  void line(std::string_view text) override { all.emplace_back(text.substr(text.find(' ') + 1)); }
  std::vector<std::string> all;
};

/// A program that stands in for epmd: a shell script in a folder of its own.
class Script {
 public:
  explicit Script(const std::string& body) {
    std::string folder = std::filesystem::temp_directory_path() / "rancher_cnode_unit_XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    std::ofstream(path()) << "#!/bin/sh\n" << body << "\n";
    REQUIRE(::chmod(path().c_str(), 0755) == 0);
  }
  ~Script() { std::filesystem::remove_all(folder_); }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  [[nodiscard]] std::filesystem::path path() const { return folder_ / "epmd"; }
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::string contents(const std::string& name) const {
    std::ifstream stream(file(name));
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  std::filesystem::path folder_;
};

/// One variable of our environment, set while this object exists.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { REQUIRE(::setenv(name, value, 1) == 0); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

bool answers_at(const char* address, std::uint16_t port) {
  asio::io_context loop;
  asio::ip::tcp::socket socket(loop);
  boost::system::error_code error;
  socket.connect({asio::ip::make_address_v4(address), port}, error);
  return !error;
}

constexpr Milliseconds try_again{300};

struct Starting {
  explicit Starting(const std::string& program, std::uint16_t port = 14'369)
      : daemon(std::make_shared<EpmdDaemon>(loop, program, port, log, try_again)) {}

  void wait_for_line() {
    run_until(loop, "a line in the log", [this] { return !lines->all.empty(); });
  }

  asio::io_context loop;
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  Log log{LogLevel::debug, LogFormat::text, lines};
  std::shared_ptr<EpmdDaemon> daemon;
};

}  // namespace

TEST_CASE("epmd is started as a daemon at our port, with none of our descriptors") {
  const Script script(
      R"(cd "${0%/*}"; echo "$@" > arguments; ls /proc/self/fd > descriptors; head -c 1 > input)");
  const auto [one, other] = raw_pair();
  const FileDescriptor inherited(::dup(one.get()));  // not close-on-exec, as the loop's sockets are
  Starting starting(script.path());
  starting.daemon->ensure_running();
  starting.wait_for_line();
  CHECK(starting.lines->all[0] ==
        "info event=epmd_started program=" + script.path().string() + " port=14369");
  CHECK(script.contents("arguments") == "-daemon -port 14369\n");
  CHECK(script.contents("descriptors") == "0\n1\n2\n3\n");  // 3 is the folder that ls reads
  CHECK(script.contents("input").empty());
}

TEST_CASE("what the epmd that we start prints is not in our log") {
  const Script script(R"sh(for i in 0 1 2; do s="$s $(readlink /proc/$$/fd/$i)"; done
                           echo "$s" > "${0%/*}/streams")sh");
  Starting starting(script.path());
  starting.daemon->ensure_running();
  starting.wait_for_line();
  CHECK(script.contents("streams") == " /dev/null /dev/null /dev/null\n");
}

TEST_CASE("SIGPIPE ends the epmd that we start, although we ignore it") {
  const Script script(R"(cd "${0%/*}"; grep ^SigIgn /proc/self/status > signals)");
  auto* const before = std::signal(SIGPIPE, SIG_IGN);
  Starting starting(script.path());
  starting.daemon->ensure_running();
  std::signal(SIGPIPE, before);
  starting.wait_for_line();
  std::ifstream signals(script.file("signals"));
  std::string name;
  std::uint64_t ignored = 0;
  signals >> name >> std::hex >> ignored;
  REQUIRE(name == "SigIgn:");
  CHECK((ignored & (std::uint64_t{1} << (SIGPIPE - 1U))) == 0);
}

TEST_CASE("an epmd that went to the background is started again while needed, and logged once per need") {
  const Script script(R"(echo again >> "${0%/*}/tries")");
  Starting starting(script.path());
  for (const std::size_t need : {1U, 2U}) {
    const auto tries = script.contents("tries").size();
    starting.daemon->ensure_running();
    run_until(starting.loop, "three tries",
              [&] { return script.contents("tries").size() >= tries + 3 * std::string("again\n").size(); });
    CHECK(starting.lines->all.size() == need);
    starting.daemon->ensure_running();
    run_until(starting.loop, "two more tries",
              [&] { return script.contents("tries").size() >= tries + 5 * std::string("again\n").size(); });
    CHECK(starting.lines->all.size() == need);
    starting.daemon->stop_trying();
    run_for(starting.loop, Milliseconds(100));  // the last one is reaped
  }
}

TEST_CASE("a failure is logged again after epmd could be started") {
  const Script script(R"(cd "${0%/*}"; if [ -e fails ]; then rm fails; exit 1; fi)");
  Starting starting(script.path());
  for (const std::size_t lines : {2U, 4U}) {
    std::ofstream(script.file("fails")) << "once";
    starting.daemon->ensure_running();
    run_until(starting.loop, "a failure and a start", [&] { return starting.lines->all.size() == lines; });
    CHECK(starting.lines->all[lines - 2].starts_with("warning event=epmd_start_failed"));
    CHECK(starting.lines->all[lines - 1].starts_with("info event=epmd_started"));
    starting.daemon->stop_trying();
    run_for(starting.loop, Milliseconds(100));  // the last one is reaped
  }
}

TEST_CASE("an epmd that cannot be started is logged once, with the reason") {
  const Script ends("exit 3");
  const Script killed("kill -9 $$");
  const struct {
    std::string program;
    std::string reason;
  } rows[] = {
      {"/nowhere/epmd", "\"No such file or directory\""},
      {"no_such_program_on_path", "\"No such file or directory\""},
      {"/etc/passwd", "\"Permission denied\""},
      {ends.path(), "\"it exited with status 3\""},
      {killed.path(), "\"it was killed by signal 9\""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.program);
    Starting starting(row.program);
    starting.daemon->ensure_running();
    starting.wait_for_line();
    CHECK(starting.lines->all[0] ==
          "warning event=epmd_start_failed msg=\"no epmd answers and none could be started; retrying\" "
          "program=" +
              row.program + " reason=" + row.reason);
  }
}

TEST_CASE("a failed start of epmd is retried periodically while epmd is needed") {
  const Script script(R"(echo again >> "${0%/*}/tries"; exit 1)");
  Starting starting(script.path());
  starting.daemon->ensure_running();
  starting.daemon->ensure_running();
  const std::string three = "again\nagain\nagain\n";  // the second has been reaped by then
  run_until(starting.loop, "a third try", [&] { return script.contents("tries") == three; });
  CHECK(starting.lines->all.size() == 1);
  starting.daemon->stop_trying();
  run_for(starting.loop, try_again + Milliseconds(200));
  CHECK(script.contents("tries") == three);
}

TEST_CASE("no second epmd is started before the first has ended") {
  const Script script(R"(cd "${0%/*}"; echo again >> tries; while [ ! -e leave ]; do sleep 0.05; done)");
  Starting starting(script.path());
  starting.daemon->ensure_running();
  run_for(starting.loop, Milliseconds(100));
  starting.daemon->stop_trying();
  starting.daemon->ensure_running();
  run_for(starting.loop, Milliseconds(100));
  std::ofstream(script.file("leave")) << "now";
  starting.wait_for_line();
  CHECK(script.contents("tries") == "again\n");
}

TEST_CASE("a program that stays in the foreground is checked less and less often") {
  const Script script(R"(while [ ! -e "${0%/*}/leave" ]; do sleep 0.05; done)");
  Starting starting(script.path());
  starting.daemon->ensure_running();
  int checks = 0;
  for (const auto end = Clock::now() + Milliseconds(1'000); Clock::now() < end;) {
    starting.loop.restart();
    checks += static_cast<int>(starting.loop.run_one_for(Milliseconds(10)));
  }
  CHECK(checks <= 6);
  std::ofstream(script.file("leave")) << "now";
  starting.wait_for_line();
}

TEST_CASE("an epmd with ERL_EPMD_ADDRESS listens on loopback too, and we register there") {
  const Variable address("ERL_EPMD_ADDRESS", "127.0.0.2");
  const ReservedPort port;
  // In the foreground, and gone with us whatever happens to this program.
  const Script script(R"(cd "${0%/*}"; echo $$ > pid; shift; exec setpriv --pdeathsig KILL epmd "$@")");
  Starting starting(script.path(), port.number());
  starting.daemon->ensure_running();
  std::optional<RegistrationState> seen;
  EpmdRegistration registration(
      starting.loop, EpmdRegistration::Settings{"cn", 0x1234, port.number()},
      [&](RegistrationState state, const std::string& /*reason*/) { seen = state; });
  registration.start();
  run_until(starting.loop, "the registration", [&] { return seen == RegistrationState::registered; });
  CHECK(answers_at("127.0.0.2", port.number()));
  CHECK_FALSE(answers_at("127.0.0.3", port.number()));
  registration.stop();
  starting.daemon->stop_trying();
  REQUIRE(::kill(static_cast<pid_t>(std::stoi(script.contents("pid"))), SIGKILL) == 0);
  starting.wait_for_line();  // it is reaped
}
