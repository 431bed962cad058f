#include "rancher_cnode/status/verdict.hpp"

#include <algorithm>
#include <utility>

#include "rancher_cnode/core/printable.hpp"
#include "status/words.hpp"

namespace rancher_cnode::status {
namespace {

bool is_missing(const Report::Peer& peer) { return peer.state != "connected" && peer.dialable; }

/// Foreign text in one line that stays readable.
std::string brief(const std::string& text) {
  constexpr std::size_t longest = 200;
  return readable(text, longest);
}

std::string with_reason(const std::string& what, const std::string& reason) {
  return what + (reason.empty() ? "" : ": " + brief(reason));
}

bool is_driven(const Report::Target& target) { return target.state == "connected"; }

/// Null if each has been read once.
const Report::Service* unread_service(const Report& report) {
  const auto& services = report.metadata.services;
  const auto found =
      std::ranges::find_if(services, [](const auto& service) { return !service.last_authoritative; });
  return found == services.end() ? nullptr : &*found;
}

std::string no_answer(const Report& report) {
  const auto& metadata = report.metadata;
  const bool answers =
      metadata.last_answer && (metadata.last_failure.empty() || metadata.last_answer <= metadata.last_failed);
  const bool lists_us = report.own_container == "listed";
  return with_reason("no authoritative answer of the metadata yet",
                     !answers                            ? metadata.last_failure
                     : !lists_us && !report.node.empty() ? "it answers, but does not list this container"
                                                         : "");
}

std::string too_few(const Report& report, const Verdict& verdict, const Demands& demands) {
  const bool counts_only = demands.min.has_value() && !demands.expect;
  if (verdict.kind == Verdict::Kind::incomplete && !counts_only) {
    return shortfall(report);
  }
  const std::string connected = std::to_string(verdict.fewest_connected);
  if (demands.expect && verdict.fewest_connected != *demands.expect) {
    return "expected " + std::to_string(*demands.expect) + " connected peers, not " + connected;
  }
  if (demands.min && verdict.fewest_connected < *demands.min) {
    return "at least " + std::to_string(*demands.min) + " connected peers are required, not " + connected;
  }
  return {};
}

std::string too_old(const Report& report, const Demands& demands) {
  const auto age = report.metadata.last_authoritative;
  if (demands.max_metadata_age && age > demands.max_metadata_age) {
    return with_reason(
        "the last authoritative answer of the metadata is " + std::to_string(age->count()) + " ms old",
        report.metadata.last_failure);
  }
  return {};
}

std::string too_few_to_be_ready(const Report::Target& target, const ReadyDemands& demands) {
  return brief(target.node) + " is connected to " + std::to_string(target.connected) + " peers, not to " +
         std::to_string(demands.peers);
}

/// To what for_people shows: it leaves a rest out.
std::string rounded_up(Milliseconds time) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time);
  return for_people(seconds < std::chrono::minutes(1) ? seconds
                                                      : std::chrono::ceil<std::chrono::minutes>(time));
}

}  // namespace

std::string no_target(const Report& report) {
  if (report.targets.empty()) {
    return with_reason("no BEAM is known yet", report.awaits);
  }
  const auto& target = report.targets.front();
  return with_reason("BEAM " + brief(target.node) + " is " + brief(target.state), target.reason);
}

bool is_held(const Report::Peer& peer) { return peer.state != "connected" && !peer.dialable; }

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
    verdict.held += is_held(peer) ? 1 : 0;
  }
  if (std::ranges::any_of(report.targets, is_driven) && report.metadata.last_authoritative) {
    const bool complete = verdict.missing == 0 && unread_service(report) == nullptr;
    verdict.kind = complete ? Verdict::Kind::whole : Verdict::Kind::incomplete;
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
         (verdict.held == 0 ? "" : ", " + std::to_string(verdict.held) + " held");
}

std::string shortfall(const Report& report) {
  const Verdict verdict = verdict_on(report);
  switch (verdict.kind) {
    case Verdict::Kind::whole:
      return {};
    case Verdict::Kind::incomplete: {
      const auto peer = std::ranges::find_if(report.peers, is_missing);
      if (peer == report.peers.end()) {
        const auto* const service = unread_service(report);
        return with_reason("no authoritative answer about " + brief(service->path) + " yet",
                           service->last_failure);
      }
      return with_reason((verdict.missing == 1 ? "missing " : "missing, among others, ") + brief(peer->node),
                         peer->reason);
    }
    case Verdict::Kind::not_driving:
      break;
  }
  return std::ranges::any_of(report.targets, is_driven) ? no_answer(report) : no_target(report);
}

Readiness readiness(const Report& report, const ReadyDemands& demands) {
  std::vector<std::string> reasons;
  if (std::ranges::none_of(report.targets, is_driven)) {
    reasons.push_back(no_target(report));
  }
  if (!report.metadata.last_authoritative) {
    reasons.push_back(no_answer(report));
  }
  std::vector<std::string> excused;
  for (const auto& target : report.targets) {
    if (!is_driven(target) || target.connected >= demands.peers) {
      continue;
    }
    const std::string few = too_few_to_be_ready(target, demands);
    const Milliseconds connected_for = target.since.value_or(Milliseconds(0));
    if (!demands.grace) {
      reasons.push_back(few);
    } else if (connected_for < *demands.grace) {
      reasons.push_back(few + "; waiting for them for at most " + rounded_up(*demands.grace - connected_for) +
                        " more");
    } else {
      excused.push_back("ready; not waiting for peers any more: " + few);
    }
  }
  if (!reasons.empty()) {
    return {Readiness::State::unready, std::move(reasons)};
  }
  return {Readiness::State::ready, excused.empty() ? std::vector<std::string>{"ready"} : std::move(excused)};
}

CheckResult check(const Report& report, const Demands& demands) {
  const Verdict verdict = verdict_on(report);
  const bool driving = verdict.kind != Verdict::Kind::not_driving;
  const std::string few = driving ? too_few(report, verdict, demands) : shortfall(report);
  const bool excused = driving && !few.empty() && demands.grace && report.uptime < *demands.grace;
  const std::string why = few.empty() || excused ? too_old(report, demands) : few;
  if (why.empty()) {
    return {CheckResult::Outcome::passed,
            "passed: " + in_words(verdict) + (excused ? "; within --grace: " + few : "")};
  }
  return {CheckResult::Outcome::failed, "failed: " + in_words(verdict) + "; " + why};
}

}  // namespace rancher_cnode::status
