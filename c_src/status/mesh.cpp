#include "rancher_cnode/status/mesh.hpp"

#include <algorithm>

#include "rancher_cnode/core/printable.hpp"
#include "status/mesh_groups.hpp"

namespace rancher_cnode::status {
namespace {

using Answer = Mesh::Answer;
using Hole = MeshFindings::Hole;

bool has_answered(const Mesh::Member& member) { return member.answer == Answer::answered; }

bool sees(const Mesh& mesh, std::size_t one, std::size_t other) {
  return std::ranges::binary_search(mesh.members[one].sees, other);
}

std::string count_of(std::size_t count, const std::string& one, const std::string& several) {
  return std::to_string(count) + " " + (count == 1 ? one : several);
}

/// The members that belong together.
std::vector<std::size_t> dialable_members(const Mesh& mesh) {
  std::vector<std::size_t> members;
  for (std::size_t i = 0; i < mesh.members.size(); ++i) {
    if (mesh.members[i].dialable) {
      members.push_back(i);
    }
  }
  return members;
}

/// Counts one pair. True if it is connected.
bool count_pair(const Mesh& mesh, std::size_t one, std::size_t other, MeshFindings& findings) {
  const bool one_answered = has_answered(mesh.members[one]);
  const bool other_answered = has_answered(mesh.members[other]);
  const bool one_sees = sees(mesh, one, other);
  const bool other_sees = sees(mesh, other, one);
  ++findings.pairs;
  if (!one_answered && !other_answered) {
    ++findings.unknown;
  } else if (one_answered && other_answered && one_sees != other_sees) {
    findings.holes.push_back({Hole::Kind::one_way, one_sees ? one : other, one_sees ? other : one});
  } else if (!one_sees && !other_sees) {
    findings.holes.push_back({Hole::Kind::missing, one, other});
  } else {
    ++findings.connected;
    return true;
  }
  return false;
}

void find_groups(const std::vector<std::size_t>& members, const Adjacency& adjacency,
                 MeshFindings& findings) {
  auto found = groups_of(adjacency, MeshFindings::max_groups);
  findings.more_groups = !found.complete;
  std::vector<int> memberships(adjacency.size());
  for (auto& group : found.groups) {
    for (std::size_t& vertex : group) {
      ++memberships[vertex];
      vertex = members[vertex];
    }
    findings.groups.push_back(std::move(group));
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (memberships[i] > 1) {
      findings.overlap.push_back(members[i]);
    }
  }
}

MeshFindings::Kind kind_of(const Mesh& mesh, const MeshFindings& findings) {
  using Kind = MeshFindings::Kind;
  if (mesh.via.empty() || mesh.members.empty() || std::ranges::none_of(mesh.members, has_answered)) {
    return Kind::not_driving;
  }
  if (!findings.holes.empty()) {
    return Kind::holes;
  }
  return findings.unanswered.empty() && mesh.omitted == 0 ? Kind::whole : Kind::unconfirmed;
}

std::string word_of(MeshFindings::Kind kind) {
  switch (kind) {
    case MeshFindings::Kind::whole:
      return "WHOLE";
    case MeshFindings::Kind::holes:
      return "HOLES";
    case MeshFindings::Kind::unconfirmed:
      return "UNCONFIRMED";
    case MeshFindings::Kind::not_driving:
      break;
  }
  return "NOT DRIVING";
}

std::string why_nobody_was_asked(const Mesh& mesh) {
  if (mesh.via.empty()) {
    return "no BEAM is connected";
  }
  const auto own = std::ranges::find(mesh.members, mesh.via, &Mesh::Member::node);
  return own == mesh.members.end() ? "no member is known"
                                   : readable(mesh.via) + " did not answer: " + readable(own->reason);
}

}  // namespace

std::string_view to_string(Mesh::Answer answer) {
  switch (answer) {
    case Answer::answered:
      return "answered";
    case Answer::no_answer:
      return "no_answer";
    case Answer::not_asked:
      return "not_asked";
  }
  return "unknown";
}

std::string_view to_string(MeshFindings::Kind kind) {
  switch (kind) {
    case MeshFindings::Kind::whole:
      return "whole";
    case MeshFindings::Kind::holes:
      return "holes";
    case MeshFindings::Kind::unconfirmed:
      return "unconfirmed";
    case MeshFindings::Kind::not_driving:
      return "not_driving";
  }
  return "unknown";
}

std::string_view to_string(MeshFindings::Hole::Kind kind) {
  return kind == Hole::Kind::missing ? "missing" : "one_way";
}

MeshFindings examine(const Mesh& mesh) {
  MeshFindings findings;
  const auto members = dialable_members(mesh);
  findings.members = members.size();
  Adjacency adjacency(members.size(), std::vector<bool>(members.size()));
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!has_answered(mesh.members[members[i]])) {
      findings.unanswered.push_back(members[i]);
    }
    for (std::size_t k = i + 1; k < members.size(); ++k) {
      adjacency[i][k] = adjacency[k][i] = count_pair(mesh, members[i], members[k], findings);
    }
  }
  findings.kind = kind_of(mesh, findings);
  if (findings.kind != MeshFindings::Kind::not_driving) {
    find_groups(members, adjacency, findings);
  }
  return findings;
}

std::string in_words(const Mesh& mesh, const MeshFindings& findings) {
  std::string text = word_of(findings.kind) + ", ";
  if (findings.kind == MeshFindings::Kind::not_driving) {
    return text + why_nobody_was_asked(mesh);
  }
  text += std::to_string(findings.connected) + " of " +
          count_of(findings.pairs, "connection", "connections") + " between " +
          count_of(findings.members, "member", "members");
  const auto one_way =
      static_cast<std::size_t>(std::ranges::count(findings.holes, Hole::Kind::one_way, &Hole::kind));
  const std::size_t missing = findings.holes.size() - one_way;
  text += missing == 0 ? "" : ", " + std::to_string(missing) + " missing";
  text += one_way == 0 ? "" : ", " + std::to_string(one_way) + " one-way";
  text += findings.unknown == 0 ? "" : ", " + std::to_string(findings.unknown) + " unknown";
  if (!findings.unanswered.empty()) {
    text += "; " + count_of(findings.unanswered.size(), "member has", "members have") + " not answered";
  }
  text += mesh.omitted == 0 ? "" : "; " + count_of(mesh.omitted, "member was", "members were") + " left out";
  return text;
}

}  // namespace rancher_cnode::status
