#include "status/mesh_parts.hpp"

#include <algorithm>
#include <string_view>

#include "status/words.hpp"

namespace rancher_cnode::status {
namespace {

constexpr std::size_t most_names = 12;

std::string_view before_at(std::string_view name) { return name.substr(0, name.find('@')); }

}  // namespace

std::string name_of(const Mesh& mesh, std::size_t member) { return shown(mesh.members[member].node); }

std::vector<std::string> labels_of(const Mesh& mesh) {
  const bool alike = std::ranges::all_of(mesh.members, [&](const Mesh::Member& member) {
    return before_at(member.node) == before_at(mesh.members.front().node) &&
           member.node.find('@') != std::string::npos;
  });
  std::vector<std::string> labels;
  labels.reserve(mesh.members.size());
  for (const auto& member : mesh.members) {
    labels.push_back(shown(alike ? member.node.substr(member.node.find('@') + 1) : member.node));
  }
  return labels;
}

bool is_connected(const Mesh& mesh, std::size_t one, std::size_t other) {
  const auto& first = mesh.members[one];
  const auto& second = mesh.members[other];
  const bool both_count = first.dialable && second.dialable && first.answer == Mesh::Answer::answered &&
                          second.answer == Mesh::Answer::answered;
  const bool one_sees = std::ranges::binary_search(first.sees, other);
  const bool other_sees = std::ranges::binary_search(second.sees, one);
  return both_count ? one_sees && other_sees : one_sees || other_sees;
}

std::string in_words(const Mesh& mesh, const MeshFindings::Hole& hole) {
  const std::string from = name_of(mesh, hole.from);
  const std::string to = name_of(mesh, hole.to);
  return hole.kind == MeshFindings::Hole::Kind::missing ? from + " and " + to + " are not connected"
                                                        : from + " sees " + to + ", which does not see it";
}

std::string without_answer(const Mesh& mesh, std::size_t member) {
  return name_of(mesh, member) + ": " + shown(mesh.members[member].reason);
}

std::string names_in(const Mesh& mesh, const std::vector<std::size_t>& members) {
  std::string text;
  for (std::size_t i = 0; i < members.size() && i < most_names; ++i) {
    text += (i == 0 ? "" : ", ") + name_of(mesh, members[i]);
  }
  return members.size() > most_names
             ? text + " and " + std::to_string(members.size() - most_names) + " others"
             : text;
}

std::string group_in(const Mesh& mesh, const std::vector<std::size_t>& members) {
  // Of a group of nearly all, it matters who is not in it.
  constexpr std::size_t nearly_all = 3;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < mesh.members.size(); ++i) {
    if (mesh.members[i].dialable && std::ranges::count(members, i) == 0) {
      others.push_back(i);
    }
  }
  return others.empty()                                 ? "all"
         : others.size() * nearly_all <= members.size() ? "all but " + names_in(mesh, others)
                                                        : names_in(mesh, members);
}

}  // namespace rancher_cnode::status
