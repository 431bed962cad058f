#include "distribution/node/listener.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

struct Listening {
  asio::io_context loop;
  std::vector<std::pair<FileDescriptor, Ipv4Address>> inbound;
  std::vector<std::string> failures;
  std::shared_ptr<Listener> listener = std::make_shared<Listener>(
      loop, Listener::Handlers{[this](FileDescriptor socket, Ipv4Address source) {
                                 inbound.emplace_back(std::move(socket), source);
                               },
                               [this](const std::string& reason) { failures.push_back(reason); }});
  ~Listening() {
    listener->close();
    run_for(loop, Milliseconds(1));
  }
};

}  // namespace

TEST_CASE("inbound connections are handed over with their address") {
  Listening listening;
  REQUIRE(listening.listener->open(loopback, {}));
  const auto one = raw_connect(listening.listener->port());
  const auto other = raw_connect(listening.listener->port(), other_loopback);
  run_until(listening.loop, "two inbound connections", [&] { return listening.inbound.size() == 2; });
  CHECK((::fcntl(listening.inbound[0].first.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK(listening.inbound[0].second == loopback);
  CHECK(listening.inbound[1].second == other_loopback);
  raw_send(one, "x");
  listening.inbound[1].first.reset();
  CHECK(raw_closed(other));
}

TEST_CASE("the first free port of the range is taken") {
  Listening first;
  REQUIRE(first.listener->open(loopback, {}));
  const auto taken = first.listener->port();
  Listening second;
  const auto refused = second.listener->open(loopback, {taken, taken});
  REQUIRE_FALSE(refused);
  CHECK(refused.error() ==
        Error{ErrorCode::unavailable,
              "cannot listen on 127.0.0.1:" + std::to_string(taken) + ": Address already in use"});
  CHECK(second.listener->port() == 0);
  const auto last = static_cast<std::uint16_t>(std::min(taken + 50, 65'535));
  REQUIRE(second.listener->open(loopback, {taken, last}));
  CHECK(second.listener->port() > taken);
  CHECK(second.listener->port() <= last);
  for (std::uint16_t before = taken; before < second.listener->port(); ++before) {
    CAPTURE(before);
    CHECK_FALSE(Listening().listener->open(loopback, {before, before}));
  }
}

TEST_CASE("a port whose last connections are hardly over can be listened on again") {
  std::uint16_t port = 0;
  {
    Listening before;
    REQUIRE(before.listener->open(loopback, {}));
    port = before.listener->port();
    const auto inbound = raw_connect(port);
    run_until(before.loop, "an inbound connection", [&] { return before.inbound.size() == 1; });
    before.inbound.clear();  // closed by our side first: the port stays in TIME_WAIT
    CHECK(raw_closed(inbound));
  }
  Listening again;
  CHECK(again.listener->open(loopback, {port, port}));
}

TEST_CASE("an address that is not ours is refused with the reason") {
  Listening listening;
  const auto refused = listening.listener->open(Ipv4Address(0xc0000201), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "cannot listen on 192.0.2.1: Cannot assign requested address");
}

TEST_CASE("after close nothing is handed over") {
  Listening listening;
  REQUIRE(listening.listener->open(loopback, {}));
  const auto inbound = raw_connect(listening.listener->port());
  listening.listener->close();
  run_for(listening.loop, Milliseconds(30));
  CHECK(listening.inbound.empty());
  CHECK(raw_closed(inbound));
}

TEST_CASE("a lack of descriptors is waited out") {
  Listening listening;
  REQUIRE(listening.listener->open(loopback, {}));
  const auto inbound = raw_connect(listening.listener->port());
  const auto begun = Clock::now();
  {
    const NoDescriptors none;
    while (listening.failures.size() < 3 && Clock::now() < begun + patience) {
      listening.loop.restart();
      listening.loop.run_one_for(Milliseconds(10));
    }
  }
  CHECK(Clock::now() - begun >= Milliseconds(200));  // two pauses
  CHECK(listening.failures == std::vector<std::string>(3, "Too many open files"));
  CHECK(listening.inbound.empty());
  run_until(listening.loop, "the inbound connection", [&] { return !listening.inbound.empty(); });
}
