#include "status/snapshot_term.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::status {

using distribution::TermBytes;
using distribution::TermWriter;

std::string_view to_string(TargetSnapshot::State state) {
  switch (state) {
    case TargetSnapshot::State::awaited:
      return "awaited";
    case TargetSnapshot::State::connected:
      return "connected";
    case TargetSnapshot::State::unresponsive:
      return "unresponsive";
  }
  return "unknown";
}

namespace {

/// A map whose size is known only when it is complete.
class Map {
 public:
  Map& atom(std::string_view key, std::string_view value) {
    return pair(key).then([&] { values_.atom(value); });
  }
  Map& text(std::string_view key, std::string_view value) {
    return pair(key).then([&] { values_.binary(value); });
  }
  Map& atom_if(std::string_view key, std::string_view value) {
    return atom(key, value.empty() ? "undefined" : value);
  }
  /// Empty means unknown; so above.
  Map& text_if(std::string_view key, std::string_view value) {
    return value.empty() ? atom(key, "undefined") : text(key, value);
  }
  template <class Number>
  Map& number(std::string_view key, Number value) {
    return pair(key).then([&] { values_.integer(static_cast<std::int64_t>(value)); });
  }
  Map& flag(std::string_view key, bool value) {  // NOLINT: the value of a term
    return pair(key).then([&] { values_.boolean(value); });
  }
  Map& ago(std::string_view key, TimePoint now, const std::optional<TimePoint>& then) {
    return then ? number(key, std::chrono::duration_cast<Milliseconds>(now - *then).count())
                : atom(key, "undefined");
  }
  /// Until then; 0 if that has passed.
  Map& ahead(std::string_view key, TimePoint now, const std::optional<TimePoint>& then) {
    return then ? number(key,
                         std::max(std::chrono::ceil<Milliseconds>(*then - now).count(), Milliseconds::rep{0}))
                : atom(key, "undefined");
  }
  Map& term(std::string_view key, const TermBytes& value) {
    return pair(key).then([&] { values_.raw(value); });
  }
  [[nodiscard]] TermBytes take() {
    TermWriter writer;
    writer.map(count_).raw(values_.bytes());
    return writer.take();
  }

 private:
  Map& pair(std::string_view key) {
    ++count_;
    values_.atom(key);
    return *this;
  }
  template <class Write>
  Map& then(Write write) {
    write();
    return *this;
  }

