#include "rancher_cnode/membership/reconciler.hpp"

#include <algorithm>
#include <utility>

#include "action_ids.hpp"
#include "dialler.hpp"
#include "leaver_table.hpp"
#include "random.hpp"

namespace rancher_cnode::membership {

/// Keeps the target's state and its link list, and shares the events out to the two halves.
class Reconciler::Impl {
 public:
  explicit Impl(ReconcilerSettings settings) : settings_(std::move(settings)), random_(settings_.seed) {}

  std::vector<Action> step(TimePoint now, const Event& event) {
    std::vector<Action> actions;
    std::visit([&](const auto& what) { take(now, what, actions); }, event);
    if (up_) act(now, actions);
    return actions;
  }

  [[nodiscard]] TimePoint next_wake() const {
    if (!up_) return TimePoint::max();
    TimePoint wake = list_flight_ != 0 ? TimePoint::max() : next_list_;
    wake = std::min({wake, leavers_.next_due(), dialler_.next_due()});
    return news_waiting_ ? std::min(wake, next_news_) : wake;
  }

  [[nodiscard]] bool first_round_done() const {
    return links_known_ && desired_known_ && dialler_.all_tried();
  }
  [[nodiscard]] const Dialler& dialler() const { return dialler_; }
  [[nodiscard]] const LeaverTable& leavers() const { return leavers_; }
  [[nodiscard]] const ReconcilerCounters& counters() const { return counters_; }

 private:
  using Actions = std::vector<Action>;

  void take(TimePoint now, const event::DesiredChanged& event, Actions&) {
    desired_known_ = true;
    dialler_.take_desired(now, *event.desired);
    if (leavers_.take_desired(now, event.desired)) list_wanted_ = true;
  }

  void take(TimePoint now, const event::TargetUp&, Actions&) {
    restart(now);
    up_ = true;
    list_wanted_ = true;
  }

  void take(TimePoint now, const event::TargetDown&, Actions&) {
    restart(now);
    up_ = false;
  }

  void restart(TimePoint now) {
    dialler_.restart(now);
    leavers_.restart(now);
    links_known_ = false;
    list_flight_ = 0;
    news_waiting_ = false;  // everything starts over as it is
  }

  void take(TimePoint now, const event::LinksListed& event, Actions& actions) {
    if (!land_list(now, event.id)) return;
    links_known_ = true;
    if (dialler_.take_links(now, event.id, event.links)) news_waiting_ = true;
    leavers_.take_links(now, event.id, event.links, actions);
  }

  void take(TimePoint now, const event::ListFailed& event, Actions&) {
    ++counters_.lists_failed;
    // At its time, not at once: whoever cannot answer a list should not be asked without pause.
    if (land_list(now, event.id)) list_wanted_ = false;
  }

  bool land_list(TimePoint now, ActionId id) {
    if (id != list_flight_) {
      ++counters_.stale_answers;
      return false;
    }
    list_flight_ = 0;
    next_list_ = now + settings_.list_interval;
    return true;
  }

  void take(TimePoint now, const event::Probed& event, Actions& actions) {
    dialler_.take_probe(now, event.id, event.outcome, actions);
  }

  // Dials and leaves change the links, so the links are listed after them; a probe or a refusal changes none.
  void take(TimePoint now, const event::Dialled& event, Actions&) {
    dialler_.take_dial(now, event.id, event.outcome);
    if (event.outcome == DialOutcome::linked || event.outcome == DialOutcome::no_reply) list_wanted_ = true;
  }

  void take(TimePoint now, const event::Left& event, Actions&) {
    leavers_.take_leave(now, event.id, event.outcome);
    list_wanted_ = true;
  }

  void take(TimePoint, const event::News&, Actions&) { news_waiting_ = true; }
  void take(TimePoint, const event::Tick&, Actions&) {}

  void act(TimePoint now, Actions& actions) {
    if (leavers_.wait_is_over(now)) list_wanted_ = true;
    if (list_flight_ == 0 && (list_wanted_ || now >= next_list_)) {
      list_flight_ = ids_.take();
      list_wanted_ = false;
      ++counters_.lists;
      actions.emplace_back(action::ListLinks{list_flight_});
    }
    if (news_waiting_ && now >= next_news_) {
      news_waiting_ = false;
      next_news_ = now + settings_.news_interval;
      dialler_.hurry();
    }
    dialler_.start_due(now, actions);
  }

  const ReconcilerSettings settings_;
  Random random_;
  ActionIds ids_;
  ReconcilerCounters counters_;
  Dialler dialler_{settings_, ids_, random_, counters_};
  LeaverTable leavers_{settings_, ids_, random_, counters_};
  bool up_ = false;
  bool links_known_ = false;
  bool desired_known_ = false;
  ActionId list_flight_ = 0;
  bool list_wanted_ = false;
  TimePoint next_list_;
  bool news_waiting_ = false;
  TimePoint next_news_;
};

Reconciler::Reconciler(ReconcilerSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Reconciler::~Reconciler() = default;
Reconciler::Reconciler(Reconciler&&) noexcept = default;
Reconciler& Reconciler::operator=(Reconciler&&) noexcept = default;

std::vector<Action> Reconciler::step(TimePoint now, const Event& event) { return impl_->step(now, event); }
TimePoint Reconciler::next_wake() const { return impl_->next_wake(); }
bool Reconciler::first_round_done() const { return impl_->first_round_done(); }
std::vector<PeerView> Reconciler::peers() const { return impl_->dialler().peers(); }
std::optional<PeerView> Reconciler::peer(const NodeName& name) const { return impl_->dialler().peer(name); }
std::vector<LeaverView> Reconciler::leavers() const { return impl_->leavers().leavers(); }
const ReconcilerCounters& Reconciler::counters() const { return impl_->counters(); }

std::string_view to_string(PeerState state) {
  switch (state) {
    case PeerState::linked:
      return "linked";
    case PeerState::held:
      return "held";
    case PeerState::queued:
      return "queued";
    case PeerState::probing:
      return "probing";
    case PeerState::dialling:
      return "dialling";
    case PeerState::waiting:
      return "waiting";
  }
  return "unknown";
}

std::string_view to_string(LeaverState state) {
  switch (state) {
    case LeaverState::away:
      return "away";
    case LeaverState::waiting:
      return "waiting";
    case LeaverState::leaving:
      return "leaving";
  }
  return "unknown";
}

}  // namespace rancher_cnode::membership
