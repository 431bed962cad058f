#include "distribution/node/inbound_log.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;

namespace {

class Lines final : public Log::Sink {
 public:
  void line(std::string_view text) override { all.emplace_back(text.substr(text.find(' ') + 1)); }
  std::vector<std::string> all;
};

struct Written {
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  Log log{LogLevel::debug, LogFormat::text, lines};
  InboundLog inbound{log};
  TimePoint now;

  void fail(const std::string& from, const std::string& reason) {
    inbound.warn(now, "inbound_handshake_failed", from, "challenge", reason);
  }
};

}  // namespace

TEST_CASE("each fault of a source is logged once, until the source succeeds") {
  Written written;
  for (int i = 0; i < 5; ++i) {
    written.fail("10.42.0.7", "cookie");
  }
  REQUIRE(written.lines->all.size() == 1);
  CHECK(written.lines->all[0] ==
        "warning event=inbound_handshake_failed msg=\"inbound connection failed\" from=10.42.0.7 "
        "stage=challenge "
        "reason=cookie");
  written.fail("10.42.0.7", "silent");
  written.fail("10.42.0.8", "cookie");
  CHECK(written.lines->all.size() == 3);
  written.fail("10.42.0.8", "cookie");
  CHECK(written.lines->all.size() == 3);
  written.inbound.forget("10.42.0.8");
  written.fail("10.42.0.8", "cookie");
  CHECK(written.lines->all.size() == 4);
}

TEST_CASE("the number of lines per minute is bounded") {
  Written written;
  for (int i = 0; i < 100'000; ++i) {
    written.fail("10.42.0." + std::to_string(i), i % 2 == 0 ? "cookie" : "silent");
  }
  CHECK(written.lines->all.size() == InboundLog::max_lines_per_minute);
  written.now += std::chrono::seconds(59);
  written.fail("10.43.0.1", "cookie");
  CHECK(written.lines->all.size() == InboundLog::max_lines_per_minute);
  written.now += std::chrono::seconds(1);
  written.fail("10.43.0.2", "cookie");
  REQUIRE(written.lines->all.size() == InboundLog::max_lines_per_minute + 1);
  CHECK(written.lines->all.back().ends_with("from=10.43.0.2 stage=challenge reason=cookie suppressed=99991"));
  written.fail("10.43.0.3", "cookie");
  CHECK(written.lines->all.back().ends_with("from=10.43.0.3 stage=challenge reason=cookie"));
}

TEST_CASE("a minute begins with its first line") {
  Written written;
  std::uint32_t source = 0;
  const auto lines_of_twenty = [&] {
    const auto before = written.lines->all.size();
    for (int i = 0; i < 20; ++i) {
      written.fail("10.42.0." + std::to_string(++source), "cookie");
    }
    return written.lines->all.size() - before;
  };
  written.now += std::chrono::seconds(90);
  CHECK(lines_of_twenty() == InboundLog::max_lines_per_minute);
  written.now += std::chrono::seconds(59);
  CHECK(lines_of_twenty() == 0);
  written.now += std::chrono::seconds(2);
  CHECK(lines_of_twenty() == InboundLog::max_lines_per_minute);
  written.now += std::chrono::seconds(59);
  CHECK(lines_of_twenty() == 0);
}

TEST_CASE("256 sources are remembered, and all forgotten when one more comes") {
  Written written;
  const auto fail = [&](std::size_t source) {
    written.now += std::chrono::minutes(1);
    written.fail("10.42.0." + std::to_string(source), "cookie");
    return written.lines->all.size();
  };
  for (std::size_t i = 0; i < InboundLog::max_sources_remembered; ++i) {
    CHECK(fail(i) == i + 1);
  }
  CHECK(fail(0) == InboundLog::max_sources_remembered);
  CHECK(fail(InboundLog::max_sources_remembered) == InboundLog::max_sources_remembered + 1);
  CHECK(fail(0) == InboundLog::max_sources_remembered + 2);
}

TEST_CASE("two sources that fail in turns are each logged once") {
  Written written;
  for (int i = 0; i < 1000; ++i) {
    written.fail("10.42.0.7", "cookie");
    written.fail("10.42.0.8", "silent");
    written.now += std::chrono::seconds(30);
  }
  CHECK(written.lines->all.size() == 2);
}

TEST_CASE("a source with alternating faults leaves room for one more fault, and for other sources") {
  Written written;
  for (int i = 0; i < 1000; ++i) {
    written.fail("10.42.0.7", i % 2 == 0 ? "silent" : "name only");
  }
  written.fail("10.42.0.7", "cookie");
  written.fail("10.42.0.8", "cookie");
  REQUIRE(written.lines->all.size() == 4);
  CHECK(written.lines->all[2].ends_with("from=10.42.0.7 stage=challenge reason=cookie"));
  CHECK(written.lines->all[3].ends_with("from=10.42.0.8 stage=challenge reason=cookie"));
}

TEST_CASE("the faults logged per source are bounded") {
  Written written;
  for (int i = 0; i < 1000; ++i) {
    written.fail("10.42.0.7", std::to_string(i));
    written.now += std::chrono::minutes(1);
  }
  CHECK(written.lines->all.size() == LogDeduplication::max_faults);
}
