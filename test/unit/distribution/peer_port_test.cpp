#include "rancher_cnode/distribution/peer_port.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>
#include <utility>

#include "support/unit/epmd_stand_in.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

Expected<std::uint16_t> port_of(asio::io_context& loop, PortSource source, Milliseconds limit = patience) {
  std::optional<Expected<std::uint16_t>> answer;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        const auto port = co_await peer_port(loopback, "myapp", source, limit);
        answer = port;
      },
      asio::detached);
  run_until(loop, "the port", [&] { return answer.has_value(); });
  return *answer;
}

}  // namespace

TEST_CASE("epmd is asked for the port, unless all nodes have the same") {
  asio::io_context loop;
  EpmdStandIn epmd(loop);
  epmd.names["myapp"] = 4711;
  const RawListener beam;
  CHECK(port_of(loop, {.epmd_port = epmd.port()}) == 4711);
  CHECK(port_of(loop, {.epmd_port = epmd.port(), .dist_port = beam.port()}) == beam.port());
  CHECK(epmd.requests.size() == 1);
}

TEST_CASE("the port that all nodes have is connected to, and the connection closed without a byte") {
  asio::io_context loop;
  const RawListener beam;
  CHECK(port_of(loop, {.dist_port = beam.port()}) == beam.port());
  const auto connection = beam.accept();
  CHECK(raw_receive(connection, 1).empty());
}

TEST_CASE("a port where nobody listens has no BEAM") {
  asio::io_context loop;
  const ReservedPort free;
  CHECK(port_of(loop, {.dist_port = free.number()}).error() ==
        Error{ErrorCode::not_found,
              "nobody listens on its distribution port " + std::to_string(free.number())});
}

TEST_CASE("a port that does not answer is given up in time") {
  asio::io_context loop;
  // The kernel drops what comes to a listener whose queue is full.
  const FileDescriptor full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
  socklen_t size = static_cast<socklen_t>(endpoint.size());
  REQUIRE(::bind(full.get(), endpoint.data(), size) == 0);
  REQUIRE(::listen(full.get(), 0) == 0);
  REQUIRE(::getsockname(full.get(), endpoint.data(), &size) == 0);
  const auto waiting = raw_connect(endpoint.port());
  CHECK(port_of(loop, {.dist_port = endpoint.port()}, Milliseconds(100)).error() ==
        Error{ErrorCode::timeout,
              "its distribution port " + std::to_string(endpoint.port()) + " does not answer"});
}
