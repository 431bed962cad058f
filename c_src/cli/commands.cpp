#include "cli/commands.hpp"

#include <algorithm>

#include "cli/command_functions.hpp"
#include "cli/commands/exec.hpp"
#include "rancher_cnode/config/rules.hpp"

namespace rancher_cnode::cli {
using config::Purpose;

namespace {

constexpr std::uint64_t one_day_ms = 86'400'000;
constexpr std::uint64_t most_peers = 100'000;

Flag timeout(std::string_view fallback, std::string_view help) {
  return {"--timeout", "DURATION", fallback, help, 0, one_day_ms};
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"exec",
       "-- COMMAND [ARGUMENT...]",
       "Run the command of the container, and this node beside it.",
       "The entry point of a container. Waits until the address of this container is known, starts the "
       "command with CONTAINER_IP, REPLACE_OS_VARS, RELX_REPLACE_OS_VARS and, for a Mix release, "
       "RELEASE_DISTRIBUTION and RELEASE_NODE, unless they are set, and runs the C-node beside it. Forwards "
       "signals, reaps orphans, starts the C-node again if it dies, and ends with the exit status of the "
       "command. If a BEAM runs in this container already, the command gets its name, and no C-node is "
       "started.",
       {timeout("30s",
                "Timeout for the address, after which the only address of the container is used, or the "
                "command is not started. 0 = no limit.")},
       {{"1", "No address within --timeout; the command was not started."},
        {"126", "The command cannot be executed."},
        {"127", "The command does not exist."},
        {"128 + n", "Signal n ended the command, or exec before the command was started."},
        {"other", "That of the command."}},
       Purpose::connect,
       run_with_cnode},
      {"run",
       "",
       "Run the node until it is stopped. The default.",
       "Runs the C-node until a shutdown trigger ends it. A missing or broken environment (metadata service, "
       "epmd, BEAM, network) never ends it; it retries.",
       {},
       {{"0", "A shutdown trigger ended it."},
        {"1",
         "The system refused a resource that the program cannot run without (descriptors, threads, memory), "
         "or the event loop was blocked for 30 s (loop_stalled in the log)."}},
       Purpose::connect,
       command::run},
      {"env",
       "",
       "Print the variables that make a release a node, for its rel/env.sh.eex.",
       "Prints shell assignments of CONTAINER_IP, RELEASE_DISTRIBUTION and RELEASE_NODE, as far as they are "
       "not set, for the line\n"
       "  eval \"$(rancher_cnode env)\"\n"
       "in rel/env.sh.eex of a Mix release. They are those of the BEAM that runs in this container; without "
       "one, the address is waited for. The name is --node-basename or $RELEASE_NAME. The cookie is not "
       "needed.",
       {timeout("",
                "Timeout for the address. 0 = no limit. Default: 30s if $RELEASE_COMMAND starts a node, else "
                "2s.")},
       {{"0", "The variables are printed."}, {"1", "No address within --timeout."}},
       Purpose::connect,
       command::env},
      {"ip",
       "",
       "Print the address of this container, as the metadata service knows it.",
       "Waits until the metadata service at --metadata-url knows this container, and prints its address. "
       "--ip, $CONTAINER_IP, --node-basename and the cookie are not used.",
       {timeout("1m", "Timeout for the address. 0 = no limit.")},
       {{"0", "The address is printed."}, {"1", "No address within --timeout."}},
       Purpose::ask_address,
       command::ip},
      {"wait",
       "",
       "Block until the initial sync is done: every peer is connected or was tried once.",
       "Blocks until the initial sync of this container's rancher_cnode is done: the target is connected, "
       "the metadata was read, and every peer is connected or was tried once. For scripts that start "
       "something after it; for what is connected later, use check. No settings are needed if a BEAM runs in "
       "this container; --basename must be that of the running node. A C-node that does not answer gets one "
       "more second.",
       {{"--connected", "", "",
         "Wait until every dialable peer is connected; one that was only tried does not count."},
        timeout("1m", "Timeout. 0 = no limit.")},
       {{"0", "The initial sync is done, or with --connected every dialable peer is connected."},
        {"1", "Not within --timeout. The last line on standard error says what is missing."}},
       Purpose::connect,
       command::wait},
      {"status",
       "",
       "Print what the node of this container reports: the cluster, and why peers are missing.",
       "Prints what the rancher_cnode of this container reports now: whether the cluster is whole, its BEAM, "
       "the metadata, and for each peer its state, why it is not connected, and what happens next.\n"
       "The table is coloured on a terminal, unless $NO_COLOR is set, and as wide as $COLUMNS or the "
       "terminal. "
       "No settings are needed if a BEAM runs in this container; --basename must be that of the running "
       "node. The setting --watch is not a flag of this command.",
       {{"--format", "table|json|prometheus|erlang", "table", "Format. Fields: docs/status.md."},
        {"--watch", "[DURATION]", "2s",
         "Print it repeatedly, at this interval: in place on a terminal, else one after the other, and why "
         "there is no answer on standard error. Ends at SIGINT with the exit status of the last answer.",
         100, 3'600'000},
        timeout("1s", "Timeout for the answer. 0 = no limit.")},
       {{"0",
         "The cluster is whole: a BEAM is connected, metadata was read, and every dialable peer is "
         "connected."},
        {"1", "No C-node answered within --timeout. One line on standard error says why."},
        {"3", "Incomplete: a dialable peer is not connected."},
        {"4",
         "Not driving: no BEAM is connected, or there was no authoritative answer of the metadata yet."}},
       Purpose::connect,
       command::status},
      {"mesh",
       "",
       "Ask every peer for its connections, and print who is connected to whom.",
       "Asks every peer, by way of the BEAM of this container, for its connections, and prints who is "
       "connected to whom: missing and one-way connections, and groups that are not connected to one "
       "another. Peers that the BEAM is not connected to are not asked. A peer that hangs has not answered "
       "after 1.5 s. An "
       "answer may be 3 s old.\n"
       "The table is a matrix for fewer than 20 members, and a list of the holes for more. No settings are "
       "needed if a BEAM runs in this container; --basename must be that of the running node.",
       {{"--format", "table|dot|svg|json", "table",
         "Format. dot: for Graphviz. svg: a picture. json: docs/status.md."},
        timeout("6s", "Timeout for the answer. 0 = no limit.")},
       {{"0", "Whole: every dialable member has answered and is connected to every other."},
        {"1", "No C-node answered within --timeout. One line on standard error says why."},
        {"3",
         "A connection is missing or one-way, or a member has not answered or was left out: above 256 "
         "members never 0."},
        {"4", "Not driving: no BEAM is connected, or it does not answer."}},
       Purpose::connect,
       command::mesh},
      {"check",
       "",
       "Health check: print one line about what is connected now, and exit with 0 or 1.",
       "Health check for Docker, Rancher and scripts. Prints one line about what is connected now. Without "
       "--expect and --min, every peer that may be dialled must be connected. No settings are needed if a "
       "BEAM runs in this container; --basename must be that of the running node.",
       {{"--expect", "N", "", "Exact number of connected peers; no other may be missing.", 0, most_peers},
        {"--min", "N", "", "Minimum number of connected peers; others may be missing.", 0, most_peers},
        {"--max-metadata-age", "DURATION", "",
         "Maximum age of the last authoritative answer of the metadata.", 0, one_day_ms},
        {"--grace", "DURATION", "",
         "Time after the start of the C-node in which missing peers are not a failure. A missing BEAM or "
         "metadata answer is one.",
         0, one_day_ms},
        {"--format", "text|json", "text", "Format of the line."},
        timeout("1s", "Timeout for the answer. 0 = no limit.")},
       {{"0",
         "A BEAM is connected, the metadata was read, and the cluster is whole or the demands of the flags "
         "are met."},
        {"1", "No C-node answered within --timeout, or a demand is not met. One line says why."}},
       Purpose::connect,
       command::check},
      {"events",
       "",
       "Print the recent events of the node of this container, as lines of the log.",
       "Prints what the rancher_cnode of this container has logged: the last 1,000 events and the last 20 of "
       "each peer, also those that --log-level left out (but debug), or that were too many. No settings are "
       "needed if a BEAM runs in this container; --basename must be that of the running node.",
       {{"--since", "DURATION", "", "Maximum age of the events.", 0, 366 * one_day_ms},
        {"--peer", "NODE", "", "Only those about this peer, by its node name."},
        {"--follow", "", "", "Print further events until interrupted, also after a restart of the node."},
        {"--format", "text|json", "text", "Format, as in the log."},
        timeout("1s", "Timeout for an answer. 0 = no limit.")},
       {{"0", "The events are printed."},
        {"1", "No C-node answered within --timeout. One line on standard error says why."}},
       Purpose::connect,
       command::events},
      {"doctor",
       "",
       "Check every precondition of a cluster, and print what to do about each that does not hold.",
       "Checks settings, cookie, address, metadata, epmd, BEAM and peers, each in one line: ok, warning, "
       "failure, or skipped because of another one; below it what to do. Works with and without a running "
       "C-node, and changes nothing. The checks: docs/doctor.md.\n"
       "No settings are needed if a BEAM runs in this container; otherwise give it those of the C-node.",
       {{"--format", "table|json", "table", "Format."},
        timeout("10s", "Timeout for all checks together. 0 = no limit.")},
       {{"0", "Every check is ok."},
        {"1", "There are warnings, and no failure."},
        {"2", "There are failures."}},
       Purpose::connect,
       command::doctor},
      {"plan",
       "",
       "Print what a C-node with the given settings would do, and change nothing.",
       "Prints which peers would be dialled, kept, held, disconnected and left alone, from one read of the "
       "metadata, the current connections of the BEAM, and the members of the running C-node if that has the "
       "same settings; with others, what a restart does. For trying settings before they are used: another "
       "--config, --service, or --metadata-url file:///PATH.",
       {{"--format", "table|json", "table", "Format."},
        timeout("10s", "Timeout for all reads together. 0 = no limit.")},
       {{"0", "The plan is printed."},
        {"1", "The metadata or the BEAM could not be read. One line on standard error says why."}},
       Purpose::connect,
       command::plan},
      {"man",
       "",
       "Print the man page.",
       "Prints the man page as roff, for\n"
       "  rancher_cnode man | man -l -",
       {},
       {{"0", "Printed."}},
       Purpose::ask_address,
       command::man},
      {"completions",
       "bash|zsh|fish",
       "Print the completions of a shell.",
       "Prints a script that completes commands, flags and their values, for\n"
       "  eval \"$(rancher_cnode completions bash)\"\n"
       "in ~/.bashrc, the same with zsh in ~/.zshrc after compinit, or in ~/.config/fish/config.fish\n"
       "  rancher_cnode completions fish | source",
       {},
       {{"0", "Printed."}},
       Purpose::ask_address,
       command::print_completions},
  };
  return all;
}

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(commands(), name, &Command::name);
  return found == commands().end() ? nullptr : &*found;
}

