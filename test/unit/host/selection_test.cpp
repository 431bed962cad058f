#include "rancher_cnode/host/selection.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "command_lines.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::host;
using rancher_cnode::host::test::beam_cmdline;
using rancher_cnode::host::test::Words;

namespace {

const Ipv4Address own(0x0a2a0002);  // 10.42.0.2

Beam beam(pid_t pid, const Words& arguments, std::vector<pid_t> ancestors = {1}) {
  return {.pid = pid,
          .start_time = static_cast<std::uint64_t>(pid) * 10,
          .ancestors = std::move(ancestors),
          .arguments = parse_beam_arguments(beam_cmdline(arguments))};
}

Criteria with_address() { return {.own_address = own, .alive_name = {}, .process = {}}; }

Criteria without_address() { return {.own_address = {}, .alive_name = {}, .process = {}}; }

Selection of_one(const Words& arguments, const Criteria& criteria = with_address()) {
  const std::vector<Beam> beams{beam(17, arguments)};
  return select(beams, criteria);
}

pid_t chosen(const std::vector<Beam>& beams, const Criteria& criteria = with_address()) {
  const auto selection = select(beams, criteria);
  CHECK(selection.beam.has_value() == (selection.reason == SelectionReason::chosen));
  return selection.beam ? selection.beam->pid : 0;
}

}  // namespace

