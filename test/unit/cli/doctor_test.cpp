// The checks of the command `doctor`, each on facts of a healthy container that are spoilt in one place.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cli/doctor/rendering.hpp"
#include "doctor_facts.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::cli::doctor;
using namespace rancher_cnode::cli::doctor::test;

namespace {

struct SetUp {
  const char* name;
  void (*spoil)(Facts&);
  Outcome outcome;
  const char* check;   ///< the only one with this outcome
  const char* text;    ///< in the line
  const char* advice;  ///< in the line below
};

void unreadable(Facts& facts, ErrorCode code, const std::string& message) {
  for (auto& url : facts.urls) {
    url.answers.version = failure(code, message);
    url.answers.own_address = failure(code, message);
    url.answers.service = failure(code, message);
  }
  facts.peers.clear();
}

void disconnect(Facts& facts) {
  facts.beam.answers = {};
  facts.beam.applications.reset();
  for (auto& peer : facts.peers) {
    peer.answers = {};
  }
}

const std::vector<SetUp> set_ups{
    {"an unknown variable", [](Facts& f) { f.warnings = {"$RANCHER_CNODE_X is not a setting"}; },
     Outcome::warning, "settings", "all are defaults", "RANCHER_CNODE_X"},
    {"a wrong cookie in the settings",
     [](Facts& f) {
       f.cookie.from_settings = true;
       f.cookie.source = "$RANCHER_CNODE_COOKIE";
       f.cookie.beam = CookieFacts::Match::different;
       f.beam.connection = failed_at("challenge_ack", ErrorCode::refused, "most likely the cookies differ");
       disconnect(f);
     },
     Outcome::failure, "beam-connection", "cookies differ", "$RANCHER_CNODE_COOKIE overrides"},
    {"no cookie",
     [](Facts& f) {
       f.cookie.error = Error{ErrorCode::not_found, "no BEAM runs here"};
       f.beam.connection.reset();
       disconnect(f);
     },
     Outcome::failure, "cookie", "no BEAM runs here", "$RANCHER_CNODE_COOKIE"},
    {"a cookie file that others read",
     [](Facts& f) {
       f.cookie.file = "/root/.erlang.cookie";
       f.cookie.mode = 0100644;
     },
     Outcome::warning, "cookie-file", "mode 0644", "chmod 400 /root/.erlang.cookie"},
    {"a cookie file that is awaited", [](Facts& f) { f.cookie.file = "/run/cookie"; }, Outcome::warning,
     "cookie-file", "/run/cookie is not there", "create it"},
    {"a wrong --ip", [](Facts& f) { f.config.ip = other_ip; }, Outcome::failure, "own-address",
     "10.42.0.99 (--ip) is on no interface of this container: 10.42.0.2",
     "knows this container as 10.42.0.2"},
    {"another interface than Rancher's",
     [](Facts& f) {
       f.interfaces.push_back(other_ip);
       f.config.ip = other_ip;
       for (auto& url : f.urls) {
         read_of(url).containers.push_back(container(other_ip));
       }
       f.address = other_ip;
     },
     Outcome::failure, "metadata-address", "knows this container as 10.42.0.2, but 10.42.0.99",
     "set 10.42.0.2"},
    {"a name that does not resolve",
     [](Facts& f) { f.urls.front().resolved = failure(ErrorCode::unavailable, "Name or service not known"); },
     Outcome::warning, "metadata-names", "rancher-metadata does not resolve", "/etc/resolv.conf"},
    {"metadata that is down", [](Facts& f) { unreadable(f, ErrorCode::unavailable, "connection refused"); },
     Outcome::failure, "metadata", "connection refused", "managed network"},
    {"metadata that returns 404",
     [](Facts& f) { unreadable(f, ErrorCode::not_found, "404 at /latest/version"); }, Outcome::failure,
     "metadata", "404 at /latest/version", "--metadata-version"},
    {"a fallback that does not answer",
     [](Facts& f) {
       auto& answers = f.urls.back().answers;
       answers.version = failure(ErrorCode::timeout, "no connection within 1000 ms");
       answers.service = failure(ErrorCode::timeout, "no connection within 1000 ms");
     },
     Outcome::warning, "metadata-fallback", "no connection within 1000 ms", "cannot replace"},
    {"a wrong service",
     [](Facts& f) {
       for (auto& url : f.urls) {
         url.answers.service = failure(ErrorCode::not_found, "404 at /latest/stacks/a/services/b");
         url.answers.services = {"stacks/shop/services/web"};
       }
       f.peers.clear();
     },
     Outcome::failure, "service", "404 at /latest/stacks/a", "stacks/shop/services/web"},
    {"a service without this container",
     [](Facts& f) { read_of(f.urls.front()).containers = {container(peer_ip)}; }, Outcome::warning, "service",
     "10.42.0.2 is not among them", "only added"},
    {"a server that does not wait",
     [](Facts& f) { f.urls.front().answers.long_poll = metadata::LongPoll::immediate; }, Outcome::warning,
     "long-poll", "does not wait", "5000 ms"},
    {"no epmd",
     [](Facts& f) {
       f.epmd.names = failure(ErrorCode::refused, "no epmd listens there");
       f.beam.connection.reset();
       disconnect(f);
     },
     Outcome::failure, "epmd", "10.42.0.2:4369: no epmd listens there", "start epmd"},
    {"a name that is taken",
     [](Facts& f) {
       f.holder = {HolderFacts::Kind::other, "", "noproc"};
     },
     Outcome::failure, "node-name", "does not answer as a C-node: noproc", "--basename"},
    {"a port in use",
     [](Facts& f) {
       f.config.listen_ports = {9100, 9101};
       f.listening = {9100, 9101};
     },
     Outcome::failure, "listen-port", "9100-9101 are all in use", "--listen-port"},
    {"a short name",
     [](Facts& f) {
       f.beam.selection = {
           host::SelectionReason::never, {}, "found app, a short name; start the BEAM with -name"};
       f.beam.name.reset();
       f.beam.connection.reset();
       disconnect(f);
     },
     Outcome::failure, "beam", "found app, a short name", "start the BEAM with -name"},
    {"no BEAM",
     [](Facts& f) {
       f.beam = {};
       disconnect(f);
     },
     Outcome::failure, "beam", "no BEAM runs in this container", "-name NAME@10.42.0.2"},
    {"another protocol than the BEAM's",
     [](Facts& f) {
       f.beam.selection.beam->arguments.proto_dist = {"inet_tls"};
       f.config.proto_dist = ProtoDist::inet_tcp;
       f.beam.connection = failed_at("name", ErrorCode::malformed, "the peer speaks TLS");
       disconnect(f);
     },
     Outcome::failure, "beam-protocol", "speaks inet_tls, --proto-dist is inet_tcp",
     "leave --proto-dist out"},
    {"an expired certificate",
     [](Facts& f) {
       f.beam.selection.beam->arguments.proto_dist = {"inet_tls"};
       f.beam.connection = failed_at("tls", ErrorCode::refused, "the peer's certificate is expired");
       f.holder.kind = HolderFacts::Kind::other;
       disconnect(f);
     },
     Outcome::failure, "beam-connection", "certificate is expired", "correct the certificate"},
    {"an option of TLS that is not honoured",
     [](Facts& f) {
       f.beam.selection.beam->arguments.proto_dist = {"inet_tls"};
       f.tls_warnings = {"options of TLS that are not honoured: server crl_check"};
     },
     Outcome::warning, "beam-protocol", "inet_tls: options of TLS that are not honoured: server crl_check",
     "settings.md"},
    {"a protocol that is not tested",
     [](Facts& f) { f.beam.selection.beam->arguments.proto_dist = {"inet6_tls"}; }, Outcome::warning,
     "beam-protocol", "inet6_tls is not tested", "inet_tcp or inet_tls"},
    {"another port of epmd", [](Facts& f) { f.beam.selection.beam->arguments.epmd_port = 4370; },
     Outcome::warning, "beam-epmd-port", "uses 4370, $ERL_EPMD_PORT here is 4369", "the same"},
    {"a wrong basename",
     [](Facts& f) {
       f.config.node_basename = "other";
       f.peers.front().connection = failed_at("epmd", ErrorCode::not_found, "does not know the name");
       f.peers.front().answers = {};
     },
     Outcome::failure, "beam-basename", "dialled as other", "leave --node-basename out"},
    {"an old release", [](Facts& f) { f.beam.answers.otp_release = "21"; }, Outcome::warning, "otp-release",
     "OTP 21", "compatibility"},
    {"a peer with another setting of global",
     [](Facts& f) { f.peers.front().answers.prevent_overlapping_partitions = "false"; }, Outcome::warning,
     "overlapping-partitions", "default, other than at myapp@10.42.0.3", "the same"},
    {"libcluster's own strategy", [](Facts& f) { f.beam.rancher_strategy = true; }, Outcome::warning,
     "hazards", "Cluster.Strategy.Rancher", "topologies"},
    {"Swarm beside another basename",
     [](Facts& f) {
       f.config.basename = "helper";
       f.beam.applications->emplace_back("swarm");
     },
     Outcome::warning, "hazards", "swarm runs and takes helper", "node_blacklist of swarm"},
    {"libring beside another basename",
     [](Facts& f) {
       f.config.basename = "helper";
       f.beam.applications->emplace_back("libring");
     },
     Outcome::warning, "hazards", "libring runs and takes helper", "node_blacklist of libring"},
    {"a firewalled peer",
     [](Facts& f) {
       f.peers.front().connection = failed_at("epmd", ErrorCode::timeout, "its epmd does not answer");
       f.peers.front().answers = {};
     },
     Outcome::failure, "peer-epmd", "myapp@10.42.0.3: its epmd does not answer", "port 4369"},
    {"a peer whose distribution is filtered",
     [](Facts& f) {
       f.peers.front().connection = failed_at("connect", ErrorCode::timeout, "no answer in time");
       f.peers.front().answers = {};
     },
     Outcome::failure, "peer-port", "myapp@10.42.0.3: port 9100: no answer in time", "inet_dist_listen_min"},
    {"a peer with another cookie",
     [](Facts& f) {
       f.peers.front().connection = failed_at("challenge_ack", ErrorCode::refused, "the cookies differ");
       f.peers.front().answers = {};
     },
     Outcome::failure, "peer-handshake", "myapp@10.42.0.3: the cookies differ", "the same cookie"},
    {"a peer with another certificate",
     [](Facts& f) {
       f.peers.front().connection = failed_at("tls", ErrorCode::refused, "the peer's certificate is expired");
       f.peers.front().answers = {};
     },
     Outcome::failure, "peer-handshake", "myapp@10.42.0.3: the peer's certificate is expired",
     "the same -proto_dist, and certificates that the others accept"},
    {"a peer that was not asked in time",
     [](Facts& f) {
       f.peers.front().connection.reset();
       f.peers.front().answers = {};
     },
     Outcome::warning, "peer-epmd", "1 peer did not answer in time", "--timeout"},
    {"a peer with another net_ticktime", [](Facts& f) { f.peers.front().answers.net_ticktime = 15; },
     Outcome::warning, "net-ticktime", "60 s, but myapp@10.42.0.3: 15 s", "the same net_ticktime"},
};

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a healthy container is nothing but ok") {
  const auto found = findings(healthy());
  CHECK(found.size() == checks().size());
  for (const auto& finding : found) {
    CAPTURE(finding.check);
    CAPTURE(finding.result.text);
    CHECK(finding.result.outcome == Outcome::ok);
    CHECK(finding.result.advice == "");
  }
  CHECK(status_of(found) == 0);
}

