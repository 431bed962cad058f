#include "metadata/metadata_log.hpp"

#include <doctest/doctest.h>

#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::metadata;
using namespace rancher_cnode::testing;

namespace {

constexpr const char* service = "self/service";

struct Logged {
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  Log log{LogLevel::debug, LogFormat::text, lines};
  MetadataLog metadata_log{log};

  void bad(const std::string& reason) {
    metadata_log.read_failed(TimePoint{}, service, "http://m", "version", {ErrorCode::unavailable, reason});
  }
  void bad_at(int ms) {
    metadata_log.read_failed(TimePoint(Milliseconds(ms)), service, "http://m", "version",
                             {ErrorCode::unavailable, "gone"});
  }
  void good_at(int ms, std::size_t containers = 3) {
    metadata_log.read_succeeded(TimePoint(Milliseconds(ms)),
                                {service, "http://m", "self/service", "v1", containers});
  }
  void good() { metadata_log.read_succeeded(TimePoint{}, {service, "http://m", "self/service", "v1", 3}); }
};

}  // namespace

TEST_CASE("a reason is logged once until it changes or a read succeeds") {
  Logged logged;
  for (int i = 0; i < 100; ++i) {
    logged.bad("no route to the host");
  }
  CHECK(logged.lines->count("event=metadata_unavailable") == 1);
  logged.bad("no connection within 1000 ms");
  CHECK(logged.lines->count("event=metadata_unavailable") == 2);
  logged.good();
  logged.bad("no connection within 1000 ms");
  CHECK(logged.lines->count("event=metadata_unavailable") == 3);
}

TEST_CASE("reasons that alternate write no more lines than any other matter") {
  Logged logged;
  for (int i = 0; i < 100; ++i) {
    logged.bad(i % 2 == 0 ? "no route to the host" : "no connection within 1000 ms");
  }
  CHECK(logged.lines->count("event=metadata_unavailable") == 4);
}

TEST_CASE("a service or a server that is not there is normal during a start, a broken answer is not") {
  Logged logged;
  logged.log.set_startup_grace(std::chrono::hours(1));
  logged.log.begin_grace();
  logged.metadata_log.read_failed(TimePoint{}, service, "http://m", "version",
                                  {ErrorCode::not_found, "not found"});
  logged.metadata_log.read_failed(TimePoint{}, service, "http://m", "version",
                                  {ErrorCode::unavailable, "refused"});
  CHECK(logged.lines->count("info event=metadata_unavailable") == 2);
  logged.metadata_log.read_failed(TimePoint{}, service, "http://m", "version",
                                  {ErrorCode::malformed, "no JSON"});
  CHECK(logged.lines->count("warning event=metadata_unavailable") == 1);
}

TEST_CASE("reasons that differ only in numbers count as one") {
  Logged logged;
  for (int i = 0; i < 100; ++i) {
    logged.bad("malformed JSON at byte " + std::to_string(i));
  }
  CHECK(logged.lines->count("event=metadata_unavailable") == 1);
}

TEST_CASE("an empty list is logged once, and the next non-empty one as well") {
  Logged logged;
  logged.good();
  for (int i = 0; i < 10; ++i) {
    logged.metadata_log.read_succeeded(TimePoint{}, {service, "http://m", "self/service", "v1", 0});
  }
  CHECK(logged.lines->count("event=service_empty") == 1);
  logged.good();
  CHECK(logged.lines->count("event=metadata_available") == 2);
}

TEST_CASE("a reason for an unknown address is logged once until it changes or the address is found") {
  Logged logged;
  for (int i = 0; i < 100; ++i) {
    logged.metadata_log.address_unknown({ErrorCode::unavailable, i < 50 ? "a" : "b"});
  }
  CHECK(logged.lines->count("event=own_address_unknown") == 2);
  logged.metadata_log.address_found(Ipv4Address(0x0a2a0001), "http://m");
  logged.metadata_log.address_unknown({ErrorCode::unavailable, "a"});
  CHECK(logged.lines->count("event=own_address_unknown") == 3);
}

TEST_CASE("a successful read logs how long reads had failed, each time anew") {
  Logged logged;
  logged.good_at(100);
  CHECK(logged.lines->count("unavailable_ms=0") == 1);
  logged.bad_at(1'000);
  logged.bad_at(2'000);
  logged.good_at(3'500);
  CHECK(logged.lines->count("unavailable_ms=2500") == 1);
  logged.good_at(10'000, 0);
  logged.good_at(12'000, 0);
  logged.good_at(14'000);
  CHECK(logged.lines->count("unavailable_ms=4000") == 1);
  logged.good_at(15'000);
  CHECK(logged.lines->count("event=metadata_available") == 3);
}

TEST_CASE("another URL or path is logged, and that a service is read by name") {
  Logged logged;
  logged.good();
  logged.metadata_log.read_succeeded(TimePoint{}, {service, "http://n", "self/service", "v1", 3});
  CHECK(logged.lines->count("event=metadata_available") == 2);
  logged.metadata_log.read_succeeded(TimePoint{}, {service, "http://n", "stacks/shop/services/web", "v1", 3});
  logged.metadata_log.read_succeeded(TimePoint{}, {service, "http://n", "stacks/shop/services/web", "v1", 3});
  CHECK(logged.lines->count("event=own_container_unknown") == 1);
  CHECK(logged.lines->count("path=stacks/shop/services/web") == 1);
}

TEST_CASE("each service has its own lines, and what they have in common is logged once") {
  Logged logged;
  const std::string other = "stacks/shop/services/worker";
  logged.bad("refused");
  logged.metadata_log.read_failed(TimePoint{}, other, "http://m", "version",
                                  {ErrorCode::unavailable, "refused"});
  CHECK(logged.lines->count("event=metadata_unavailable") == 1);
  logged.good();
  logged.metadata_log.read_failed(TimePoint{}, other, "http://m", "service",
                                  {ErrorCode::not_found, "no such service"});
  logged.good();
  CHECK(logged.lines->count("event=metadata_unavailable") == 2);
  CHECK(logged.lines->count("event=metadata_available") == 1);
  logged.metadata_log.read_succeeded(TimePoint{}, {other, "http://m", other, "v1", 2});
  CHECK(logged.lines->count("path=stacks/shop/services/worker") == 1);
  CHECK(logged.lines->count("event=metadata_available") == 2);
}

TEST_CASE("a failure that another service stood for is logged when that one has recovered") {
  Logged logged;
  const auto other_fails = [&logged] {
    logged.metadata_log.read_failed(TimePoint{}, "a/b", "http://m", "service", {ErrorCode::timeout, "slow"});
  };
  logged.metadata_log.read_failed(TimePoint{}, service, "http://m", "service", {ErrorCode::timeout, "slow"});
  other_fails();
  CHECK(logged.lines->count("event=metadata_unavailable") == 1);
  logged.good();
  for (int i = 0; i < 3; ++i) {
    other_fails();
  }
  CHECK(logged.lines->count("event=metadata_unavailable") == 2);
  CHECK(logged.lines->count("service=a/b") == 1);
}

TEST_CASE("a failed round logs the reason") {
  Logged logged;
  logged.metadata_log.failed("no memory");
  CHECK(logged.lines->count("error event=metadata_watcher_failed") == 1);
  CHECK(logged.lines->count("reason=\"no memory\"") == 1);
}
