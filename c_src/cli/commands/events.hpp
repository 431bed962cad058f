// The command `events`: what the C-node of this container has logged, and logs. Used by commands.
#pragma once

#include <optional>
#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

enum class Follow { off, on };

struct EventsWanted {
  std::optional<Milliseconds> since;  ///< nothing: all
  std::string peer = {};              ///< only those about this one; empty: all
  Follow follow = Follow::off;
  LogFormat format = LogFormat::text;
  Milliseconds timeout{0};  ///< of each request
};

/// Prints lines as the log has them on standard output. With Follow::on until the program is interrupted or
/// its output is closed, also across restarts of the C-node. Returns the exit status: 1 if no C-node answers,
/// with one line on standard error. Blocks.
[[nodiscard]] int print_events(const Config& config, const EventsWanted& wanted);

}  // namespace rancher_cnode::cli
