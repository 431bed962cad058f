#include "rancher_cnode/log/log.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <limits>
#include <regex>
#include <sstream>
#include <thread>
#include <vector>

using rancher_cnode::Log;
using rancher_cnode::LogFormat;
using rancher_cnode::LogLevel;

namespace {

class Lines final : public Log::Sink {
 public:
  void line(std::string_view text) override { all.emplace_back(text); }
  std::vector<std::string> all;
};

/// What follows the time, which is checked on its own.
std::string body_of(const std::string& line, LogFormat format) {
  const std::regex text_line(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*))");
  const std::regex json_line(R"(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",(.*)\})");
  std::smatch match;
  if (!std::regex_match(line, match, format == LogFormat::json ? json_line : text_line)) {
    return "no match: " + line;
  }
  return match[1];
}

struct Written {
  explicit Written(LogFormat f, LogLevel threshold = LogLevel::debug)
      : format(f), lines(std::make_shared<Lines>()), log(threshold, f, lines) {}
  std::string only() const {
    REQUIRE(lines->all.size() == 1);
    return body_of(lines->all.front(), format);
  }
  LogFormat format;
  std::shared_ptr<Lines> lines;
  Log log;
};

}  // namespace

TEST_CASE("a text line has time, level, event, message and fields") {
  const Written written(LogFormat::text);
  written.log.warning("listener_failed", "epmd does not answer; trying again",
                      {{"retry_ms", 500}, {"ratio", 0.5}, {"first", true}, {"peer", "myapp@10.42.0.7"}});
  CHECK(written.only() ==
        "warning event=listener_failed msg=\"epmd does not answer; trying again\" retry_ms=500 ratio=0.5 "
        "first=true peer=myapp@10.42.0.7");
}

TEST_CASE("a JSON line has the same") {
  const Written written(LogFormat::json);
  written.log.error("loop_stalled", "epmd does not answer",
                    {{"retry_ms", 500}, {"ratio", 0.5}, {"first", true}, {"peer", "myapp@10.42.0.7"}});
  CHECK(
      written.only() ==
      R"("level":"error","event":"loop_stalled","message":"epmd does not answer","retry_ms":500,"ratio":0.5,)"
      R"("first":true,"peer":"myapp@10.42.0.7")");
}

TEST_CASE("an empty message is left out") {
  const Written text(LogFormat::text);
  text.log.info("starting", "");
  CHECK(text.only() == "info event=starting");
  const Written json(LogFormat::json);
  json.log.info("starting", "");
  CHECK(json.only() == R"("level":"info","event":"starting")");
}

TEST_CASE("no value can break a line, close its quotes or drive a terminal") {
  const struct {
    std::string value;
    const char* shown;
  } rows[] = {
      {"two words", R"("two words")"},
      {"", R"("")"},
      {"a=b", R"("a=b")"},
      {R"(say "hi")", R"("say \"hi\"")"},
      {R"(say"hi")", R"("say\"hi\"")"},
      {R"(back\slash)", R"("back\\slash")"},
      {"one\ntwo\r\tthree", R"("one\ntwo\r\tthree")"},
      {"\x1b[31mred", R"("\u001b[31mred")"},
      {std::string("nul\0!", 5), R"("nul\u0000!")"},
      {"del\x7f", R"("del\u007f")"},
      {"last control\x1f", R"("last control\u001f")"},
      {"c1\xc2\x9b", R"("c1\u009b")"},
      {"c1 from \xc2\x80 to \xc2\x9f", R"("c1 from \u0080 to \u009f")"},
      {"no c1: \xc2\xa0 \xc3\x9b", "\"no c1: \xc2\xa0 \xc3\x9b\""},
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
       "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\""},
      {"bad\xff!", R"("bad\ufffd!")"},
      {"cut\xe2\x82", R"("cut\ufffd\ufffd")"},
      {"overlong\xc0\xaf", R"("overlong\ufffd\ufffd")"},
      {"surrogate\xed\xa0\x80", R"("surrogate\ufffd\ufffd\ufffd")"},
      {"beyond\xf4\x90\x80\x80", R"("beyond\ufffd\ufffd\ufffd\ufffd")"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.shown);
    const Written text(LogFormat::text);
    text.log.info("peer_listed", "", {{"v", row.value}});
    CHECK(text.only() == std::string("info event=peer_listed v=") + row.shown);
    const Written json(LogFormat::json);
    json.log.info("peer_listed", "", {{"v", row.value}});
    CHECK(json.only() == std::string(R"("level":"info","event":"peer_listed","v":)") + row.shown);
  }
}

TEST_CASE("a message is escaped like a value, and format characters in it have no effect") {
  const Written written(LogFormat::text);
  written.log.info("peer_listed", "{} %v 100%\n");
  CHECK(written.only() == R"(info event=peer_listed msg="{} %v 100%\n")");
}

TEST_CASE("numbers that JSON cannot represent are null") {
  const Written written(LogFormat::json);
  written.log.info("peer_listed", "", {{"v", std::numeric_limits<double>::infinity()}});
  CHECK(written.only() == R"("level":"info","event":"peer_listed","v":null)");
}

TEST_CASE("the time is UTC, whatever the time zone of the process is") {
  using namespace std::chrono;
  ::setenv("TZ", "TEST-12", 1);
  ::tzset();
  const auto now = time_point_cast<seconds>(system_clock::now());
  const Written written(LogFormat::text);
  written.log.info("peer_listed", "");
  ::unsetenv("TZ");
  ::tzset();
  std::tm shown{};
  std::istringstream(written.lines->all.at(0)) >> std::get_time(&shown, "%Y-%m-%dT%H:%M:%S");
  CHECK(abs(system_clock::from_time_t(::timegm(&shown)) - now) < hours(1));
}

TEST_CASE("lines below the threshold are not written") {
  const LogLevel levels[] = {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error};
  for (std::size_t threshold = 0; threshold < 4; ++threshold) {
    const Written written(LogFormat::text, levels[threshold]);
    written.log.debug("setting", "");
    written.log.info("peer_listed", "");
    written.log.warning("peer_lost", "");
    written.log.error("loop_stalled", "");
    REQUIRE(written.lines->all.size() == 4 - threshold);
    CHECK(body_of(written.lines->all.front(), LogFormat::text).starts_with(to_string(levels[threshold])));
  }
}

TEST_CASE("a format has the name of its setting value") {
  CHECK(to_string(LogFormat::text) == "text");
  CHECK(to_string(LogFormat::json) == "json");
}

TEST_CASE("threads may write concurrently, each line whole") {
  const Written written(LogFormat::text);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&written] {
      for (int i = 0; i < 100; ++i) {
        written.log.debug("setting", "", {{"v", "x"}});
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  REQUIRE(written.lines->all.size() == 400);
  for (const auto& line : written.lines->all) {
    CHECK(body_of(line, LogFormat::text) == "debug event=setting v=x");
  }
}
