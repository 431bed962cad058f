#include "rancher_cnode/core/address.hpp"

#include <doctest/doctest.h>

#include <string>

using rancher_cnode::ErrorCode;
using rancher_cnode::Ipv4Address;

TEST_CASE("an address is four decimal numbers and comes back as it was written") {
  const struct {
    const char* text;
    std::uint32_t bits;
  } rows[] = {{"0.0.0.0", 0},           {"10.42.0.1", 0x0a2a0001},       {"127.0.0.1", 0x7f000001},
              {"1.2.3.4", 0x01020304},  {"192.168.100.200", 0xc0a864c8}, {"255.255.255.255", 0xffffffff},
              {"0.10.20.0", 0x000a1400}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto address = Ipv4Address::parse(row.text);
    REQUIRE(address.has_value());
    CHECK(address->bits() == row.bits);
    CHECK(address->to_string() == row.text);
  }
}

TEST_CASE("anything but four decimal numbers is malformed") {
  const std::string_view rows[] = {"",           ".",          "1",
                                   "1.2.3",      "1.2.3.",     ".1.2.3",
                                   "1..2.3",     "1.2.3.4.",   "1.2.3.4.5",
                                   "01.2.3.4",   "1.2.3.00",   "256.1.1.1",
                                   "1.2.3.999",  "1.2.3.1000", "1.2.3.4294967297",
                                   "+1.2.3.4",   "-1.2.3.4",   " 1.2.3.4",
                                   "1.2.3.4 ",   "1.2.3.4\n",  "1.2.3.0x4",
                                   "1.2.3.a",    "::1",        "::ffff:1.2.3.4",
                                   "1.2.3.4/16", "localhost",  std::string_view("1.2.3.4\0", 8)};
  for (const auto row : rows) {
    CAPTURE(row);
    const auto address = Ipv4Address::parse(row);
    REQUIRE_FALSE(address.has_value());
    CHECK(address.error().code == ErrorCode::malformed);
  }
}

TEST_CASE("an error never repeats a long text whole") {
  const auto address = Ipv4Address::parse(std::string(100'000, '1'));
  REQUIRE_FALSE(address.has_value());
  CHECK(address.error().message.size() < 200);
}

TEST_CASE("a host address is neither unspecified, loopback, multicast, reserved nor broadcast") {
  const struct {
    const char* text;
    bool host;
  } rows[] = {{"0.0.0.0", false},     {"0.1.2.3", false},        {"1.0.0.0", true},
              {"10.42.77.3", true},   {"126.255.255.255", true}, {"127.0.0.1", false},
              {"127.255.0.1", false}, {"128.0.0.1", true},       {"169.254.169.250", true},
              {"192.168.0.1", true},  {"223.255.255.254", true}, {"224.0.0.1", false},
              {"239.1.1.1", false},   {"240.0.0.1", false},      {"255.255.255.255", false}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(Ipv4Address::parse(row.text)->is_host() == row.host);
  }
  CHECK_FALSE(Ipv4Address().is_host());
}

TEST_CASE("addresses order by number") {
  CHECK(*Ipv4Address::parse("10.42.0.9") < *Ipv4Address::parse("10.42.0.10"));
}