TEST_CASE("a set-up that is broken in one place shows there, with what to do, and nowhere else") {
  for (const auto& set_up : set_ups) {
    CAPTURE(set_up.name);
    Facts facts = healthy();
    set_up.spoil(facts);
    CHECK(only(facts, set_up.outcome) == set_up.check);
    CHECK(only(facts, set_up.outcome == Outcome::failure ? Outcome::warning : Outcome::failure) == "");
    const auto result = result_of(facts, set_up.check);
    CAPTURE(result.text);
    CAPTURE(result.advice);
    CHECK(contains(result.text, set_up.text));
    CHECK(contains(result.advice, set_up.advice));
    CHECK(status_of(findings(facts)) == (set_up.outcome == Outcome::failure ? 2 : 1));
  }
}

TEST_CASE("what comes after a failure is skipped with its reason") {
  Facts facts = healthy();
  unreadable(facts, ErrorCode::unavailable, "connection refused");
  CHECK(only(facts, Outcome::skipped) ==
        "metadata-fallback metadata-address service long-poll peer-epmd peer-port peer-handshake");
  CHECK(result_of(facts, "service").text == "the metadata does not answer");
}

TEST_CASE("a BEAM that is not seen and speaks TLS is named with the setting") {
  Facts facts = healthy();
  facts.beam.selection.beam.reset();
  facts.beam.connection = failed_at("name", ErrorCode::malformed, "the peer speaks TLS");
  CHECK(contains(result_of(facts, "beam-connection").text, "the peer speaks TLS"));
  CHECK(contains(result_of(facts, "beam-connection").advice, "compare --proto-dist"));
}

