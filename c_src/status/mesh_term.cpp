#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "rancher_cnode/status/mesh.hpp"
#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::status {
namespace {

using distribution::TermBytes;
using distribution::TermWriter;

TermWriter& text_if(TermWriter& writer, std::string_view text) {
  return text.empty() ? writer.atom("undefined") : writer.binary(text);
}

void write_member(TermWriter& writer, const Mesh& mesh, const Mesh::Member& member) {
  writer.map(6).atom("node").atom(member.node).atom("dialable").boolean(member.dialable);
  writer.atom("answer").atom(to_string(member.answer)).atom("reason");
  text_if(writer, member.reason).atom("sees");
  if (!member.sees.empty()) {
    writer.list(member.sees.size());
  }
  for (const std::size_t seen : member.sees) {
    writer.atom(mesh.members[seen].node);
  }
  writer.nil().atom("others").integer(static_cast<std::int64_t>(member.others));
}

tl::unexpected<Error> bad(const std::string& why) {
  return failure(ErrorCode::malformed, "the answer is not a mesh: " + why);
}

using Positions = std::map<std::string_view, std::size_t>;

std::optional<std::uint64_t> number(const Value& map, std::string_view key) {
  const Value* const value = map.find(key);
  const bool is_number = value != nullptr && value->kind == Value::Kind::integer && value->integer >= 0;
  return is_number ? std::optional(static_cast<std::uint64_t>(value->integer)) : std::nullopt;
}

std::optional<Mesh::Answer> answer_in(const Value& map) {
  const Value* const value = map.find("answer");
  for (const auto answer : {Mesh::Answer::answered, Mesh::Answer::no_answer, Mesh::Answer::not_asked}) {
    if (value != nullptr && value->is_atom(to_string(answer))) {
      return answer;
    }
  }
  return std::nullopt;
}

/// Names that no member has are left out.
std::vector<std::size_t> positions_in(const Value& list, const Positions& positions) {
  std::vector<std::size_t> found;
  for (const Value& name : list.items) {
    if (const auto position = positions.find(name.text); position != positions.end()) {
      found.push_back(position->second);
    }
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  return found;
}

std::optional<Mesh::Member> member_of(const Value& map, const Positions& positions) {
  const Value* const node = map.find("node");
  const Value* const dialable = map.find("dialable");
  const Value* const reason = map.find("reason");
  const Value* const sees = map.find("sees");
  const auto answer = answer_in(map);
  const auto others = number(map, "others");
  if (node == nullptr || node->kind != Value::Kind::atom || dialable == nullptr || reason == nullptr ||
      sees == nullptr || sees->kind != Value::Kind::list || !answer || !others) {
    return std::nullopt;
  }
  return Mesh::Member{.node = node->text,
                      .dialable = dialable->is_atom("true"),
                      .answer = *answer,
                      .reason = reason->kind == Value::Kind::text ? reason->text : "",
                      .sees = positions_in(*sees, positions),
                      .others = *others};
}

}  // namespace

TermBytes mesh_term(const Mesh& mesh) {
  TermWriter writer;
  writer.map(4).atom("via").atom(mesh.via.empty() ? "undefined" : mesh.via);
  writer.atom("asked_ms_ago").integer(mesh.age.count());
  writer.atom("omitted").integer(static_cast<std::int64_t>(mesh.omitted)).atom("members");
  if (!mesh.members.empty()) {
    writer.list(mesh.members.size());
  }
  for (const auto& member : mesh.members) {
    write_member(writer, mesh, member);
  }
  writer.nil();
  return writer.take();
}

Expected<Mesh> Mesh::read(std::span<const char> term) {
  const auto value = Value::read(term);
  if (!value) {
    return bad(value.error().message + ": " + distribution::printed(term));
  }
  const Value* const via = value->find("via");
  const Value* const members = value->find("members");
  const auto age = number(*value, "asked_ms_ago");
  const auto omitted = number(*value, "omitted");
  if (via == nullptr || via->kind != Value::Kind::atom || members == nullptr ||
      members->kind != Value::Kind::list || !age || !omitted) {
    return bad("a field is not as in the schema: " + distribution::printed(term));
  }
  if (members->items.size() > max_members) {
    return bad("it has more than " + std::to_string(max_members) + " members");
  }
  Mesh mesh;
  mesh.via = via->is_atom("undefined") ? "" : via->text;
  // Beyond that it would not fit into a duration of the clock.
  constexpr std::uint64_t longest = std::numeric_limits<std::int64_t>::max() / 1'000'000;
  mesh.age = Milliseconds(std::min(*age, longest));
  mesh.omitted = *omitted;
  Positions positions;
  for (const Value& member : members->items) {
    const Value* const node = member.find("node");
    if (node == nullptr || !positions.emplace(node->text, positions.size()).second) {
      return bad("a member has no name, or that of another one");
    }
  }
  for (const Value& item : members->items) {
    auto member = member_of(item, positions);
    if (!member) {
      return bad("a member is not as in the schema: " + distribution::printed(term));
    }
    mesh.members.push_back(*std::move(member));
  }
  return mesh;
}

}  // namespace rancher_cnode::status
