// The checks of the command `doctor` where the BEAMs have one distribution port and use no epmd.
#include <doctest/doctest.h>

#include <string>

#include "doctor_facts.hpp"
#include "support/unit/contains.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::cli::doctor;
using namespace rancher_cnode::cli::doctor::test;
using testing::contains;

namespace {

Facts without_epmd() {
  Facts facts = healthy();
  facts.epmd.names = failure(ErrorCode::unavailable, "not asked");
  facts.epmd.dist_port = 6789;
  facts.beam.selection.beam->arguments.erl_epmd_port = 6789;
  return facts;
}

}  // namespace

TEST_CASE("a missing epmd is no failure where the BEAMs use none") {
  const Facts facts = without_epmd();
  CHECK(only(facts, Outcome::failure) == "");
  CHECK(only(facts, Outcome::warning) == "");
  CHECK(only(facts, Outcome::skipped) == "");
  CHECK(result_of(facts, "epmd").text == "not used: BEAMs are reached at port 6789");
  CHECK(result_of(facts, "peer-epmd").text == "not used: peers are reached at port 6789");
  CHECK(result_of(facts, "beam-epmd-port").text == "none: -erl_epmd_port 6789");
  CHECK(result_of(facts, "listen-port").text == "none: without epmd the C-node does not listen");
  CHECK(contains(result_of(facts, "node-name").text, "is free: no C-node is connected to the BEAM"));
}

TEST_CASE("a distribution port that is set is named, and one that the BEAM does not have is a failure") {
  Facts facts = without_epmd();
  facts.config.dist_port = 6789;
  CHECK(only(facts, Outcome::failure) == "");
  facts.beam.selection.beam->arguments.erl_epmd_port.reset();
  CHECK(result_of(facts, "beam-epmd-port").text == "none: --dist-port 6789");
  facts.beam.selection.beam->arguments.erl_epmd_port = 6790;
  CHECK(only(facts, Outcome::failure) == "beam-epmd-port");
  CHECK(result_of(facts, "beam-epmd-port").text == "the BEAM has -erl_epmd_port 6790, --dist-port is 6789");
  CHECK(contains(result_of(facts, "beam-epmd-port").advice, "leave --dist-port out"));
}

TEST_CASE("a peer that does not listen is a failure of its port, with the flag to compare") {
  Facts facts = without_epmd();
  facts.peers.front().connection = failed_at("connect", ErrorCode::not_found, "nobody listens");
  CHECK(only(facts, Outcome::failure) == "peer-port");
  CHECK(contains(result_of(facts, "peer-port").advice, "the same -erl_epmd_port"));
}

TEST_CASE("a BEAM that does not listen is a failure of its connection, with the flag to compare") {
  Facts facts = without_epmd();
  facts.beam.connection = failed_at("connect", ErrorCode::not_found, "nobody listens");
  CHECK(contains(result_of(facts, "beam-connection").advice, "compare its -erl_epmd_port with --dist-port"));
}
