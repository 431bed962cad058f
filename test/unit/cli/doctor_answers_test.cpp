// What the command `doctor` reads: answers of BEAMs, and the kernel's table of sockets.
#include <doctest/doctest.h>

#include "cli/doctor/answers.hpp"
#include "cli/doctor/collect.hpp"
#include "rancher_cnode/distribution/term.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::cli::doctor;
using distribution::TermBytes;
using distribution::TermWriter;

TEST_CASE("the release is the text of system_info") {
  const TermBytes release{'k', 0, 2, '2', '5'};
  CHECK(release_in(release) == "25");
  CHECK_FALSE(release_in(TermWriter().atom("undefined").bytes()));
}

TEST_CASE("a kernel parameter is true, false or not set") {
  CHECK(setting_in(TermWriter().tuple(2).atom("ok").atom("false").bytes()) == "false");
  CHECK(setting_in(TermWriter().atom("undefined").bytes()) == "");
  CHECK_FALSE(setting_in(TermWriter().integer(1).bytes()));
}

TEST_CASE("net_ticktime is a number, or the one that it is changed to") {
  CHECK(ticktime_in(TermWriter().integer(60).bytes()) == 60);
  CHECK(ticktime_in(TermWriter().tuple(2).atom("ongoing_change_to").integer(30).bytes()) == 30);
  CHECK_FALSE(ticktime_in(TermWriter().atom("ignored").bytes()));
}

TEST_CASE("applications are the first elements of their tuples") {
  TermWriter list;
  list.list(2);
  list.tuple(3).atom("swarm").nil().nil();
  list.tuple(3).atom("kernel").nil().nil();
  CHECK(applications_in(list.nil().bytes()) == std::vector<std::string>{"swarm", "kernel"});
  CHECK_FALSE(applications_in(TermWriter().atom("timeout").bytes()));
}

TEST_CASE("an atom is found at any depth, and only as an atom") {
  TermWriter term;
  term.list(1).tuple(2).atom("a").map(1).atom("strategy").list(1).atom("wanted").nil().nil();
  CHECK(contains_atom(term.bytes(), "wanted"));
  CHECK_FALSE(contains_atom(term.bytes(), "want"));
  CHECK_FALSE(contains_atom(TermWriter().tuple(2).binary("wanted").integer(1).bytes(), "wanted"));
  CHECK_FALSE(contains_atom(TermBytes{'h', 5}, "wanted"));
}

TEST_CASE("ports are those of listening sockets at our address or any") {
  const auto own = *Ipv4Address::parse("10.42.0.2");
  const std::string head = "  sl  local_address rem_address   st\n";
  CHECK(listening_ports(head + "   0: 02002A0A:238C 00000000:0000 0A 00000000\n", own) ==
        std::vector<std::uint16_t>{9100});
  CHECK(listening_ports(head + "   0: 00000000:238C 00000000:0000 0A 00000000\n", own).size() == 1);
  CHECK(listening_ports(head + "   0: 02002A0A:238C 03002A0A:1111 01 00000000\n", own).empty());
  CHECK(listening_ports(head + "   0: 0100007F:238C 00000000:0000 0A 00000000\n", own).empty());
  CHECK(listening_ports(head + "   0: 00000000000000000000000000000000:238C 0:0 0A\n", own).size() == 1);
  CHECK(listening_ports(head + "   0: 0000000000000000FFFF000002002A0A:238C 0:0 0A\n", own).size() == 1);
  CHECK(listening_ports("nonsense", own).empty());
}
