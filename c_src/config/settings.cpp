#include "rancher_cnode/config/settings.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace rancher_cnode::config {
namespace {

constexpr std::string_view names = "Names";
constexpr std::string_view metadata = "Metadata";
constexpr std::string_view membership = "Membership";
constexpr std::string_view dialling = "Dialling";
constexpr std::string_view listening = "Listening and epmd";
constexpr std::string_view tls = "TLS";
constexpr std::string_view monitoring = "Monitoring";
constexpr std::string_view logging = "Logging";
constexpr std::string_view shutdown = "Shutdown";

constexpr auto all = std::to_array<Setting>({
    {"node-basename", Shape::single, "NAME", "",
     "Alive name of the BEAM nodes: the part before the @ in myapp@10.42.0.7. Default: that of the BEAM in "
     "this container.",
     names},
    {"basename", Shape::single, "NAME", "remsh-rancher_cnode",
     "Alive name of this node. Must differ from --node-basename: both register with the same epmd.", names},
    {"ip", Shape::single, "ADDRESS", "",
     "IPv4 address of this container and its BEAM. Default: $CONTAINER_IP, then the address from the "
     "metadata service.",
     names},
    {"cookie-file", Shape::single, "FILE", "",
     "File that contains the cookie. Default: $RANCHER_CNODE_COOKIE, then the cookie of the BEAM in this "
     "container; where its processes cannot be seen, $RELEASE_COOKIE, ~/.erlang.cookie, then "
     "~/.config/erlang/.erlang.cookie. There is no flag for the cookie itself.",
     names},
    {"targets", Shape::single, "local|all", "local",
     "Targets: the BEAM at this address, or every peer of the service.", names},

    {"metadata-url", Shape::list, "URL", "http://rancher-metadata,http://169.254.169.250",
     "Base URL of the metadata service: http, https or file. URLs are tried in the given order.", metadata},
    {"metadata-version", Shape::single, "VERSION", "latest", "Metadata version in the URL.", metadata},
    {"service", Shape::list, "PATH[=BASENAME]", "self/service",
     "Service whose containers are the peers: its path below the version, self/service or "
     "stacks/STACK/services/SERVICE, or stacks/STACK/services for all of a stack. BASENAME: of its BEAMs, "
     "instead of --node-basename.",
     metadata},
    {"label", Shape::list, "KEY[=VALUE]", "",
     "Label that a peer's container must have: KEY, KEY=VALUE, KEY!=VALUE, or KEY=self for the value of this "
     "container.",
     metadata},
    {"watch", Shape::single, "on|off", "on",
     "Long-polling of the metadata for immediate updates. off: polling at --polling-interval only.",
     metadata},
    {"polling-interval", Shape::single, "DURATION", "5s",
     "Interval between reads without long-polling, and maximum delay after a failed read. 250ms to 1h.",
     metadata},

    {"removal", Shape::single, "safe|immediate|never", "safe",
     "When a peer that is no longer listed counts as departed. safe: after --removal-delay. immediate: at "
     "the first answer without it; every C-node then disconnects it. never: peers are only added.",
     membership},
    {"removal-delay", Shape::single, "DURATION", "10s",
     "Time for which every answer must lack a peer before it has departed, with --removal safe. 0 to 1d.",
     membership},
    {"mass-removal-delay", Shape::single, "DURATION", "1m",
     "The same while the mass-removal guard is on: more than half of the peers went missing within this "
     "time. Also the time for which a later --metadata-url must answer before it may remove peers. 0 to 1d.",
     membership},
    {"health", Shape::single, "any|passing", "any",
     "Health checks that allow dialling. any: health is ignored. passing: as in Rancher's DNS.", membership},

    {"state-file", Shape::single, "FILE", "",
     "File that keeps the members, for a start while the metadata cannot be read: those of the last 24 hours "
     "are then peers, and can only be added. Absolute path, on a volume that outlives the container; not "
     "with "
     "--label. "
     "Default: none.",
     membership},

    {"max-dials", Shape::single, "N", "32", "Maximum concurrent probes and dials per target. 1 to 1024.",
     dialling},
    {"probe", Shape::single, "epmd|off", "epmd",
     "Probe before a dial, so that a dead peer does not block the BEAM. epmd: port lookup in the peer's "
     "epmd; without epmd a TCP connection to its distribution port.",
     dialling},
    {"connect", Shape::single, "MODULE:FUNCTION", "net_kernel:connect_node",
     "Function that connects the target to a peer. Argument: the node name.", dialling},
    {"disconnect", Shape::single, "MODULE:FUNCTION", "",
     "Function that disconnects the target from a departed peer. Argument: the node name. Default: the "
     "C-node of the departed container calls global:disconnect/0 on its own BEAM.",
     dialling},
    {"list-nodes", Shape::single, "MODULE:FUNCTION", "",
     "Function that returns the connected nodes of the target. No arguments. Default: "
     "erlang:nodes(connected).",
     dialling},

    {"listen-port", Shape::single, "N|N-M", "0", "Port to listen on, or a port range. 0 = any free port.",
     listening},
    {"max-connections", Shape::single, "N", "256", "Maximum number of inbound connections. 1 to 10000.",
     listening},
    {"start-epmd", Shape::toggle, "on|off", "off", "Start of an epmd if none answers.", listening},
    {"epmd", Shape::single, "PROGRAM", "epmd", "epmd program to start: a name on PATH or a path.", listening},
    {"dist-port", Shape::single, "N", "",
     "Distribution port of all BEAMs, where they use no epmd: -erl_epmd_port of a BEAM, $ERL_DIST_PORT of a "
     "relx release. This node then neither listens nor registers. 1 to 65535. Default: that of the BEAM in "
     "this container, else epmd is asked.",
     listening},

    {"proto-dist", Shape::single, "inet_tcp|inet_tls", "",
     "Protocol of the distribution, as -proto_dist of a BEAM. Default: that of the BEAM in this container, "
     "else inet_tcp.",
     tls},
    {"ssl-dist-optfile", Shape::single, "FILE", "",
     "File of TLS options, as -ssl_dist_optfile of a BEAM. Default: that of the BEAM in this container.",
     tls},
    {"tls-cert-file", Shape::single, "FILE", "",
     "Certificate of this node and its chain, as PEM, in place of a file of options.", tls},
    {"tls-key-file", Shape::single, "FILE", "",
     "Key of the certificate, as PEM. Default: the key in --tls-cert-file.", tls},
    {"tls-ca-file", Shape::single, "FILE", "", "Certificates of the trusted CAs, as PEM.", tls},
    {"tls-verify", Shape::single, "peer|none", "",
     "Verification of the other side. peer: its certificate must be of a trusted CA and, where this node "
     "connects, for the address in the node name. Default: as the file of options says; peer without one.",
     tls},

    {"http-listen", Shape::single, "[ADDRESS:]PORT", "",
     "Address and port of the HTTP listener: / (a page for browsers), /livez, /readyz, /status and /metrics. "
     "Without ADDRESS on all addresses. Default: no listener.",
     monitoring},
    {"ready-peers", Shape::single, "N", "0",
     "Number of peers that must be connected before /readyz returns 200. 0 to 10000.", monitoring},
    {"ready-grace", Shape::single, "DURATION", "",
     "Time after each connection to the BEAM for which /readyz waits for --ready-peers; then it returns 200 "
     "with fewer. 0 to 1d. Default: no limit.",
     monitoring},

    {"log-level", Shape::single, "debug|info|warning|error", "info", "Minimum log level.", logging},
    {"log-format", Shape::single, "text|json", "text", "Log format on standard error.", logging},
    {"startup-grace", Shape::single, "DURATION", "30s",
     "Time after the start of the program or of its BEAM in which what is not there yet is logged as info, "
     "not as a warning. 0 to 1d.",
     logging},

    {"watch-pid", Shape::single, "PID", "",
     "Process whose end stops the program with status 0. The BEAM is then this process or a descendant.",
     shutdown},
    {"exit-on-eof", Shape::toggle, "on|off", "off", "Exit with status 0 when standard input closes.",
     shutdown},
    {"exit-with-beam", Shape::toggle, "on|off", "off",
     "Exit with status 0 when the BEAM has ended and neither heart nor run_erl is there to start it again.",
     shutdown},
    {"once", Shape::toggle, "on|off", "off", "Exit with status 0 after the initial sync.", shutdown},
});

}  // namespace

std::span<const Setting> settings() { return all; }

const Setting* find_setting(std::string_view name) {
  const auto found = std::ranges::find(all, name, &Setting::name);
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> setting_names() {
  std::vector<std::string> result;
  std::ranges::transform(all, std::back_inserter(result),
                         [](const Setting& setting) { return std::string(setting.name); });
  return result;
}

std::string flag_of(std::string_view name) { return "--" + std::string(name); }

std::string variable_of(std::string_view name) {
  std::string variable(variable_prefix);
  for (const char c : name) {
    variable += c == '-' ? '_' : static_cast<char>(c - 'a' + 'A');
  }
  return variable;
}

}  // namespace rancher_cnode::config
