// When it is logged that no answer lists our own container, and with which address.
#include "agent/unlisted_facts.hpp"

#include <doctest/doctest.h>

#include <variant>

using namespace rancher_cnode;
using namespace rancher_cnode::agent;
using membership::OwnMembership;
namespace fact = membership::fact;

namespace {

metadata::Observation answer(std::optional<Ipv4Address> address) {
  metadata::Observation observation;
  observation.asked_own_address = true;
  observation.own_address = address;
  return observation;
}

const fact::OwnUnlisted unlisted{"self/service", "10.42.9.9"};
const auto address = *Ipv4Address::parse("10.42.0.7");

}  // namespace

TEST_CASE(
    "that we are not listed waits for the answer about our address, which it gets; the rest does not wait") {
  UnlistedFacts facts;
  CHECK(facts.pass({unlisted, fact::ServiceAdded{"a"}}).size() == 1);
  CHECK(facts.are_waiting());
  CHECK(facts.take({}).empty());
  const auto due = facts.take(answer(address));
  REQUIRE(due.size() == 1);
  CHECK(std::get<fact::OwnUnlisted>(due.front()).known_as == "10.42.0.7");
  CHECK(std::get<fact::OwnUnlisted>(due.front()).own == "10.42.9.9");
  CHECK_FALSE(facts.are_waiting());
  CHECK(facts.take(answer(address)).empty());
}

TEST_CASE("that we are not listed is logged without an address if the answer has none") {
  UnlistedFacts facts;
  facts.pass({unlisted});
  const auto due = facts.take(answer(std::nullopt));
  REQUIRE(due.size() == 1);
  CHECK(std::get<fact::OwnUnlisted>(due.front()).known_as.empty());
}

TEST_CASE("what is over before the answer is not logged") {
  UnlistedFacts facts;
  facts.pass({unlisted});
  CHECK(facts.pass({fact::OwnMembershipChanged{OwnMembership::unknown, OwnMembership::listed}}).size() == 1);
  CHECK(facts.take(answer(address)).empty());

  facts.pass({unlisted, fact::OwnUnlisted{"self/stack/services"}});
  CHECK(facts.pass({fact::ServiceRemoved{"self/service"}}).size() == 1);
  CHECK(facts.take(answer(address)).size() == 1);
}
