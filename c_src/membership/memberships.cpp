#include "rancher_cnode/membership/memberships.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "membership/label_selector.hpp"
#include "membership/membership_views.hpp"

namespace rancher_cnode::membership {
namespace {

bool answered(const ServiceRead& read) { return std::holds_alternative<Service>(read.read); }

/// The lowest wins: the state of our own container, or of a peer, in the service that keeps it best.
int rank(OwnMembership own) {
  switch (own) {
    case OwnMembership::listed:
      return 0;
    case OwnMembership::missing:
      return 1;
    case OwnMembership::removed:
      return 2;
    case OwnMembership::unknown:
      break;
  }
  return 3;
}

/// True if the fact is none of the union: another service keeps the peer as it was.
class IsHidden {
 public:
  IsHidden(const Desired& before, const Desired& after) : before_(before), after_(after) {}

  bool operator()(const fact::PeerListed& fact) {
    return before_.members.contains(fact.peer) || !listed_.insert(fact.peer).second;
  }
  bool operator()(const fact::PeerHeld& fact) const { return after_.dialable.contains(fact.peer); }
  bool operator()(const fact::PeerReleased& fact) const { return before_.dialable.contains(fact.peer); }
  bool operator()(const fact::PeerDeparted& fact) { return gone(fact.peer); }
  bool operator()(const fact::PeerForgotten& fact) { return gone(fact.peer); }
  bool operator()(const fact::ServiceRemoved&) const { return false; }
  bool operator()(const fact::ServiceAdded&) const { return false; }
  bool operator()(const fact::OwnMembershipChanged&) const { return true; }
  bool operator()(const fact::OwnUnlisted&) const { return after_.own != OwnMembership::unknown; }
  bool operator()(const fact::ContainersSkipped&) const { return false; }
  bool operator()(const fact::MassRemovalGuard&) const { return false; }

 private:
  bool gone(const NodeName& peer) {
    return after_.members.contains(peer) || !before_.members.contains(peer) || !gone_.insert(peer).second;
  }

