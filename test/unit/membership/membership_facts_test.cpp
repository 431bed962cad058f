// What the membership states about reads, once for each change.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "support/unit/samples.hpp"

namespace rancher_cnode::membership {
namespace {

using namespace std::chrono_literals;
using samples::container;
using samples::running;
using samples::service;
using samples::settings;
using Texts = std::vector<std::string>;

/// Of the container.
std::string number(const NodeName& peer) { return peer.str().substr(peer.str().rfind('.') + 1); }

std::string text(const fact::PeerListed& fact) { return "listed " + number(fact.peer); }
std::string text(const fact::PeerHeld& fact) { return "held " + number(fact.peer) + ": " + fact.reason; }
std::string text(const fact::PeerReleased& fact) { return "released " + number(fact.peer); }
std::string text(const fact::PeerDeparted& fact) { return "departed " + number(fact.peer); }
std::string text(const fact::PeerForgotten& fact) { return "forgotten " + number(fact.peer); }
std::string text(const fact::ServiceRemoved&) { return "service removed"; }
std::string text(const fact::ServiceAdded&) { return "service added"; }
std::string text(const fact::OwnMembershipChanged& fact) {
  return "own " + std::string(to_string(fact.before)) + " to " + std::string(to_string(fact.after));
}
std::string text(const fact::OwnUnlisted& fact) {
  std::string text = "own unlisted as " + fact.own + " of " + std::to_string(fact.containers) + ":";
  for (const auto& container : fact.listed) {
    text += " " + container;
  }
  return text;
}
std::string text(const fact::ContainersSkipped& fact) {
  return "skipped " + std::to_string(fact.containers.count) + " " + std::string(to_string(fact.reason));
}
std::string text(const fact::MassRemovalGuard& fact) {
  if (!fact.on) {
    return "guard off";
  }
  std::string text =
      "guard on " + std::to_string(fact.on->missing) + " of " + std::to_string(fact.on->known) + ":";
  for (const auto& peer : fact.on->examples) {
    text += " " + number(peer);
  }
  return text + (fact.on->is_more_than_half() ? " as most are missing, " : " as a service is empty, ") +
         std::to_string(fact.left.count()) + " ms";
}

/// Reads two seconds apart, and what is stated of each. Our own container is number 1.
struct Reading {
  Membership membership{settings()};
  TimePoint now = samples::at_seconds(0);