  TermWriter values_;
  std::size_t count_ = 0;
};

template <class Range, class Each>
TermBytes list_of(const Range& range, Each each) {
  TermWriter writer;
  writer.list(range.size());
  for (const auto& item : range) {
    writer.raw(each(item));
  }
  writer.nil();
  return writer.take();
}

/// By node name: membership knows which members are held and why, the reconciler does not.
using Members = std::unordered_map<std::string_view, const membership::MemberView*>;

Members members_of(const Snapshot& snapshot) {
  Members members;
  for (const auto& member : snapshot.member_views) {
    members.emplace(member.node.str(), &member);
  }
  return members;
}

TermBytes peer_term(const Snapshot& snapshot, const TargetSnapshot& target, const reconciler::PeerView& peer,
                    const Members& members) {
  const auto found = members.find(peer.node.str());
  const bool dialable = found == members.end() || found->second->state == membership::MemberState::dialable;
  // A newcomer that waits is held too, for a reason that the reconciler knows.
  const bool held_by_metadata = peer.state == reconciler::PeerState::held && !dialable;
  const std::string_view reason = held_by_metadata ? found->second->reason : peer.reason;
  return Map()
      .atom("node", peer.node.str())
      .atom("target", target.node.str())
      .atom("state", to_string(peer.state))
      .flag("dialable", dialable)
      .text_if("service", found == members.end() ? "" : found->second->service)
      .text_if("reason", reason)
      .ago("since_ms_ago", snapshot.now, peer.since)
      .number("attempts", peer.attempts)
      .ahead("next_attempt_in_ms", snapshot.now, peer.next_try)
      .text_if("last_error", peer.last_error)
      .ago("last_error_ms_ago", snapshot.now, peer.last_failed)
      .take();
}

TermBytes departed_term(const Snapshot& snapshot, const TargetSnapshot& target,
                        const reconciler::DepartedView& departed) {
  return Map()
      .atom("node", departed.node.str())
      .atom("target", target.node.str())
      .atom("state", to_string(departed.state))
      .text_if("reason", departed.reason)
      .ago("since_ms_ago", snapshot.now, departed.since)
      .take();
}

TermBytes target_counters_term(const reconciler::ReconcilerCounters& counters) {
  return Map()
      .number("lists", counters.lists)
      .number("lists_failed", counters.lists_failed)
      .number("probes", counters.probes)
      .number("probes_failed", counters.probes_failed)
      .number("inspections", counters.inspections)
      .number("dials", counters.dials)
      .number("dials_failed", counters.dials_failed)
      .number("connections_gained", counters.connections_gained)
      .number("connections_lost", counters.connections_lost)
      .number("disconnects", counters.disconnects)
      .number("disconnects_failed", counters.disconnects_failed)
      .take();
}

TermBytes target_term(const Snapshot& snapshot, const TargetSnapshot& target) {
  return Map()
      .atom("node", target.node.str())
      .atom("state", to_string(target.state))
      .text_if("reason", target.reason)
      .atom_if("stage", target.stage)
      .ago("since_ms_ago", snapshot.now, target.since)
      .number("connected", target.connected)
      .flag("has_synced", target.has_synced)
      .term("counters", target_counters_term(target.counters))
      .take();
}

TermBytes skipped_term(const membership::DropCounts& dropped) {
  Map map;
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    map.number(to_string(static_cast<membership::DropReason>(i)), dropped[i].count);
  }
  return map.take();
}

TermBytes mass_removal_guard_term(const Snapshot& snapshot,
                                  const std::optional<membership::MassRemovalGuardView>& hold) {
  if (!hold) {
    return TermWriter().atom("undefined").bytes();
  }
  return Map()
      .number("missing", hold->missing)
      .number("known", hold->known)
      .ago("since_ms_ago", snapshot.now, hold->since)
      .take();
}

TermBytes service_term(const Snapshot& snapshot, const MetadataSnapshot::Service& service) {
  return Map()
      .text("path", service.path)
      .atom("own_container", to_string(service.view.own))
      .ago("last_answer_ms_ago", snapshot.now, service.view.last_answer)
      .ago("last_authoritative_ms_ago", snapshot.now, service.view.last_authoritative)
      .text_if("last_failure", service.view.last_failure)
      .ago("last_failure_ms_ago", snapshot.now, service.view.last_failed)
      .take();
}

TermBytes metadata_term(const Snapshot& snapshot) {
  const auto& view = snapshot.metadata.view;
  return Map()
      .text_if("url", snapshot.metadata.url)
      .text_if("version", snapshot.metadata.version)
      .ago("last_answer_ms_ago", snapshot.now, view.last_answer)
      .ago("last_authoritative_ms_ago", snapshot.now, view.last_authoritative)
      .text_if("last_failure", view.last_failure)
      .ago("last_failure_ms_ago", snapshot.now, view.last_failed)
      .number("authoritative_reads", view.authoritative_reads)
      .number("incomplete_reads", view.incomplete_reads)
      .number("failed_reads", view.failed_reads)
      .number("removed_peers", view.removed_peers)
      .term("containers_skipped", skipped_term(view.dropped))
      .term("mass_removal_guard", mass_removal_guard_term(snapshot, view.mass_removal_guard))
      .term("services", list_of(snapshot.metadata.services,
                                [&](const auto& service) { return service_term(snapshot, service); }))
      .take();
}

TermBytes setting_term(const Setting& setting) {
  return Map().text("name", setting.name).text_if("value", setting.value).take();
}

TermBytes counters_term(const distribution::CNode::Counters& counters) {
  return Map()
      .number("connections_accepted", counters.connections_accepted)
      .number("connections_made", counters.connections_made)
      .number("connections_lost", counters.connections_lost)
      .number("handshakes_failed", counters.handshakes_failed)
      .number("inbound_refused", counters.inbound_refused)
      .number("messages_dropped", counters.messages_dropped)
      .number("controls_ignored", counters.controls_ignored)
      .take();
}

