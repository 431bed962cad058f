// packaging/rancher_cnode@.service against what the program reports to a service manager, and when it ends.
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <sstream>
#include <string>

#include "agent/service_manager.hpp"
#include "agent/watchdog.hpp"
#include "pages.hpp"

using namespace rancher_cnode;

namespace {

std::map<std::string, std::string> assignments() {
  std::map<std::string, std::string> found;
  std::istringstream lines(pages::text_of(pages::root() / "packaging" / "rancher_cnode@.service"));
  for (std::string line; std::getline(lines, line);) {
    if (const auto at = line.find('='); at != std::string::npos && !line.starts_with('#')) {
      found[line.substr(0, at)] = line.substr(at + 1);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("the unit of systemd takes what the program reports, and does not wait for its peers") {
  auto unit = assignments();
  CHECK(unit["NotifyAccess"] == "main");
  CHECK(unit["Type"] == "simple");
  CHECK(unit["RestartPreventExitStatus"] == "2");
}

TEST_CASE("a blocked event loop is reported in the log before systemd ends the program") {
  const Milliseconds limit = std::chrono::seconds(std::stoi("0" + assignments()["WatchdogSec"]));
  constexpr agent::Watchdog::Timing own;
  CHECK(limit > own.tick * (own.missed_ticks + 1));
  Config config;
  config.notify_watchdog = limit;
  CHECK(agent::ServiceManager(config).interval() <= limit / 4);
}
