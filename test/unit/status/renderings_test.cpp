// A report as a table, JSON, Prometheus text and an Erlang term.
#include "rancher_cnode/status/renderings.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <regex>
#include <sstream>

#include "reports.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::status;
using namespace rancher_cnode::status::test;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

Snapshot sample() {
  auto snapshot = snapshot_with({connected_peer("myapp@10.42.0.2"), waiting_peer("myapp@10.42.0.3")}, 1);
  hold(snapshot, "myapp@10.42.0.4");
  return snapshot;
}

/// Reasons and names as an enemy would write them.
Report hostile_report() {
  auto report = report_of(sample());
  report.peers[1].reason = "\x1b[31mred\nnew \"line\" \xff \xc2\x9b";
  report.peers[1].node = "'\x1b]0;title\x07'";
  report.targets[0].node = "a\"b\\c\nd@host";
  report.version = report.build = "1\r2";
  return report;
}

bool has_control(const std::string& text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\n') || byte == 0x7f || byte == 0x9b || byte == 0xff;
  });
}

}  // namespace

TEST_CASE("the table begins with the verdict and has a row for each peer") {
  CHECK(as_table(report_of(sample()), {}) ==
        "rancher_cnode 1.2.3 release-gcc, up 1 min: INCOMPLETE, 1 of 2 dialable peers connected, 1 held\n"
        "beam       myapp@10.42.0.1 connected for 1 min\n"
        "cnode      remsh-rancher_cnode@10.42.0.1, epmd: registered, own container: listed\n"
        "metadata   http://rancher-metadata, authoritative 2 s ago\n"
        "\n"
        "PEER             STATE      SINCE  WHY                              NEXT\n"
        "myapp@10.42.0.2  connected  50 s\n"
        "myapp@10.42.0.3  waiting    3 s    the peer's epmd does not answer  attempt 4 in 2 s\n"
        "myapp@10.42.0.4  held       1 min  its state is stopped             dialled once metadata allows "
        "it\n");
}

TEST_CASE("the table says why nothing is driven") {
  auto snapshot = sample();
  snapshot.targets.clear();
  snapshot.metadata = {};
  snapshot.metadata.view.last_failure = "connection refused";
  snapshot.metadata.view.last_failed = at(99'500);
  const auto lines = lines_of(as_table(report_of(snapshot), {}));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] ==
        "rancher_cnode 1.2.3 release-gcc, up 1 min: NOT DRIVING, 0 of 0 dialable peers connected: no BEAM is "
        "known yet");
  CHECK(lines[1] == "beam       no BEAM is known yet");
  CHECK(lines[3] ==
        "metadata   no answer yet, authoritative never; last failure 500 ms ago: connection refused");
}

