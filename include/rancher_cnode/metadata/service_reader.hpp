// The body of a service read, turned into a membership::Service. Used by metadata_client and the fuzzer.
//
// The body is pulled through a SAX parser piece by piece. Only the fields that are used are kept, and only at
// their exact place: a "containers" key inside labels is nothing to us. Memory is that of the kept fields, of
// at most max_containers containers, and does not grow with anything else in the body or with any string in
// it.
//
// A good read is one JSON object in valid UTF-8 with a "containers" key that is null or a list of objects. In
// it, and in each container, the used fields may be absent or null. A used field of another type, one that
// stands twice, that is longer than max_json_text or holds half a surrogate pair, an entry of `ips` that is
// no string, or more entries than the limits allow make the whole read malformed, because an answer that is
// odd in one place cannot be trusted to say who is gone. Unknown fields may hold any valid JSON that is not
// nested too deep and whose numbers a double can hold. Nothing about the values is checked here: addresses
// are judged by membership/eligibility.
//
// Field names: Rancher 1.x metadata 2015-12-19 to 2016-07-29 (rancher-metadata v0.10.4).
#pragma once

#include <cstddef>
#include <string_view>

#include "rancher_cnode/error.hpp"
#include "rancher_cnode/membership/service.hpp"
#include "rancher_cnode/metadata/byte_source.hpp"

namespace rancher_cnode::metadata {

/// The deepest nesting of objects and lists that is read. Real answers reach 6.
inline constexpr std::size_t max_json_depth = 64;

/// The most containers that are read. Services of 10,000 are what this program is measured with.
inline constexpr std::size_t max_containers = 50'000;

/// The most entries of one container's `ips`. Real answers have one.
inline constexpr std::size_t max_ips = 64;

/// The longest used string, in bytes. Rancher's own limit for a name is 255.
inline constexpr std::size_t max_json_text = 4'095;

/// Reads the source to its end. Failures: the source's own error as it is; else ErrorCode::malformed with the
/// byte offset and what was wrong there. Blocks as the source does; any thread.
[[nodiscard]] Expected<membership::Service> read_service(ByteSource& body);

/// The same for a body in memory.
[[nodiscard]] Expected<membership::Service> read_service(std::string_view body);

}  // namespace rancher_cnode::metadata
