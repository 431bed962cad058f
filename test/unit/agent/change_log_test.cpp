#include "agent/change_log.hpp"

#include <doctest/doctest.h>

#include "support/unit/log_lines.hpp"

using namespace rancher_cnode;
using agent::ChangeLog;
using membership::Membership;
using membership::ReadScope;

namespace {

membership::Container container(const char* address, const char* state, const char* health = nullptr) {
  membership::Container made;
  made.uuid = address;
  made.primary_ip = address;
  made.state = state;
  if (health != nullptr) {
    made.health_state = health;
  }
  return made;
}

/// Reads that name another container, or what else is given, and what is logged of them.
struct Reading {
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines};
  ChangeLog changes{log};
  Membership membership{{.node_basename = "myapp", .own_address = *Ipv4Address::parse("10.42.0.1")}};
  TimePoint now{};

  void read(Milliseconds later, ReadScope scope, const char* address) {
    membership::Service service;
    service.containers = {container(address, "running")};
    take(later, scope, service);
  }
  void take(Milliseconds later, ReadScope scope, const membership::Read& what) {
    now += later;
    membership.observe(now, scope, what);
    changes.note(now, scope, membership);
  }
};

constexpr const char* other = "10.42.0.2";
constexpr const char* own = "10.42.0.1";