TEST_CASE("without a node the table says what it awaits, and shows what is known") {
  auto snapshot = sample();
  snapshot.targets.clear();
  snapshot.node.reset();
  snapshot.awaits = "the own address is not known yet: no answer";
  snapshot.registration = distribution::RegistrationState::unavailable;
  snapshot.metadata.view = {};
  snapshot.metadata.view.last_answer = at(97'000);
  const auto report = report_of(snapshot);
  CHECK(as_table(report, {}) ==
        "rancher_cnode 1.2.3 release-gcc, up 1 min: NOT DRIVING, 0 of 0 dialable peers connected: no BEAM is "
        "known yet: "
        "the own address is not known yet: no answer\n"
        "beam       no BEAM is known yet: the own address is not known yet: no answer\n"
        "cnode      name not known yet, epmd: unavailable, own container: unknown\n"
        "metadata   http://rancher-metadata, authoritative never; last answer 3 s ago\n");
  CHECK(has(as_prometheus(report), "rancher_cnode_build_info{version=\"1.2.3\",build=\"release-gcc\"} 1\n"));
  CHECK(has(as_json(report), R"("node":null,"awaits":"the own address is not known yet: no answer")"));
}

TEST_CASE("lines above the rows are wrapped between words") {
  auto snapshot = sample();
  snapshot.metadata.view.last_failure = "stacks/a/services/b: cannot read it, for a reason of many words";
  snapshot.metadata.view.last_failed = at(99'000);
  const auto report = report_of(snapshot);
  const auto lines = lines_of(as_table(report, {.colour = Colour::off, .width = 60}));
  REQUIRE(lines.size() >= 8);
  CHECK(lines[0] == "rancher_cnode 1.2.3 release-gcc, up 1 min: INCOMPLETE, 1 of");
  CHECK(lines[1] == "           2 dialable peers connected, 1 held");
  CHECK(lines[5] == "metadata   http://rancher-metadata, authoritative 2 s ago;");
  CHECK(lines[6] == "           last failure 1 s ago: stacks/a/services/b: cannot");
  for (const auto& line : lines) {
    CHECK(line.size() <= 60);
  }
}

TEST_CASE("a reason that quotes something is shown as it is") {
  auto report = report_of(sample());
  report.metadata.last_failure = report.peers[1].reason = "no \"a\\b\"";
  const auto table = as_table(report, {});
  CHECK(has(table, "ago: no \"a\\b\"\n"));
  CHECK(has(table, "  no \"a\\b\"  "));
}

TEST_CASE("rows are as wide as the screen at most") {
  const auto report = report_of(sample());
  for (std::size_t width = 1; width <= 130; ++width) {
    CAPTURE(width);
    const auto table = as_table(report, {.colour = Colour::off, .width = width});
    const auto rows = lines_of(table.substr(table.find("\n\n") + 2));
    REQUIRE(rows.size() == 4);
    for (const auto& row : rows) {
      CHECK(row.size() <= width);
    }
  }
  const auto narrow = as_table(report, {.colour = Colour::off, .width = 85});
  CHECK(has(narrow, "the peer's epm..."));
  CHECK(has(narrow, "attempt 4 in 2 s"));
}

TEST_CASE("the table has colours only where they are wanted") {
  const auto report = report_of(sample());
  CHECK_FALSE(has(as_table(report, {}), "\x1b"));
  const auto coloured = as_table(report, {.colour = Colour::on});
  CHECK(has(coloured, "\x1b[31mINCOMPLETE"));
  CHECK(has(coloured, "\x1b[32mconnected\x1b[0m"));
  CHECK(std::regex_replace(coloured, std::regex("\x1b\\[[0-9]+m"), "") == as_table(report, {}));
}

TEST_CASE("durations have two units at most") {
  for (const auto& [ms, text] : std::vector<std::pair<int, std::string>>{{0, "0 ms"},
                                                                         {999, "999 ms"},
                                                                         {1'000, "1 s"},
                                                                         {59'999, "59 s"},
                                                                         {60'000, "1 min"},
                                                                         {3'600'000, "1 h"},
                                                                         {7'500'000, "2 h 5 min"},
                                                                         {97'200'000, "1 d 3 h"}}) {
    auto report = report_of(sample());
    report.uptime = Milliseconds(ms);
    CHECK(has(as_table(report, {}), "up " + text + ":"));
  }
}

TEST_CASE("nothing foreign reaches a terminal unescaped, in any format") {
  for (const auto& text : {as_table(hostile_report(), {}), as_prometheus(hostile_report())}) {
    CAPTURE(text);
    CHECK_FALSE(has_control(text));
  }
  CHECK(lines_of(as_table(hostile_report(), {})).size() == 9);
  auto report = hostile_report();
  report.value = {};
  report.value.kind = Value::Kind::text;
  report.value.text = "a\x1b\n\"\\\xff";
  CHECK(as_json(report) == "\"a\\u001b\\n\\\"\\\\\\ufffd\"\n");
  CHECK(as_erlang(report) == "<<\"a\\x{1b}\\x{a}\\x{22}\\x{5c}\\x{ff}\">>.\n");
  report.value.kind = Value::Kind::atom;
  report.value.text = "it's \xc3\xa9\n";
  CHECK(as_erlang(report) == "'it\\x{27}s \\x{e9}\\x{a}'.\n");
}

TEST_CASE("JSON has the fields of the term in one line; unknown values are null") {
  auto snapshot = sample();
  snapshot.metadata.version = "";
  const auto json = as_json(report_of(snapshot));
  CHECK(json.find('\n') == json.size() - 1);
  CHECK(has(json,
            "{\"node\":\"remsh-rancher_cnode@10.42.0.1\",\"awaits\":null,\"version\":\"1.2.3\",\"build\":"
            "\"release-gcc\",\"uptime_ms\":"
            "90000,"));
  CHECK(has(json, "\"metadata\":{\"url\":\"http://rancher-metadata\",\"version\":null,"));
  CHECK(has(json, "\"has_synced\":true"));
  CHECK(has(json, "\"departed\":[]"));
  CHECK(has(json,
            "{\"node\":\"myapp@10.42.0.3\",\"target\":\"myapp@10.42.0.1\",\"state\":\"waiting\",\"dialable\":"
            "true,\"service\":null,\"reason\":\"the peer's epmd does not "
            "answer\",\"since_ms_ago\":3000,\"attempts\":3,"
            "\"next_attempt_in_ms\":2000,\"last_error\":null,\"last_error_ms_ago\":null}"));
}

TEST_CASE("the Erlang term quotes what is no plain atom") {
  const auto text = as_erlang(report_of(sample()));
  CHECK(text.find("#{node => 'remsh-rancher_cnode@10.42.0.1',\n  awaits => undefined,\n  version => "
                  "<<\"1.2.3\">>,\n  build => <<\"release-gcc\">>,\n") == 0);
  CHECK(has(text, "state => waiting,"));
  CHECK(text.substr(text.size() - 3) == "}.\n");
}

TEST_CASE("Prometheus gets seconds, totals and one family for each metric") {
  auto snapshot = sample();
  snapshot.targets[0].counters.dials = 12;
  snapshot.node_counters.messages_dropped = 5;
  snapshot.targets.push_back(snapshot.targets[0]);
  snapshot.targets[1].node = node("myapp@10.42.0.2");
  const auto text = as_prometheus(report_of(snapshot));
  CHECK(has(text, "\nrancher_cnode_uptime_seconds 90.000\n"));
  CHECK(has(text, "\nrancher_cnode_messages_dropped_total 5\n"));
  CHECK(has(text, "\nrancher_cnode_metadata_reads_total{result=\"authoritative\"} 7\n"));
  CHECK(has(text, "\nrancher_cnode_metadata_containers_skipped{reason=\"duplicate\"} 0\n"));
  CHECK(has(text, "\nrancher_cnode_whole 0\n"));
  CHECK(has(text, "\nrancher_cnode_peers_missing 2\n"));
  CHECK(has(text,
            "\nrancher_cnode_target_dials_total{target=\"myapp@10.42.0.1\"} 12\n"
            "rancher_cnode_target_dials_total{target=\"myapp@10.42.0.2\"} 12\n"));
  std::vector<std::string> families;
  for (const auto& line : lines_of(text)) {
    if (line.starts_with("# TYPE ")) {
      families.push_back(line.substr(7, line.find(' ', 7) - 7));
    }
  }
  std::ranges::sort(families);
  CHECK(families.size() > 25);
  CHECK(std::ranges::adjacent_find(families) == families.end());
}

TEST_CASE("a C-node of an earlier version, which does not tell its build, is shown without") {
  auto report = report_of(sample());
  report.build.clear();
  CHECK(as_table(report, {}).starts_with("rancher_cnode 1.2.3, up 1 min: "));
  CHECK(has(as_prometheus(report), "rancher_cnode_build_info{version=\"1.2.3\",node=\"remsh-"));
}

TEST_CASE("Prometheus gets the peers by what is done about them, and why some are held") {
  auto snapshot = sample();
  hold(snapshot, "myapp@10.42.0.9");
  const auto text = as_prometheus(report_of(snapshot));
  CHECK(has(text, "\nrancher_cnode_peers_desired 4\n"));
  CHECK(has(text, "\nrancher_cnode_peers_dialable 2\n"));
  CHECK(has(text, "\nrancher_cnode_peers_held{reason=\"its state is stopped\"} 2\n"));
  CHECK(has(text, "\nrancher_cnode_peers_held{reason=\"missing from the metadata\"} 0\n"));
}

TEST_CASE("many reasons for holding peers make few series") {
  auto report = report_of(sample());
  for (int i = 0; i < 1'000; ++i) {
    report.peers.push_back({.node = "a@h",
                            .target = {},
                            .state = "held",
                            .reason = std::to_string(i),
                            .since = {},
                            .dialable = false,
                            .attempts = 0,
                            .next_attempt = {}});
  }
  const auto text = as_prometheus(report);
  CHECK(has(text, "\nrancher_cnode_peers_held{reason=\"other\"} 982\n"));
  CHECK_FALSE(has(text, "reason=\"999\""));
}

TEST_CASE("Prometheus gets probes and dials as histograms by result") {
  auto snapshot = sample();
  for (const int ms : {3, 5, 6, 20'000}) {
    snapshot.durations.add(reconciler::DialOutcome::silent, Milliseconds(ms));
  }
  const auto text = as_prometheus(report_of(snapshot));
  CHECK(has(text, "\n# TYPE rancher_cnode_dial_duration_seconds histogram\n"));
  for (const auto* line :
       {"bucket{result=\"silent\",le=\"0.005\"} 2", "bucket{result=\"silent\",le=\"0.025\"} 3",
        "bucket{result=\"silent\",le=\"15.000\"} 3", "bucket{result=\"silent\",le=\"+Inf\"} 4",
        "sum{result=\"silent\"} 20.014", "count{result=\"silent\"} 4", "count{result=\"connected\"} 0"}) {
    CAPTURE(line);
    CHECK(has(text, "\nrancher_cnode_dial_duration_seconds_" + std::string(line) + "\n"));
  }
  CHECK(has(text, "\nrancher_cnode_probe_duration_seconds_count{result=\"no_epmd\"} 0\n"));
}

TEST_CASE("Prometheus gets what the process uses, under the usual names") {
  auto snapshot = sample();
  snapshot.started_unix = Milliseconds(1'700'000'000'123);
  snapshot.process = {
      .resident_bytes = 12'345'678, .cpu = Milliseconds(1'500), .descriptors = 17, .threads = 9};
  const auto text = as_prometheus(report_of(snapshot));
  for (const auto* line :
       {"process_start_time_seconds 1700000000.123", "process_resident_memory_bytes 12345678",
        "process_cpu_seconds_total 1.500", "process_open_fds 17", "process_threads 9"}) {
    CAPTURE(line);
    CHECK(has(text, "\n" + std::string(line) + "\n"));
  }
}

TEST_CASE("a label keeps what was escaped, and has the three escapes of the format only") {
  const auto text = as_prometheus(hostile_report());
  CHECK(has(text, R"(target="a\\\"b\\\\c\\nd@host")"));
}

TEST_CASE("a thousand peers are read and rendered within a second of processor time") {
  std::vector<reconciler::PeerView> peers;
  for (int i = 0; i < 1'000; ++i) {
    peers.push_back(
        waiting_peer("myapp@10.42." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1)));
  }
  const auto term = status_term(snapshot_with(std::move(peers), 0));
  const std::clock_t began = std::clock();
  const auto report = Report::read(term);
  REQUIRE(report);
  CHECK(lines_of(as_table(*report, {.colour = Colour::on, .width = 100})).size() == 1'006);
  CHECK(as_json(*report).size() > 100'000);
  CHECK(as_erlang(*report).size() > 100'000);
  CHECK_FALSE(as_prometheus(*report).empty());
  CHECK(std::clock() - began < CLOCKS_PER_SEC);
}
