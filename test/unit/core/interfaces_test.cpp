#include "rancher_cnode/core/interfaces.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;

TEST_CASE("an address of an interface is distinguished from one that no interface has") {
  CHECK(is_on_an_interface(*Ipv4Address::parse("127.0.0.1")));
  // RFC 5737: for documentation only.
  CHECK_FALSE(is_on_an_interface(*Ipv4Address::parse("192.0.2.1")));
}
