// The part of docs/status.md about the mesh, against the term that a caller gets, and its renderings.
#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <set>
#include <string>

#include "pages.hpp"
#include "rancher_cnode/status/mesh.hpp"
#include "rancher_cnode/status/mesh_renderings.hpp"
#include "rancher_cnode/status/report.hpp"

using namespace rancher_cnode;
using status::Mesh;
using status::MeshFindings;
using status::Value;

namespace {

std::vector<pages::Row> rows_under(const std::string& heading) {
  auto rows = pages::rows_of(pages::page("status.md"));
  std::erase_if(rows, [&](const pages::Row& row) { return row.heading != heading; });
  return rows;
}

/// Two members that are not connected to each other. Nothing of it is undefined.
Mesh mesh() {
  Mesh mesh{.via = "a@10.42.0.1", .members = {}};
  for (const auto* node : {"a@10.42.0.1", "b@10.42.0.2"}) {
    mesh.members.push_back({.node = node,
                            .dialable = true,
                            .answer = Mesh::Answer::answered,
                            .reason = "none",
                            .sees = {},
                            .others = 1});
  }
  return mesh;
}

std::string type_of(const Value& value) {
  switch (value.kind) {
    case Value::Kind::atom:
      return value.is_atom("true") || value.is_atom("false") ? "boolean" : "atom";
    case Value::Kind::integer:
      return "integer";
    case Value::Kind::text:
      return "binary";
    case Value::Kind::list:
      return "list";
    case Value::Kind::map:
      break;
  }
  return "map";
}

std::map<std::string, std::string> fields_in_term() {
  const auto term = Value::read(status::mesh_term(mesh()));
  REQUIRE(term);
  std::map<std::string, std::string> types;
  const auto collect = [&](const Value& map, const std::string& path) {
    for (std::size_t i = 0; i < map.keys.size(); ++i) {
      types[path + map.keys[i]] = type_of(map.items[i]);
    }
  };
  collect(*term, "");
  collect(term->find("members")->items.front(), "members[].");
  return types;
}

std::map<std::string, std::string> fields_on_page() {
  std::map<std::string, std::string> types;
  for (const auto& row : rows_under("Mesh fields")) {
    types[*pages::codes_in(row.cells.front()).begin()] = row.cells[1];
  }
  return types;
}

std::set<std::string> words_on_page(const std::string& heading, const std::string& field, std::size_t cell) {
  for (const auto& row : rows_under(heading)) {
    if (pages::codes_in(row.cells.front()).contains(field)) {
      return pages::codes_in(row.cells[cell]);
    }
  }
  return {};
}

template <class Word>
std::set<std::string> words_of(std::initializer_list<Word> words) {
  std::set<std::string> texts;
  for (const auto word : words) {
    texts.insert(std::string(to_string(word)));
  }
  return texts;
}

}  // namespace

TEST_CASE("the page of the status has every field of the mesh, with its type, and no other") {
  CHECK(fields_on_page() == fields_in_term());
}

TEST_CASE("the page of the status has every answer of a member, and no other") {
  using enum Mesh::Answer;
  CHECK(words_on_page("Mesh fields", "members[].answer", 2) == words_of({answered, no_answer, not_asked}));
}

TEST_CASE("the page of the status has every key of a mesh in JSON, and no other") {
  auto in_json = pages::found_in(status::as_json(mesh()), std::regex(R"re("([a-z_]+)":)re"));
  std::set<std::string> on_page;
  for (const auto& [field, type] : fields_on_page()) {
    on_page.insert(field.substr(field.find('.') + 1));
  }
  for (const auto& row : rows_under("Mesh findings")) {
    on_page.merge(pages::codes_in(row.cells.front()));
  }
  CHECK(pages::missing(in_json, on_page) == "");
  CHECK(pages::missing(on_page, in_json) == "");
}

TEST_CASE("the page of the status has every verdict on a mesh and every kind of hole, and no other") {
  using Kind = MeshFindings::Kind;
  using HoleKind = MeshFindings::Hole::Kind;
  CHECK(words_on_page("Mesh findings", "verdict", 1) ==
        words_of({Kind::whole, Kind::holes, Kind::unconfirmed, Kind::not_driving}));
  CHECK(words_on_page("Mesh findings", "kind", 1) == words_of({HoleKind::missing, HoleKind::one_way}));
}