TEST_CASE("settings that are not default are listed with their source") {
  Facts facts = healthy();
  facts.settings.push_back({"ip", "\"10.42.0.2\"", "$CONTAINER_IP"});
  CHECK(result_of(facts, "settings").text == "ip = 10.42.0.2 ($CONTAINER_IP)");
}

TEST_CASE("another name than that of the peers is right where the peers have that") {
  Facts facts = healthy();
  facts.config.node_basename = "other";
  CHECK(result_of(facts, "beam-basename").text == "myapp; the peers are called other");
  CHECK(result_of(facts, "beam-basename").outcome == Outcome::ok);
}

TEST_CASE("a running C-node holds its name and its port") {
  Facts facts = healthy();
  facts.config.listen_ports = {9100, 9100};
  facts.listening = {9100};
  facts.holder = {HolderFacts::Kind::cnode, "0.1.0", ""};
  CHECK(only(facts, Outcome::failure) == "");
  CHECK(contains(result_of(facts, "node-name").text, "held by the running C-node, version 0.1.0"));
}

TEST_CASE("many peers are summed up with three examples") {
  Facts facts = healthy();
  facts.peers.assign(100, facts.peers.front());
  for (std::size_t i = 1; i < facts.peers.size(); ++i) {
    facts.peers[i].connection = failed_at("epmd", ErrorCode::timeout, "silent");
  }
  const std::string text = result_of(facts, "peer-epmd").text;
  CHECK(text.starts_with("1 of 100 peers found in their epmd; "));
  CHECK(text.ends_with(" and 96 more"));
}

