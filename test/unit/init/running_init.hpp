// init::run in a process of its own, as it is in a container, with a journal of what it started.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "rancher_cnode/core/file_descriptor.hpp"
#include "rancher_cnode/init/init.hpp"
#include "support/unit/temporary_file.hpp"
#include "unit/init/stand_in.hpp"

namespace rancher_cnode::init::test {

/// Ample for what takes milliseconds, also on a busy machine.
constexpr Milliseconds long_enough{20'000};

template <class Asked>
void await(const char* what, Asked asked) {
  const auto until = Clock::now() + long_enough;
  while (!asked()) {
    REQUIRE_MESSAGE(Clock::now() < until, "never happened: " << what);
    std::this_thread::sleep_for(Milliseconds(5));
  }
}

struct Options {
  Prepared prepared{.variables = {}, .needs_cnode = true};
  int preparation_status = 0;
  std::function<void()> in_preparation = [] {};
  /// What the parent of init left to it.
  std::function<void()> before = [] {};
  int cnode_status = 0;
  int cnode_ends = 0;  ///< how many times it ends with that status
};

class RunningInit {
 public:
  explicit RunningInit(std::vector<std::string> command, Options options = {}) {
    const std::string output = folder_.file("output", "");
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      const int to = ::open(output.c_str(), O_WRONLY | O_CLOEXEC);
      ::dup2(to, STDOUT_FILENO);
      ::dup2(to, STDERR_FILENO);
      for (const int handled_by_doctest : {SIGINT, SIGILL, SIGFPE, SIGSEGV, SIGTERM, SIGABRT}) {
        std::signal(handled_by_doctest, SIG_DFL);
      }
      options.before();
      ::_exit(run(plan(std::move(command), options)));
    }
  }
  ~RunningInit() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    for (const pid_t cnode : cnodes()) {
      ::kill(cnode, SIGKILL);
    }
  }
  RunningInit(const RunningInit&) = delete;
  RunningInit& operator=(const RunningInit&) = delete;

  void signal(int number) const { REQUIRE(::kill(pid_, number) == 0); }

  /// Its exit status, once it ended; -n if signal n ended it.
  int status() {
    int wait_status = 0;
    await("the end of init", [&] { return ::waitpid(pid_, &wait_status, WNOHANG) == pid_; });
    pid_ = 0;
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status);
  }

  /// What was written to standard output and error.
  [[nodiscard]] std::string output() const {
    std::ifstream stream(folder_.path() + "/output");
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void await_output(const std::string& text) const {
    await(text.c_str(), [&] { return output().find(text) != std::string::npos; });
  }

  [[nodiscard]] std::vector<std::string> lines(std::string_view first_word) const {
    return journal_lines(journal_file(), first_word);
  }
  void await_lines(std::string_view first_word, std::size_t count) const {
    await(std::string(first_word).c_str(), [&] { return lines(first_word).size() >= count; });
  }

  /// The C-nodes that were started, in their order.
  [[nodiscard]] std::vector<pid_t> cnodes() const {
    std::vector<pid_t> pids;
    for (const std::string& line : lines("started")) {
      pids.push_back(std::atoi(line.c_str() + std::string_view("started ").size()));
    }
    return pids;
  }

 private:
  [[nodiscard]] std::string journal_file() const { return folder_.path() + "/journal"; }

  [[nodiscard]] Plan plan(std::vector<std::string> command, const Options& options) const {
    return {.command = std::move(command),
            .cnode = {"unit_init", std::string(stand_in_word), journal_file(),
                      std::to_string(options.cnode_status), std::to_string(options.cnode_ends)},
            .prepare =
                [&options](Prepared& prepared) {
                  options.in_preparation();
                  prepared = options.prepared;
                  return options.preparation_status;
                },
            .report_death =
                [this](int status, Milliseconds delay) {
                  journal(journal_file(),
                          "died " + std::to_string(status) + " again in " + std::to_string(delay.count()));
                },
            .report_failure =
                [this](const std::string& process, const std::string& reason) {
                  journal(journal_file(), "cannot start " + process + ": " + reason);
                }};
  }

  TemporaryDirectory folder_;
  pid_t pid_ = 0;
};

inline std::vector<std::string> shell(const std::string& script) { return {"sh", "-c", script}; }

/// 0 signals reach it: whether there is such a process, a zombie not counted.
inline bool runs(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(stat, text);
  return !text.empty() && text.find(") Z ") == std::string::npos;
}

}  // namespace rancher_cnode::init::test
