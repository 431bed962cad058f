// The table of events: whatever the program logs is one of these. Used by Log, and by every component that
// logs.
//
// A line can be logged only by the name of an event, at one of its levels; both are checked by the compiler
// (EventAt). docs/events.md has the same rows.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace rancher_cnode {

/// debug = configuration, info = normal operation, warning = degraded, error = a person must act.
enum class LogLevel { debug, info, warning, error };

[[nodiscard]] std::string_view to_string(LogLevel level);

/// A set of levels.
class LogLevels {
 public:
  constexpr LogLevels(LogLevel level) : bits_(bit(level)) {}  // NOLINT: one level is a set
  [[nodiscard]] constexpr bool contains(LogLevel level) const { return (bits_ & bit(level)) != 0; }
  friend constexpr LogLevels operator|(LogLevels a, LogLevels b) { return LogLevels(a.bits_ | b.bits_); }

 private:
  explicit constexpr LogLevels(unsigned bits) : bits_(bits) {}
  static constexpr unsigned bit(LogLevel level) { return 1U << static_cast<unsigned>(level); }
  unsigned bits_;
};

/// Whether the log limits the lines of an event; see LogBudget.
enum class LineLimit { on, off };

struct Event {
  std::string_view name;  ///< snake_case and stable: people grep for it
  LogLevels levels;
  std::string_view group;  ///< heading in docs/events.md
  /// What is reported as a warning or an error is a fault, and lasts until one of these events, of the same
  /// target and peer: names, separated by a space. `momentary` if it is over when it is reported, or is not
  /// observed any more.
  std::string_view ended_by{};
  LineLimit line_limit = LineLimit::on;  ///< off: of what the program was asked for, where every line counts
  /// A field whose values are faults of their own, each with its own end; empty if there is none.
  std::string_view fault_for_each{};
};

/// What an event means to an operator, as in docs/events.md.
struct EventText {
  std::string_view name;
  std::string_view meaning;
  std::string_view action;
};
[[nodiscard]] const EventText& text_of(const Event& event);

