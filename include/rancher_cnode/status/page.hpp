// The status of a C-node as one HTML page, for browsers. Served by the agent. Pure.
//
// The document needs nothing else: no script, no other resource. A content security policy forbids both, so
// that what slipped through the escaping could do nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/log/logged_event.hpp"
#include "rancher_cnode/status/mesh.hpp"
#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::status {

/// The path of the page that does not load itself again; `/` is that of the other.
inline constexpr const char* still_page = "/still";

struct PageContent {
  Report report;
  std::optional<Mesh> mesh;         ///< nothing: not asked yet
  std::vector<LoggedEvent> events;  ///< the latest first
  /// How often the browser loads the page again; 0 = it stays, for a reader whom that disturbs.
  std::chrono::seconds refresh{10};
};

/// HTML5, UTF-8.
[[nodiscard]] std::string as_page(const PageContent& content);

}  // namespace rancher_cnode::status