  const Desired& before_;
  const Desired& after_;
  std::set<NodeName> listed_;
  std::set<NodeName> gone_;
};

void take_older(std::optional<TimePoint>& into, const std::optional<TimePoint>& other) {
  into = into && other ? std::min(into, other) : into ? into : other;
}

void take_guard(std::optional<MassRemovalGuardView>& into, const std::optional<MassRemovalGuardView>& other) {
  if (!into || !other) {
    into = into ? into : other;
    return;
  }
  into->missing += other->missing;
  into->known += other->known;
  into->since = std::min(into->since, other->since);
}

void add_counters(MembershipView& into, const MembershipView& other) {
  into.authoritative_reads += other.authoritative_reads;
  into.incomplete_reads += other.incomplete_reads;
  into.failed_reads += other.failed_reads;
  into.removed_peers += other.removed_peers;
}

void add(MembershipView& into, const MembershipView& other) {
  if (rank(other.own) < rank(into.own)) {
    into.own = other.own;
    into.own_since = other.own_since;
  }
  take_older(into.last_answer, other.last_answer);
  take_older(into.last_authoritative, other.last_authoritative);
  if (other.last_failed && (!into.last_failed || *into.last_failed < *other.last_failed)) {
    into.last_failed = other.last_failed;
    into.last_failure = other.last_failure;
  }
  add_counters(into, other);
  for (std::size_t i = 0; i < into.dropped.size(); ++i) {
    into.dropped[i].count += other.dropped[i].count;
    if (!other.dropped[i].example.empty()) {
      into.dropped[i].example = other.dropped[i].example;
    }
  }
  take_guard(into.mass_removal_guard, other.mass_removal_guard);
}

std::vector<Membership> each_of(const std::vector<MembershipSettings>& services) {
  std::vector<Membership> each;
  each.reserve(services.size());
  for (const auto& settings : services) {
    each.emplace_back(settings);
  }
  return each;
}

}  // namespace

Memberships::Memberships(const std::vector<MembershipSettings>& services, std::vector<LabelRule> labels)
    : each_(each_of(services)),
      own_address_(services.front().own_address),
      labels_(std::make_unique<LabelSelector>(own_address_, std::move(labels))),
      desired_(each_.front().desired()) {}

Memberships::~Memberships() = default;

Observed Memberships::observe(TimePoint now, std::vector<ServiceRead> reads, Authority authority) {
  Observed all;
  labels_->select(now, reads, all.facts);
  bool all_answered = true;
  for (auto& one : each_) {
    const auto* const read = read_of(one, reads);
    all_answered = all_answered && read != nullptr && answered(*read);
    if (read == nullptr) {
      continue;
    }
    auto observed = one.observe(now, read->scope, read->read, authority);
    all.desired_changed |= observed.desired_changed;
    std::ranges::move(observed.facts, std::back_inserter(all.facts));
  }
  const bool before = std::exchange(all_answered_, all_answered);
  all.desired_changed |= before != all_answered_ && each_.size() > 1;
  return united(std::move(all));
}

Observed Memberships::restore(TimePoint now, const std::string& service,
                              const std::vector<Ipv4Address>& addresses) {
  const auto found = std::ranges::find(each_, service, &Membership::service);
  return found == each_.end() ? Observed() : united(found->restore(now, addresses));
}

Observed Memberships::set_services(const std::vector<MembershipSettings>& services) {
  Observed changed;
  const auto removed = replace(services, changed.facts);
  if (changed.facts.empty()) {
    return changed;
  }
  changed.desired_changed = true;
  const auto before = desired_;
  spare(*before);
  desired_ = is_alone() ? each_.front().desired() : unite();
  for (const auto& one : removed) {
    add_counters(former_, one.view());
    for (const auto& peer : one.desired()->members) {
      changed.facts.emplace_back(fact::PeerForgotten{peer});
    }
  }
  // One that only the service allowed to be dialled.
  for (const auto& view : member_views()) {
    if (view.state != MemberState::departed && before->dialable.contains(view.node) &&
        !desired_->dialable.contains(view.node)) {
      changed.facts.emplace_back(fact::PeerHeld{view.node, view.reason});
    }
  }
  changed.facts = of_union(changed.facts, *before, *desired_);
  return changed;
}

/// Returns those that are none any more.
std::vector<Membership> Memberships::replace(const std::vector<MembershipSettings>& services,
                                             std::vector<MembershipFact>& facts) {
  std::vector<Membership> next;
  next.reserve(services.size());
  for (const auto& settings : services) {
    const auto known = std::ranges::find(each_, settings.service, &Membership::service);
    if (known == each_.end()) {
      next.emplace_back(settings);
      all_answered_ = false;
      facts.emplace_back(fact::ServiceAdded{settings.service});
    } else {
      next.push_back(std::move(*known));
      each_.erase(known);
    }
  }
  for (const auto& removed : each_) {
    facts.emplace_back(fact::ServiceRemoved{removed.service()});
  }
  return std::exchange(each_, std::move(next));
}

/// A peer that one service has lost may have been a member only of the one that was taken away: this must not
/// disconnect it.
void Memberships::spare(const Desired& before) {
  own_spared_ |= own() == OwnMembership::removed && before.own != OwnMembership::removed;
  for (const auto& one : each_) {
    for (const auto* nodes : {&one.desired()->departed, &one.desired()->suspended}) {
      std::ranges::copy_if(*nodes, std::inserter(spared_, spared_.end()), [&before](const NodeName& node) {
        return !before.departed.contains(node) && !before.suspended.contains(node);
      });
    }
  }
  end_sparing();
}

void Memberships::end_sparing() {
  own_spared_ = own_spared_ && best_own() == OwnMembership::removed;
  std::erase_if(spared_, [this](const NodeName& node) {
    return std::ranges::any_of(
               each_, [&node](const Membership& one) { return one.desired()->members.contains(node); }) ||
           std::ranges::none_of(each_, [&node](const Membership& one) {
             return one.desired()->departed.contains(node) || one.desired()->suspended.contains(node);
           });
  });
}

/// Whether what is desired is what the only service desires.
bool Memberships::is_alone() const { return each_.size() == 1 && spared_.empty() && !own_spared_; }

/// What has changed in one or more of the services, as a change of the union.
Observed Memberships::united(Observed of_services) {
  if (is_alone()) {
    desired_ = each_.front().desired();
    return of_services;
  }
  const auto before = desired_;
  end_sparing();
  if (of_services.desired_changed || before->own != own()) {
    desired_ = is_alone() ? each_.front().desired() : unite();
    of_services.desired_changed = true;
  }
  of_services.facts = of_union(of_services.facts, *before, *desired_);
  return of_services;
}

std::vector<MembershipFact> Memberships::of_union(const std::vector<MembershipFact>& facts,
                                                  const Desired& before, const Desired& after) const {
  std::vector<MembershipFact> kept;
  IsHidden hidden(before, after);
  for (const auto& fact : facts) {
    if (!std::visit(hidden, fact)) {
      kept.push_back(fact);
    }
  }
  if (before.own != after.own) {
    kept.emplace_back(fact::OwnMembershipChanged{before.own, after.own});
  }
  return kept;
}

OwnMembership Memberships::own() const {
  const auto best = best_own();
  return own_spared_ && best == OwnMembership::removed ? OwnMembership::unknown : best;
}

OwnMembership Memberships::best_own() const {
  const auto best =
      std::ranges::min_element(each_, {}, [](const Membership& one) { return rank(one.view().own); });
  return best->view().own;
}

std::shared_ptr<const Desired> Memberships::unite() const {
  auto united = std::make_shared<Desired>();
  united->own = own();
  std::vector<MemberRef> members;
  Desired gone;
  for (const auto& one : each_) {
    one.collect(members, gone);
  }
  take_members(std::move(members), *united);
  // A service that keeps our own container keeps its BEAM, under whichever name the service knows it.
  const std::string kept = united->own == OwnMembership::removed ? "" : own_address_.to_string();
  const auto take = [&](const std::set<NodeName>& from, std::set<NodeName>& into) {
    for (const auto& node : from) {
      if (!united->members.contains(node) && node.host() != kept && !spared_.contains(node)) {
        into.insert(node);
      }
    }
  };
  take(gone.departed, all_answered_ ? united->departed : united->suspended);
  take(gone.suspended, united->suspended);
  // One service confirms what another one cannot.
  for (const auto& node : united->departed) {
    united->suspended.erase(node);
  }
  return united;
}

std::optional<TimePoint> Memberships::wants_read_at() const {
  std::optional<TimePoint> earliest;
  for (const auto& one : each_) {
    const auto when = one.wants_read_at();
    if (when && (!earliest || *when < *earliest)) {
      earliest = when;
    }
  }
  return earliest;
}

MembershipView Memberships::view() const {
  MembershipView all = each_.front().view();
  for (std::size_t i = 1; i < each_.size(); ++i) {
    add(all, each_[i].view());
  }
  add_counters(all, former_);
  all.own = own();
  return all;
}

std::vector<MemberView> Memberships::member_views() const {
  std::vector<MemberView> all = each_.front().member_views();
  if (each_.size() == 1) {
    return all;
  }
  for (std::size_t i = 1; i < each_.size(); ++i) {
    std::ranges::move(each_[i].member_views(), std::back_inserter(all));
  }
  std::vector<MemberView*> order;  // far cheaper to sort than the views
  order.reserve(all.size());
  std::ranges::transform(all, std::back_inserter(order), [](MemberView& view) { return &view; });
  // The states are in the order of what they allow.
  std::ranges::stable_sort(order, [](const MemberView* one, const MemberView* other) {
    const int names = one->node.str().compare(other->node.str());
    return names != 0 ? names < 0 : one->state < other->state;
  });
  const auto again =
      std::ranges::unique(order, {}, [](const MemberView* view) -> const NodeName& { return view->node; });
  order.erase(again.begin(), again.end());
  std::ranges::stable_partition(order, [](const auto* view) { return view->state != MemberState::departed; });
  std::vector<MemberView> united;
  united.reserve(order.size());
  std::ranges::transform(order, std::back_inserter(united),
                         [](MemberView* view) { return std::move(*view); });
  return united;
}

}  // namespace rancher_cnode::membership
