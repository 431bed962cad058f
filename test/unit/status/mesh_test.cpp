// What follows from the members' reports, and the term of a mesh.
#include "rancher_cnode/status/mesh.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "meshes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::status;
using namespace rancher_cnode::status::test;
using distribution::TermBytes;
using distribution::TermWriter;
using Kind = MeshFindings::Kind;
using Hole = MeshFindings::Hole;
using Positions = std::vector<std::size_t>;
using Groups = std::vector<Positions>;

namespace {

std::string words(const Mesh& mesh) { return in_words(mesh, examine(mesh)); }

Positions all(std::size_t count) {
  Positions positions(count);
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  return positions;
}

}  // namespace

TEST_CASE("members that all see one another are whole, one group") {
  const Mesh mesh = whole_mesh(4);
  const auto findings = examine(mesh);
  CHECK(findings.kind == Kind::whole);
  CHECK(findings.pairs == 6);
  CHECK(findings.connected == 6);
  CHECK(findings.holes.empty());
  CHECK(findings.groups == Groups{all(4)});
  CHECK(findings.overlap.empty());
  CHECK(words(mesh) == "WHOLE, 6 of 6 connections between 4 members");
}

TEST_CASE("one member alone is whole") {
  CHECK(words(whole_mesh(1)) == "WHOLE, 0 of 0 connections between 1 member");
}

TEST_CASE("a pair that neither side sees is missing") {
  Mesh mesh = whole_mesh(3);
  cut(mesh, 1, 2);
  const auto findings = examine(mesh);
  CHECK(findings.kind == Kind::holes);
  REQUIRE(findings.holes.size() == 1);
  CHECK(findings.holes[0].kind == Hole::Kind::missing);
  CHECK(findings.holes[0].from == 1);
  CHECK(findings.holes[0].to == 2);
  CHECK(words(mesh) == "HOLES, 2 of 3 connections between 3 members, 1 missing");
}

TEST_CASE("a pair that one side sees is one-way, from that side to the other") {
  for (const auto& [from, to] : {std::pair{0U, 2U}, std::pair{2U, 0U}}) {
    Mesh mesh = whole_mesh(3);
    blind(mesh, to, from);
    const auto findings = examine(mesh);
    REQUIRE(findings.holes.size() == 1);
    CHECK(findings.holes[0].kind == Hole::Kind::one_way);
    CHECK(findings.holes[0].from == from);
    CHECK(findings.holes[0].to == to);
    CHECK(findings.connected == 2);
    CHECK(words(mesh) == "HOLES, 2 of 3 connections between 3 members, 1 one-way");
  }
}

TEST_CASE("the report of one side is enough where the other has not answered, but confirms nothing") {
  Mesh mesh = whole_mesh(3);
  silence(mesh, 2);
  CHECK(examine(mesh).kind == Kind::unconfirmed);
  CHECK(words(mesh) == "UNCONFIRMED, 3 of 3 connections between 3 members; 1 member has not answered");
  blind(mesh, 1, 2);
  CHECK(words(mesh) == "HOLES, 2 of 3 connections between 3 members, 1 missing; 1 member has not answered");
}

TEST_CASE("a pair of which neither has answered is unknown, and no hole") {
  Mesh mesh = whole_mesh(3);
  silence(mesh, 1);
  silence(mesh, 2);
  const auto findings = examine(mesh);
  CHECK(findings.kind == Kind::unconfirmed);
  CHECK(findings.unknown == 1);
  CHECK(findings.unanswered == Positions{1, 2});
  CHECK(words(mesh) ==
        "UNCONFIRMED, 2 of 3 connections between 3 members, 1 unknown; 2 members have not answered");
}

TEST_CASE("a member that must not be dialled makes no hole, and need not answer") {
  Mesh mesh = whole_mesh(3);
  cut(mesh, 1, 2);
  silence(mesh, 2);
  mesh.members[2].dialable = false;
  CHECK(words(mesh) == "WHOLE, 1 of 1 connection between 2 members");
}

TEST_CASE("members that were left out leave the mesh unconfirmed") {
  Mesh mesh = whole_mesh(2);
  mesh.omitted = 3;
  CHECK(words(mesh) == "UNCONFIRMED, 1 of 1 connection between 2 members; 3 members were left out");
}

TEST_CASE("without an answer nothing is driven, and the reason is named") {
  CHECK(words(Mesh()) == "NOT DRIVING, no BEAM is connected");
  Mesh mesh = whole_mesh(2);
  silence(mesh, 0);
  silence(mesh, 1, Mesh::Answer::not_asked);
  CHECK(examine(mesh).kind == Kind::not_driving);
  CHECK(words(mesh) == "NOT DRIVING, myapp@10.42.0.11 did not answer: it did not answer within 1500 ms");
}

