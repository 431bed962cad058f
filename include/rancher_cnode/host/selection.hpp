// Which of the BEAMs that run here is the one to serve, or why none is. Used by the agent; pure.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/host/process_table.hpp"

namespace rancher_cnode::host {

/// What is not set does not restrict.
struct Criteria {
  std::optional<Ipv4Address> own_address;
  std::optional<std::string> alive_name;  ///< --node-basename
  std::optional<pid_t> process;           ///< --watch-pid: that process or a descendant of it
};

enum class SelectionReason {
  chosen,
  nothing_runs,  ///< no BEAM is there: wait
  not_yet,       ///< a BEAM without a name, which may end (a migration) or start distribution itself: wait
  never,         ///< what runs cannot be the one until somebody starts it in another way: warn
};

struct Selection {
  SelectionReason reason = SelectionReason::nothing_runs;
  std::optional<Beam>
      beam;          ///< only with SelectionReason::chosen; its name is NAME@ADDRESS, a valid NodeName
  std::string text;  ///< what was found, and what to do about it: one printable line without a stop
};

/// Chooses a BEAM with a long name on an IPv4 address: the own one, if it is known, else any that others can
/// reach. Never a hidden one, a remote shell or a command of Distillery.
///
/// When there are several, the oldest: it holds its name in epmd while another of the same name tries to
/// start, a second application or a tool started later does not take its place, and a fork of a BEAM is
/// younger than the BEAM. A BEAM that restarts is chosen as soon as the old one has ended.
[[nodiscard]] Selection select(std::span<const Beam> beams, const Criteria& criteria);

}  // namespace rancher_cnode::host
