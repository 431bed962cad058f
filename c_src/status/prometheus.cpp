#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/status/durations.hpp"
#include "rancher_cnode/status/renderings.hpp"
#include "rancher_cnode/status/verdict.hpp"
#include "status/counter_help.hpp"

namespace rancher_cnode::status {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// The text format has three escapes only, so those of printable text are escaped again.
std::string label_value(std::string_view text) {
  std::string value;
  for (const char c : printable(text)) {
    value += c == '\\' || c == '"' ? "\\" : "";
    value += c;
  }
  return value;
}

/// "12.345": exact, which a double would not be.
std::string seconds(std::int64_t ms) {
  const std::string rest = std::to_string(1'000 + ms % 1'000);
  return std::to_string(ms / 1'000) + "." + rest.substr(1);
}

class Metrics {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    standard_family("rancher_cnode_" + std::string(name), type, help);
  }
  /// One whose name is the same in every program.
  void standard_family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ +=
        "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
  }
  void sample(const std::string& value, const Labels& labels = {}, std::string_view suffix = {}) {
    text_ += name_;
    text_ += suffix;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      text_ +=
          (i == 0 ? "{" : ",") + std::string(labels[i].first) + "=\"" + label_value(labels[i].second) + "\"";
    }
    text_ += (labels.empty() ? " " : "} ") + value + "\n";
  }
  void sample(std::uint64_t value, const Labels& labels = {}) { sample(std::to_string(value), labels); }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

