// The checks of the peers that may be dialled: one result for all of them, with examples.
#include <algorithm>
#include <optional>
#include <set>

#include "cli/doctor/results.hpp"

namespace rancher_cnode::cli::doctor {
namespace {

/// What one peer contributes to a check.
enum class Part { fine, unknown, wrong };

struct Sum {
  std::size_t fine = 0;
  std::size_t unknown = 0;
  std::vector<std::string> wrong;
};

/// `judge` gives the reason in words if the part is wrong.
template <class Judge>
Sum sum_of(const Facts& facts, Judge judge) {
  Sum sum;
  for (const auto& peer : facts.peers) {
    std::string reason;
    switch (judge(peer, reason)) {
      case Part::fine:
        ++sum.fine;
        break;
      case Part::unknown:
        ++sum.unknown;
        break;
      case Part::wrong:
        sum.wrong.push_back(peer.node.str() + ": " + reason);
        break;
    }
  }
  return sum;
}

/// The peers are not dialled under the right name, which is reported by another check.
bool has_wrong_basename(const Facts& facts) { return beam_basename(facts).outcome == Outcome::failure; }

std::optional<Result> nothing_to_check(const Facts& facts) {
  if (facts.read_url() == nullptr) {
    return skipped("the peers are not known");
  }
  if (facts.beam.name && has_wrong_basename(facts)) {
    return skipped("the names of the peers are wrong, see beam-basename");
  }
  if (facts.peers.empty()) {
    return ok(facts.held == 0 ? "no other container is listed"
                              : counted(facts.held, "peer") + " must not be dialled now");
  }
  return std::nullopt;
}

Result result_of(const Sum& sum, const Facts& facts, const std::string& fine, const std::string& advice) {
  const std::string count =
      std::to_string(sum.fine) + " of " + counted(facts.peers.size(), "peer") + " " + fine;
  if (!sum.wrong.empty()) {
    return failed(count + "; " + listed(sum.wrong), advice);
  }
  if (sum.fine == 0) {
    return skipped("no peer could be asked, see the checks above");
  }
  return ok(count + (facts.held == 0 ? "" : "; " + std::to_string(facts.held) + " held"));
}

/// The stage at which the connection failed; "" if it did not.
std::string stage_of(const PeerFacts& peer) { return *peer.connection ? "" : peer.connection->error().stage; }

}  // namespace

Result peer_epmd(const Facts& facts) {
  if (const auto none = nothing_to_check(facts)) {
    return *none;
  }
  if (facts.epmd.dist_port) {
    return ok("not used: peers are reached at port " + std::to_string(*facts.epmd.dist_port));
  }
  const auto sum = sum_of(facts, [](const PeerFacts& peer, std::string& reason) {
    if (!peer.connection || stage_of(peer) != "epmd") {
      return peer.connection ? Part::fine : Part::unknown;
    }
    reason = peer.connection->error().error.message;
    return Part::wrong;
  });
  if (sum.wrong.empty() && sum.unknown > 0) {
    return warning(counted(sum.unknown, "peer") + " did not answer in time", "use a longer --timeout");
  }
  return result_of(
      sum, facts, "found in their epmd",
      "check whether their BEAM and epmd run, and whether a firewall or security group filters port " +
          std::to_string(facts.epmd.port));
}

Result peer_port(const Facts& facts) {
  if (const auto none = nothing_to_check(facts)) {
    return *none;
  }
  const auto sum = sum_of(facts, [](const PeerFacts& peer, std::string& reason) {
    if (!peer.connection || stage_of(peer) == "epmd") {
      return Part::unknown;
    }
    if (stage_of(peer) != "connect") {
      return Part::fine;
    }
    reason = "port " + std::to_string(peer.connection->error().port) + ": " +
             peer.connection->error().error.message;
    return Part::wrong;
  });
  return result_of(
      sum, facts, "reached at their distribution port",
      facts.epmd.dist_port
          ? "check whether their BEAM runs with the same -erl_epmd_port, and whether a firewall filters it"
          : "check whether a firewall filters this port; fix a range with inet_dist_listen_min and _max");
}

Result peer_handshake(const Facts& facts) {
  if (const auto none = nothing_to_check(facts)) {
    return *none;
  }
  if (!facts.beam_is_connected()) {
    return skipped("the cookie is not confirmed by the own BEAM");
  }
  std::set<std::string> advice;
  const auto sum = sum_of(facts, [&advice](const PeerFacts& peer, std::string& reason) {
    const bool reached = peer.connection && stage_of(peer) != "epmd" && stage_of(peer) != "connect";
    if (!reached || *peer.connection) {
      return reached ? Part::fine : Part::unknown;
    }
    reason = peer.connection->error().error.message;
    advice.insert(stage_of(peer) == "tls" ? "the same -proto_dist, and certificates that the others accept"
                                          : "the same cookie and the same -proto_dist");
    return Part::wrong;
  });
  return result_of(sum, facts, "accept the connection and the cookie",
                   "give all BEAMs of the service " + listed({advice.begin(), advice.end()}));
}

Result net_ticktime(const Facts& facts) {
  const auto& own = facts.beam.answers.net_ticktime;
  if (!own) {
    return skipped("the BEAM is not connected");
  }
  std::vector<std::string> others;
  std::size_t equal = 0;
  for (const auto& peer : facts.peers) {
    if (peer.answers.net_ticktime && *peer.answers.net_ticktime != *own) {
      others.push_back(peer.node.str() + ": " + std::to_string(*peer.answers.net_ticktime) + " s");
    } else if (peer.answers.net_ticktime) {
      ++equal;
    }
  }
  const std::string text = std::to_string(*own) + " s";
  if (!others.empty()) {
    return warning(
        text + ", but " + listed(others),
        "set the same net_ticktime in the kernel parameters of all: a longer one is taken for dead");
  }
  return ok(text + (equal == 0 ? "" : ", equal at " + counted(equal, "peer")));
}

}  // namespace rancher_cnode::cli::doctor
