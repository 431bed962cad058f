// Watches the cookie's file while a BEAM refuses us: a new cookie is used for all handshakes from then on.
// Used by TargetConnection, one object for all. On the loop.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::agent {

class CookieWatch {
 public:
  /// `cnode` and `log` must outlive it.
  CookieWatch(const Config& config, distribution::Connections& cnode, const Log& log);

  /// The cookie of the BEAM; no file is watched any more.
  void use(const Cookie& cookie);

  /// How often the cookie has changed so far. Checks the file, and reads it only if it has changed.
  [[nodiscard]] std::uint64_t changes();

 private:
  std::string path_;  ///< "" = the cookie is not from a file
  std::string cookie_;
  distribution::Connections& cnode_;
  const Log& log_;
  struct stat seen_ {};
  std::uint64_t changes_ = 0;
};

}  // namespace rancher_cnode::agent