/// A name from outside must not become the name of a metric.
bool is_metric_name(std::string_view name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

const Value* find_number(const Value* map, std::string_view key) {
  const Value* const value = map == nullptr ? nullptr : map->find(key);
  return value != nullptr && value->kind == Value::Kind::integer ? value : nullptr;
}

void counters(Metrics& metrics, const Report& report) {
  const Value* const all = report.value.find("counters");
  for (const std::string& name : all == nullptr ? std::vector<std::string>{} : all->keys) {
    const Value* const number = find_number(all, name);
    if (number != nullptr && is_metric_name(name)) {
      metrics.family(name + "_total", "counter", help_of_counter(name));
      metrics.sample(std::to_string(number->integer));
    }
  }
}

/// Each family once, with a sample for each target.
void target_counters(Metrics& metrics, const Report& report) {
  std::map<std::string, std::vector<std::pair<std::string_view, std::int64_t>>> families;
  const Value* const targets = report.value.find("targets");
  for (std::size_t i = 0; i < report.targets.size(); ++i) {
    const Value* const all = targets->items[i].find("counters");
    for (const std::string& name : all == nullptr ? std::vector<std::string>{} : all->keys) {
      const Value* const number = find_number(all, name);
      if (number != nullptr && is_metric_name(name)) {
        families[name].emplace_back(report.targets[i].node, number->integer);
      }
    }
  }
  for (const auto& [name, samples] : families) {
    metrics.family("target_" + name + "_total", "counter", help_of_target_counter(name));
    for (const auto& [target, number] : samples) {
      metrics.sample(std::to_string(number), {{"target", target}});
    }
  }
}

void program(Metrics& metrics, const Report& report) {
  metrics.family("build_info", "gauge",
                 "Always 1; the labels are version, build and name of the C-node, as far as they are known.");
  Labels labels{{"version", report.version}};
  for (const auto& [label, text] : {std::pair{"build", &report.build}, std::pair{"node", &report.node}}) {
    if (!text->empty()) {
      labels.emplace_back(label, *text);
    }
  }
  metrics.sample(1, labels);
  metrics.family("uptime_seconds", "gauge", "Time since the program started.");
  metrics.sample(seconds(report.uptime.count()));
  if (report.registration != "not_used") {
    metrics.family("registered", "gauge",
                   "1 if the name of the C-node is registered in epmd. Absent without epmd.");
    metrics.sample(report.registration == "registered" ? 1 : 0);
  }
  metrics.family("own_container_listed", "gauge",
                 "1 if the last answer of the metadata lists the own container.");
  metrics.sample(report.own_container == "listed" ? 1 : 0);
  if (const Value* const open = find_number(&report.value, "connections")) {
    metrics.family("connections", "gauge", "Open connections of the C-node.");
    metrics.sample(std::to_string(open->integer));
  }
}

void metadata(Metrics& metrics, const Value* fields) {
  const auto age = [&](std::string_view field, std::string_view name, std::string_view help) {
    if (const Value* const ms = find_number(fields, field)) {
      metrics.family(name, "gauge", help);
      metrics.sample(seconds(ms->integer));
    }
  };
  age("last_answer_ms_ago", "metadata_last_answer_age_seconds",
      "Age of the last usable answer of the metadata.");
  age("last_authoritative_ms_ago", "metadata_last_authoritative_answer_age_seconds",
      "Age of the last answer of the metadata that may remove peers.");
  metrics.family("metadata_reads_total", "counter",
                 "Reads of the metadata, by what they may do: add and remove peers (authoritative), only add "
                 "(incomplete), nothing (failed).");
  for (const auto* result : {"authoritative", "incomplete", "failed"}) {
    if (const Value* const reads = find_number(fields, std::string(result) + "_reads")) {
      metrics.sample(std::to_string(reads->integer), {{"result", result}});
    }
  }
  if (const Value* const removed = find_number(fields, "removed_peers")) {
    metrics.family("metadata_removed_peers_total", "counter", "Peers that have departed or were forgotten.");
    metrics.sample(std::to_string(removed->integer));
  }
  if (const Value* const skipped = fields->find("containers_skipped"); skipped != nullptr) {
    metrics.family("metadata_containers_skipped", "gauge",
                   "Containers in the last answer that are not peers, by reason.");
    for (const std::string& reason : skipped->keys) {
      if (const Value* const number = find_number(skipped, reason)) {
        metrics.sample(std::to_string(number->integer), {{"reason", reason}});
      }
    }
  }
  const Value* const guard = fields->find("mass_removal_guard");
  metrics.family("mass_removal_guard", "gauge",
                 "1 while removals wait because more than half of the peers went missing at once.");
  metrics.sample(guard != nullptr && guard->kind == Value::Kind::map ? 1 : 0);
}

/// The reasons are words of the metadata: what comes beyond a few is summed up, so that a bad answer makes no
/// flood of series.
void held(Metrics& metrics, const Report& report) {
  constexpr std::size_t most_reasons = 20;
  std::map<std::string, std::uint64_t> by_reason{{"missing from the metadata", 0}};
  for (const auto& peer : report.peers) {
    if (is_held(peer)) {
      const bool known = by_reason.contains(peer.reason) || by_reason.size() < most_reasons;
      ++by_reason[known ? peer.reason : "other"];
    }
  }
  metrics.family("peers_held", "gauge", "Peers that must not be dialled and are not connected, by reason.");
  for (const auto& [reason, count] : by_reason) {
    metrics.sample(count, {{"reason", reason}});
  }
}

void by_service(Metrics& metrics, const Report& report) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> peers;
  for (const auto& service : report.metadata.services) {
    peers[service.path];
  }
  for (const auto& peer : report.peers) {
    if (const auto found = peers.find(peer.service); found != peers.end()) {
      ++found->second.first;
      found->second.second += peer.state == "connected" ? 1U : 0U;
    }
  }
  metrics.family("service_peers_desired", "gauge", "Peers on account of this service, dialable or not.");
  for (const auto& [service, counts] : peers) {
    metrics.sample(counts.first, {{"service", service}});
  }
  metrics.family("service_peers_connected", "gauge", "Peers on account of this service that are connected.");
  for (const auto& [service, counts] : peers) {
    metrics.sample(counts.second, {{"service", service}});
  }
}

void cluster(Metrics& metrics, const Report& report) {
  const Verdict verdict = verdict_on(report);
  metrics.family("whole", "gauge", "1 if a BEAM is driven and every dialable peer is connected to it.");
  metrics.sample(verdict.kind == Verdict::Kind::whole ? 1 : 0);
  metrics.family("peers_desired", "gauge", "Peers of all services, dialable or not.");
  metrics.sample(verdict.connected + verdict.missing + verdict.held);
  metrics.family("peers_dialable", "gauge", "Peers that may be dialled or are connected.");
  metrics.sample(verdict.connected + verdict.missing);
  metrics.family("peers_connected", "gauge", "Peers that are connected.");
  metrics.sample(verdict.connected);
  metrics.family("peers_missing", "gauge", "Peers that may be dialled and are not connected.");
  metrics.sample(verdict.missing);
  held(metrics, report);
  by_service(metrics, report);
  metrics.family("departed_peers_connected", "gauge", "Departed peers that are still connected, or may be.");
  metrics.sample(report.departed.size());
  metrics.family("target_up", "gauge", "1 if this BEAM is connected and answers.");
  for (const auto& target : report.targets) {
    metrics.sample(target.state == "connected" ? 1 : 0, {{"target", target.node}});
  }
  metrics.family("target_peers_connected", "gauge", "Peers that this BEAM is connected to.");
  for (const auto& target : report.targets) {
    metrics.sample(target.connected, {{"target", target.node}});
  }
}

