// docs/metrics.md and examples/monitoring against the metrics that the program has.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "pages.hpp"
#include "rancher_cnode/status/renderings.hpp"
#include "rancher_cnode/status/report.hpp"
#include "rancher_cnode/status/snapshot.hpp"

using namespace rancher_cnode;

namespace {

/// Of a C-node that has a value for everything.
std::string metrics_text() {
  const TimePoint then{};
  status::Snapshot snapshot{
      .now = then,
      .started = then,
      .node = NodeName::parse("rancher_cnode@10.42.0.1").value(),
      .program_version = "1.2.3",
      .program_build = "release-gcc",
      .node_counters = {},
      .metadata = {},
      .member_views = {},
      .targets = {{.node = NodeName::parse("myapp@10.42.0.1").value(),
                   .reason = {},
                   .stage = {},
                   .since = then,
                   .peers = {},
                   .departed = {},
                   .counters = {}}},
      .process = {.resident_bytes = 1, .cpu = Milliseconds(1), .descriptors = 1, .threads = 1}};
  snapshot.metadata.view.last_answer = snapshot.metadata.view.last_authoritative = then;
  snapshot.metadata.services = {{"self/service", snapshot.metadata.view}};
  const auto report = status::report_on(snapshot);
  REQUIRE(report);
  return status::as_prometheus(*report);
}

/// Of samples, so that a family without any does not count.
std::set<std::string> metrics_of_the_program() {
  return pages::found_in("\n" + metrics_text(), std::regex("\n([a-z_]+)[ {]"));
}

/// Name, type, labels and meaning. `le` belongs to the type.
using Family = std::vector<std::string>;

std::vector<Family> families_of_the_program() {
  std::vector<Family> families;
  std::istringstream lines(metrics_text());
  const std::regex label(R"re(([a-z]+)=")re");
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string mark, kind, name, rest;
    words >> mark >> kind >> name;
    std::getline(words >> std::ws, rest);
    if (mark != "#") {
      std::string& labels = families.back()[2];
      for (std::sregex_iterator next(mark.begin(), mark.end(), label), end; next != end; ++next) {
        const std::string code = "`" + (*next)[1].str() + "`";
        if (code != "`le`" && labels.find(code) == std::string::npos) {
          labels += (labels.empty() ? "" : ", ") + code;
        }
      }
    } else if (kind == "HELP") {
      families.push_back({"`" + name + "`", "", "", rest});
    } else {
      families.back()[1] = rest;
    }
  }
  return families;
}

std::set<std::string> metrics_in(const std::string& text) {
  return pages::found_in(text, std::regex("((?:rancher_cnode|process)_[a-z_]+)"));
}

}  // namespace

TEST_CASE("the page of the metrics has every metric with its type, its labels and its help, and no other") {
  std::map<std::string, std::string> on_page;
  for (const auto& row : pages::rows_of(pages::page("metrics.md"))) {
    on_page[row.cells.front()] = row.line;
  }
  const auto families = families_of_the_program();
  CHECK(families.size() > 40);
  for (const auto& family : families) {
    CHECK(on_page[family[0]] == "| " + family[0] + " | " + family[1] + " | " + family[2] +
                                    (family[2].empty() ? "" : " ") + "| " + family[3] + " |");
  }
  CHECK(on_page.size() == families.size());
}

TEST_CASE("the help of every metric is more than its name") {
  for (const auto& family : families_of_the_program()) {
    CAPTURE(family[0]);
    CHECK_FALSE(family[3].starts_with("The counter "));
    CHECK(std::ranges::count(family[3], ' ') >= 2);
  }
}

TEST_CASE("every metric of the dashboard is one of the program") {
  const auto folder = pages::root() / "examples" / "monitoring";
  const auto metrics = metrics_in(pages::text_of(folder / "dashboard.json"));
  CHECK(metrics.size() > 10);
  CHECK(pages::missing(metrics, metrics_of_the_program()) == "");
}

TEST_CASE("every metric of the alert rules is one of the program, and every alert has its row on the page") {
  const auto folder = pages::root() / "examples" / "monitoring";
  const std::string rules = pages::text_of(folder / "alerts.yml");
  std::set<std::string> metrics;
  for (const auto& line : pages::found_in(rules, std::regex("((?:expr|  or|sum)[^\n]*)"))) {
    metrics.merge(metrics_in(line));
  }
  metrics.erase("rancher_cnode");
  CHECK(metrics.size() >= 6);
  CHECK(pages::missing(metrics, metrics_of_the_program()) == "");
  const auto alerts = pages::found_in(rules, std::regex("alert: (\\w+)"));
  const auto on_page =
      pages::found_in(pages::text_of(folder / "README.md"), std::regex("\\| `(RancherCnode\\w+)` \\|"));
  CHECK(alerts.size() == 6);
  CHECK(pages::missing(alerts, on_page) == "");
  CHECK(pages::missing(on_page, alerts) == "");
  const auto tested =
      pages::found_in(pages::text_of(folder / "alerts_test.yml"), std::regex("alertname: (\\w+)"));
  CHECK(pages::missing(alerts, tested) == "");
}