namespace event_table {

namespace group {
inline constexpr std::string_view metadata = "Metadata";
inline constexpr std::string_view own_container = "Own container";
inline constexpr std::string_view epmd = "epmd and registration";
inline constexpr std::string_view beam = "BEAM of this container";
inline constexpr std::string_view exec = "`exec` and `env`";
inline constexpr std::string_view target = "Target";
inline constexpr std::string_view peers = "Peers";
inline constexpr std::string_view departure = "Departure";
inline constexpr std::string_view inbound = "Inbound connections";
inline constexpr std::string_view program = "Program";
}  // namespace group

inline constexpr LogLevels debug = LogLevel::debug;
inline constexpr LogLevels info = LogLevel::info;
inline constexpr LogLevels warning = LogLevel::warning;
inline constexpr LogLevels error = LogLevel::error;
inline constexpr std::string_view momentary = "momentary";
/// Ends every fault: what it begins reports again what is still so.
inline constexpr std::string_view begins_anew = "beam_renamed";

inline constexpr auto all = std::to_array<Event>({
    {"metadata_available", info, group::metadata},
    {"metadata_unavailable", info | warning, group::metadata,
     "metadata_available service_empty own_container_unknown service_removed"},
    {"service_empty", warning, group::metadata, "metadata_available own_container_unknown service_removed"},
    {"service_added", info, group::metadata},
    {"service_removed", info, group::metadata},
    {"long_poll_abandoned", warning, group::metadata, "long_poll_resumed"},
    {"long_poll_resumed", info, group::metadata},
    {"containers_skipped", info | warning, group::metadata, "containers_usable service_removed",
     LineLimit::on, "reason"},
    {"containers_usable", info, group::metadata},
    {"members_restored", info, group::metadata},
    {"state_file_ignored", warning, group::metadata, momentary},
    {"state_file_failed", warning, group::metadata, "state_file_written"},
    {"state_file_written", info, group::metadata},
    {"metadata_watcher_failed", error, group::metadata, momentary},
    {"own_address_found", info, group::own_container},
    {"own_address_unknown", info | warning, group::own_container, "own_address_found own_address_mismatched"},
    {"own_address_mismatched", warning, group::own_container, "own_address_found own_address_unknown"},
    {"own_container_listed", info, group::own_container},
    {"own_container_missing", warning, group::own_container,
     "own_container_listed own_container_removed service_removed"},
    {"own_container_removed", warning, group::own_container, "own_container_listed service_removed"},
    {"own_container_unlisted", warning, group::own_container, "own_container_listed service_removed"},
    {"own_container_unknown", warning, group::own_container, "metadata_available service_removed"},
    {"epmd_awaited", info | warning, group::epmd,
     "node_registered node_name_taken epmd_started epmd_bypassed"},
    {"epmd_started", info, group::epmd},
    {"epmd_start_failed", warning, group::epmd, "epmd_started node_registered epmd_bypassed"},
    {"node_registered", info, group::epmd},
    {"node_name_taken", warning, group::epmd, "node_registered epmd_bypassed"},
    {"registration_lost", warning, group::epmd, "node_registered epmd_bypassed"},
    {"epmd_bypassed", info, group::epmd},
    {"listener_started", info, group::epmd},
    // Looked for at a start only. What it breaks is reported each time, as target_refused and so on.
    {"tls_degraded", warning, group::epmd, momentary},
    {"listener_failed", warning, group::epmd, "listener_started epmd_bypassed"},
    {"beam_found", info, group::beam},
    {"beam_awaited", info | warning, group::beam, "beam_found target_connected"},
    {"beam_renamed", info, group::beam},
    {"address_assumed", warning, group::exec, momentary},
    {"address_not_found", error, group::exec, momentary},
    {"process_not_started", error, group::exec, momentary},
    {"command_joins_beam", debug, group::exec},
    {"cnode_died", warning, group::exec, momentary},
    {"target_awaited", info | warning, group::target,
     "target_connected target_refused target_unresponsive target_dropped"},
    {"target_connected", info, group::target},
    {"target_refused", warning, group::target,
     "target_connected target_awaited target_unresponsive target_dropped"},
    {"cookie_changed", info, group::target},
    {"target_lost", warning, group::target,
     "target_connected target_awaited target_refused target_unresponsive target_dropped"},
    {"target_unresponsive", warning, group::target,
     "target_connected target_responsive target_lost target_awaited target_refused target_dropped"},
    {"target_responsive", info, group::target},
    {"target_dropped", info, group::target},
    {"peer_listed", info, group::peers},
    {"peer_connected", info, group::peers},
    {"cluster_completed", info, group::peers},
    {"peer_held", info, group::peers},
    {"peer_released", info, group::peers},
    {"peer_unreachable", info | warning, group::peers,
     "peer_connected peer_held peer_departed peer_forgotten target_dropped"},
    {"peer_lost", warning, group::peers,
     "peer_connected peer_held peer_departed peer_forgotten target_dropped"},
    {"peer_refreshed", info, group::peers},
    {"peer_forgotten", info, group::peers},
    {"peer_departed", info, group::departure},
    {"departed_peer_disconnected", info, group::departure},
    // Membership forgets a departed peer before a reminder would be due: nobody looks for it any more.
    {"departed_peer_connected", warning, group::departure, momentary},
    {"disconnect_requested", info | warning, group::departure, momentary},
    {"departed_target_disconnected", info, group::departure},
    {"departed_target_connected", warning, group::departure,
     "departed_target_disconnected own_container_listed target_dropped"},
    {"mass_removal_guard_on", warning, group::departure, "mass_removal_guard_off service_removed"},
    {"mass_removal_guard_off", info, group::departure},
    {"inbound_refused", warning, group::inbound, momentary},
    {"inbound_handshake_failed", warning, group::inbound, momentary},
    {"inbound_accept_failed", warning, group::inbound, "inbound_accept_resumed"},
    {"inbound_accept_resumed", info, group::inbound},
    {"starting", info, group::program},
    {"http_listener_started", info, group::program},
    {"http_listener_failed", warning, group::program, "http_listener_started"},
    {"http_accept_failed", warning, group::program, "http_accept_resumed"},
    {"http_accept_resumed", info, group::program},
    {"bad_setting", error, group::program, momentary, LineLimit::off},
    {"command_failed", error, group::program, momentary},
    {"command_notice", info, group::program},
    {"status_line", info, group::program, "", LineLimit::off},
    {"reload_requested", info, group::program},
    {"setting_ignored", warning, group::program, momentary},
    {"setting", debug, group::program},
    {"log_lines_dropped", warning, group::program, momentary},
    {"log_lines_suppressed", warning, group::program, momentary},
    {"still_degraded", warning, group::program, momentary},
    {"loop_stalled", error, group::program, momentary},
    {"fatal_error", error, group::program, momentary},
    {"shutdown_started", info, group::program},
});

/// In `all`; its size if there is none. Positions, because with UBSan GCC 12 takes no comparison of a pointer
/// with null for a constant.
constexpr std::size_t position_of(std::string_view name) {
  std::size_t position = 0;
  while (position < all.size() && all[position].name != name) {
    ++position;
  }
  return position;
}

/// Whether `names`, separated by a space, has this one.
constexpr bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) {
      return true;
    }
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

}  // namespace event_table

/// An event of the table that may be logged at this level; made from its name, which does not compile for any
/// other.
template <LogLevel level>
class EventAt {
 public:
  consteval EventAt(const char* name)
      : position_(event_table::position_of(name)) {  // NOLINT: a name is an event
    if (position_ == event_table::all.size() || !row().levels.contains(level)) {
      throw "no event of the table at this level";  // NOLINT: never thrown, ends the compilation
    }
  }
  [[nodiscard]] constexpr const Event& row() const { return event_table::all[position_]; }

 private:
  std::size_t position_;
};

/// An event that is normal while something starts and a fault if it lasts; made as EventAt.
class StartupEvent {
 public:
  consteval StartupEvent(const char* name)  // NOLINT: a name is an event
      : at_info_(name) {
    static_cast<void>(EventAt<LogLevel::warning>(name));
  }
  [[nodiscard]] constexpr const Event& row() const { return at_info_.row(); }

 private:
  EventAt<LogLevel::info> at_info_;
};

}  // namespace rancher_cnode
