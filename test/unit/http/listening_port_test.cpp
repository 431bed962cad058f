#include "rancher_cnode/http/listening_port.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <string>

#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using distribution::test::loopback;
using distribution::test::raw_connect;
using distribution::test::ReservedPort;
using http::ListeningPort;

TEST_CASE("a port in use is named with its address, and can be had later") {
  const ReservedPort port;
  ListeningPort first(loopback, port.number());
  ListeningPort second(loopback, port.number());
  {
    ListeningPort other(loopback, port.number());
    REQUIRE(other.open());
    const auto failed = second.open();
    REQUIRE_FALSE(failed);
    CHECK(failed.error() ==
          Error{ErrorCode::unavailable, "port " + std::to_string(port.number()) + " is in use on 127.0.0.1"});
  }
  CHECK(second.open());
}

TEST_CASE("an address that is not ours is refused with the reason") {
  const auto failed = ListeningPort(Ipv4Address(0xc0000201), 9100).open();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message ==
        "port 9100 cannot be listened on: Cannot assign requested address on 192.0.2.1");
}

TEST_CASE("what connects between two servers waits for the second") {
  const ReservedPort number;
  ListeningPort port(loopback, number.number());
  { REQUIRE(port.open()); }
  const auto client = raw_connect(number.number());
  const auto second = port.open();
  REQUIRE(second);
  CHECK(::accept4(second->get(), nullptr, nullptr, SOCK_CLOEXEC) >= 0);
}

TEST_CASE("its descriptors do not block, and no child inherits them") {
  const ReservedPort number;
  const auto socket = ListeningPort(loopback, number.number()).open();
  REQUIRE(socket);
  CHECK((::fcntl(socket->get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(socket->get(), F_GETFD) & FD_CLOEXEC) != 0);
}
