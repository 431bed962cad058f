// examples/monitoring against the metrics that the program has.
#include <doctest/doctest.h>

#include <regex>
#include <set>
#include <string>

#include "pages.hpp"
#include "rancher_cnode/status/renderings.hpp"
#include "rancher_cnode/status/report.hpp"
#include "rancher_cnode/status/snapshot.hpp"

using namespace rancher_cnode;

namespace {

/// Of samples, so that a family without any does not count.
std::set<std::string> metrics_of_the_program() {
  const TimePoint then{};
  status::Snapshot snapshot{.now = then,
                            .started = then,
                            .node = NodeName::parse("rancher_cnode@10.42.0.1").value(),
                            .program_version = "1.2.3",
                            .node_counters = {},
                            .metadata = {},
                            .member_views = {},
                            .targets = {{.node = NodeName::parse("myapp@10.42.0.1").value(),
                                         .reason = {},
                                         .stage = {},
                                         .since = then,
                                         .peers = {},
                                         .departed = {},
                                         .counters = {}}}};
  snapshot.metadata.view.last_answer = snapshot.metadata.view.last_authoritative = then;
  const auto report = status::report_on(snapshot);
  REQUIRE(report);
  return pages::found_in("\n" + status::as_prometheus(*report), std::regex("\n([a-z_]+)[ {]"));
}

std::set<std::string> metrics_in(const std::string& text) {
  return pages::found_in(text, std::regex("((?:rancher_cnode|process)_[a-z_]+)"));
}

}  // namespace

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
