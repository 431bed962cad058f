// The BEAMs that run here, by /proc (proc(5)), and the cookie of each. Used by the agent to find its BEAM.
//
// Nothing here throws for what /proc contains, or waits for another process. A process may end between two
// reads, and its PID may be reused: what is returned was read while one and the same process lived.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/host/beam_arguments.hpp"

namespace rancher_cnode::host {

struct Beam {
  pid_t pid = 0;
  /// In clock ticks after boot; together with the PID it identifies the process.
  std::uint64_t start_time = 0;
  /// Its parent first; up to process 1, or to the first that has ended meanwhile.
  std::vector<pid_t> ancestors;
  BeamArguments arguments;
  std::string working_directory{};  ///< empty if we may not see it
};

struct BeamCookie {
  Cookie cookie;
  std::string source;  ///< for people: -setcookie, '/home/app/.erlang.cookie'
};

class ProcessTable {
 public:
  /// A command line is read up to here. An argument that is cut is left out, and so are those that follow.
  static constexpr std::size_t max_cmdline_length = std::size_t{1} << 20U;

  /// `folder` is /proc itself, or an imitation.
  explicit ProcessTable(std::string folder = "/proc") : folder_(std::move(folder)) {}

  /// Sorted by start time, oldest first. Empty also where processes cannot be seen. A BEAM is a process whose
  /// name in the kernel (not its argv[0]) is beam, beam.smp, beam.debug.smp or another beam.*; one that has
  /// ended, or whose command line is not readable, is left out.
  [[nodiscard]] std::vector<Beam> beams() const;

  /// Whether this very process still runs.
  [[nodiscard]] bool lives(const Beam& beam) const;

  /// Whether a program runs that starts a BEAM, or starts one again when it dies: heart or run_erl.
  [[nodiscard]] bool has_beam_starter() const;

  /// The cookie that the BEAM uses if it starts now, as its auth.erl finds it: -setcookie, else
  /// .erlang.cookie in its -home, else in $XDG_CONFIG_HOME/erlang or $HOME/.config/erlang (OTP 25). Read in
  /// the BEAM's root, if that is another one than ours and we may enter it. A cookie that is set at run time
  /// is not seen.
  ///
  /// ErrorCode::not_found: no such file yet (the BEAM makes one at its first start), retry.
  /// ErrorCode::unavailable: the process has ended, or the file cannot be read. ErrorCode::malformed: no BEAM
  /// takes such a cookie, or we cannot hold it. Never bad_setting: none of these is a mistake in our
  /// settings.
  [[nodiscard]] Expected<BeamCookie> cookie_of(const Beam& beam) const;

 private:
  std::string folder_;
};

}  // namespace rancher_cnode::host
