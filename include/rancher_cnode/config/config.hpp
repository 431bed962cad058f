// The validated configuration. Made by validation from raw settings (flags, environment, file); every
// component takes its settings from here without further checks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/policy.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode {

/// A secret that cannot be printed by accident: only reveal() returns the text.
class Cookie {
 public:
  /// The longest cookie that ei can hold.
  static constexpr std::size_t max_length = 512;
  Cookie() = default;
  explicit Cookie(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

/// module:function, to be called on a BEAM.
struct ModuleFunction {
  std::string module;
  std::string function;
  friend bool operator==(const ModuleFunction&, const ModuleFunction&) = default;
};

enum class WatchMode { off, on };       ///< plain polling, or long-poll on the metadata version
enum class TargetScope { local, all };  ///< the BEAM on our address, or every desired peer
enum class Switch { off, on };
enum class ProtoDist { inet_tcp, inet_tls };  ///< as -proto_dist of a BEAM
enum class TlsVerify { none, peer };

/// Where the options of TLS are from: the first of cert_file, optfile and beam_arguments that is not empty.
struct TlsSettings {
  std::string cert_file;
  std::string key_file;                     ///< "": the key is in cert_file
  std::string ca_file;                      ///< "": nobody is trusted
  std::string optfile;                      ///< as of -ssl_dist_optfile
  std::optional<TlsVerify> verify;          ///< nothing: as the file says, else peer
  std::vector<std::string> beam_arguments;  ///< as of -ssl_dist_opt
  std::string folder;  ///< of the BEAM, for relative paths in optfile and beam_arguments; "": ours
  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

/// Where the cookie is from: --cookie-file or $RANCHER_CNODE_COOKIE, which override that of the BEAM; or
/// $RELEASE_COOKIE or a file below our home, which count only where the BEAM's cannot be seen.
enum class CookieOrigin { setting, fallback };

struct PortRange {
  std::uint16_t first = 0;  ///< 0 = any free port
  std::uint16_t last = 0;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

struct HttpEndpoint {
  Ipv4Address address;  ///< 0.0.0.0 = all
  std::uint16_t port = 0;
  friend bool operator==(const HttpEndpoint&, const HttpEndpoint&) = default;
};

/// A service whose containers are peers, or all services of a stack.
struct PeerService {
  std::string path;           ///< below the version, e.g. self/service; no outer slashes
  std::string node_basename;  ///< alive name of its BEAMs; "" = Config::node_basename

  /// PATH or PATH=BASENAME, which identifies it.
  [[nodiscard]] std::string text() const { return node_basename.empty() ? path : path + "=" + node_basename; }
  friend bool operator==(const PeerService&, const PeerService&) = default;
};

struct Config {
  std::string node_basename;  ///< alive name of the BEAMs, e.g. myapp; "" = that of our own BEAM
  std::string basename = "remsh-rancher_cnode";  ///< our own alive name; differs from node_basename
  std::optional<Ipv4Address> ip;                 ///< nothing: self/container/primary_ip of the metadata
  Cookie cookie;                                 ///< empty: that of the BEAM
  CookieOrigin cookie_origin = CookieOrigin::setting;
  std::string
      cookie_path;  ///< of the file that contains the cookie, or will; "" if it came from the environment

  std::vector<std::string> metadata_urls;  ///< tried in order; no trailing slash
  std::string metadata_version;            ///< path component, e.g. latest
  std::vector<PeerService> services;       ///< at least one
  std::vector<LabelRule> labels;           ///< all of which a peer's container fulfils
  std::string ca_file;                     ///< of $SSL_CERT_FILE; "" = that of the system
  std::string ca_directory;                ///< of $SSL_CERT_DIR; "" = that of the system
  WatchMode watch = WatchMode::on;
  Milliseconds polling_interval{5000};

  RemovalPolicy removal = RemovalPolicy::safe;
  Milliseconds removal_delay{10'000};
  Milliseconds mass_removal_delay{60'000};
  HealthPolicy health = HealthPolicy::any;

  std::string state_file;  ///< absolute path; "" = none

  std::uint32_t max_dials = 32;
  ProbeMode probe = ProbeMode::epmd;
  TargetScope targets = TargetScope::local;
  ModuleFunction connect{"net_kernel", "connect_node"};
  std::optional<ModuleFunction> disconnect;  ///< nothing: by global:disconnect/0, on the departed node
  std::optional<ModuleFunction> list_nodes;  ///< nothing: erlang:nodes(connected)

  PortRange listen_ports;
  std::uint32_t max_connections = 256;
  Switch start_epmd = Switch::off;
  std::string epmd = "epmd";  ///< program for start_epmd: a name on PATH or a path
  std::uint16_t epmd_port = 4369;
  std::optional<std::uint16_t> dist_port;  ///< of all BEAMs, without epmd; nothing: as the BEAM has it
  std::optional<ProtoDist> proto_dist;     ///< nothing: that of the BEAM
  TlsSettings tls;                         ///< without files: those of the BEAM

  std::optional<HttpEndpoint> http_listen;  ///< nothing: no HTTP listener
  std::uint32_t ready_peers = 0;            ///< connected peers that readiness requires
  std::optional<Milliseconds> ready_grace;  ///< after which it does not; nothing: it always does

  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  Milliseconds startup_grace{30'000};           ///< what a start goes through is a warning only after it
  std::optional<pid_t> watch_pid;               ///< exit with status 0 when this process has ended
  Switch exit_on_eof = Switch::off;             ///< exit with status 0 when standard input closes
  Switch exit_with_beam = Switch::off;          ///< exit with status 0 when the BEAM has ended for good
  std::string notify_socket;                    ///< $NOTIFY_SOCKET; "" = no service manager (sd_notify(3))
  std::optional<Milliseconds> notify_watchdog;  ///< $WATCHDOG_USEC, if it is for this process
  Switch once = Switch::off;                    ///< exit with status 0 after the initial sync

  /// Nothing: connections are plain TCP.
  [[nodiscard]] std::optional<TlsSettings> distribution_tls() const {
    return proto_dist == ProtoDist::inet_tls ? std::optional(tls) : std::nullopt;
  }
  /// Whether a C-node could run without having seen its BEAM.
  [[nodiscard]] bool is_complete() const { return !node_basename.empty() && !cookie.empty(); }
};

}  // namespace rancher_cnode