template <class Outcome, std::size_t size>
void add_durations(std::vector<TermBytes>& terms, std::string_view action,
                   const std::array<DurationHistogram, size>& histograms) {
  for (std::size_t i = 0; i < size; ++i) {
    const DurationHistogram& histogram = histograms.at(i);
    if (histogram.count == 0) {
      continue;
    }
    std::vector<TermBytes> buckets;
    for (std::size_t j = 0; j < DurationHistogram::limits.size(); ++j) {
      buckets.push_back(Map()
                            .number("limit_ms", DurationHistogram::limits.at(j).count())
                            .number("count", histogram.within.at(j))
                            .take());
    }
    terms.push_back(
        Map()
            .atom("action", action)
            .atom("result", to_string(static_cast<Outcome>(i)))
            .number("count", histogram.count)
            .number("total_ms", std::chrono::duration_cast<Milliseconds>(histogram.total).count())
            .term("buckets", list_of(buckets, [](const TermBytes& term) -> const TermBytes& { return term; }))
            .take());
  }
}

TermBytes durations_term(const Durations& durations) {
  std::vector<TermBytes> terms;
  add_durations<reconciler::ProbeOutcome>(terms, "probe", durations.probes);
  add_durations<reconciler::DialOutcome>(terms, "dial", durations.dials);
  return list_of(terms, [](const TermBytes& term) -> const TermBytes& { return term; });
}

TermBytes process_term(const Snapshot& snapshot) {
  const ProcessUsage& process = snapshot.process;
  return Map()
      .number("started_unix_ms", snapshot.started_unix.count())
      .number("resident_bytes", process.resident_bytes)
      .number("cpu_ms", process.cpu.count())
      .number("descriptors", process.descriptors)
      .number("threads", process.threads)
      .take();
}

/// One flat list over all targets.
template <class Member, class Each>
TermBytes flat(const Snapshot& snapshot, Member member, Each each) {
  std::vector<TermBytes> terms;
  for (const auto& target : snapshot.targets) {
    for (const auto& item : target.*member) {
      terms.push_back(each(target, item));
    }
  }
  return list_of(terms, [](const TermBytes& term) -> const TermBytes& { return term; });
}

TermBytes departed_peers_term(const Snapshot& snapshot) {
  return flat(snapshot, &TargetSnapshot::departed, [&](const auto& target, const auto& departed) {
    return departed_term(snapshot, target, departed);
  });
}

}  // namespace

TermBytes peers_term(const Snapshot& snapshot) {
  const Members members = members_of(snapshot);
  return flat(snapshot, &TargetSnapshot::peers, [&](const auto& target, const auto& peer) {
    return peer_term(snapshot, target, peer, members);
  });
}

TermBytes status_term(const Snapshot& snapshot) {
  return Map()
      .atom_if("node", snapshot.node ? snapshot.node->str() : "")
      .text_if("awaits", snapshot.awaits)
      .text("version", snapshot.program_version)
      .text_if("build", snapshot.program_build)
      .ago("uptime_ms", snapshot.now, snapshot.started)
      .atom("registration", to_string(snapshot.registration))
      .number("connections", snapshot.connections)
      .atom("own_container", to_string(snapshot.metadata.view.own))
      .term("settings", list_of(snapshot.settings, setting_term))
      .term("metadata", metadata_term(snapshot))
      .term("targets",
            list_of(snapshot.targets, [&](const auto& target) { return target_term(snapshot, target); }))
      .term("peers", peers_term(snapshot))
      .term("departed", departed_peers_term(snapshot))
      .term("counters", counters_term(snapshot.node_counters))
      .term("durations", durations_term(snapshot.durations))
      .term("process", process_term(snapshot))
      .take();
}

Expected<Report> report_on(const Snapshot& snapshot) { return Report::read(status_term(snapshot)); }

}  // namespace rancher_cnode::status
