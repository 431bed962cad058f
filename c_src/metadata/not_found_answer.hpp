// Rancher's own 404: {"code":404,"message":"Not found","type":"error"}. Used by metadata_client. Other
// servers return 404 too, for example one that a wildcard DNS entry for rancher-metadata leads to.
#pragma once

#include <string_view>

namespace rancher_cnode::metadata {

/// For the body of an answer with status 404; further keys and any order are allowed.
[[nodiscard]] bool is_not_found_answer(std::string_view body);

}  // namespace rancher_cnode::metadata
