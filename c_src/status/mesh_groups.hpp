// The maximal cliques of a graph, as far as they are few. Used by examine().
#pragma once

#include <cstddef>
#include <vector>

namespace rancher_cnode::status {

/// For each vertex, whether it is connected to each other one; symmetric.
using Adjacency = std::vector<std::vector<bool>>;

struct Groups {
  std::vector<std::vector<std::size_t>> groups;  ///< vertices ascending; the largest group first
  bool complete = true;  ///< false if there are more than `most`, or too many to search for
};

/// C. Bron, J. Kerbosch, Algorithm 457, with the pivot of E. Tomita and others; ends after a fixed number of
/// steps.
[[nodiscard]] Groups groups_of(const Adjacency& adjacency, std::size_t most);

}  // namespace rancher_cnode::status
