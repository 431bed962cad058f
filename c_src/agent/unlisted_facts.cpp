#include "agent/unlisted_facts.hpp"

#include <iterator>
#include <utility>
#include <variant>

namespace rancher_cnode::agent {
namespace fact = membership::fact;
using membership::MembershipFact;

std::vector<MembershipFact> UnlistedFacts::pass(std::vector<MembershipFact> facts) {
  std::erase_if(facts, [this](const MembershipFact& each) {
    if (const auto* const unlisted = std::get_if<fact::OwnUnlisted>(&each)) {
      waiting_.push_back(*unlisted);
      return true;
    }
    if (std::holds_alternative<fact::OwnMembershipChanged>(each)) {
      waiting_.clear();
    } else if (const auto* const removed = std::get_if<fact::ServiceRemoved>(&each)) {
      std::erase_if(waiting_, [&](const auto& one) { return one.service == removed->service; });
    }
    return false;
  });
  return facts;
}

std::vector<MembershipFact> UnlistedFacts::take(const metadata::Observation& observation) {
  if (!observation.asked_own_address) {
    return {};
  }
  const auto& known = observation.own_address;
  std::vector<MembershipFact> facts;
  for (auto& unlisted : std::exchange(waiting_, {})) {
    unlisted.known_as = known ? known->to_string() : "";
    facts.emplace_back(std::move(unlisted));
  }
  return facts;
}

}  // namespace rancher_cnode::agent
