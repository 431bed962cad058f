#include "rancher_cnode/cli/settings.hpp"

#include <algorithm>
#include <array>

namespace rancher_cnode::cli {
namespace {

constexpr std::string_view names = "Names";
constexpr std::string_view metadata = "Metadata";
constexpr std::string_view membership = "Who belongs";
constexpr std::string_view dialling = "Dialling";
constexpr std::string_view listening = "Listening and epmd";
constexpr std::string_view logging = "Log";
constexpr std::string_view life = "Start and end";

constexpr auto all = std::to_array<Setting>({
    {"node-basename", Shape::single, "NAME", "",
     "Alive name of the BEAM nodes, the part before the @ in myapp@10.42.0.7. Required.", names},
    {"basename", Shape::single, "NAME", "remsh-rancher_cnode",
     "This node's own alive name. Must differ from --node-basename: both register with one epmd.", names},
    {"ip", Shape::single, "ADDRESS", "",
     "Address of this container and its BEAM. Without it $CONTAINER_IP, and without that the metadata "
     "service is asked.",
     names},
    {"cookie-file", Shape::single, "FILE", "",
     "File with the cookie. Without it $RANCHER_CNODE_COOKIE, $RELEASE_COOKIE, ~/.erlang.cookie, then "
     "~/.config/erlang/.erlang.cookie. "
     "The cookie itself is never a flag.",
     names},
    {"targets", Shape::single, "local|all", "local",
     "Which BEAMs to drive: the one on this address, or every peer of the service.", names},

    {"metadata-url", Shape::list, "URL", "http://rancher-metadata,http://169.254.169.250",
     "Base URL of the metadata service: http, https or file. Tried in the order given.", metadata},
    {"metadata-version", Shape::single, "VERSION", "latest", "Version of the metadata, as in its URL.",
     metadata},
    {"service", Shape::single, "PATH", "self/service",
     "Path of the service below the version: self/service, or stacks/STACK/services/SERVICE.", metadata},
    {"watch", Shape::single, "on|off", "on",
     "Long-poll, so that a change acts at once; off asks every --polling-interval only.", metadata},
    {"polling-interval", Shape::single, "MS", "5000",
     "Time between two reads where long-polling is off or does not work, and the longest wait after one "
     "that failed. 250 to 3600000.",
     metadata},

    {"removal", Shape::single, "safe|immediate|never", "safe",
     "When a peer that metadata no longer lists has departed: on evidence, at the first answer without it "
     "(and then "
     "every C-node disconnects it), or never.",
     membership},
    {"removal-delay", Shape::single, "MS", "10000",
     "With --removal safe: how long a peer must be missing from every answer, without a gap between them. "
     "0 to 86400000.",
     membership},
    {"mass-removal-delay", Shape::single, "MS", "60000",
     "With --removal safe: the same when more than half of the peers are lost within this time. Also how "
     "long a later "
     "--metadata-url must answer before it may remove peers. 0 to 86400000.",
     membership},
    {"health", Shape::single, "any|passing", "any",
     "Whether a container's health check must pass before its BEAM is dialled, as in Rancher's DNS.",
     membership},

    {"max-dials", Shape::single, "N", "32", "Most probes and dials at a time, for each target. 1 to 1024.",
     dialling},
    {"probe", Shape::single, "epmd|off", "epmd",
     "Ask a peer's epmd before the BEAM dials it, so that a dead peer never keeps the BEAM waiting.",
     dialling},
    {"connect", Shape::single, "MODULE:FUNCTION", "net_kernel:connect_node",
     "Called on the target with a node name to connect it.", dialling},
    {"disconnect", Shape::single, "MODULE:FUNCTION", "",
     "Called on the target with the name of a departed peer to disconnect it. Without it a container is "
     "disconnected "
     "by its own C-node, by global:disconnect/0 on its own BEAM.",
     dialling},
    {"list-nodes", Shape::single, "MODULE:FUNCTION", "",
     "Called on the target, without arguments, for the nodes it is linked to. "
     "Without it erlang:nodes(connected).",
     dialling},

    {"listen-port", Shape::single, "N|N-M", "0",
     "Port to listen on, or a range to take a free one from. 0 = any.", listening},
    {"max-connections", Shape::single, "N", "256", "Most incoming links at a time. 1 to 10000.", listening},
    {"start-epmd", Shape::toggle, "on|off", "off", "Start epmd if none answers.", listening},
    {"epmd", Shape::single, "PROGRAM", "epmd", "The epmd to start: a name on PATH, or a path.", listening},

    {"log-level", Shape::single, "debug|info|warning|error", "info", "Least level that is written.", logging},
    {"log-format", Shape::single, "text|json", "text", "How a line on standard error looks.", logging},

    {"watch-pid", Shape::single, "PID", "", "End with status 0 when this process has ended.", life},
    {"exit-on-eof", Shape::toggle, "on|off", "off", "End with status 0 when standard input closes.", life},
    {"once", Shape::toggle, "on|off", "off", "End with status 0 after the first complete round.", life},
});

}  // namespace

std::span<const Setting> settings() { return all; }

const Setting* find_setting(std::string_view name) {
  const auto found = std::ranges::find(all, name, &Setting::name);
  return found == all.end() ? nullptr : &*found;
}

std::string flag_of(std::string_view name) { return "--" + std::string(name); }

std::string variable_of(std::string_view name) {
  std::string variable(variable_prefix);
  for (const char c : name) {
    variable += c == '-' ? '_' : static_cast<char>(c - 'a' + 'A');
  }
  return variable;
}

}  // namespace rancher_cnode::cli
