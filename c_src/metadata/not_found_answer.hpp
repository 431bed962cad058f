// Rancher's own 404: {"code":404,"message":"Not found","type":"error"}. Used by metadata_client. Any other server
// may answer 404 too, e.g. one behind a wildcard DNS entry that rancher-metadata leads to.
#pragma once

#include <string_view>

namespace rancher_cnode::metadata {

/// Of the body of an answer with status 404; may have further keys, in any order.
[[nodiscard]] bool is_not_found_answer(std::string_view body);

}  // namespace rancher_cnode::metadata
