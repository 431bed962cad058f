#include "distribution/epmd/epmd_daemon.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace rancher_cnode::distribution {
namespace {

/// Arguments of posix_spawn with their cleanup.
class SpawnArguments {
 public:
  SpawnArguments() {
    ::posix_spawn_file_actions_init(&actions_);
    // Standard error has lines of the log and nothing else.
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      ::posix_spawn_file_actions_addopen(&actions_, stream, "/dev/null", O_RDWR, 0);
    }
    // Sockets of the loop are not close-on-exec; an epmd that inherited our connections and our
    // port would keep them open after us.
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnArguments() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnArguments(const SpawnArguments&) = delete;
  SpawnArguments& operator=(const SpawnArguments&) = delete;

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

EpmdDaemon::EpmdDaemon(boost::asio::io_context& loop, std::string program, std::uint16_t port, const Log& log,
                       Milliseconds retry_delay)
    : program_(std::move(program)),
      port_(std::to_string(port)),
      log_(log),
      retry_delay_(retry_delay),
      timer_(loop) {}

void EpmdDaemon::ensure_running() {
  if (std::exchange(wanted_, true)) {
    return;
  }
  announced_ = false;
  if (child_ == 0) {
    start();
  }
}

void EpmdDaemon::stop_trying() {
  wanted_ = false;
  if (child_ == 0) {
    timer_.cancel();
  }
}

void EpmdDaemon::start() {
  const SpawnArguments with;
  std::string daemon = "-daemon";
  std::string port_flag = "-port";
  const std::array<char*, 5> arguments{program_.data(), daemon.data(), port_flag.data(), port_.data(),
                                       nullptr};
  const int error =
      ::posix_spawnp(&child_, program_.c_str(), with.actions(), with.attributes(), arguments.data(), environ);
  if (error != 0) {
    child_ = 0;
    failed(std::generic_category().message(error));
    return;
  }
  checks_.reset();
  reap_later();
}

void EpmdDaemon::reap_later() {
  timer_.expires_after(checks_.next());
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
    if (cancelled) {
      return;
    }
    int status = 0;
    const pid_t reaped = ::waitpid(self->child_, &status, WNOHANG);
    if (reaped == 0 || (reaped < 0 && errno == EINTR)) {
      self->reap_later();
      return;
    }
    self->child_ = 0;
    self->ended(status);
  });
}

void EpmdDaemon::ended(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    last_failure_.clear();
    if (!std::exchange(announced_, true)) {
      log_.info("epmd_started", "", {{"program", program_}, {"port", port_}});
    }
    start_later();
    return;
  }
  failed(WIFEXITED(status) ? "it exited with status " + std::to_string(WEXITSTATUS(status))
                           : "it was killed by signal " + std::to_string(WTERMSIG(status)));
}

void EpmdDaemon::failed(const std::string& reason) {
  if (std::exchange(last_failure_, reason) != reason) {
    log_.warning("epmd_start_failed", "no epmd answers and none could be started; retrying",
                 {{"program", program_}, {"reason", reason}});
  }
  start_later();
}

void EpmdDaemon::start_later() {
  if (!wanted_) {
    return;
  }
  timer_.expires_after(retry_delay_);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
    if (!cancelled && self->wanted_) {
      self->start();
    }
  });
}

}  // namespace rancher_cnode::distribution
