// What the renderings of a mesh have in common: names, and words. Pure.
#pragma once

#include <string>
#include <vector>

#include "rancher_cnode/status/mesh.hpp"

namespace rancher_cnode::status {

/// One for each member: what follows the @ if all have the same before it, otherwise the whole name.
/// Printable, and cut.
[[nodiscard]] std::vector<std::string> labels_of(const Mesh& mesh);

/// The whole name, printable and cut.
[[nodiscard]] std::string name_of(const Mesh& mesh, std::size_t member);

/// One of them sees the other, and that is no hole. Also of members that are not dialable.
[[nodiscard]] bool is_connected(const Mesh& mesh, std::size_t one, std::size_t other);

/// A hole in words: "a and b are not connected", "a sees b, which does not see it".
[[nodiscard]] std::string in_words(const Mesh& mesh, const MeshFindings::Hole& hole);

/// A member without an answer: "a: it did not answer within 1500 ms".
[[nodiscard]] std::string without_answer(const Mesh& mesh, std::size_t member);

/// The names of these members, at most a dozen: "a, b, c and 4 others".
[[nodiscard]] std::string names_in(const Mesh& mesh, const std::vector<std::size_t>& members);

/// The same of a group, or of what groups have in common: "all but c" where that is shorter.
[[nodiscard]] std::string group_in(const Mesh& mesh, const std::vector<std::size_t>& members);

}  // namespace rancher_cnode::status
