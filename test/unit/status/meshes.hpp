// Meshes as the agent makes them. Used by the tests of the mesh and of the page.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/status/mesh.hpp"

namespace rancher_cnode::status::test {

inline std::string member_name(std::size_t position) {
  return "myapp@10.42.0." + std::to_string(11 + position);
}

/// So many members, all connected to one another, all answering.
inline Mesh whole_mesh(std::size_t count) {
  Mesh mesh{.via = member_name(0), .age = Milliseconds(1'000), .members = {}};
  for (std::size_t i = 0; i < count; ++i) {
    mesh.members.push_back({.node = member_name(i),
                            .dialable = true,
                            .answer = Mesh::Answer::answered,
                            .reason = {},
                            .sees = {},
                            .others = 1});
    for (std::size_t k = 0; k < count; ++k) {
      if (k != i) {
        mesh.members[i].sees.push_back(k);
      }
    }
  }
  return mesh;
}

/// `from` does not see `to`.
inline void blind(Mesh& mesh, std::size_t from, std::size_t to) { std::erase(mesh.members[from].sees, to); }

inline void cut(Mesh& mesh, std::size_t one, std::size_t other) {
  blind(mesh, one, other);
  blind(mesh, other, one);
}

inline void silence(Mesh& mesh, std::size_t member, Mesh::Answer answer = Mesh::Answer::no_answer) {
  auto& silent = mesh.members[member];
  silent.answer = answer;
  silent.reason = answer == Mesh::Answer::no_answer ? "it did not answer within 1500 ms"
                                                    : "the BEAM is not connected to it";
  silent.sees.clear();
}

/// Only members of one of these groups are connected to one another.
inline Mesh grouped(std::size_t count, const std::vector<std::vector<std::size_t>>& groups) {
  Mesh mesh = whole_mesh(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const bool together = std::ranges::any_of(groups, [&](const auto& group) {
        return std::ranges::count(group, i) > 0 && std::ranges::count(group, k) > 0;
      });
      if (!together) {
        cut(mesh, i, k);
      }
    }
  }
  return mesh;
}

}  // namespace rancher_cnode::status::test
