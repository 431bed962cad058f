// Everything that the command `doctor` has found out, as values: collected once, then judged by each check.
// Used by collect and checks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/texts.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/host/selection.hpp"
#include "rancher_cnode/metadata/single_read.hpp"

namespace rancher_cnode::cli::doctor {

struct CookieFacts {
  std::optional<Error> error;  ///< there is none, or no BEAM takes it
  std::string source;          ///< for people: $RANCHER_CNODE_COOKIE, -setcookie
  bool from_settings = false;  ///< it overrides that of the BEAM
  /// Whether it is that of the BEAM, by what can be seen of its process.
  enum class Match { unknown, same, different } beam = Match::unknown;
  std::string beam_source;
  std::string file;  ///< that the BEAM or the settings name; empty: it is in none
  std::optional<mode_t> mode;
};

struct UrlFacts {
  std::string host;  ///< of the URL; empty for a file
  std::optional<Expected<std::string>>
      resolved;  ///< its first address; nothing: the host is an address itself
  metadata::UrlAnswers answers;
};

/// The program that holds the C-node's name in epmd.
struct HolderFacts {
  enum class Kind { nobody, cnode, other, unknown } kind = Kind::unknown;
  std::string version;  ///< of a C-node
  std::string error;    ///< why it is no C-node
};

struct EpmdFacts {
  std::uint16_t port = 4369;
  std::optional<std::uint16_t> dist_port;  ///< of all BEAMs; epmd is then not used
  Expected<std::vector<std::string>> names = failure(ErrorCode::unavailable, "not asked");
};

/// Answers of one BEAM. What it did not answer in time is not set.
struct BeamAnswers {
  std::optional<std::string> otp_release;
  std::optional<std::string> prevent_overlapping_partitions;  ///< true or false; "" = not set
  std::optional<std::int64_t> net_ticktime;                   ///< seconds
};

struct BeamFacts {
  host::Selection selection;
  std::size_t running = 0;       ///< BEAMs that are seen
  std::optional<NodeName> name;  ///< to be connected: that of the process, else of the settings
  /// Nothing: it was not tried, because something before it failed.
  std::optional<tl::expected<void, distribution::ConnectFailure>> connection;
  BeamAnswers answers;
  std::vector<std::string> connected;                    ///< nodes(connected)
  std::optional<std::vector<std::string>> applications;  ///< that run
  std::optional<bool> rancher_strategy;                  ///< libcluster's own one runs, or most likely does
};

/// One peer that may be dialled.
struct PeerFacts {
  NodeName node;
  /// "epmd", "connect", or a stage of the handshake if it failed there. Nothing: no answer before the time
  /// was over.
  std::optional<tl::expected<void, distribution::ConnectFailure>> connection;
  BeamAnswers answers;
};

struct Facts {
  Config config;
  std::vector<SettingInEffect> settings;
  std::vector<std::string> warnings;  ///< of the settings
  std::vector<Ipv4Address> interfaces;
  std::optional<Ipv4Address> address;  ///< that the other facts were collected with
  CookieFacts cookie;
  std::vector<UrlFacts> urls;
  EpmdFacts epmd;
  HolderFacts holder;
  std::vector<std::string> tls_warnings;  ///< of the options of TLS that are used
  std::vector<std::uint16_t> listening;   ///< ports on which somebody listens at our address
  BeamFacts beam;
  std::vector<PeerFacts> peers;
  std::size_t held = 0;  ///< listed, and must not be dialled

  /// The first URL whose answer makes the service known; null if none.
  [[nodiscard]] const UrlFacts* read_url() const;
  /// The first URL that answered at all.
  [[nodiscard]] const UrlFacts* answering_url() const;
  [[nodiscard]] bool beam_is_connected() const { return beam.connection && *beam.connection; }
};

}  // namespace rancher_cnode::cli::doctor
