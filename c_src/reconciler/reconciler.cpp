#include "rancher_cnode/reconciler/reconciler.hpp"

#include <algorithm>
#include <utility>

#include "reconciler/action_ids.hpp"
#include "reconciler/departures.hpp"
#include "reconciler/dialler.hpp"
#include "reconciler/random.hpp"

namespace rancher_cnode::reconciler {

/// Keeps the target's state and its connection list, and shares the events out to the two halves.
class Reconciler::Impl {
 public:
  explicit Impl(ReconcilerSettings settings) : settings_(std::move(settings)), random_(settings_.seed) {}

  Step step(TimePoint now, const Event& event) {
    Step step;
    std::visit([&](const auto& what) { take(now, what, step.actions); }, event);
    if (up_) {
      act(now, step.actions);
    }
    step.facts = std::exchange(facts_, {});
    return step;
  }

  [[nodiscard]] TimePoint next_wake() const {
    if (!up_) {
      return TimePoint::max();
    }
    TimePoint wake = list_flight_ != 0 ? TimePoint::max() : next_list_;
    wake = std::min({wake, departures_.next_due(), dialler_.next_due()});
    return change_waits_ ? std::min(wake, next_change_) : wake;
  }

  [[nodiscard]] bool has_synced() const {
    return connections_known_ && desired_known_ && dialler_.all_tried();
  }
  [[nodiscard]] const Dialler& dialler() const { return dialler_; }
  [[nodiscard]] const Departures& departures() const { return departures_; }
  [[nodiscard]] const ReconcilerCounters& counters() const { return counters_; }

 private:
  using Actions = std::vector<Action>;

  void take(TimePoint now, const event::DesiredChanged& event, Actions&) {
    desired_known_ = true;
    dialler_.take_desired(now, *event.desired);
    if (departures_.take_desired(now, event.desired)) {
      list_wanted_ = true;
    }
  }

  void take(TimePoint now, const event::TargetUp&, Actions&) {
    restart(now, TargetIs::up);
    up_ = true;
    list_wanted_ = true;
  }

  void take(TimePoint now, const event::TargetDown&, Actions&) {
    restart(now, TargetIs::down);
    up_ = false;
  }

  void restart(TimePoint now, TargetIs target) {
    dialler_.restart(now);
    departures_.restart(target);
    connections_known_ = false;
    list_flight_ = 0;
    change_waits_ = false;  // everything starts over as it is
  }

  void take(TimePoint now, const event::ConnectionsListed& event, Actions& actions) {
    if (!complete_list(now, event.id)) {
      return;
    }
    connections_known_ = true;
    if (dialler_.take_connections(now, event.id, event.connections)) {
      change_waits_ = true;
    }
    departures_.take_connections(now, event.id, event.connections, actions);
  }

  void take(TimePoint now, const event::ListFailed& event, Actions&) {
    ++counters_.lists_failed;
    // At its time, not at once: a target that cannot answer a list should not be asked without pause.
    if (complete_list(now, event.id)) {
      list_wanted_ = false;
    }
  }

  bool complete_list(TimePoint now, ActionId id) {
    if (id != list_flight_) {
      ++counters_.stale_answers;
      return false;
    }
    list_flight_ = 0;
    next_list_ = now + settings_.list_interval;
    return true;
  }

  void take(TimePoint now, const event::Probed& event, Actions&) { dialler_.take(now, event); }
  void take(TimePoint now, const event::Inspected& event, Actions&) { dialler_.take(now, event); }

  // Dials and disconnects change the connections, so these are listed after them; a probe or a refusal
  // changes none.
  void take(TimePoint now, const event::Dialled& event, Actions&) {
    dialler_.take_dial(now, event.id, event.outcome);
    if (event.outcome == DialOutcome::connected || event.outcome == DialOutcome::no_reply) {
      list_wanted_ = true;
    }
  }

  void take(TimePoint now, const event::Disconnected& event, Actions&) {
    departures_.take_disconnect(now, event.id, event.outcome);
    list_wanted_ = true;
  }

