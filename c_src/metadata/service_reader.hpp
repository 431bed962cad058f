// Parses the body of a service read into a membership::Service. Used by metadata_client and the fuzzer.
//
// The body passes through a SAX parser piece by piece. Only the used fields are kept, and only at their exact
// place: a "containers" key inside labels is ignored. Memory is that of the kept fields, of at most
// max_containers containers, and does not grow with anything else in the body or with any string in it.
//
// A valid body is in valid UTF-8 one JSON object, or a list of such objects if all services of a stack were
// asked for, with a "containers" key that is null or a list of objects. In it, and in each container, the
// used fields may be absent or null. The whole read is malformed if a used field has another type, is
// duplicated, is longer than max_json_text or contains half a surrogate pair, if an entry of `ips` is not a
// string, or if there are more entries than the limits allow: an answer that is wrong in one place cannot be
// trusted to show who is gone. Unknown fields may contain any valid JSON within the depth limit whose numbers
// fit a double. Values are not checked here: addresses are judged by membership/eligibility.
//
// Field names: Rancher 1.x metadata 2015-12-19 to 2016-07-29 (rancher-metadata v0.10.4).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/byte_source.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::metadata {

/// The deepest nesting of objects and lists that is read. Real answers reach 6.
inline constexpr std::size_t max_json_depth = 64;

/// The most containers that are read. This program is measured with services of 10,000.
inline constexpr std::size_t max_containers = 50'000;

/// The most entries of one container's `ips`. Real answers have one.
inline constexpr std::size_t max_ips = 64;

/// The longest used string, in bytes. Rancher's own limit for a name is 255.
inline constexpr std::size_t max_json_text = 4'095;

/// What the body is.
enum class ServiceBody {
  one,   ///< a service
  list,  ///< of services: their containers are those of one Service, without name and uuid
};

/// Reads the source to its end. Of the labels those with a key in `label_keys` are kept. Failures: the
/// source's own error as it is; else ErrorCode::malformed with the byte offset and the fault. Blocks as the
/// source does; any thread.
[[nodiscard]] Expected<membership::Service> read_service(ByteSource& body,
                                                         ServiceBody kind = ServiceBody::one,
                                                         const std::vector<std::string>& label_keys = {});

/// The same for a body in memory.
[[nodiscard]] Expected<membership::Service> read_service(std::string_view body,
                                                         ServiceBody kind = ServiceBody::one,
                                                         const std::vector<std::string>& label_keys = {});

}  // namespace rancher_cnode::metadata
