// A BEAM of our own for a case, killed at its end.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::host::test {

class RealBeam {
 public:
  /// Runs `erl ARGUMENTS` without epmd. `environment`: NAME=VALUE in addition to ours.
  RealBeam(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    output_ = FileDescriptor(ends[0]);
    const FileDescriptor their_end(ends[1]);
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<std::string> words{"setpriv", "--pdeathsig", "KILL", "env"};
    words.insert(words.end(), environment.begin(), environment.end());
    words.insert(words.end(), {"erl", "-noshell", "-noinput", "-start_epmd", "false", "-eval", script});
    // 0 as if there were none, but that the BEAM starts where no epmd runs.
    if (std::ranges::find(arguments, "-erl_epmd_port") == arguments.end()) {
      words.insert(words.end(), {"-erl_epmd_port", "0"});
    }
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) {
      argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    REQUIRE(::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  ~RealBeam() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  RealBeam(const RealBeam&) = delete;
  RealBeam& operator=(const RealBeam&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// What it reports, by key; waits for the line that ends it, 20 s at most. Empty if the BEAM ended instead.
  std::map<std::string, std::string> report() {
    constexpr int limit_ms = 20'000;
    std::string text;
    while (text.find("\nend\n") == std::string::npos) {
      pollfd readable{.fd = output_.get(), .events = POLLIN, .revents = 0};
      REQUIRE_MESSAGE(::poll(&readable, 1, limit_ms) == 1, "the BEAM reported only: " << text);
      char buffer[4096];
      const auto got = ::read(output_.get(), buffer, sizeof buffer);
      if (got <= 0) {
        return {};
      }
      text.append(buffer, static_cast<std::size_t>(got));
    }
    std::map<std::string, std::string> all;
    std::size_t begin = 0;
    while (begin < text.size()) {
      const auto line = text.substr(begin, text.find('\n', begin) - begin);
      begin += line.size() + 1;
      const auto blank = line.find(' ');
      all[line.substr(0, blank)] = blank == std::string::npos ? "" : line.substr(blank + 1);
    }
    return all;
  }

 private:
  static constexpr const char* script = R"erl(
    Say = fun(Key, Value) -> io:format("~s ~ts~n", [Key, Value]) end,
    Say("node", atom_to_list(node())),
    Say("cookie", atom_to_list(erlang:get_cookie())),
    Say("names", case net_kernel:longnames() of true -> "long"; false -> "short"; _ -> "none" end),
    Say("dist_port", case erl_epmd:listen_port_please("a", "h") of {ok, 0} -> ""; {ok, Port} -> integer_to_list(Port) end),
    Say("type", atom_to_list(persistent_term:get({net_kernel, publish_type}, none))),
    [Say(Flag, case init:get_argument(Flag) of {ok, [[Value | _] | _]} -> Value; _ -> "" end)
     || Flag <- [home, remsh, epmd_port, proto_dist]],
    io:format("end~n"),
    receive after infinity -> ok end.
  )erl";

  pid_t pid_ = 0;
  FileDescriptor output_;
};

}  // namespace rancher_cnode::host::test
