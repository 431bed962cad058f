#include "rancher_cnode/status/verdict.hpp"

#include <algorithm>

#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode::status {
namespace {

bool is_missing(const Report::Peer& peer) { return peer.state != "connected" && peer.dialable; }

/// Foreign text in one line that stays readable.
std::string brief(const std::string& text) {
  constexpr std::size_t longest = 200;
  return printable(text, longest);
}

std::string with_reason(const std::string& what, const std::string& reason) {
  return what + (reason.empty() ? "" : ": " + brief(reason));
}

bool is_driven(const Report::Target& target) { return target.state == "connected"; }

std::string no_target(const Report& report) {
  if (report.targets.empty()) {
    return "no BEAM is known yet";
  }
  const auto& target = report.targets.front();
  return with_reason("BEAM " + brief(target.node) + " is " + brief(target.state), target.reason);
}

std::string unmet(const Report& report, const Verdict& verdict, const Demands& demands) {
  const bool counts_only = demands.min.has_value() && !demands.expect;
  if (verdict.kind == Verdict::Kind::not_driving ||
      (verdict.kind == Verdict::Kind::incomplete && !counts_only)) {
    return shortfall(report);
  }
  const std::string connected = std::to_string(verdict.fewest_connected);
  if (demands.expect && verdict.fewest_connected != *demands.expect) {
    return "expected " + std::to_string(*demands.expect) + " connected peers, not " + connected;
  }
  if (demands.min && verdict.fewest_connected < *demands.min) {
    return "at least " + std::to_string(*demands.min) + " connected peers are required, not " + connected;
  }
  const auto age = report.metadata.last_authoritative;
  if (demands.max_metadata_age && age > demands.max_metadata_age) {
    return with_reason(
        "the last authoritative answer of the metadata is " + std::to_string(age->count()) + " ms old",
        report.metadata.last_failure);
  }
  return {};
}

}  // namespace

Verdict verdict_on(const Report& report) {
  Verdict verdict;
  for (const auto& target : report.targets) {
    verdict.connected += target.connected;
  }
  if (!report.targets.empty()) {
    verdict.fewest_connected = std::ranges::min(report.targets, {}, &Report::Target::connected).connected;
  }
  for (const auto& peer : report.peers) {
    verdict.missing += is_missing(peer) ? 1 : 0;
    verdict.held += peer.state != "connected" && !peer.dialable ? 1 : 0;
  }
  if (std::ranges::any_of(report.targets, is_driven) && report.metadata.last_authoritative) {
    verdict.kind = verdict.missing == 0 ? Verdict::Kind::whole : Verdict::Kind::incomplete;
  }
  return verdict;
}

std::string in_words(const Verdict& verdict) {
  const auto word = [&] {
    switch (verdict.kind) {
      case Verdict::Kind::whole:
        return "WHOLE";
      case Verdict::Kind::incomplete:
        return "INCOMPLETE";
      case Verdict::Kind::not_driving:
        break;
    }
    return "NOT DRIVING";
  };
  return std::string(word()) + ", " + std::to_string(verdict.connected) + " of " +
         std::to_string(verdict.connected + verdict.missing) + " dialable peers connected" +
         (verdict.held == 0 ? "" : ", " + std::to_string(verdict.held) + " held apart");
}

std::string shortfall(const Report& report) {
  const Verdict verdict = verdict_on(report);
  switch (verdict.kind) {
    case Verdict::Kind::whole:
      return {};
    case Verdict::Kind::incomplete: {
      const auto peer = std::ranges::find_if(report.peers, is_missing);
      return with_reason((verdict.missing == 1 ? "missing " : "missing, among others, ") + brief(peer->node),
                         peer->reason);
    }
    case Verdict::Kind::not_driving:
      break;
  }
  return std::ranges::any_of(report.targets, is_driven)
             ? with_reason("no authoritative answer of the metadata yet", report.metadata.last_failure)
             : no_target(report);
}

CheckResult check(const Report& report, const Demands& demands) {
  const Verdict verdict = verdict_on(report);
  const std::string why = unmet(report, verdict, demands);
  if (why.empty()) {
    return {CheckResult::Outcome::passed, "passed: " + in_words(verdict)};
  }
  return {CheckResult::Outcome::failed, "failed: " + in_words(verdict) + "; " + why};
}

}  // namespace rancher_cnode::status
