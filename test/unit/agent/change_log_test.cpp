#include "change_log.hpp"

#include <doctest/doctest.h>

#include "log_lines.hpp"

using namespace rancher_cnode;
using agent::ChangeLog;
using membership::Membership;
using membership::ReadScope;

namespace {

/// Reads that name another container, or what else is given, and what is logged of them.
struct Reading {
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines};
  ChangeLog changes{log};
  Membership membership{{.node_basename = "myapp", .own_address = *Ipv4Address::parse("10.42.0.1")}};
  TimePoint now{};

  void read(Milliseconds later, ReadScope scope, const char* address) {
    membership::Container container;
    container.uuid = address;
    container.primary_ip = address;
    container.state = "running";
    membership::Service service;
    service.containers = {container};
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
