#include "rancher_cnode/distribution/epmd.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>

#include "support/unit/epmd_stand_in.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

using Answer = std::optional<Expected<std::uint16_t>>;

void ask(asio::io_context& loop, Answer& answer, std::uint16_t epmd, const std::string& alive,
         Milliseconds limit = patience) {
  asio::co_spawn(loop, epmd_port(loopback, epmd, alive, limit),
                 [&answer](const std::exception_ptr& thrown, Expected<std::uint16_t> port) {
                   REQUIRE_FALSE(thrown);
                   answer = std::move(port);
                 });
}

Expected<std::uint16_t> asked(asio::io_context& loop, std::uint16_t epmd, const std::string& alive,
                              Milliseconds limit = patience) {
  Answer answer;
  ask(loop, answer, epmd, alive, limit);
  run_until(loop, "epmd's answer", [&] { return answer.has_value(); });
  return *answer;
}

}  // namespace

TEST_CASE("a registered name has its port") {
  asio::io_context loop;
  EpmdStandIn epmd(loop);
  epmd.names["myapp"] = 0xabcd;
  CHECK(asked(loop, epmd.port(), "myapp") == 0xabcd);
  CHECK(epmd.requests == std::vector<std::string>{"zmyapp"});
}

TEST_CASE("each way to get no port has its own code") {
  asio::io_context loop;
  EpmdStandIn epmd(loop);
  epmd.names["myapp"] = 1;
  const struct {
    EpmdStandIn::Manner manner;
    const char* name;
    ErrorCode code;
    const char* message;
  } rows[] = {
      {EpmdStandIn::Manner::proper, "other", ErrorCode::not_found, "its epmd does not know the name other"},
      {EpmdStandIn::Manner::silent, "myapp", ErrorCode::timeout, "its epmd does not answer"},
      {EpmdStandIn::Manner::half, "myapp", ErrorCode::timeout, "its epmd does not answer"},
      {EpmdStandIn::Manner::garbage, "myapp", ErrorCode::malformed,
       "the process on its epmd port is not an epmd"},
      {EpmdStandIn::Manner::hangs_up, "myapp", ErrorCode::malformed,
       "its epmd closed the connection without an answer"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    epmd.manner = row.manner;
    const auto limit = row.code == ErrorCode::timeout ? Milliseconds(50) : patience;
    CHECK(asked(loop, epmd.port(), row.name, limit).error() == Error{row.code, row.message});
  }
  epmd.down();
  CHECK(asked(loop, epmd.port(), "myapp").error() == Error{ErrorCode::refused, "no epmd listens there"});
}

TEST_CASE("a hundred peers are asked at the same time") {
  asio::io_context loop;
  EpmdStandIn silent(loop);
  silent.manner = EpmdStandIn::Manner::silent;
  EpmdStandIn proper(loop);
  proper.names["myapp"] = 7;
  std::vector<Answer> unanswered(100);
  for (auto& answer : unanswered) {
    ask(loop, answer, silent.port(), "myapp", patience);
  }
  CHECK(asked(loop, proper.port(), "myapp") == 7);
  CHECK_FALSE(unanswered.front());
  silent.down();
  run_until(loop, "the hundred answers", [&] {
    return std::all_of(unanswered.begin(), unanswered.end(),
                       [](const Answer& answer) { return answer.has_value(); });
  });
}

TEST_CASE("a question that is under way does not outlive its loop") {
  Answer answer;
  {
    asio::io_context loop;
    EpmdStandIn epmd(loop);
    epmd.manner = EpmdStandIn::Manner::silent;
    ask(loop, answer, epmd.port(), "myapp");
    run_until(loop, "the question", [&] { return !epmd.requests.empty(); });
  }
  CHECK_FALSE(answer);
}

TEST_CASE("the names that an epmd knows are listed") {
  asio::io_context loop;
  EpmdStandIn epmd(loop);
  const auto names = [&] {
    std::optional<Expected<std::vector<std::string>>> answer;
    asio::co_spawn(
        loop,
        [&]() -> asio::awaitable<void> { answer = co_await epmd_names(loopback, epmd.port(), patience); },
        asio::detached);
    run_until(loop, "the names", [&] { return answer.has_value(); });
    return *answer;
  };
  CHECK(names()->empty());
  epmd.names = {{"a at port b", 1}, {"myapp", 2}};
  CHECK(*names() == std::vector<std::string>{"a at port b", "myapp"});
  epmd.manner = EpmdStandIn::Manner::hangs_up;
  CHECK(names()->empty());
  epmd.down();
  CHECK(names().error().code == ErrorCode::refused);
}
