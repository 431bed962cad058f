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

}  // namespace

void Faults::began(TimePoint now, const LoggedEvent& event) {
  const Subject subject(event.text("peer"), scope_of(event));
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

/// An empty peer or target stands for all.
void Faults::erase(OfOneEvent& faults, const Subject& subject) {
  const auto& [peer, target] = subject;
  auto at = faults.lower_bound({peer, ""});
  while (at != faults.end() && (peer.empty() || at->first.first == peer)) {
    const std::string& of = at->first.second;
    at = target.empty() || of.empty() || of == target ? faults.erase(at) : std::next(at);
  }
}

void Faults::ended_by(const LoggedEvent& event) {
  if (event.event == event_table::begins_anew) {
    faults_.clear();
    count_ = 0;
    return;
  }
  const Subject subject(event.text("peer"), scope_of(event));
  for (auto& [name, faults] : faults_) {
    if (event_table::lists(event_table::all[event_table::position_of(name)].ended_by, event.event)) {
      count_ -= faults.size();
      erase(faults, subject);
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
      if (!subject.first.empty() && examples < max_examples) {
        ++examples;
        reminder.examples += (reminder.examples.empty() ? "" : ", ") + subject.first;
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
