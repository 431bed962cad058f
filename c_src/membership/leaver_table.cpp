#include "leaver_table.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::membership {
namespace {

std::string_view words(LeaveOutcome outcome) {
  switch (outcome) {
    case LeaveOutcome::done:
      return "left, or was asked to";
    case LeaveOutcome::unreachable:
      return "cannot be reached: ticks will end what is left of it";
    case LeaveOutcome::failed:
      return "was reached, but the call to leave failed";
  }
  return {};
}

}  // namespace

LeaverTable::LeaverTable(const ReconcilerSettings& settings, ActionIds& ids, Random& random,
                         ReconcilerCounters& counters)
    : settings_(settings), ids_(ids), random_(random), counters_(counters) {}

bool LeaverTable::take_desired(TimePoint now, std::shared_ptr<const Desired> desired) {
  desired_ = std::move(desired);
  for (auto next = leavers_.begin(); next != leavers_.end();) {
    const auto current = next++;
    if (desired_->leavers.contains(current->first)) continue;
    // One that was asked a short while ago is kept, for it may become a leaver again.
    const Leaver& leaver = current->second;
    if (leaver.flight == 0 && !asked_lately(now, leaver)) {
      leavers_.erase(current);
      continue;
    }
    current->second.wanted = false;
    current->second.phase = Phase::idle;
  }
  bool added = false;
  for (const NodeName& name : desired_->leavers) {
    const auto [place, is_new] = leavers_.try_emplace(name);
    if (is_new) place->second.since = now;
    added |= is_new || !place->second.wanted;
    place->second.wanted = true;
  }
  return added;
}

void LeaverTable::restart(TimePoint now) {
  next_due_ = TimePoint::max();
  for (auto& [name, leaver] : leavers_) {
    leaver.linked = false;
    leaver.phase = Phase::idle;
    update_state(now, leaver);
  }
}

bool LeaverTable::asked_lately(TimePoint now, const Leaver& leaver) const {
  return leaver.asked && now < *leaver.asked + settings_.leave_again;
}

bool LeaverTable::may_ask(const NodeName& name) const {
  // Once our own container has left, the others are none of our business: only the target must go, if it is
  // ours.
  return desired_->own != OwnPresence::left || name == settings_.target;
}

void LeaverTable::mark_linked(ActionId listed, const std::vector<NodeName>& links) {
  const auto target = leavers_.find(settings_.target);
  for (const NodeName& link : links) {
    const auto leaver = leavers_.find(link);
    if (leaver != leavers_.end()) leaver->second.seen_in = listed;
    if (target == leavers_.end() || link == settings_.target) continue;
    if (leaver != leavers_.end() || desired_->members.contains(link)) target->second.seen_in = listed;
  }
}

void LeaverTable::take_links(TimePoint now, ActionId listed, const std::vector<NodeName>& links,
                             std::vector<Action>& actions) {
  if (leavers_.empty()) return;
  mark_linked(listed, links);
  std::vector<Leavers::iterator> confirmed;
  for (auto place = leavers_.begin(); place != leavers_.end(); ++place) {
    judge(now, listed, place->first, place->second);
    const Leaver& leaver = place->second;
    if (leaver.phase == Phase::looking && leaver.judged_from <= listed) confirmed.push_back(place);
  }
  // Those that were never asked first, then in the order in which they were asked: all have their turn.
  std::ranges::stable_sort(confirmed, {}, [](const auto& place) { return place->second.asked; });
  for (const auto& place : confirmed) {
    if (flights_.size() >= settings_.max_leaves) break;
    ask(now, place, actions);
  }
}

void LeaverTable::judge(TimePoint now, ActionId listed, const NodeName& name, Leaver& leaver) {
  leaver.linked = leaver.seen_in == listed;
  if (!leaver.linked || !leaver.wanted || !may_ask(name)) {
    leaver.phase = Phase::idle;
  } else if (leaver.phase == Phase::idle && leaver.flight == 0 && !asked_lately(now, leaver)) {
    leaver.phase = Phase::spread;
    leaver.due = now + random_.between(Duration::zero(), settings_.leave_spread);
    next_due_ = std::min(next_due_, leaver.due);
  }
  update_state(now, leaver);
}

void LeaverTable::ask(TimePoint now, Leavers::iterator place, std::vector<Action>& actions) {
  Leaver& leaver = place->second;
  leaver.phase = Phase::idle;
  leaver.flight = ids_.take();
  leaver.asked = now;
  ++leaver.attempts;
  ++counters_.leaves;
  flights_.emplace(leaver.flight, place);
  actions.emplace_back(action::Leave{leaver.flight, place->first});
  update_state(now, leaver);
}

bool LeaverTable::wait_is_over(TimePoint now) {
  if (now < next_due_) return false;
  bool over = false;
  next_due_ = TimePoint::max();
  for (auto& [name, leaver] : leavers_) {
    if (leaver.phase != Phase::spread) continue;
    if (leaver.due > now) {
      next_due_ = std::min(next_due_, leaver.due);
      continue;
    }
    leaver.phase = Phase::looking;
    leaver.judged_from = ids_.next();
    over = true;
  }
  return over;
}

void LeaverTable::take_leave(TimePoint now, ActionId id, LeaveOutcome outcome) {
  if (outcome != LeaveOutcome::done) ++counters_.leaves_failed;
  const auto flight = flights_.find(id);
  if (flight == flights_.end()) {
    ++counters_.stale_answers;
    return;
  }
  const auto place = flight->second;
  flights_.erase(flight);
  place->second.flight = 0;
  place->second.reason = words(outcome);
  update_state(now, place->second);
}

void LeaverTable::update_state(TimePoint now, Leaver& leaver) {
  const LeaverState state = leaver.flight != 0 ? LeaverState::leaving
                            : leaver.linked    ? LeaverState::waiting
                                               : LeaverState::away;
  if (state == leaver.state) return;
  leaver.state = state;
  leaver.since = now;
}

std::vector<LeaverView> LeaverTable::leavers() const {
  std::vector<LeaverView> result;
  for (const auto& [name, leaver] : leavers_) {
    if (!leaver.wanted) continue;
    result.push_back({name, leaver.state, leaver.reason, leaver.since, leaver.attempts});
  }
  return result;
}

}  // namespace rancher_cnode::membership