TEST_CASE("a single BEAM is chosen, or the text states what was found") {
  struct Row {
    Words arguments;
    SelectionReason reason;
    const char* text;
  };
  const std::vector<Row> rows{
      {{"-name", "app@10.42.0.2"}, SelectionReason::chosen, "found app@10.42.0.2 (process 17)"},
      {{"-sname", "app@web1"},
       SelectionReason::never,
       "found app@web1, a short name; start the BEAM with -name app@10.42.0.2"},
      {{"-sname", "app"},
       SelectionReason::never,
       "found app, a short name; start the BEAM with -name app@10.42.0.2"},
      {{"-name", "app"},
       SelectionReason::never,
       "found app, whose host is not an IPv4 address; start the BEAM with -name app@10.42.0.2"},
      {{"-name", "app@web1.example.com"},
       SelectionReason::never,
       "found app@web1.example.com, whose host is not an IPv4 address; start the BEAM with -name "
       "app@10.42.0.2"},
      {{"-name", "app@"},
       SelectionReason::never,
       "found app@, whose host is not an IPv4 address; start the BEAM with -name app@10.42.0.2"},
      {{"-name", "@10.42.0.2"},
       SelectionReason::never,
       "found '@10.42.0.2', which is no name for a node that others dial; start the BEAM with -name "
       "NAME@10.42.0.2"},
      {{"-name", "undefined@10.42.0.2"},
       SelectionReason::never,
       "found 'undefined@10.42.0.2', which is no name for a node that others dial; start the BEAM with -name "
       "NAME@10.42.0.2"},
      {{"-name", "app@10.42.0.9"},
       SelectionReason::never,
       "found app@10.42.0.9, but our address is 10.42.0.2"},
      {{},
       SelectionReason::not_yet,
       "found nonode, a BEAM without a name (process 17); start the BEAM with -name NAME@10.42.0.2"},
      {{"-name", "app@10.42.0.2", "-hidden"},
       SelectionReason::never,
       "found only app@10.42.0.2, a hidden node"},
      {{"-name", "app@10.42.0.2", "-dist_listen", "false"},
       SelectionReason::never,
       "found only app@10.42.0.2, a node that does not listen"},
      {{"-name", "rem-1-app@10.42.0.2", "-remsh", "app@10.42.0.2"},
       SelectionReason::never,
       "found only rem-1-app@10.42.0.2, a remote shell of app@10.42.0.2"},
      {{"-extra", "-e", "Distillery.Releases.Runtime.Control.main"},
       SelectionReason::never,
       "found only nonode, a command of Distillery"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto selection = of_one(row.arguments);
    CHECK(selection.text == row.text);
    CHECK(selection.reason == row.reason);
    CHECK(selection.beam.has_value() == (row.reason == SelectionReason::chosen));
  }
}

TEST_CASE("without BEAMs nothing runs") {
  const auto selection = select({}, with_address());
  CHECK(selection.reason == SelectionReason::nothing_runs);
  CHECK(selection.text == "found no BEAM");
}

TEST_CASE("while the own address is unknown, any that others can reach is taken") {
  CHECK(of_one({"-name", "app@10.42.0.9"}, without_address()).reason == SelectionReason::chosen);
  CHECK(of_one({"-name", "app@127.0.0.1"}, without_address()).text ==
        "found app@127.0.0.1, but other containers cannot reach that address");
  CHECK(of_one({"-sname", "app"}, without_address()).text ==
        "found app, a short name; start the BEAM with -name app@ADDRESS");
}

TEST_CASE("the own address may be one that others cannot reach") {
  const Criteria loopback{.own_address = Ipv4Address(0x7f000001), .alive_name = {}, .process = {}};
  CHECK(of_one({"-name", "app@127.0.0.1"}, loopback).reason == SelectionReason::chosen);
}

TEST_CASE("with a basename, only a BEAM of that name is chosen, and advice contains it") {
  const Criteria shop{.own_address = own, .alive_name = "shop", .process = {}};
  CHECK(of_one({"-name", "shop@10.42.0.2"}, shop).reason == SelectionReason::chosen);
  const auto other = of_one({"-name", "app@10.42.0.2"}, shop);
  CHECK(other.reason == SelectionReason::never);
  CHECK(other.text == "found app@10.42.0.2, but its name is to be shop");
  CHECK(of_one({"-sname", "app"}, shop).text ==
        "found app, a short name; start the BEAM with -name shop@10.42.0.2");
  CHECK(chosen({beam(10, {"-name", "app@10.42.0.2"}), beam(20, {"-name", "shop@10.42.0.2"})}, shop) == 20);
}

TEST_CASE("with a process, only that one and its descendants are considered") {
  const Criteria below_5{.own_address = own, .alive_name = {}, .process = 5};
  const Words app{"-name", "app@10.42.0.2"};
  CHECK(chosen({beam(5, app)}, below_5) == 5);
  CHECK(chosen({beam(10, app, {1}), beam(20, app, {6, 5, 1})}, below_5) == 20);
  const auto none = select(std::vector<Beam>{beam(10, app, {1})}, below_5);
  CHECK(none.reason == SelectionReason::nothing_runs);
  CHECK(none.text == "found no BEAM in process 5 or below it");
}

TEST_CASE("among several the oldest is chosen, in whatever order they come") {
  const Words app{"-name", "app@10.42.0.2"};
  CHECK(chosen({beam(10, app), beam(20, app)}) == 10);
  CHECK(chosen({beam(20, app), beam(10, app)}) == 10);
  auto first = beam(30, app);
  auto second = beam(40, app);
  first.start_time = second.start_time;
  CHECK(chosen({second, first}) == 30);
}

TEST_CASE("an older BEAM that cannot be the one does not hide the one that can") {
  const std::vector<Words> others{{"-name", "app@10.42.0.9"},
                                  {"-sname", "app"},
                                  {},
                                  {"-name", "app@10.42.0.2", "-hidden"},
                                  {"-name", "x@10.42.0.2", "-remsh", "app@10.42.0.2"},
                                  {"-name", "app_maint_@10.42.0.2"},
                                  {"-name", "app@web1.example.com"}};
  for (const auto& other : others) {
    CHECK(chosen({beam(10, other), beam(20, {"-name", "app@10.42.0.2"})}) == 20);
  }
}

TEST_CASE("of several that cannot be the one, the nearest is reported") {
  const Words tool{"-extra", "-e", "Distillery.Releases.Runtime.Control.main"};
  const Words short_name{"-sname", "app"};
  const auto reason = [](const std::vector<Beam>& beams) { return select(beams, with_address()).reason; };
  const auto text = [](const std::vector<Beam>& beams) { return select(beams, with_address()).text; };
  CHECK(reason({beam(10, tool), beam(20, {})}) == SelectionReason::not_yet);
  CHECK(text({beam(10, {}), beam(20, short_name)}).starts_with("found app, a short name"));
  CHECK(text({beam(10, short_name), beam(20, {"-name", "app@10.42.0.9"})})
            .starts_with("found app@10.42.0.9, but"));
}

TEST_CASE("a name that is no text makes one printable line") {
  const auto selection = of_one({"-name", "\xff\n\"\x1b@10.42.0.2"});
  CHECK(selection.reason == SelectionReason::never);
  CHECK(selection.text.find_first_of("\n\x1b\xff") == std::string::npos);
  CHECK(of_one({"-sname", std::string(100'000, 'a')}).text.size() < 1000);
}