/// The map in `durations` of one action and result; null if that never came.
const Value* find_durations(const Report& report, std::string_view action, std::string_view result) {
  const Value* const all = report.value.find("durations");
  if (all == nullptr || all->kind != Value::Kind::list) {
    return nullptr;
  }
  const auto found = std::ranges::find_if(all->items, [&](const Value& each) {
    const Value* const of = each.find("action");
    const Value* const with = each.find("result");
    return of != nullptr && of->is_atom(action) && with != nullptr && with->is_atom(result);
  });
  return found == all->items.end() ? nullptr : &*found;
}

/// One histogram; all of it is 0 if `histogram` is null.
void histogram_of(Metrics& metrics, std::string_view result, const Value* histogram) {
  const auto number = [](const Value* map, std::string_view key) {
    const Value* const found = find_number(map, key);
    return found == nullptr ? std::int64_t{0} : found->integer;
  };
  const auto bucket = [&](const std::string& limit, std::int64_t within) {
    metrics.sample(std::to_string(within), {{"result", result}, {"le", limit}}, "_bucket");
  };
  const Value* const buckets = histogram == nullptr ? nullptr : histogram->find("buckets");
  if (buckets != nullptr) {
    for (const Value& each : buckets->items) {
      bucket(seconds(number(&each, "limit_ms")), number(&each, "count"));
    }
  } else {
    for (const auto limit : DurationHistogram::limits) {
      bucket(seconds(limit.count()), 0);
    }
  }
  const std::int64_t count = number(histogram, "count");
  bucket("+Inf", count);
  metrics.sample(seconds(number(histogram, "total_ms")), {{"result", result}}, "_sum");
  metrics.sample(std::to_string(count), {{"result", result}}, "_count");
}

/// Every result from the start, so that the first of its kind is an increase.
void durations(Metrics& metrics, const Report& report) {
  metrics.family("probe_duration_seconds", "histogram",
                 "Time that it took to look up a peer, in its epmd or without epmd at its distribution port, "
                 "by result.");
  for (std::size_t i = 0; i < reconciler::probe_outcomes; ++i) {
    const auto result = to_string(static_cast<reconciler::ProbeOutcome>(i));
    histogram_of(metrics, result, find_durations(report, "probe", result));
  }
  metrics.family("dial_duration_seconds", "histogram",
                 "Time that a call took that asks a BEAM to connect to a peer, by result.");
  for (std::size_t i = 0; i < reconciler::dial_outcomes; ++i) {
    const auto result = to_string(static_cast<reconciler::DialOutcome>(i));
    histogram_of(metrics, result, find_durations(report, "dial", result));
  }
}

/// By the names that Prometheus' own clients give them.
void process(Metrics& metrics, const Value* fields) {
  const auto number = [&](std::string_view field, std::string_view name, std::string_view type,
                          std::string_view help, const auto& in_words) {
    if (const Value* const value = find_number(fields, field)) {
      metrics.standard_family(name, type, help);
      metrics.sample(in_words(value->integer));
    }
  };
  const auto plain = [](std::int64_t value) { return std::to_string(value); };
  number("started_unix_ms", "process_start_time_seconds", "gauge",
         "Start of the program, since 1970-01-01 UTC.", seconds);
  number("resident_bytes", "process_resident_memory_bytes", "gauge", "Memory that is not swapped out.",
         plain);
  number("cpu_ms", "process_cpu_seconds_total", "counter", "Processor time of all threads.", seconds);
  number("descriptors", "process_open_fds", "gauge", "Open file descriptors.", plain);
  number("threads", "process_threads", "gauge", "Threads of the program.", plain);
}

}  // namespace

std::string as_prometheus(const Report& report) {
  Metrics metrics;
  program(metrics, report);
  cluster(metrics, report);
  metadata(metrics, report.value.find("metadata"));
  counters(metrics, report);
  target_counters(metrics, report);
  durations(metrics, report);
  process(metrics, report.value.find("process"));
  return metrics.take();
}

}  // namespace rancher_cnode::status
