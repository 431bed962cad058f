#include <algorithm>

#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/core/wrapped.hpp"
#include "rancher_cnode/status/mesh_renderings.hpp"
#include "status/mesh_parts.hpp"
#include "status/painter.hpp"
#include "status/words.hpp"

namespace rancher_cnode::status {
namespace {

using Hole = MeshFindings::Hole;

/// From so many members on a matrix hides what it should show.
constexpr std::size_t too_many_for_matrix = 20;
/// Of each kind of line; the count is in the first line.
constexpr std::size_t most_lines = 100;
constexpr std::string_view gap = "  ";
/// Of a line below the matrix.
constexpr std::size_t head_width = 11;

std::string padding(std::size_t width, std::size_t used) {
  return std::string(width - std::min(width, used), ' ');
}

/// What stands in one cell: "NO" is a hole, "no" is none, because one of them must not be dialled.
std::string cell(const Mesh& mesh, std::size_t row, std::size_t column) {
  const auto& member = mesh.members[row];
  if (row == column) {
    return "-";
  }
  if (member.answer != Mesh::Answer::answered) {
    return "?";
  }
  return std::ranges::binary_search(member.sees, column)    ? "yes"
         : member.dialable && mesh.members[column].dialable ? "NO"
                                                            : "no";
}

/// Empty if it is wider than that.
std::string matrix(const Mesh& mesh, std::vector<std::string> heads, std::size_t limit,
                   const Painter& painter) {
  constexpr std::size_t widest_cell = 3;
  constexpr std::string_view corner = "sees:";
  std::size_t names = corner.size();
  for (std::size_t i = 0; i < heads.size(); ++i) {
    names = std::max(names, name_of(mesh, i).size());
  }
  std::size_t total = names;
  std::vector<std::size_t> widths;
  for (const auto& head : heads) {
    widths.push_back(std::max(head.size(), widest_cell));
    total += gap.size() + widths.back();
  }
  if (total > limit) {
    return {};
  }
  std::string text = padding(names, corner.size()) + std::string(corner);
  for (std::size_t i = 0; i < heads.size(); ++i) {
    text += std::string(gap) + padding(widths[i], heads[i].size()) + heads[i];
  }
  text += "\n";
  for (std::size_t row = 0; row < heads.size(); ++row) {
    const std::string name = name_of(mesh, row);
    text += padding(names, name.size()) + name;
    for (std::size_t column = 0; column < heads.size(); ++column) {
      const std::string what = cell(mesh, row, column);
      text += std::string(gap) + padding(widths[column], what.size());
      text += what == "yes" ? painter.good(what) : what == "NO" ? painter.bad(what) : what;
    }
    text += "\n";
  }
  return text;
}

/// Columns by name, or by number where names would not fit; nothing for many members.
std::string matrix(const Mesh& mesh, const TableStyle& style, const Painter& painter) {
  if (mesh.members.empty() || mesh.members.size() >= too_many_for_matrix) {
    return {};
  }
  std::string named = matrix(mesh, labels_of(mesh), style.width, painter);
  if (!named.empty()) {
    return "\n" + named;
  }
  std::vector<std::string> numbers;
  for (std::size_t i = 1; i <= mesh.members.size(); ++i) {
    numbers.push_back(std::to_string(i));
  }
  const std::string numbered = matrix(mesh, std::move(numbers), style.width, painter);
  return numbered.empty() ? "" : "\n" + numbered;
}

template <class Range, class Line>
std::string lines(const Range& range, std::size_t width, Line line) {
  std::string text;
  std::size_t count = 0;
  for (const auto& item : range) {
    if (++count > most_lines) {
      return text + "... and " + std::to_string(range.size() - most_lines) + " more\n";
    }
    text += wrapped(line(item), width, head_width) + "\n";
  }
  return text;
}

std::string groups(const Mesh& mesh, const MeshFindings& findings, std::size_t width) {
  if (findings.groups.size() < 2 && !findings.more_groups) {
    return {};
  }
  std::string text;
  for (std::size_t i = 0; i < findings.groups.size(); ++i) {
    const std::string head = "group " + std::to_string(i + 1);
    text += wrapped(head + padding(head_width, head.size()) + group_in(mesh, findings.groups[i]), width,
                    head_width) +
            "\n";
  }
  text += findings.more_groups ? "and more groups\n" : "";
  text += findings.overlap.empty()
              ? ""
              : wrapped("in several " + group_in(mesh, findings.overlap), width, head_width) + "\n";
  return text;
}

// -- json

std::string json_string(std::string_view text) { return '"' + printable(text) + '"'; }

template <class Range, class Item>
std::string json_list(const Range& range, Item item) {
  std::string text;
  for (const auto& each : range) {
    text += (text.empty() ? "" : ",") + item(each);
  }
  return "[" + text + "]";
}

std::string json_names(const Mesh& mesh, const std::vector<std::size_t>& members) {
  return json_list(members, [&](std::size_t member) { return json_string(mesh.members[member].node); });
}

std::string json_member(const Mesh& mesh, const Mesh::Member& member) {
  return R"({"node":)" + json_string(member.node) + R"(,"dialable":)" + (member.dialable ? "true" : "false") +
         R"(,"answer":)" + json_string(to_string(member.answer)) + R"(,"reason":)" +
         (member.reason.empty() ? "null" : json_string(member.reason)) + R"(,"sees":)" +
         json_names(mesh, member.sees) + R"(,"others":)" + std::to_string(member.others) + "}";
}

std::string dot_string(std::string_view text) { return '"' + printable(text) + '"'; }

}  // namespace

std::string as_table(const Mesh& mesh, const TableStyle& style) {
  const Painter painter(style.colour);
  const MeshFindings findings = examine(mesh);
  const std::string words = in_words(mesh, findings);
  std::string text = "mesh ";
  text += mesh.via.empty() ? "" : "by way of " + shown(mesh.via) + ", " + for_people(mesh.age) + " ago: ";
  text += (findings.kind == MeshFindings::Kind::whole         ? painter.good(words)
           : findings.kind == MeshFindings::Kind::unconfirmed ? painter.pending(words)
                                                              : painter.bad(words));
  text = wrapped(text, style.width, head_width) + "\n";
  if (findings.kind == MeshFindings::Kind::not_driving) {
    return text;
  }
  text += matrix(mesh, style, painter);
  const std::string more =
      lines(findings.holes, style.width,
            [&](const Hole& hole) {
              return std::string(hole.kind == Hole::Kind::missing ? "missing    " : "one-way    ") +
                     in_words(mesh, hole);
            }) +
      lines(findings.unanswered, style.width,
            [&](std::size_t member) { return "no answer  " + without_answer(mesh, member); }) +
      groups(mesh, findings, style.width);
  return more.empty() ? text : text + "\n" + more;
}

std::string as_json(const Mesh& mesh) {
  const MeshFindings findings = examine(mesh);
  std::string text = R"({"verdict":)" + json_string(to_string(findings.kind));
  text += R"(,"via":)" + (mesh.via.empty() ? "null" : json_string(mesh.via));
  text += R"(,"asked_ms_ago":)" + std::to_string(mesh.age.count());
  text += R"(,"omitted":)" + std::to_string(mesh.omitted);
  text += R"(,"members":)" +
          json_list(mesh.members, [&](const Mesh::Member& member) { return json_member(mesh, member); });
  text += R"(,"pairs":)" + std::to_string(findings.pairs);
  text += R"(,"connected":)" + std::to_string(findings.connected);
  text += R"(,"unknown":)" + std::to_string(findings.unknown);
  text += R"(,"holes":)" + json_list(findings.holes, [&](const Hole& hole) {
            return R"({"kind":)" + json_string(to_string(hole.kind)) + R"(,"from":)" +
                   json_string(mesh.members[hole.from].node) + R"(,"to":)" +
                   json_string(mesh.members[hole.to].node) + "}";
          });
  text += R"(,"unanswered":)" + json_names(mesh, findings.unanswered);
  text += R"(,"groups":)" +
          json_list(findings.groups, [&](const auto& group) { return json_names(mesh, group); });
  text += R"(,"more_groups":)" + std::string(findings.more_groups ? "true" : "false");
  return text + R"(,"overlap":)" + json_names(mesh, findings.overlap) + "}\n";
}

std::string as_dot(const Mesh& mesh) {
  const MeshFindings findings = examine(mesh);
  const auto node = [](std::size_t member) { return "n" + std::to_string(member); };
  std::string text = "digraph mesh {\n  layout=circo;\n  label=" + dot_string(in_words(mesh, findings)) +
                     ";\n  node [shape=box, style=rounded];\n  edge [dir=none, color=gray50];\n";
  for (std::size_t i = 0; i < mesh.members.size(); ++i) {
    const auto& member = mesh.members[i];
    text += "  " + node(i) + " [label=" + dot_string(name_of(mesh, i));
    text += member.answer == Mesh::Answer::answered ? "" : ", style=\"rounded,dashed\"";
    text += (member.dialable ? "" : ", color=gray50, fontcolor=gray50") + std::string("];\n");
  }
  for (std::size_t i = 0; i < mesh.members.size(); ++i) {
    for (std::size_t k = i + 1; k < mesh.members.size(); ++k) {
      if (is_connected(mesh, i, k)) {
        text += "  " + node(i) + " -> " + node(k) + ";\n";
      }
    }
  }
  for (const Hole& hole : findings.holes) {
    text +=
        "  " + node(hole.from) + " -> " + node(hole.to) +
        (hole.kind == Hole::Kind::missing ? " [style=dashed, color=red];\n" : " [dir=forward, color=red];\n");
  }
  return text + "}\n";
}

}  // namespace rancher_cnode::status
