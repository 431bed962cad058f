#include "log/faults.hpp"

#include <iterator>

namespace rancher_cnode {
namespace {

/// What of several an event is about, beside the peer: a target, or a service of the metadata.
std::string_view scope_of(const LoggedEvent& event) {
  const auto target = event.text("target");
  return target.empty() ? event.text("service") : target;
}

std::string name_of(const LoggedEvent& event) {
  const auto peer = event.text("peer");
  const auto subject = peer.empty() ? scope_of(event) : peer;
  return event.event + (subject.empty() ? "" : " ") + std::string(subject);
}

const Event& row_of(std::string_view name) { return event_table::all[event_table::position_of(name)]; }

/// What has none of something is about all.
bool is_same(const std::string& a, const std::string& b) { return a.empty() || b.empty() || a == b; }

}  // namespace

Faults::Subject Faults::subject_of(const LoggedEvent& event, const Event& row) {
  return {.peer = std::string(event.text("peer")),
          .scope = std::string(scope_of(event)),
          .value = std::string(event.text(row.fault_for_each))};
}

void Faults::began(TimePoint now, const LoggedEvent& event) {
  const Subject subject = subject_of(event, row_of(event.event));
  if (const auto known = faults_.find(event.event); known != faults_.end()) {
    if (const auto same = known->second.find(subject); same != known->second.end()) {
      same->second.event = event;
      return;
    }
  }
  if (count_ == max_faults) {
    return;
  }
  if (count_ == 0) {
    next_check_ = now + reminder_interval;
  }
  faults_[event.event].emplace(subject, Fault{event, now});
  ++count_;
}

void Faults::erase(OfOneEvent& faults, const Subject& subject) {
  auto at = faults.lower_bound({subject.peer, "", ""});
  while (at != faults.end() && (subject.peer.empty() || at->first.peer == subject.peer)) {
    const bool same = is_same(at->first.scope, subject.scope) && is_same(at->first.value, subject.value);
    at = same ? faults.erase(at) : std::next(at);
  }
}

void Faults::ended_by(const LoggedEvent& event) {
  if (event.event == event_table::begins_anew) {
    faults_.clear();
    count_ = 0;
    return;
  }
  for (auto& [name, faults] : faults_) {
    if (const Event& row = row_of(name); event_table::lists(row.ended_by, event.event)) {
      count_ -= faults.size();
      erase(faults, subject_of(event, row));
      count_ += faults.size();
    }
  }
  std::erase_if(faults_, [](const auto& each) { return each.second.empty(); });
}

std::vector<LoggedEvent> Faults::take_pending() {
  std::vector<LoggedEvent> pending;
  for (auto& [name, faults] : faults_) {
    for (auto& [subject, fault] : faults) {
      if (fault.event.level == LogLevel::info) {
        fault.event.level = LogLevel::warning;
        pending.push_back(fault.event);
      }
    }
  }
  return pending;
}

std::optional<Faults::Reminder> Faults::take_reminder(TimePoint now) {
  if (count_ == 0 || now < next_check_) {
    return std::nullopt;
  }
  const Fault* oldest = nullptr;
  std::size_t examples = 0;
  Reminder reminder;
  for (const auto& [name, faults] : faults_) {
    std::size_t lasting = 0;
    for (const auto& [subject, fault] : faults) {
      if (oldest == nullptr || fault.since < oldest->since) {
        oldest = &fault;
      }
      if (now - fault.since < reminder_interval) {
        continue;
      }
      ++lasting;
      if (!subject.peer.empty() && examples < max_examples) {
        ++examples;
        reminder.examples += (reminder.examples.empty() ? "" : ", ") + subject.peer;
      }
    }
    if (lasting > 0) {
      reminder.faults += (reminder.faults.empty() ? "" : ", ") + name + ' ' + std::to_string(lasting);
    }
  }
  if (reminder.faults.empty()) {
    next_check_ = oldest->since + reminder_interval;
    return std::nullopt;
  }
  next_check_ = now + reminder_interval;
  reminder.oldest = name_of(oldest->event);
  reminder.oldest_age = std::chrono::duration_cast<std::chrono::seconds>(now - oldest->since);
  return reminder;
}

}  // namespace rancher_cnode
