// A mesh as a table, JSON, Graphviz text and a picture.
#include "rancher_cnode/status/mesh_renderings.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "meshes.hpp"
#include "reports.hpp"
#include "support/unit/output_of.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::status;
using namespace rancher_cnode::status::test;
using test_support::output_of;

namespace {

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

/// A missing connection, a one-way one, a member without an answer and one that must not be dialled.
Mesh faulty() {
  Mesh mesh = whole_mesh(5);
  cut(mesh, 0, 1);
  blind(mesh, 2, 1);
  silence(mesh, 3);
  cut(mesh, 4, 1);
  mesh.members[4].dialable = false;
  return mesh;
}

/// Names and reasons as an enemy would write them.
Mesh hostile_mesh() {
  Mesh mesh = faulty();
  mesh.members[1].node = "<script>alert(\"1\")</script>@x\x1b[31m\n\xff";
  mesh.members[3].reason = "--></style></svg><img src=x onerror='alert(2)'>&\"\\";
  mesh.via = "\"];evil[label=\"@<b>";
  return mesh;
}

/// What the script prints, whose first argument is a file with this text.
std::string python(const std::string& script, const std::string& text) {
  const TemporaryDirectory folder;
  return output_of("python3 " + folder.file("script.py", script) + " " + folder.file("text", text) + " 2>&1");
}

/// The names of the elements in the order of the document, and the texts of those that have one.
std::string parsed_svg(const std::string& xml) {
  return python(R"(
import sys, xml.etree.ElementTree as tree
for element in tree.parse(sys.argv[1]).iter():
    print(element.tag.split('}')[1], element.get('class') or '', (element.text or '').strip()[:400])
)",
                xml);
}

}  // namespace

TEST_CASE("the table is a matrix of who sees whom, and a line for each fault") {
  CHECK(as_table(faulty(), {}) ==
        "mesh by way of myapp@10.42.0.11, 1 s ago: HOLES, 4 of 6 connections between 4 members, 1 missing, 1 "
        "one-way; 1 member has not answered\n"
        "\n"
        "           sees:  10.42.0.11  10.42.0.12  10.42.0.13  10.42.0.14  10.42.0.15\n"
        "myapp@10.42.0.11           -          NO         yes         yes         yes\n"
        "myapp@10.42.0.12          NO           -         yes         yes          no\n"
        "myapp@10.42.0.13         yes          NO           -         yes         yes\n"
        "myapp@10.42.0.14           ?           ?           ?           -           ?\n"
        "myapp@10.42.0.15         yes          no         yes         yes           -\n"
        "\n"
        "missing    myapp@10.42.0.11 and myapp@10.42.0.12 are not connected\n"
        "one-way    myapp@10.42.0.12 sees myapp@10.42.0.13, which does not see it\n"
        "no answer  myapp@10.42.0.14: it did not answer within 1500 ms\n"
        "group 1    all but myapp@10.42.0.12\n"
        "group 2    myapp@10.42.0.12, myapp@10.42.0.14\n"
        "in several myapp@10.42.0.14\n");
}

TEST_CASE("the lines around the matrix are wrapped") {
  const auto table = as_table(faulty(), {.colour = Colour::off, .width = 50});
  CHECK(
      table.starts_with("mesh by way of myapp@10.42.0.11, 1 s ago: HOLES, 4\n"
                        "           of 6 connections between 4 members, 1\n"
                        "           missing, 1 one-way; 1 member has not\n"
                        "           answered\n\n"));
  CHECK(has(table,
            "missing    myapp@10.42.0.11 and myapp@10.42.0.12\n"
            "           are not connected\n"));
}

TEST_CASE("the table of a whole mesh has no line of faults") {
  CHECK(as_table(whole_mesh(2), {}) ==
        "mesh by way of myapp@10.42.0.11, 1 s ago: WHOLE, 1 of 1 connection between 2 members\n"
        "\n"
        "           sees:  10.42.0.11  10.42.0.12\n"
        "myapp@10.42.0.11           -         yes\n"
        "myapp@10.42.0.12         yes           -\n");
}

TEST_CASE("the table of a mesh that nobody could be asked about is one line") {
  CHECK(as_table(Mesh(), {}) == "mesh NOT DRIVING, no BEAM is connected\n");
}

