// The checks of the BEAM of this container.
#include <algorithm>
#include <charconv>

#include "cli/doctor/results.hpp"

namespace rancher_cnode::cli::doctor {
namespace {

constexpr int oldest_release = 23;
constexpr int first_with_global_disconnect = 25;

const host::Beam* process_of(const Facts& facts) {
  return facts.beam.selection.beam ? &*facts.beam.selection.beam : nullptr;
}

Result no_process() { return skipped("the process of the BEAM is not seen"); }
Result not_connected() { return skipped("the BEAM is not connected"); }

/// 0 if it is no number.
int number_of(const std::string& release) {
  int number = 0;
  std::from_chars(release.data(), release.data() + release.size(), number);
  return number;
}

std::string advice_about_cookie(const Facts& facts) {
  if (facts.cookie.from_settings) {
    return facts.cookie.source + " overrides the cookie of the BEAM (" +
           (facts.cookie.beam_source.empty() ? "not seen" : facts.cookie.beam_source) +
           "): leave it out, or give both the same";
  }
  return "the BEAM has changed its cookie since its start, or another user's file was read: start the BEAM "
         "with "
         "-setcookie, or set $RANCHER_CNODE_COOKIE";
}

}  // namespace

Result beam(const Facts& facts) {
  if (!facts.address) {
    return skipped("the own address is not known");
  }
  if (facts.beam.selection.beam) {
    return ok(facts.beam.selection.text);
  }
  if (facts.beam_is_connected()) {
    return ok(facts.beam.name->str() + " is connected; its process is not seen from here");
  }
  if (facts.beam.running == 0) {
    return failed(
        "no BEAM runs in this container" +
            std::string(facts.beam.name ? ", and " + facts.beam.name->str() + " cannot be connected" : ""),
        "start it with -name NAME@" + facts.address->to_string());
  }
  const std::string text = facts.beam.selection.text;
  const auto cut = text.find("; ");
  return cut == std::string::npos
             ? failed(text, "start the BEAM with -name NAME@" + facts.address->to_string())
             : failed(text.substr(0, cut), text.substr(cut + 2));
}

Result beam_protocol(const Facts& facts) {
  const auto* process = process_of(facts);
  if (process == nullptr) {
    return no_process();
  }
  const auto& modules = process->arguments.proto_dist;
  const std::string name = modules.empty() ? "inet_tcp" : listed(modules);
  const auto& set = facts.config.proto_dist;
  const std::string wanted = set == ProtoDist::inet_tls ? "inet_tls" : "inet_tcp";
  if (set && name != wanted) {
    return failed("the BEAM speaks " + name + ", --proto-dist is " + wanted,
                  "leave --proto-dist out: that of the BEAM is used");
  }
  if (!facts.tls_warnings.empty()) {
    return warning(name + ": " + listed(facts.tls_warnings), "correct it; see docs/settings.md");
  }
  return name == "inet_tcp" || name == "inet_tls"
             ? ok(name)
             : warning("-proto_dist " + name + " is not tested", "use inet_tcp or inet_tls if it fails");
}

Result beam_epmd_port(const Facts& facts) {
  const auto* process = process_of(facts);
  if (process == nullptr) {
    return no_process();
  }
  const auto& set = facts.config.dist_port;
  const auto& fixed = process->arguments.erl_epmd_port;
  if (fixed && set && *set != *fixed) {
    return failed(
        "the BEAM has -erl_epmd_port " + std::to_string(*fixed) + ", --dist-port is " + std::to_string(*set),
        "leave --dist-port out: that of the BEAM is used");
  }
  if (facts.epmd.dist_port) {
    return ok("none: " + (fixed ? "-erl_epmd_port " : std::string("--dist-port ")) +
              std::to_string(*facts.epmd.dist_port));
  }
  const auto its = process->arguments.epmd_port.value_or(facts.config.epmd_port);
  if (its != facts.config.epmd_port) {
    return warning("the BEAM uses " + std::to_string(its) + ", $ERL_EPMD_PORT here is " +
                       std::to_string(facts.config.epmd_port),
                   "set the same $ERL_EPMD_PORT for both; that of the BEAM is used");
  }
  return ok(std::to_string(its));
}

Result beam_connection(const Facts& facts) {
  const auto* process = process_of(facts);
  if (!facts.beam.connection) {
    return skipped(!facts.beam.name                             ? "there is no BEAM to be connected"
                   : facts.cookie.error                         ? "there is no cookie"
                   : !facts.epmd.names && !facts.epmd.dist_port ? "epmd does not answer"
                                                                : "it was not tried in time");
  }
  const std::string name = facts.beam.name->str();
  if (*facts.beam.connection) {
    return ok(name + " accepts the connection and the cookie");
  }
  if (beam_protocol(facts).outcome == Outcome::failure) {
    return skipped("the BEAM speaks another protocol");
  }
  const auto& [stage, error, port] = facts.beam.connection->error();
  const std::string text = name + ": " + error.message;
  if (facts.cookie.beam == CookieFacts::Match::different) {
    return failed(text, advice_about_cookie(facts));
  }
  if (stage == "epmd") {
    return process == nullptr && facts.beam.running > 0
               ? skipped("there is no BEAM to be connected")
               : failed(text, "wait until it has started; then compare -name with --node-basename");
  }
  if (facts.epmd.dist_port && error.code == ErrorCode::not_found) {
    return failed(text, "wait until it has started; then compare its -erl_epmd_port with --dist-port");
  }
  if (stage == "tls") {
    return failed(text, "correct the certificate or the option of TLS that is named; see docs/settings.md");
  }
  if (error.code == ErrorCode::malformed) {
    return failed(text, "compare --proto-dist with the -proto_dist of the BEAM");
  }
  if (error.code == ErrorCode::refused) {
    return failed(text, advice_about_cookie(facts));
  }
  return failed(text, "check whether the BEAM is stopped or busy, and whether port " + std::to_string(port) +
                          " is filtered");
}

Result beam_basename(const Facts& facts) {
  if (!facts.beam.name || (process_of(facts) == nullptr && !facts.beam_is_connected())) {
    return skipped("there is no BEAM");
  }
  const std::string alive(facts.beam.name->alive());
  const auto& wanted = facts.config.node_basename;
  if (wanted.empty() || wanted == alive) {
    return ok(alive + (wanted.empty() ? ", taken from the BEAM" : ""));
  }
  const bool peers_have_it = std::ranges::any_of(
      facts.peers, [](const PeerFacts& peer) { return peer.connection && *peer.connection; });
  if (peers_have_it) {
    return ok(alive + "; the peers are called " + wanted);
  }
  return failed("peers are dialled as " + wanted + " (--node-basename), but the BEAM is called " + alive,
                "leave --node-basename out, or start the BEAMs with -name " + wanted + "@ADDRESS");
}

Result otp_release(const Facts& facts) {
  const auto& release = facts.beam.answers.otp_release;
  if (!release) {
    return not_connected();
  }
  const int number = number_of(*release);
  const std::string text = "OTP " + *release;
  if (number < oldest_release) {
    return warning(text + " is older than all that were tried", "see docs/compatibility.md");
  }
  return ok(text + (number < first_with_global_disconnect
                        ? "; a departing container disconnects as docs/departure.md describes for it"
                        : ""));
}

Result overlapping_partitions(const Facts& facts) {
  const auto& own = facts.beam.answers.prevent_overlapping_partitions;
  if (!own) {
    return not_connected();
  }
  std::vector<std::string> others;
  for (const auto& peer : facts.peers) {
    const auto& its = peer.answers.prevent_overlapping_partitions;
    if (its && *its != *own) {
      others.push_back(peer.node.str());
    }
  }
  const auto shown = [](const std::string& value) { return value.empty() ? std::string("default") : value; };
  const std::string text = "prevent_overlapping_partitions: " + shown(*own);
  return others.empty() ? ok(text)
                        : warning(text + ", other than at " + listed(others),
                                  "set the same in the kernel parameters of all");
}

Result hazards(const Facts& facts) {
  if (!facts.beam.applications) {
    return not_connected();
  }
  std::vector<std::string> found;
  std::vector<std::string> advice;
  if (facts.beam.rancher_strategy.value_or(false)) {
    found.emplace_back("libcluster's own Cluster.Strategy.Rancher runs beside this C-node");
    advice.emplace_back("remove it from the topologies: it cuts connections whenever the metadata is down");
  }
  for (const auto* name : {"swarm", "libring"}) {
    const bool runs = std::ranges::find(*facts.beam.applications, name) != facts.beam.applications->end();
    // Their default blacklist covers remsh.
    if (runs && !facts.config.basename.starts_with("remsh")) {
      found.push_back(std::string(name) + " runs and takes " + facts.config.basename + " for a worker");
      advice.push_back("add it to the node_blacklist of " + std::string(name) +
                       ", or use the default --basename");
    }
  }
  return found.empty() ? ok("none of the known ones") : warning(listed(found), listed(advice));
}

}  // namespace rancher_cnode::cli::doctor
