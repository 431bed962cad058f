#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <iostream>
#include <memory>
#include <sstream>

#include "cli/commands/failure.hpp"
#include "cli/commands/status.hpp"

namespace rancher_cnode::cli {
namespace {

/// Of a question without limit: Ctrl-C must end the watch within it.
constexpr Milliseconds longest_question{5'000};

/// The signals that the watch waits for, blocked from now on, also in the threads that it starts.
sigset_t blocked_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP}) {
    sigaddset(&signals, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// The second screen of a terminal: what was on the first one is there again afterwards.
class Screen {
 public:
  Screen() { enter(); }
  ~Screen() { leave(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// As many lines as there is room for, each cut at the edge.
  static void draw(const std::string& text) {
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    const std::size_t rows = known ? size.ws_row : 24;
    std::istringstream lines(text);
    std::string all = "\x1b[H";
    std::string line;
    for (std::size_t row = 0; row < rows && std::getline(lines, line); ++row) {
      all += (row == 0 ? "" : "\r\n") + line + "\x1b[K";
    }
    std::cout << all << "\x1b[J" << std::flush;
  }

  void stop_program() {
    leave();
    ::raise(SIGSTOP);
    enter();
  }

 private:
  // The alternate screen, a hidden cursor, and no wrapping of long lines (xterm's control sequences).
  static void enter() { std::cout << "\x1b[?1049h\x1b[?25l\x1b[?7l" << std::flush; }
  static void leave() { std::cout << "\x1b[?7h\x1b[?25h\x1b[?1049l" << std::flush; }
};

/// The signal that came within this time; 0 if none did.
int wait_for(const sigset_t& signals, Milliseconds interval) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(interval);
  const timespec limit{.tv_sec = seconds.count(),
                       .tv_nsec = std::chrono::nanoseconds(interval - seconds).count()};
  return std::max(::sigtimedwait(&signals, nullptr, &limit), 0);
}

/// Of a pipe to which nothing is written while no C-node answers.
bool is_reader_gone() {
  pollfd out{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int watch_status(const Config& config, Milliseconds timeout, std::string_view format,
                 const config::Environment& environment, Milliseconds interval) {
  const sigset_t signals = blocked_signals();
  const bool in_place = ::isatty(STDOUT_FILENO) == 1 && environment.get("TERM") != "dumb";
  const auto screen = in_place ? std::make_unique<Screen>() : nullptr;
  const Log log(LogLevel::error, config.log_format, -1);
  const auto limit = timeout.count() == 0 ? longest_question : std::min(timeout, longest_question);
  int status = 1;
  while (std::cout && !is_reader_gone()) {
    const auto report = container_report(config, limit, log);
    status = report ? status_of(status::verdict_on(*report)) : 1;
    const std::string text =
        report ? rendered(*report, format, table_style(STDOUT_FILENO, environment)) : report.error().message;
    if (screen) {
      Screen::draw(text);
    } else if (report) {
      std::cout << text << (format == "table" ? "\n" : "") << std::flush;
    } else {
      print_failure(config, text);
    }
    const int signal = wait_for(signals, interval);
    if (signal == SIGTSTP && screen) {
      screen->stop_program();
    } else if (signal != 0 && signal != SIGWINCH && signal != SIGTSTP) {
      break;
    }
  }
  return status;
}

}  // namespace rancher_cnode::cli
