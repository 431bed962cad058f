#include "rancher_cnode/log/events.hpp"

#include <array>

namespace rancher_cnode {
namespace {

/// In the order of the table.
constexpr auto texts = std::to_array<EventText>({
    {"metadata_available", "The metadata service returned the service.", "None."},
    {"metadata_unavailable",
     "The metadata service did not answer, or the answer was unusable; see `reason`. The current peers are "
     "kept.",
     "A 404 is normal for some seconds after a container starts. If it persists: check that the metadata "
     "container on this host is up and that `curl http://169.254.169.250/latest/version` answers. Set "
     "`--service` for a container that is not part of the service."},
    {"service_empty", "The answer lists no container of the service. The current peers are kept.",
     "None if the service is scaled to zero. Otherwise check `--service`."},
    {"service_added", "A service was added by the request `set_services`; its containers become peers.",
     "None."},
    {"service_removed",
     "A service was taken away by the request `set_services`. Its peers are forgotten unless another service "
     "has them; connections to them stay.",
     "None."},
    {"long_poll_abandoned",
     "The metadata service does not long-poll: it is too old, or something in between answers waits at once "
     "or never. (A wait that is only cut off is repeated.) Changes take effect after `--polling-interval`.",
     "Upgrade the metadata service, or accept the delay."},
    {"long_poll_resumed", "Long-polling works again.", "None."},
    {"containers_skipped",
     "Listed containers have no address yet (info) or an unusable one (warning) and are not peers; see "
     "`reason`, `count`, `example`.",
     "Normal while containers start. Otherwise attach them to the managed network."},
    {"containers_usable", "No listed container is skipped for this `reason` any more.", "None."},
    {"members_restored",
     "The metadata cannot be read at a start; the members of `--state-file` are peers until it can, and none "
     "of them is removed on its account.",
     "None; see `metadata_unavailable`."},
    {"state_file_ignored",
     "The file of `--state-file` is damaged, or older than 24 hours; see `reason`. It is replaced after the "
     "next authoritative answer.",
     "None. If it is damaged again: check the volume."},
    {"state_file_failed", "The file of `--state-file` cannot be written; see `reason`. It stays as it was.",
     "Check that the folder exists, is writable and has space."},
    {"state_file_written", "The file of `--state-file` can be written again.", "None."},
    {"metadata_watcher_failed", "Internal error in the metadata watcher. It continues with the next round.",
     "Report it, with the line."},
    {"own_address_found", "The metadata service returned the address of this container.", "None."},
    {"own_address_unknown",
     "Neither `--ip` nor `$CONTAINER_IP` is set, and metadata does not know this container.",
     "Set `--ip` for host networking or for a container without a service."},
    {"own_address_mismatched",
     "No interface has the address that metadata returned: it dates from before a restart, or belongs to "
     "another container. The program asks again.",
     "Normal for some seconds after a restart. Otherwise set `--ip`."},
    {"own_container_listed", "The service lists this container.", "None."},
    {"own_container_missing",
     "An answer did not list this container. Nothing is dialled; connections are kept.",
     "None if the container is being removed."},
    {"own_container_removed",
     "This container is no longer part of the service. Its BEAM is disconnected from the cluster.",
     "None; see [Departure](departure.md)."},
    {"own_container_unlisted",
     "No answer has listed this container for 10 s: none of the containers that are `listed` has the "
     "`address` that this node uses. `metadata_address` is the one that metadata has for this container; "
     "it is left out if metadata does not know it.",
     "If the two addresses differ, leave `--ip` and `$CONTAINER_IP` out, or set the one that metadata has. "
     "Otherwise check `--service`. `doctor` checks both."},
    {"own_container_unknown",
     "Metadata no longer knows this address: the container is being removed. The service is read by name "
     "instead.",
     "None if you removed the container."},
    {"epmd_awaited", "No epmd answers on this host.",
     "Normal before the BEAM starts, which starts epmd. Otherwise use `--start-epmd`."},
    {"epmd_started", "`--start-epmd` started an epmd.", "None."},
    {"epmd_start_failed", "`--start-epmd` is on, but `--epmd` could not be started.",
     "Check `--epmd` and `PATH`."},
    {"node_registered", "The node is registered with epmd.", "None."},
    {"node_name_taken", "Another process has registered `--basename` with this epmd.",
     "Stop the second `rancher_cnode`, or give it another `--basename`."},
    {"registration_lost",
     "epmd ended or closed the registration. The node registers again; after a registration that did not "
     "last 5 s, the next one is reported only once it has.",
     "Find out why epmd ended."},
    {"epmd_bypassed",
     "The BEAMs use no epmd, but all have the distribution port `port`. The node neither listens nor "
     "registers; BEAMs reach it over the connections that it makes.",
     "None."},
    {"listener_started", "The node accepts connections on `port`.", "None."},
    {"tls_degraded",
     "Something is wrong with the options of TLS: a file cannot be read or used, an option is not honoured, "
     "every user can read the key, or our certificate is one that others will refuse: expired, of another CA "
     "or for another host. The message names it.",
     "Correct it. Files are read again for each connection."},
    {"listener_failed",
     "The address is not available on this host, or all ports of `--listen-port` are in use.",
     "Check `--ip`, `$CONTAINER_IP` and `--listen-port`."},
    {"beam_found",
     "The BEAM of this container was found by its process; what the settings lack is taken from it: the name "
     "of the peers, the cookie, the port of epmd or of the distribution. Logged again after each restart of "
     "the BEAM.",
     "None."},
    {"beam_awaited",
     "For 10 s no BEAM has run that can be used, or the file of `--cookie-file` has been missing; the "
     "message names what runs instead, or the file. A warning if that cannot become the BEAM without a "
     "change.",
     "Do what the message says. Where the BEAM's processes cannot be seen, set `--node-basename` and the "
     "cookie."},
    {"beam_renamed",
     "A BEAM with another name, another port of epmd or of the distribution, or other options of TLS, has "
     "started. The C-node starts again for it, within the same process.",
     "None."},
    {"address_assumed",
     "The metadata service did not return the address of this container in time; it has only one, which is "
     "used.",
     "As for `metadata_unavailable`."},
    {"address_not_found",
     "As above, but the container has several addresses or none. The command is not started.",
     "Set `CONTAINER_IP`."},
    {"process_not_started",
     "The system could not start `process`, for `reason`. Without the command, `exec` ends with status 126 "
     "or 127; the C-node is tried again.",
     "Check the command and its permissions, and the limits of processes and memory."},
    {"command_joins_beam", "A BEAM runs in this container already: the command gets its name, and no C-node.",
     "None."},
    {"cnode_died",
     "The C-node ended with `status` (128 + n: by signal n), and is started again after `restart_in_ms`. The "
     "application is not affected.",
     "Report it if the status is not 137 (killed, most likely out of memory)."},
    {"target_awaited",
     "No BEAM `basename@address` is reachable yet, or it still has a connection to this node name: an older "
     "one of this node, or another program's.",
     "If it persists: compare the release's `-name` with `--node-basename`."},
    {"target_connected", "The C-node is connected to the target.", "None."},
    {"target_refused",
     "The target refused the connection; `stage` is the handshake stage reached. `challenge_ack` almost "
     "always means a different cookie; with `tls` the message names what is wrong with a certificate. "
     "Retries after 1 s, 4 s, 16 s, ... up to 15 min (5 min with `tls`), and at once when the target's "
     "process or the cookie file changes.",
     "Compare the cookies; `--print-config` prints where this one comes from. After `erlang:set_cookie/1` or "
     "`net_kernel:allow/1` in the running BEAM, restart `rancher_cnode`."},
    {"cookie_changed",
     "The target refuses this node and the cookie file has changed. New connections use the new cookie.",
     "None."},
    {"target_lost",
     "The target closed the connection or stopped responding. A target that closes each connection within a "
     "second is retried ever less often, up to 15 min, and at once when its process changes.",
     "Normal when the release restarts. Otherwise find out what closes connections of hidden nodes."},
    {"target_unresponsive", "The target exists but does not answer.",
     "Check whether it is stopped, swapping or overloaded."},
    {"target_responsive", "The target answers again.", "None."},
    {"target_dropped",
     "With `--targets all`: the BEAM is no target any more, because its container has left, or its service "
     "was taken away.",
     "None."},
    {"peer_listed", "A container belongs to the service.", "None."},
    {"peer_connected", "The target is connected to a peer.", "None."},
    {"cluster_completed",
     "The target is connected to every dialable peer. Held peers (`peer_held`) do not count.", "None."},
    {"peer_held",
     "A peer is not dialled; its connections are kept. Logged again when the reason changes. `reason`: state "
     "or health of its container, no usable address, or metadata no longer lists it (not yet confirmed). It "
     "may name this container: the others do not dial it then.",
     "Normal while containers start, stop or are removed. Otherwise check that container and its health "
     "check."},
    {"peer_released", "A held peer may be dialled again.", "None."},
    {"peer_unreachable",
     "A dialable peer could not be connected; logged again when the reason changes. The message says whether "
     "its epmd (without epmd: its distribution port) does not answer, does not know the name, or the dial "
     "failed or timed out, or that the peer "
     "waits (10 s at most) while the epmd of another member does not answer, because its connection would "
     "cost that member its own. A peer that refuses is dialled ever less often, down to once in 15 min.",
     "In that order: container or network down; release not running or named differently; different cookie, "
     "`-name` (a short name, or another address), `-proto_dist` or OTP release, or its distribution port is "
     "closed; BEAM hangs, or the address is not its own. If it waits: start epmd on that member "
     "(`--start-epmd`)."},
    {"peer_lost",
     "Two BEAMs that belong together lost their connection; the message says whether it dropped, dropped as "
     "soon as it came up, drops again and again, or was never listed after a dial that succeeded. It is "
     "re-established, with growing delays if it keeps dropping.",
     "If it repeats: check the network between the two hosts. If `global` prevents overlapping partitions, a "
     "fault between two other hosts, or a program that closes connections, also costs third nodes their "
     "connections."},
    {"peer_refreshed",
     "A peer was away and still held a connection that the target had lost. It dropped its connections so "
     "that its return costs no third node a connection.",
     "Find out why it was away."},
    {"peer_forgotten",
     "It is no peer any more, without evidence that it has left: its service was taken away, or nothing has "
     "listed it for a long time. Connections to it stay.",
     "None."},
    {"peer_departed",
     "A container is no longer in the service. It is not dialled; its own C-node disconnects it.", "None."},
    {"departed_peer_disconnected", "The target is no longer connected to a departed peer.", "None."},
    {"departed_peer_connected",
     "A departed peer is still connected after 15 s; see `reason`. Usually no C-node runs there, or its "
     "metadata still lists it.",
     "Compare the metadata of the two hosts. To remove the node from the cluster, stop its container."},
    {"disconnect_requested",
     "A departed BEAM was to be disconnected. `outcome` and the message report what was called, or why "
     "nothing was: another C-node at its address claims it, or it cannot be disconnected without harm (OTP "
     "25.0).",
     "None, unless `departed_target_connected` follows."},
    {"departed_target_disconnected",
     "The target's container is no longer in the service, and the target is disconnected from the cluster.",
     "None."},
    {"departed_target_connected",
     "The target's container is no longer in the service, but the target is still connected, or was "
     "connected again by the application. It is not disconnected again.",
     "To remove it from the cluster, stop its container."},
    {"mass_removal_guard_on",
     "More than half of the peers that were up are missing from metadata, or were lost within "
     "`--mass-removal-delay`; or a service of a stack lists no containers any more. The message names the "
     "rule, `peers` those that are missing. No missing peer departs before it has been missing for that "
     "long: the first in `left_ms`.",
     "None if you scaled the service down. Otherwise metadata is wrong: fix it within that time."},
    {"mass_removal_guard_off", "The peers are listed again, or have departed.", "None."},
    {"inbound_refused",
     "An inbound connection was refused: a limit was reached, or its name is not acceptable; see `reason`.",
     "Close the port to the sender. See `--max-connections`."},
    {"inbound_handshake_failed", "An inbound connection did not complete the handshake; see `stage`.",
     "As above. If it is one of your own nodes, compare the cookies."},
    {"inbound_accept_failed", "The system could not accept a connection, usually for lack of descriptors.",
     "Raise the limit of open files."},
    {"inbound_accept_resumed", "The system accepts connections again.", "None."},
    {"starting",
     "First line of a C-node: version, build (how the program was made), process id, and the names of the "
     "settings that are not default, "
     "without their values.",
     "None."},
    {"http_listener_started", "`--http-listen`: the program answers on `address` and `port`.", "None."},
    {"http_listener_failed",
     "`--http-listen`: the port is in use, or the address is not one of this container. The program retries "
     "every second, and otherwise continues.",
     "Stop whoever uses the port, or choose another one."},
    {"http_accept_failed", "An HTTP connection could not be accepted; see the message.",
     "Find out what uses up the file descriptors."},
    {"http_accept_resumed", "HTTP connections are accepted again.", "None."},
    {"bad_setting",
     "A setting or argument is invalid; the program ends with status 2. With `--log-format text` the line is "
     "`rancher_cnode: bad setting: ...`.",
     "Correct it; all that are invalid are reported."},
    {"command_failed",
     "A command other than `run` failed, for the reason in the message. With `--log-format text` the line is "
     "the reason alone.",
     "See the reason."},
    {"command_notice",
     "What a command waits for, or that the wait is over. With `--log-format text` the line is that alone.",
     "None."},
    {"status_line", "A line of the table of `status`, requested by `SIGUSR1`.", "None."},
    {"reload_requested", "`SIGHUP`: cookie and metadata are read again. The settings are not.", "None."},
    {"setting_ignored", "An environment variable begins with `RANCHER_CNODE_` but is not a setting.",
     "Check the spelling."},
    {"setting", "One setting in effect, with its origin.", "None."},
    {"log_lines_dropped", "Standard error was not read in time; `lines` were dropped.",
     "Check the log driver."},
    {"log_lines_suppressed",
     "Too many lines about the same matter, or about the same event of too many peers: `lines` were left out "
     "of the log, of these `events`; `examples` has the last of each. A matter is logged again after a quiet "
     "minute.",
     "`rancher_cnode events` prints what was left out. Find out what keeps changing."},
    {"still_degraded",
     "What was reported and has not ended, every 10 minutes: `faults` counts it by event; `oldest` is one "
     "that has lasted for `oldest_s`.",
     "See the events that it names."},
    {"loop_stalled",
     "The event loop was blocked for 30 s. The program exits with status 1, so that callers do not hang. "
     "Time in which the process was stopped or its host suspended does not count.",
     "Report it, with the line. `exec` and the supervised child start the program again; meanwhile the "
     "cluster stays as it is."},
    {"fatal_error",
     "The system refused a resource that the program cannot run without: descriptors, threads or memory. The "
     "program exits with status 1. With `--log-format text` the line is `rancher_cnode: fatal error: ...`.",
     "Raise the limit that the message names."},
    {"shutdown_started", "The program is shutting down; see `reason`. Connections between BEAMs stay.",
     "None."},
});

constexpr bool same_order() {
  return std::ranges::equal(texts, event_table::all, {}, &EventText::name, &Event::name);
}
static_assert(same_order());

constexpr bool is_fault(const Event& event) {
  return event.levels.contains(LogLevel::warning) || event.levels.contains(LogLevel::error);
}

constexpr bool every_end_exists() {
  return std::ranges::all_of(event_table::all, [](const Event& event) {
    std::string_view rest = event.ended_by;
    if (rest == event_table::momentary) {
      return true;
    }
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (event_table::position_of(rest.substr(0, end)) == event_table::all.size()) {
        return false;
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return true;
  });
}
static_assert(every_end_exists());

static_assert(std::ranges::all_of(event_table::all,
                                  [](const Event& event) {
                                    return is_fault(event) != event.ended_by.empty();
                                  }),
              "each fault has an end, or is momentary");

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

const EventText& text_of(const Event& event) {
  return texts[static_cast<std::size_t>(&event - event_table::all.data())];
}

}  // namespace rancher_cnode