TEST_CASE("the table has a line for each check and one below it for what to do") {
  const std::vector<Finding> found{{"one", {Outcome::ok, "fine", ""}},
                                   {"two", {Outcome::failure, "bad\n", "mend it"}},
                                   {"three", {Outcome::warning, "so so", "see"}}};
  CHECK(as_table(found, {}) ==
        "ok       one                     fine\n"
        "failure  two                     bad\\n\n"
        "                                 mend it\n"
        "warning  three                   so so\n"
        "                                 see\n"
        "1 ok, 1 warning, 1 failure\n");
  CHECK(contains(as_table(found, {.colour = status::Colour::on}), "\x1b[31mfailure"));
}

TEST_CASE("the lines of the table are wrapped beside the names of the checks") {
  const std::vector<Finding> found{
      {"one", {Outcome::warning, "the node is \"myapp\", and no other", "set what is missing there"}}};
  CHECK(as_table(found, {.width = 60}) ==
        "warning  one                     the node is \"myapp\", and no\n"
        "                                 other\n"
        "                                 set what is missing there\n"
        "1 warning\n");
}

TEST_CASE("the JSON has the outcome of all and the fields of each check, escaped") {
  const std::vector<Finding> found{{"one", {Outcome::warning, "a \"b\"", "c"}}};
  CHECK(
      as_json(found) ==
      R"({"outcome":"warning","checks":[{"check":"one","outcome":"warning","text":"a \"b\"","advice":"c"}]})"
      "\n");
}
