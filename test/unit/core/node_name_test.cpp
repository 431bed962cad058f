#include "rancher_cnode/core/node_name.hpp"

#include <doctest/doctest.h>

#include <string>
#include <unordered_set>

using rancher_cnode::ErrorCode;
using rancher_cnode::Ipv4Address;
using rancher_cnode::NodeName;

TEST_CASE("an alive name is 1 to 239 characters of letters, digits, underscore and hyphen") {
  for (const auto* good : {"myapp", "a", "MyApp-2_x", "-", "_", "0", "azAZ09"}) {
    CAPTURE(good);
    CHECK(NodeName::is_alive_name(good));
  }
  CHECK(NodeName::is_alive_name(std::string(239, 'a')));
  CHECK_FALSE(NodeName::is_alive_name(std::string(240, 'a')));
  for (const auto* bad : {"", "my app", "my.app", "my@app", "'x'", "m\xc3\xbc", "a\n", "a/b", "${NAME}"}) {
    CAPTURE(bad);
    CHECK_FALSE(NodeName::is_alive_name(bad));
  }
}

TEST_CASE("a node name is split at its only @") {
  for (const auto* text : {"myapp@10.42.0.7", "a@b", "rem-1_x@host.example-1.org", "x@localhost"}) {
    CAPTURE(text);
    const auto name = NodeName::parse(text);
    REQUIRE(name.has_value());
    CHECK(name->str() == text);
    CHECK(std::string(name->alive()) + "@" + std::string(name->host()) == text);
  }
  CHECK(NodeName::parse("myapp@10.42.0.7")->alive() == "myapp");
  CHECK(NodeName::parse("myapp@10.42.0.7")->host() == "10.42.0.7");
}

TEST_CASE("anything but a node name is malformed") {
  for (const auto* text : {"", "@", "myapp", "myapp@", "@host", "a@b@c", "a b@c", "a@b c", "a@b\n", "a@::1",
                           "a@[::1]", "m\xc3\xbc@h", "a@h\xc3\xb6st", "a@b:4369", "'a'@b"}) {
    CAPTURE(text);
    const auto name = NodeName::parse(text);
    REQUIRE_FALSE(name.has_value());
    CHECK(name.error().code == ErrorCode::malformed);
  }
}

TEST_CASE("a node name has at most 255 characters") {
  const std::string host = "@10.42.100.100";
  CHECK(NodeName::parse(std::string(239, 'a') + host).has_value());
  CHECK_FALSE(NodeName::parse(std::string(240, 'a') + host).has_value());
  CHECK(NodeName::parse("a@" + std::string(253, 'h')).has_value());
  CHECK_FALSE(NodeName::parse("a@" + std::string(254, 'h')).has_value());
}

TEST_CASE("an error never repeats a long name whole") {
  const auto name = NodeName::parse(std::string(100'000, 'x'));
  REQUIRE_FALSE(name.has_value());
  CHECK(name.error().message.size() < 200);
}

TEST_CASE("a name has the address of its host, if that is one") {
  CHECK(NodeName::parse("a@10.42.0.7")->address()->to_string() == "10.42.0.7");
  const auto none = NodeName::parse("a@host.example")->address();
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::malformed);
  CHECK(none.error().message.starts_with("the host of a@host.example: "));
}

TEST_CASE("a name made of an alive name and an address equals the one that is parsed") {
  const NodeName made = NodeName::of("myapp", Ipv4Address(0x0a2a0007));
  CHECK(made.str() == "myapp@10.42.0.7");
  CHECK(made.alive() == "myapp");
  CHECK(made.host() == "10.42.0.7");
  CHECK(made == *NodeName::parse("myapp@10.42.0.7"));
  CHECK(made != *NodeName::parse("myapp@10.42.0.8"));
  CHECK(made < *NodeName::parse("myapp@10.42.0.8"));
  const std::unordered_set<NodeName> set{made, *NodeName::parse("myapp@10.42.0.7")};
  CHECK(set.size() == 1);
}
