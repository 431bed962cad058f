// Signals as events: blocked, and taken one by one. Used by init only.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::init {

/// Blocks every signal that may be waited for, until it is destroyed. Those that stop a process keep their
/// effect, and so do those that report a fault of our own.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// The next signal; si_signo is 0 if none came in time.
  [[nodiscard]] siginfo_t wait(Milliseconds limit) const;
  [[nodiscard]] siginfo_t wait() const;

  /// The mask that we were started with; for a child that is about to become another program.
  void restore() const;

 private:
  sigset_t blocked_{};
  sigset_t inherited_{};
};

/// TERM, INT, HUP and QUIT.
[[nodiscard]] bool ends_a_service(int signal);

/// Whether the command should be sent this signal, by its sender, and by what the command makes of it: one
/// without handler would die of a USR2 that process 1 itself would not notice. A shell that continues a job
/// continues the command too.
[[nodiscard]] bool is_forwarded(const siginfo_t& signal, pid_t command);

}  // namespace rancher_cnode::init
