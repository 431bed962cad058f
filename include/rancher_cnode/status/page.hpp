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

/// How soon to load the page again: soon while it shows no mesh or an old one, because showing it makes the
/// C-node ask the members.
[[nodiscard]] std::chrono::seconds refresh_after(const std::optional<Mesh>& mesh);

/// HTML5, UTF-8. Headed by one verdict: what our own BEAM lacks, and if that is nothing, that on the mesh.
[[nodiscard]] std::string as_page(const PageContent& content);

}  // namespace rancher_cnode::status