/// Reads that list us, a third container that is well, and the one that the case is about.
struct OneOfTwo : Reading {
  OneOfTwo() {
    membership = Membership(
        {.node_basename = "myapp", .own_address = *Ipv4Address::parse(own), .health = HealthPolicy::passing});
  }
  void lists(const std::vector<membership::Container>& containers) {
    membership::Service service;
    service.containers = {container(own, "running"), container("10.42.0.3", "running")};
    service.containers.insert(service.containers.end(), containers.begin(), containers.end());
    take(Milliseconds(2'000), ReadScope::self, service);
  }
  void lists_without_us() {
    membership::Service service;
    service.containers = {container(other, "running"), container("10.42.0.3", "running")};
    take(Milliseconds(2'000), ReadScope::self, service);
  }
  /// Level and fields of the event's lines, from the field `first` on, without what comes after `end`.
  [[nodiscard]] std::vector<std::string> fields(const std::string& event, const std::string& first,
                                                const std::string& end) const {
    std::vector<std::string> found;
    for (const auto& line : lines->all()) {
      if (line.find("event=" + event + " ") == std::string::npos) {
        continue;
      }
      const auto from = line.find(first);
      found.push_back((line.find("warning") != std::string::npos ? "warning " : "info ") +
                      line.substr(from, line.find(end, from) - from));
    }
    return found;
  }
  /// Level and event of the lines about our own container.
  [[nodiscard]] std::vector<std::string> own_events() const {
    std::vector<std::string> found;
    for (const auto& line : lines->all()) {
      if (const auto from = line.find("event=own_container_"); from != std::string::npos) {
        found.push_back((line.find("warning") != std::string::npos ? "warning " : "info ") +
                        line.substr(from, line.find(' ', from) - from));
      }
    }
    return found;
  }
  [[nodiscard]] std::vector<std::string> dropped() const {
    return fields("containers_skipped", "reason=", " example=");
  }
  [[nodiscard]] std::vector<std::string> held() const { return lines->of("peer_held"); }
  [[nodiscard]] int dialable() const { return lines->count("peer_released"); }
};

/// The line of a peer that is held, after its event.
std::string held_line(const std::string& reason) {
  return "event=peer_held msg=\"it is not dialled for now; links to it stay\" peer=myapp@10.42.0.2 "
         "reason=\"" +
         reason + "\"";
}

}  // namespace

TEST_CASE("reads of our own service that never list us are logged once") {
  Reading reading;
  reading.read(Milliseconds(0), ReadScope::self, other);
  reading.read(Milliseconds(9'000), ReadScope::self, other);
  CHECK(reading.lines->count("own_container_unlisted") == 0);
  reading.read(Milliseconds(999), ReadScope::self, other);
  CHECK(reading.lines->count("own_container_unlisted") == 0);
  reading.read(Milliseconds(1), ReadScope::self, other);
  CHECK(reading.lines->count("own_container_unlisted") == 1);
  reading.read(Milliseconds(60'000), ReadScope::self, other);
  CHECK(reading.lines->count("own_container_unlisted") == 1);
}

TEST_CASE("failed reads do not report that we are unlisted") {
  Reading reading;
  reading.read(Milliseconds(0), ReadScope::self, other);
  reading.take(Milliseconds(60'000), ReadScope::self, membership::FailedRead{"timeout"});
  CHECK(reading.lines->count("own_container_unlisted") == 0);
}

TEST_CASE("a C-node that names the service need not be listed") {
  Reading reading;
  reading.read(Milliseconds(0), ReadScope::named, other);
  reading.read(Milliseconds(60'000), ReadScope::named, other);
  CHECK(reading.lines->count("own_container_unlisted") == 0);
}

TEST_CASE("once we are listed, own_container_unlisted is not logged") {
  Reading reading;
  reading.read(Milliseconds(0), ReadScope::self, other);
  reading.read(Milliseconds(60'000), ReadScope::self, own);
  CHECK(reading.lines->count("own_container_listed") == 1);
  CHECK(reading.lines->count("own_container_unlisted") == 0);
}

TEST_CASE("a peer that is held from the start is logged as listed, and as held with the reason") {
  OneOfTwo reading;
  reading.lists({container(other, "stopped")});
  CHECK(reading.lines->count("peer_listed") == 3);
  CHECK(reading.held() == std::vector{held_line("state is stopped")});
}

TEST_CASE("reads that change nothing do not log again that a peer is held") {
  OneOfTwo reading;
  for (int i = 0; i < 3; ++i) {
    reading.lists({container(other, "running", "unhealthy")});
  }
  CHECK(reading.held() == std::vector{held_line("health is unhealthy")});
}

TEST_CASE("a peer that is held for another reason is logged again, and once when it is released") {
  OneOfTwo reading;
  reading.lists({container(other, "running", "unhealthy")});
  reading.lists({container(other, "stopped")});
  CHECK(reading.held() == std::vector{held_line("health is unhealthy"), held_line("state is stopped")});
  CHECK(reading.dialable() == 0);
  reading.lists({container(other, "running", "healthy")});
  reading.lists({container(other, "running", "healthy")});
  CHECK(reading.dialable() == 1);
  CHECK(reading.held().size() == 2);
}

TEST_CASE("a suspected peer is logged once, whatever reads fail meanwhile") {
  OneOfTwo reading;
  reading.lists({container(other, "running")});
  reading.lists({});
  reading.take(Milliseconds(1'000), ReadScope::self, membership::FailedRead{"timeout"});
  reading.take(Milliseconds(1'000), ReadScope::self, membership::Service{});
  reading.lists({});
  CHECK(reading.held() == std::vector{held_line("missing from the metadata")});
  reading.lists({container(other, "running")});
  CHECK(reading.dialable() == 1);
}

TEST_CASE(
    "a peer that departs is reported as departed, not as dialable, and as any other when it comes back") {
  OneOfTwo reading;
  reading.lists({container(other, "running")});
  for (int i = 0; i < 10; ++i) {
    reading.lists({});
  }
  CHECK(reading.held().size() == 1);
  CHECK(reading.lines->count("peer_departed") == 1);
  CHECK(reading.dialable() == 0);
  reading.lists({container(other, "stopped")});
  CHECK(reading.lines->count("peer_listed") == 4);
  CHECK(reading.held().size() == 2);
}

TEST_CASE("departed peers that a failed read suspended are not reported again when they are back") {
  OneOfTwo reading;
  reading.lists({container(other, "running")});
  for (int i = 0; i < 10; ++i) {
    reading.lists({});
  }
  CHECK(reading.lines->count("peer_departed") == 1);
  reading.take(Milliseconds(1'000), ReadScope::self, membership::FailedRead{"timeout"});
  reading.lists({});
  CHECK(reading.lines->count("peer_departed") == 1);
}

TEST_CASE("a peer that departs a second time is reported a second time") {
  OneOfTwo reading;
  for (int i = 0; i < 2; ++i) {
    reading.lists({container(other, "running")});
    for (int j = 0; j < 10; ++j) {
      reading.lists({});
    }
  }
  CHECK(reading.lines->count("peer_departed") == 2);
}

TEST_CASE(
    "each state of the own membership is reported once: listed as information, missing and removed as "
    "warnings") {
  OneOfTwo reading;
  reading.lists({container(other, "running")});
  reading.lists({container(other, "running")});
  CHECK(reading.own_events() == std::vector<std::string>{"info event=own_container_listed"});
  for (int i = 0; i < 10; ++i) {
    reading.lists_without_us();
  }
  CHECK(reading.own_events() == std::vector<std::string>{"info event=own_container_listed",
                                                         "warning event=own_container_missing",
                                                         "warning event=own_container_removed"});
}

TEST_CASE("the mass-removal guard is reported once when it begins, and once when it is over") {
  OneOfTwo reading;
  const std::vector all{container(other, "running"), container("10.42.0.4", "running"),
                        container("10.42.0.5", "running")};
  reading.lists(all);
  reading.lists({});
  reading.lists({});
  CHECK(reading.lines->of("mass_removal_guard_on").size() == 1);
  CHECK(reading.lines->of("mass_removal_guard_on").at(0).find(" missing=3 known=4") != std::string::npos);
  CHECK(reading.lines->count("mass_removal_guard_off") == 0);
  reading.lists(all);
  reading.lists(all);
  CHECK(reading.lines->count("mass_removal_guard_off") == 1);
  CHECK(reading.lines->count("mass_removal_guard_on") == 1);
}

TEST_CASE("containers without a usable address are reported once for each number, by their kind") {
  OneOfTwo reading;
  const auto starting = container("", "starting");
  reading.lists({starting});
  reading.lists({starting});
  CHECK(reading.dropped() == std::vector<std::string>{"info reason=no_address count=1"});
  reading.lists({starting, starting, container("127.0.0.1", "running"), container("::1", "running")});
  CHECK(reading.dropped() ==
        std::vector<std::string>{"info reason=no_address count=1", "info reason=no_address count=2",
                                 "warning reason=not_ipv4 count=1", "warning reason=not_a_host count=1"});
  reading.lists({});
  CHECK(reading.dropped().size() == 4);
  reading.lists({starting});
  CHECK(reading.dropped().size() == 5);
}

TEST_CASE("two containers on one address are normal") {
  OneOfTwo reading;
  reading.lists({container(other, "running"), container(other, "running")});
  CHECK(reading.dropped().empty());
}

TEST_CASE("a member that is listed again while others stay is not reported anew") {
  OneOfTwo reading;
  reading.lists({container(other, "running")});
  CHECK(reading.lines->count("peer_listed") == 3);
  reading.lists({container(other, "running"), container("10.42.0.4", "running")});
  CHECK(reading.lines->count("peer_listed") == 4);
}