TEST_CASE("columns have numbers where names would be too wide, and nothing where these would be") {
  const std::string numbered = as_table(whole_mesh(4), {.colour = Colour::off, .width = 40});
  CHECK(has(numbered, "           sees:    1    2    3    4\n"));
  CHECK_FALSE(has(as_table(whole_mesh(4), {.colour = Colour::off, .width = 35}), "sees:"));
}

TEST_CASE("names before the @ that differ are part of a column's head") {
  Mesh mesh = whole_mesh(2);
  mesh.members[1].node = "other@10.42.0.12";
  CHECK(has(as_table(mesh, {}), "sees:  myapp@10.42.0.11  other@10.42.0.12\n"));
}

TEST_CASE("from 20 members on the table has the holes only") {
  CHECK(has(as_table(whole_mesh(19), {}), "sees:"));
  Mesh mesh = whole_mesh(20);
  cut(mesh, 3, 4);
  const auto table = as_table(mesh, {});
  CHECK_FALSE(has(table, "sees:"));
  CHECK(has(table, "missing    myapp@10.42.0.14 and myapp@10.42.0.15 are not connected\n"));
  CHECK(has(table, "group 1    all but myapp@10.42.0.15\n"));
}

TEST_CASE("a group of many members that lacks many is cut, with their number") {
  CHECK(has(as_table(grouped(32, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}}), {}),
            "myapp@10.42.0.22 and 2 others\n"));
}

TEST_CASE("a table of very many holes is cut, with their number") {
  const auto table = as_table(grouped(32, {{0, 1}}), {});
  CHECK(count_of(table, "missing    ") == 100);
  CHECK(has(table, "... and 395 more\n"));
}

TEST_CASE("only a table with colour has colours: of the verdict, and of each cell that says yes or NO") {
  CHECK_FALSE(has(as_table(faulty(), {}), "\x1b"));
  const auto coloured = as_table(faulty(), {.colour = Colour::on});
  CHECK(has(coloured, "\x1b[31mHOLES"));
  CHECK(count_of(coloured, "\x1b[31mNO\x1b[0m") == 3);
  CHECK(count_of(coloured, "\x1b[32myes\x1b[0m") == 11);
}

TEST_CASE("nothing foreign controls a terminal") {
  const auto table = as_table(hostile_mesh(), {});
  CHECK(std::ranges::none_of(table, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\n') || byte == 0x7f || byte == 0xff;
  }));
}

TEST_CASE("JSON has the fields of the term and what follows from them") {
  CHECK(python(R"(
import json, sys
mesh = json.load(open(sys.argv[1]))
print(mesh['verdict'], mesh['via'], mesh['asked_ms_ago'], mesh['omitted'], len(mesh['members']), mesh['pairs'])
print(mesh['connected'], mesh['unknown'], mesh['more_groups'], mesh['unanswered'], mesh['overlap'])
print(mesh['members'][1])
print(mesh['holes'])
print(mesh['groups'])
)",
               as_json(faulty())) ==
        "holes myapp@10.42.0.11 1000 0 5 6\n"
        "4 0 False ['myapp@10.42.0.14'] ['myapp@10.42.0.14']\n"
        "{'node': 'myapp@10.42.0.12', 'dialable': True, 'answer': 'answered', 'reason': None, 'sees': "
        "['myapp@10.42.0.13', 'myapp@10.42.0.14'], 'others': 1}\n"
        "[{'kind': 'missing', 'from': 'myapp@10.42.0.11', 'to': 'myapp@10.42.0.12'}, {'kind': 'one_way', "
        "'from': "
        "'myapp@10.42.0.12', 'to': 'myapp@10.42.0.13'}]\n"
        "[['myapp@10.42.0.11', 'myapp@10.42.0.13', 'myapp@10.42.0.14'], ['myapp@10.42.0.12', "
        "'myapp@10.42.0.14']]\n");
}

TEST_CASE("JSON is one line that a parser reads, whatever it contains") {
  const auto json = as_json(hostile_mesh());
  CHECK(count_of(json, "\n") == 1);
  CHECK(python("import json,sys; print(json.load(open(sys.argv[1]))['members'][3]['reason'])", json) ==
        "--></style></svg><img src=x onerror='alert(2)'>&\"\\\n");
  CHECK(python("import json,sys; print(json.load(open(sys.argv[1]))['via'])", as_json(Mesh())) == "None\n");
}

