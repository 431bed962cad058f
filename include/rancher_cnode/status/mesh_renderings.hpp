// A Mesh as text and as a picture. Used by the command `mesh` and by the page. Pure. What the mesh contains
// is foreign: nothing of it reaches a terminal, a parser or a browser unescaped.
#pragma once

#include <string>

#include "rancher_cnode/status/mesh.hpp"
#include "rancher_cnode/status/renderings.hpp"

namespace rancher_cnode::status {

/// First line: the verdict. Then a matrix of who sees whom, unless it would be wide: members above a number,
/// or more columns than there are; then the holes, the members without an answer and, if there are several,
/// the groups.
[[nodiscard]] std::string as_table(const Mesh& mesh, const TableStyle& style);

/// One line: the fields of the term (docs/status.md) and what follows from them.
[[nodiscard]] std::string as_json(const Mesh& mesh);

/// For Graphviz: `rancher_cnode mesh --format dot | neato -Tsvg`.
[[nodiscard]] std::string as_dot(const Mesh& mesh);

/// One element, without XML declaration: a document of its own, or part of an HTML page. A ring of the
/// members, connections thin, missing ones dashed and red, one-way ones with an arrow; with a title and a
/// description for screen readers.
[[nodiscard]] std::string as_svg(const Mesh& mesh);

}  // namespace rancher_cnode::status