const std::vector<Flag>& general_flags() {
  static const std::vector<Flag> all{
      {"--config", "FILE", "",
       "Configuration file with KEY = VALUE lines (TOML or INI without sections). Keys are the flags without "
       "dashes."},
      {"--print-config", "", "", "Print the settings in effect as a configuration file, without the cookie."},
      {"--version", "", "", "Print the version and the build."},
      {"--help", "", "", "Print help; with a command, that of the command. Short: -h."}};
  return all;
}

std::string range_of(const Flag& flag) {
  if (flag.argument.find("DURATION") != std::string_view::npos) {
    return config::duration_range(Milliseconds(flag.least), Milliseconds(flag.most));
  }
  return flag.argument == "N" ? std::to_string(flag.least) + " to " + std::to_string(flag.most) : "";
}

std::string broken_rule(const Flag& flag, std::string_view text) {
  if (flag.argument == "N") {
    return config::number_between(text, flag.least, flag.most)
               ? ""
               : "must be a whole number from " + range_of(flag);
  }
  if (flag.argument.find("DURATION") != std::string_view::npos) {
    const auto duration = config::duration_between(text, Milliseconds(flag.least), Milliseconds(flag.most));
    return duration ? "" : config::duration_rule(Milliseconds(flag.least), Milliseconds(flag.most));
  }
  const auto choices = config::choices_of(flag.argument);
  const bool is_free = choices.size() < 2;
  return is_free || std::ranges::find(choices, text) != choices.end()
             ? ""
             : config::choice_rule(text, flag.argument);
}

}  // namespace rancher_cnode::cli
