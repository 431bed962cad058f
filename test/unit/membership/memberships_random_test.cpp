// The union of several memberships while containers move between the services at random.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <set>

#include "rancher_cnode/membership/memberships.hpp"
#include "support/unit/samples.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::membership;
using namespace rancher_cnode::membership::samples;

namespace {

using Numbers = std::set<int>;

Service listing(const Numbers& numbers) {
  Service result = service({});
  for (const int number : numbers) {
    result.containers.push_back(container(number));
  }
  return result;
}

/// The members as the facts add them up.
void add_up(const Observed& observed, std::set<NodeName>& members) {
  for (const auto& fact : observed.facts) {
    if (const auto* const listed = std::get_if<fact::PeerListed>(&fact)) {
      REQUIRE(members.insert(listed->peer).second);
    } else if (const auto* const departed = std::get_if<fact::PeerDeparted>(&fact)) {
      REQUIRE(members.erase(departed->peer) == 1);
    } else if (const auto* const forgotten = std::get_if<fact::PeerForgotten>(&fact)) {
      REQUIRE(members.erase(forgotten->peer) == 1);
    }
  }
}

/// Some of all, at least one.
template <class Chance>
std::vector<MembershipSettings> some_of(const std::vector<MembershipSettings>& all, Chance chance) {
  std::vector<MembershipSettings> some;
  while (some.empty()) {
    std::ranges::copy_if(all, std::back_inserter(some), [&](const auto&) { return chance(60); });
  }
  return some;
}

}  // namespace

TEST_CASE(
    "containers that move between services at random are disconnected only when no service wants them") {
  std::size_t departures = 0;
  std::size_t left = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 dice(seed);
    const auto chance = [&dice](int percent) { return static_cast<int>(dice() % 100) < percent; };
    constexpr int services = 3;
    constexpr int addresses = 12;
    std::vector<MembershipSettings> all;
    for (int i = 0; i < services; ++i) {
      all.push_back(settings());
      all.back().service = std::to_string(i);
      all.back().removal = chance(30) ? RemovalPolicy::immediate : RemovalPolicy::safe;
    }
    const bool changing = chance(50);
    std::vector<MembershipSettings> now = changing ? some_of(all, chance) : all;
    Memberships memberships(now);
    std::vector<Numbers> truth(services);
    truth[0].insert(1);
    std::set<NodeName> members;
    std::set<NodeName> abandoned;  // of services that were taken away, and not listed since
    const auto is_now = [&now](int i) {
      return std::ranges::any_of(now, [i](const auto& one) { return one.service == std::to_string(i); });
    };
    const auto check = [&] {
      const auto& desired = *memberships.desired();
      REQUIRE(members == desired.members);
      for (int i = 0; i < services; ++i) {
        for (const int number : truth[static_cast<std::size_t>(i)]) {
          REQUIRE_FALSE((is_now(i) && desired.departed.contains(node(number))));
        }
      }
      std::erase_if(abandoned, [&](const NodeName& peer) { return desired.members.contains(peer); });
      for (const auto& peer : abandoned) {
        REQUIRE_FALSE(desired.departed.contains(peer));
      }
      for (const auto& departed : desired.departed) {
        REQUIRE_FALSE(desired.members.contains(departed));
        REQUIRE_FALSE(desired.suspended.contains(departed));
      }
    };
    int second = 0;
    for (int round = 0; round < 300; ++round) {
      const auto as_it_began = now;
      if (changing && chance(10)) {
        const auto before = memberships.desired();
        now = some_of(all, chance);
        add_up(memberships.set_services(now), members);
        for (const auto& peer : before->members) {
          if (!memberships.desired()->members.contains(peer)) {
            abandoned.insert(peer);
            ++left;
          }
        }
        check();
      }
      if (chance(20)) {
        const int moved = 2 + static_cast<int>(dice() % (addresses - 1));
        for (auto& one : truth) {
          one.erase(moved);
        }
        if (chance(70)) {
          truth[dice() % services].insert(moved);
        }
      }
      // A round may have begun before the services were set.
      std::vector<ServiceRead> reads;
      bool all_answered = true;
      for (const auto& one : chance(30) ? as_it_began : now) {
        const int i = std::stoi(one.service);
        const bool fails = chance(5);
        all_answered = all_answered && !(fails && is_now(i));
        reads.push_back(
            {fails ? Read(FailedRead{"timeout"}) : Read(listing(truth[static_cast<std::size_t>(i)])),
             i == 0 ? ReadScope::self : ReadScope::named, one.service});
      }
      add_up(memberships.observe(at_seconds(++second), reads), members);
      check();
      const auto& desired = *memberships.desired();
      departures += desired.departed.size();
      REQUIRE((all_answered || desired.departed.empty()));
      for (const auto& read : reads) {
        const int i = std::stoi(read.path);
        for (const int number : truth[static_cast<std::size_t>(i)]) {
          REQUIRE((!all_answered || !is_now(i) || desired.members.contains(node(number))));
        }
      }
    }
  }
  CHECK(departures > 0);
  CHECK(left > 0);
}