TEST_CASE("Graphviz draws every member, thin connections, dashed holes and arrows for one-way ones") {
  for (const Mesh& mesh : {faulty(), hostile_mesh()}) {
    const TemporaryDirectory folder;
    const auto drawn = output_of("dot -Tsvg " + folder.file("mesh.dot", as_dot(mesh)) + " 2>&1");
    CHECK(count_of(drawn, "class=\"node\"") == 5);
    CHECK(count_of(drawn, "class=\"edge\"") == 9);
    CHECK(count_of(drawn, "stroke=\"red\" stroke-dasharray") == 1);
    CHECK(count_of(drawn, "<polygon fill=\"red\" stroke=\"red\"") == 1);
  }
}

TEST_CASE(
    "the picture is well-formed: a title, a description, and an element for each member and connection") {
  const auto elements = parsed_svg(as_svg(faulty()));
  CHECK(elements.starts_with("svg mesh"));
  CHECK(has(elements, "title  Mesh: HOLES, 4 of 6 connections between 4 members"));
  CHECK(has(elements, "desc  A ring of 5 members. myapp@10.42.0.11 and myapp@10.42.0.12 are not connected."));
  CHECK(has(elements, "myapp@10.42.0.14: it did not answer within 1500 ms"));
  CHECK(count_of(elements, "line connected") == 7);
  // One of each in the legend.
  CHECK(count_of(elements, "path missing") == 1);
  CHECK(count_of(elements, "line missing") == 1);
  CHECK(count_of(elements, "path one-way") == 1);
  CHECK(count_of(elements, "line one-way") == 1);
  CHECK(count_of(elements, "g silent") == 2);
  CHECK(count_of(elements, "g held") == 2);
  CHECK(has(elements, "text  10.42.0.15"));
}

TEST_CASE("the picture of a whole mesh has no fault and no legend") {
  const auto elements = parsed_svg(as_svg(whole_mesh(3)));
  CHECK(count_of(elements, "line connected") == 3);
  CHECK(count_of(elements, "line ") == 3);
  CHECK_FALSE(has(elements, "silent"));
  CHECK(parsed_svg(as_svg(Mesh())).starts_with("svg mesh"));
  CHECK(parsed_svg(as_svg(whole_mesh(1))).starts_with("svg mesh"));
}

TEST_CASE("an arrow points to the member that does not see the other, and ends before it") {
  Mesh mesh = whole_mesh(2);
  blind(mesh, 1, 0);
  // The first member is at the top, 110 above the centre, the other one at the bottom.
  CHECK(has(as_svg(mesh), "<path class=\"one-way\" d=\"M0.0 -110.0Q0.0 0.0 0.0 101.0\""));
}

TEST_CASE("foreign text in the picture is text") {
  const auto svg = as_svg(hostile_mesh());
  CHECK_FALSE(has(svg, "<script"));
  CHECK_FALSE(has(svg, "<img"));
  CHECK(count_of(svg, "</style>") == 1);
  const auto elements = parsed_svg(svg);
  CHECK(has(elements, "title  <script>alert("));
  CHECK(has(elements, "<img src=x onerror='alert(2)'>"));
}

TEST_CASE("a large picture has its holes and no other connection, and says so") {
  Mesh mesh = whole_mesh(65);
  cut(mesh, 1, 2);
  const auto elements = parsed_svg(as_svg(mesh));
  CHECK_FALSE(has(elements, "line connected"));
  CHECK(count_of(elements, "path missing") == 1);
  CHECK(has(elements, "Connections are not drawn, only holes."));
  CHECK(has(parsed_svg(as_svg(whole_mesh(64))), "line connected"));
}

TEST_CASE("the picture ends below its lowest member") {
  const auto height = [](std::size_t members) {
    const std::string svg = as_svg(whole_mesh(members));
    const auto box = svg.substr(svg.find("viewBox=\"") + 9);
    const auto end = box.substr(0, box.find('"'));
    return std::stod(end.substr(end.rfind(' ')));
  };
  CHECK(height(2) == doctest::Approx(306));
  CHECK(height(3) == doctest::Approx(251));
}
