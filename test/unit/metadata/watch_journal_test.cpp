#include "watch_journal.hpp"

#include <doctest/doctest.h>

#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::metadata;
using namespace rancher_cnode::testing;

namespace {

struct Journal {
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  Log log{LogLevel::debug, LogFormat::text, lines};
  WatchJournal journal{log};

  void bad(const std::string& reason) {
    journal.read_bad(TimePoint{}, "http://m", "version", {ErrorCode::unavailable, reason});
  }
  void bad_at(int ms) {
    journal.read_bad(TimePoint(Milliseconds(ms)), "http://m", "version", {ErrorCode::unavailable, "gone"});
  }
  void good_at(int ms, std::size_t containers = 3) {
    journal.read_good(TimePoint(Milliseconds(ms)), {"http://m", "self/service", "v1", containers, false});
  }
  void good() { journal.read_good(TimePoint{}, {"http://m", "self/service", "v1", 3, false}); }
};

}  // namespace

TEST_CASE("each reason is told once until a read is good, also when two take turns") {
  Journal told;
  for (int i = 0; i < 100; ++i) {
    told.bad(i % 2 == 0 ? "no route to the host" : "no connection within 1000 ms");
  }
  CHECK(told.lines->count("event=metadata_unavailable") == 2);
  told.good();
  told.bad("no route to the host");
  CHECK(told.lines->count("event=metadata_unavailable") == 3);
}

TEST_CASE("reasons that differ in numbers only are one") {
  Journal told;
  for (int i = 0; i < 100; ++i) {
    told.bad("malformed JSON at byte " + std::to_string(i));
  }
  CHECK(told.lines->count("event=metadata_unavailable") == 1);
}

TEST_CASE("a list without containers is told once, and the next full one as well") {
  Journal told;
  told.good();
  for (int i = 0; i < 10; ++i) {
    told.journal.read_good(TimePoint{}, {"http://m", "self/service", "v1", 0, false});
  }
  CHECK(told.lines->count("event=service_empty") == 1);
  told.good();
  CHECK(told.lines->count("event=metadata_available") == 2);
}

TEST_CASE("each reason for an unknown address is told once until it is found") {
  Journal told;
  for (int i = 0; i < 100; ++i) {
    told.journal.address_unknown({ErrorCode::unavailable, i % 2 == 0 ? "a" : "b"});
  }
  CHECK(told.lines->count("event=own_address_unknown") == 2);
  told.journal.address_found(Ipv4Address(0x0a2a0001), "http://m");
  told.journal.address_unknown({ErrorCode::unavailable, "a"});
  CHECK(told.lines->count("event=own_address_unknown") == 3);
}

TEST_CASE("a good read tells how long there was none, each time anew") {
  Journal told;
  told.good_at(100);
  CHECK(told.lines->count("unavailable_ms=0") == 1);
  told.bad_at(1'000);
  told.bad_at(2'000);
  told.good_at(3'500);
  CHECK(told.lines->count("unavailable_ms=2500") == 1);
  told.good_at(10'000, 0);
  told.good_at(12'000, 0);
  told.good_at(14'000);
  CHECK(told.lines->count("unavailable_ms=4000") == 1);
  told.good_at(15'000);
  CHECK(told.lines->count("event=metadata_available") == 3);
}

TEST_CASE("another URL or path is reported, and that a service is read by its name") {
  Journal told;
  told.good();
  told.journal.read_good(TimePoint{}, {"http://n", "self/service", "v1", 3, false});
  CHECK(told.lines->count("event=metadata_available") == 2);
  told.journal.read_good(TimePoint{}, {"http://n", "stacks/shop/services/web", "v1", 3, true});
  told.journal.read_good(TimePoint{}, {"http://n", "stacks/shop/services/web", "v1", 3, true});
  CHECK(told.lines->count("event=own_container_unknown") == 1);
  CHECK(told.lines->count("path=stacks/shop/services/web") == 1);
}

TEST_CASE("a round that failed tells why") {
  Journal told;
  told.journal.failed("no memory");
  CHECK(told.lines->count("error event=metadata_watcher_failed") == 1);
  CHECK(told.lines->count("reason=\"no memory\"") == 1);
}