TEST_CASE("groups that overlap name the members of several of them") {
  const auto findings = examine(grouped(5, {{0, 1, 2}, {2, 3, 4}}));
  CHECK(findings.groups == Groups{{0, 1, 2}, {2, 3, 4}});
  CHECK(findings.overlap == Positions{2});
}

TEST_CASE("groups apart have no member in common, the largest first") {
  const auto findings = examine(grouped(5, {{0, 1}, {2, 3, 4}}));
  CHECK(findings.groups == Groups{{2, 3, 4}, {0, 1}});
  CHECK(findings.overlap.empty());
}

TEST_CASE("a member that nobody sees is a group of its own") {
  const auto findings = examine(grouped(3, {{0, 1}}));
  CHECK(findings.groups == Groups{{0, 1}, {2}});
}

TEST_CASE("a one-way connection does not make a group") {
  Mesh mesh = whole_mesh(2);
  blind(mesh, 0, 1);
  CHECK(examine(mesh).groups == Groups{{0}, {1}});
}

TEST_CASE("a mesh with exponentially many groups ends the search early") {
  Mesh mesh = whole_mesh(Mesh::max_members);
  for (std::size_t i = 0; i + 1 < Mesh::max_members; i += 2) {
    cut(mesh, i, i + 1);
  }
  const auto findings = examine(mesh);
  CHECK(findings.groups.size() == MeshFindings::max_groups);
  CHECK(findings.more_groups);
}

TEST_CASE("exactly as many groups as are shown are all of them") {
  Groups groups;
  for (std::size_t i = 0; i < MeshFindings::max_groups; ++i) {
    groups.push_back({2 * i, 2 * i + 1});
  }
  const auto findings = examine(grouped(2 * groups.size(), groups));
  CHECK(findings.groups == groups);
  CHECK_FALSE(findings.more_groups);
}

TEST_CASE("a mesh survives its term") {
  Mesh mesh = whole_mesh(4);
  cut(mesh, 1, 2);
  silence(mesh, 3);
  mesh.members[2].dialable = false;
  mesh.members[2].sees.clear();
  mesh.omitted = 5;
  const auto read = Mesh::read(mesh_term(mesh));
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(mesh_term(*read) == mesh_term(mesh));
  CHECK(read->members[0].sees == mesh.members[0].sees);
  CHECK(read->members[3].reason == "it did not answer within 1500 ms");
  CHECK(Mesh::read(mesh_term(Mesh()))->via == "");
}

TEST_CASE("a term that is no mesh is refused with the reason") {
  const auto members = [](const TermBytes& list) {
    TermWriter term;
    term.map(4).atom("via").atom("a@b").atom("asked_ms_ago").integer(0).atom("omitted").integer(0);
    term.atom("members").raw(list);
    return term.take();
  };
  Mesh twice = whole_mesh(2);
  twice.members[1].node = twice.members[0].node;
  for (const auto& [term, why] :
       {std::pair{TermWriter().atom("ok").take(), "ok"},
        std::pair{TermWriter().tuple(2).atom("error").atom("x").take(), "no status has"},
        std::pair{members(TermWriter().atom("none").take()), "a field is not as in the schema"},
        std::pair{members(TermWriter().list(1).atom("a@b").nil().take()), "a member has no name"},
        std::pair{members(TermWriter().list(1).map(1).atom("node").atom("a@b").nil().take()),
                  "a member is not as in the schema"},
        std::pair{mesh_term(twice), "a member has no name, or that of another one"},
        std::pair{mesh_term(whole_mesh(Mesh::max_members + 1)), "more than 256 members"}}) {
    const auto read = Mesh::read(term);
    REQUIRE_FALSE(read);
    CAPTURE(read.error().message);
    CHECK(read.error().code == ErrorCode::malformed);
    CHECK(read.error().message.find(why) != std::string::npos);
  }
}

TEST_CASE("names that are no members are left out of what a member sees") {
  Mesh mesh = whole_mesh(2);
  auto term = mesh_term(mesh);
  // The second member's name, where the first one sees it, becomes another name of that length.
  const std::string text(term.begin(), term.end());
  const auto first = text.find(member_name(1));
  std::string changed = text;
  changed.replace(first, member_name(1).size(), "other@10.42.0.12");
  const auto read = Mesh::read(std::span<const char>(changed));
  REQUIRE(read);
  CHECK(read->members[0].sees.empty());
}