  Texts read(const Read& read, ReadScope scope = ReadScope::self, Milliseconds later = 2s) {
    now += later;
    Texts result;
    for (const MembershipFact& fact : membership.observe(now, scope, read).facts) {
      result.push_back(std::visit([](const auto& what) { return text(what); }, fact));
    }
    return result;
  }
  /// The same read for half a minute; the time is not reported.
  Texts keep_reading(const Read& what) {
    Texts result;
    for (int i = 0; i < 15; ++i) {
      for (auto& fact : read(what)) {
        result.push_back(std::move(fact));
      }
    }
    return result;
  }
};

}  // namespace

TEST_CASE("reads of our own service that do not list us for 10 s are stated once") {
  Reading reading;
  CHECK(reading.read(running({2})) == Texts{"listed 2"});
  CHECK(reading.read(running({2}), ReadScope::self, 9'999ms).empty());
  CHECK(reading.read(running({2}), ReadScope::self, 1ms) ==
        Texts{"own unlisted as 10.42.0.1 of 1: web-2: 10.42.0.2"});
  CHECK(reading.read(running({2}), ReadScope::self, 60s).empty());
}

TEST_CASE("of many listed containers the first are stated, and how many there are") {
  Reading reading;
  auto many = running({2, 3, 4, 5, 6, 7, 8});
  many.containers[1].primary_ip.reset();
  reading.read(many);
  CHECK(reading.read(many, ReadScope::self, 10s) ==
        Texts{"own unlisted as 10.42.0.1 of 7: web-2: 10.42.0.2 web-3: no address web-4: 10.42.0.4 web-5: "
              "10.42.0.5 web-6: "
              "10.42.0.6"});
}

TEST_CASE("answers without any container count, too: they do not list us either") {
  Reading reading;
  CHECK(reading.read(service({})).empty());
  CHECK(reading.read(service({}), ReadScope::self, 10s) == Texts{"own unlisted as 10.42.0.1 of 0:"});
}

TEST_CASE(
    "we are not stated as unlisted by failed reads, once we are listed, or where the service is named") {
  Reading failed;
  failed.read(running({2}));
  CHECK(failed.read(FailedRead{"timeout"}, ReadScope::self, 60s).empty());
  Reading listed;
  listed.read(running({2}));
  CHECK(listed.read(running({1, 2}), ReadScope::self, 60s) == Texts{"own unknown to listed", "listed 1"});
  Reading named;
  named.read(running({2}), ReadScope::named);
  CHECK(named.read(running({2}), ReadScope::named, 60s).empty());
}

TEST_CASE("a peer is listed once, and reads that change nothing state nothing") {
  Reading reading;
  CHECK(reading.read(running({1, 2})) == Texts{"own unknown to listed", "listed 1", "listed 2"});
  CHECK(reading.read(running({1, 2})).empty());
  CHECK(reading.read(running({1, 2, 3})) == Texts{"listed 3"});
}

TEST_CASE("a peer that is held is stated with each new reason, and once when it is released") {
  Reading reading;
  auto rules = settings();
  rules.health = HealthPolicy::passing;
  reading.membership = Membership(rules);
  auto sick = container(2);
  sick.health_state = "unhealthy";
  CHECK(reading.read(service({container(1), sick})) ==
        Texts{"own unknown to listed", "listed 1", "listed 2", "held 2: health is unhealthy"});
  CHECK(reading.read(service({container(1), sick})).empty());
  CHECK(reading.read(service({container(1), container(2, "stopped")})) == Texts{"held 2: state is stopped"});
  CHECK(reading.read(running({1, 2})) == Texts{"released 2"});
  CHECK(reading.read(running({1, 2})).empty());
}

TEST_CASE("a suspected peer is stated once, whatever reads fail meanwhile") {
  Reading reading;
  reading.read(running({1, 2, 3}));
  CHECK(reading.read(running({1, 3})) == Texts{"held 2: missing from the metadata"});
  CHECK(reading.read(FailedRead{"timeout"}).empty());
  CHECK(reading.read(service({})).empty());
  CHECK(reading.read(running({1, 3})).empty());
  CHECK(reading.read(running({1, 2, 3})) == Texts{"released 2"});
}

TEST_CASE(
    "a peer that departs is not released, and is stated like any other when it is back and departs again") {
  Reading reading;
  reading.read(running({1, 2, 3}));
  for (int i = 0; i < 2; ++i) {
    CHECK(reading.keep_reading(running({1, 3})) == Texts{"held 2: missing from the metadata", "departed 2"});
    CHECK(reading.read(service({container(1), container(2, "stopped"), container(3)})) ==
          Texts{"listed 2", "held 2: state is stopped"});
    CHECK(reading.read(running({1, 2, 3})) == Texts{"released 2"});
  }
}

TEST_CASE("departed peers that a failed read suspended are not stated again when they are restored") {
  Reading reading;
  reading.read(running({1, 2, 3}));
  reading.keep_reading(running({1, 3}));
  CHECK(reading.read(FailedRead{"timeout"}).empty());
  CHECK(reading.read(running({1, 3})).empty());
}

TEST_CASE("a peer that nobody may remove is forgotten, not departed") {
  Reading reading;
  reading.membership = Membership(settings(RemovalPolicy::never));
  reading.read(running({1, 2, 3}));
  CHECK(reading.keep_reading(running({1, 3})) == Texts{"held 2: missing from the metadata", "forgotten 2"});
}

TEST_CASE("a peer that incomplete reads have not listed for an hour is forgotten") {
  Reading reading;
  reading.read(running({2, 3}));
  reading.read(running({3}), ReadScope::self, 10s);
  CHECK(reading.read(running({3}), ReadScope::self, 1h) == Texts{"forgotten 2"});
}

TEST_CASE("each state of the own membership is stated once") {
  Reading reading;
  reading.read(running({1, 2, 3}));
  CHECK(reading.keep_reading(running({2, 3})) == Texts{"held 1: missing from the metadata",
                                                       "own listed to missing", "departed 1",
                                                       "own missing to removed"});
  CHECK(reading.read(running({1, 2, 3})) == Texts{"own removed to listed", "listed 1"});
}

TEST_CASE("the mass-removal guard is stated once when it begins, and once when it is over") {
  Reading reading;
  reading.read(running({1, 2, 3, 4, 5}));
  CHECK(reading.read(running({1, 2})).back() == "guard on 3 of 4: 3 4 5 as most are missing, 60000 ms");
  CHECK(reading.read(running({1, 2})).empty());
  CHECK(reading.read(running({1, 2, 3, 4, 5})).back() == "guard off");
  CHECK(reading.read(running({1, 2, 3, 4, 5})).empty());
}

TEST_CASE("a guard for the sake of an empty service says so, and whom it holds") {
  Reading reading;
  reading.read(running({1, 2, 3, 4}));
  auto emptied = running({1, 2, 3});
  emptied.has_empty_service = true;
  CHECK(reading.read(emptied) ==
        Texts{"held 4: missing from the metadata", "guard on 1 of 3: 4 as a service is empty, 60000 ms"});
}

TEST_CASE("containers that make no peers are stated once for each number, by their reason") {
  const auto at = [](int number, const char* address) {
    auto made = container(number);
    made.primary_ip = address;
    made.ips.clear();
    return made;
  };
  Reading reading;
  reading.read(running({1}));
  CHECK(reading.read(service({container(1), at(2, "")})) == Texts{"skipped 1 no_address"});
  CHECK(reading.read(service({container(1), at(2, "")})).empty());
  CHECK(reading.read(service(
            {container(1), at(2, ""), at(3, ""), at(4, "127.0.0.1"), at(5, "::1"), at(6, "10.42.0.1")})) ==
        Texts{"skipped 2 no_address", "skipped 1 not_ipv4", "skipped 1 not_a_host", "skipped 1 duplicate"});
  CHECK(reading.read(running({1})) ==
        Texts{"skipped 0 no_address", "skipped 0 not_ipv4", "skipped 0 not_a_host", "skipped 0 duplicate"});
  CHECK(reading.read(service({container(1), at(2, "")})) == Texts{"skipped 1 no_address"});
}

}  // namespace rancher_cnode::membership