  void take(TimePoint, const event::ExternalChange&, Actions&) { change_waits_ = true; }
  void take(TimePoint, const event::Tick&, Actions&) {}

  void act(TimePoint now, Actions& actions) {
    if (departures_.wait_is_over(now)) {
      list_wanted_ = true;
    }
    if (list_flight_ == 0 && (list_wanted_ || now >= next_list_)) {
      list_flight_ = ids_.take();
      list_wanted_ = false;
      ++counters_.lists;
      actions.emplace_back(action::ListConnections{list_flight_});
    }
    if (change_waits_ && now >= next_change_) {
      change_waits_ = false;
      next_change_ = now + settings_.change_interval;
      dialler_.retry_now();
    }
    dialler_.start_due(now, actions);
  }

  const ReconcilerSettings settings_;
  Random random_;
  ActionIds ids_;
  ReconcilerCounters counters_;
  std::vector<ConnectionFact> facts_;  ///< of this step
  Dialler dialler_{settings_, ids_, random_, counters_, facts_};
  Departures departures_{settings_, ids_, random_, counters_, facts_};
  bool up_ = false;
  bool connections_known_ = false;
  bool desired_known_ = false;
  ActionId list_flight_ = 0;
  bool list_wanted_ = false;
  TimePoint next_list_;
  bool change_waits_ = false;
  TimePoint next_change_;
};

Reconciler::Reconciler(ReconcilerSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Reconciler::~Reconciler() = default;
Reconciler::Reconciler(Reconciler&&) noexcept = default;
Reconciler& Reconciler::operator=(Reconciler&&) noexcept = default;

Step Reconciler::step(TimePoint now, const Event& event) { return impl_->step(now, event); }
TimePoint Reconciler::next_wake() const { return impl_->next_wake(); }
bool Reconciler::has_synced() const { return impl_->has_synced(); }
std::vector<PeerView> Reconciler::peers(PeerScope scope) const { return impl_->dialler().peers(scope); }
std::size_t Reconciler::connected_peers() const { return impl_->dialler().connected_peers(); }
std::optional<PeerView> Reconciler::peer(const NodeName& name) const { return impl_->dialler().peer(name); }
std::vector<DepartedView> Reconciler::departed() const { return impl_->departures().views(); }
const ReconcilerCounters& Reconciler::counters() const { return impl_->counters(); }

std::string_view to_string(ProbeOutcome outcome) {
  switch (outcome) {
    case ProbeOutcome::found:
      return "found";
    case ProbeOutcome::no_answer:
      return "no_answer";
    case ProbeOutcome::refused:
      return "refused";
    case ProbeOutcome::not_registered:
      return "not_registered";
    case ProbeOutcome::no_epmd:
      return "no_epmd";
  }
  return "unknown";
}

std::string_view to_string(DialOutcome outcome) {
  switch (outcome) {
    case DialOutcome::connected:
      return "connected";
    case DialOutcome::refused:
      return "refused";
    case DialOutcome::silent:
      return "silent";
    case DialOutcome::not_alive:
      return "not_alive";
    case DialOutcome::no_reply:
      return "no_reply";
  }
  return "unknown";
}

std::string_view to_string(PeerState state) {
  switch (state) {
    case PeerState::connected:
      return "connected";
    case PeerState::held:
      return "held";
    case PeerState::queued:
      return "queued";
    case PeerState::probing:
      return "probing";
    case PeerState::inspecting:
      return "inspecting";
    case PeerState::dialling:
      return "dialling";
    case PeerState::waiting:
      return "waiting";
  }
  return "unknown";
}

std::string_view to_string(DepartedState state) {
  switch (state) {
    case DepartedState::unknown:
      return "unknown";
    case DepartedState::connected:
      return "connected";
    case DepartedState::disconnecting:
      return "disconnecting";
  }
  return "unknown";
}

}  // namespace rancher_cnode::reconciler
