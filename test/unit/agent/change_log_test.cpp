#include "change_log.hpp"

#include <doctest/doctest.h>

#include "log_lines.hpp"

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
  if (health != nullptr) made.health_state = health;
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
  [[nodiscard]] std::vector<std::string> held() const { return lines->of("peer_held"); }
  [[nodiscard]] int dialable() const { return lines->count("peer_dialable"); }
};

/// The line of a peer that is held, after its event.
std::string held_line(const std::string& reason) {
  return "event=peer_held msg=\"it is not dialled for now; links to it stay\" peer=myapp@10.42.0.2 "
         "reason=\"" +
         reason + "\"";
}

}  // namespace

TEST_CASE("own service's reads that never list us are warned of once") {
  Reading reading;
  reading.read(Milliseconds(0), ReadScope::self, other);
  reading.read(Milliseconds(9'000), ReadScope::self, other);
  CHECK(reading.lines->count("own_container") == 0);
  reading.read(Milliseconds(1'000), ReadScope::self, other);
  reading.read(Milliseconds(60'000), ReadScope::self, other);
  CHECK(reading.lines->count("own_container") == 1);
}

TEST_CASE("reads that tell nothing do not say that we are unlisted") {
  Reading reading;
  reading.read(Milliseconds(0), ReadScope::self, other);
  reading.take(Milliseconds(60'000), ReadScope::self, membership::Unknown{"timeout"});
  CHECK(reading.lines->count("own_container") == 0);
}

TEST_CASE("a C-node that names the service need not be listed") {
  Reading reading;
  reading.read(Milliseconds(0), ReadScope::named, other);
  reading.read(Milliseconds(60'000), ReadScope::named, other);
  CHECK(reading.lines->count("own_container") == 0);
}

TEST_CASE("once we are listed, nobody asks whether --ip is right") {
  Reading reading;
  reading.read(Milliseconds(0), ReadScope::self, other);
  reading.read(Milliseconds(60'000), ReadScope::self, own);
  CHECK(reading.lines->count("own_container") == 1);  // is=present
}

TEST_CASE("a peer that is held from the beginning is told as listed, and as held with the reason") {
  OneOfTwo reading;
  reading.lists({container(other, "stopped")});
  CHECK(reading.lines->count("peer_listed") == 3);
  CHECK(reading.held() == std::vector{held_line("state is stopped")});
}

TEST_CASE("reads that change nothing do not tell again that a peer is held") {
  OneOfTwo reading;
  for (int i = 0; i < 3; ++i) reading.lists({container(other, "running", "unhealthy")});
  CHECK(reading.held() == std::vector{held_line("health is unhealthy")});
}

TEST_CASE("a peer that is held for another reason is told anew, and once when it may be dialled again") {
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

TEST_CASE("a peer under suspicion is told once, whatever reads tell nothing meanwhile") {
  OneOfTwo reading;
  reading.lists({container(other, "running")});
  reading.lists({});
  reading.take(Milliseconds(1'000), ReadScope::self, membership::Unknown{"timeout"});
  reading.take(Milliseconds(1'000), ReadScope::self, membership::Service{});
  reading.lists({});
  CHECK(reading.held() == std::vector{held_line("missing from the metadata")});
  reading.lists({container(other, "running")});
  CHECK(reading.dialable() == 1);
}

TEST_CASE("a peer that leaves is told as left, not as dialable, and as any other when it comes back") {
  OneOfTwo reading;
  reading.lists({container(other, "running")});
  for (int i = 0; i < 10; ++i) reading.lists({});
  CHECK(reading.held().size() == 1);
  CHECK(reading.lines->count("peer_left") == 1);
  CHECK(reading.dialable() == 0);
  reading.lists({container(other, "stopped")});
  CHECK(reading.lines->count("peer_listed") == 4);
  CHECK(reading.held().size() == 2);
}
