#include "cli/plan/plan.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

namespace rancher_cnode::cli {
namespace action = reconciler::action;
namespace event = reconciler::event;
using membership::Memberships;
using membership::MemberState;

namespace {

/// Any will do; not the clock's first moment, from which no time could be subtracted.
constexpr TimePoint start{std::chrono::hours(1)};
constexpr Milliseconds read_gap{1'000};
/// Enough for one list of connections.
constexpr Milliseconds listing_time{500};
/// Far more than a reconciler needs for its first dials, newcomers' patience included.
constexpr Milliseconds dialling_time{30'000};
/// Reads until a departure is given up: a day of them, at the pace of a suspicion.
constexpr std::size_t most_reads = 40'000;

/// Whether the peers can be dialled, or only the list of connections is taken.
enum class Dials { fail, succeed };

/// Executes the actions of one reconciler in thought.
class Imagined {
 public:
  Imagined(const reconciler::ReconcilerSettings& settings, const std::vector<NodeName>& connected)
      : reconciler_(settings), connected_(connected.begin(), connected.end()) {}

  void run(TimePoint now, const std::shared_ptr<const membership::Desired>& desired, Milliseconds duration,
           Dials dials) {
    dials_ = dials;
    take(reconciler_.step(now, event::DesiredChanged{desired}));
    if (!std::exchange(up_, true)) {
      take(reconciler_.step(now, event::TargetUp{}));
    }
    const TimePoint end = now + duration;
    while (now <= end) {
      while (!actions_.empty()) {
        const auto next = actions_.front();
        actions_.pop_front();
        take(reconciler_.step(now, std::visit([this](const auto& what) { return result_of(what); }, next)));
      }
      now = std::max(reconciler_.next_wake(), now + Milliseconds(1));
      if (now <= end) {
        take(reconciler_.step(now, event::Tick{}));
      }
    }
  }

  [[nodiscard]] const std::set<NodeName>& dialled() const { return dialled_; }
  [[nodiscard]] const std::set<NodeName>& disconnected() const { return disconnected_; }
  [[nodiscard]] std::string reason_of(const NodeName& node) const {
    const auto peer = reconciler_.peer(node);
    return peer ? std::string(peer->reason) : "";
  }

 private:
  void take(reconciler::Step step) { std::ranges::move(step.actions, std::back_inserter(actions_)); }

  reconciler::Event result_of(const action::ListConnections& list) {
    return event::ConnectionsListed{list.id, {connected_.begin(), connected_.end()}};
  }
  reconciler::Event result_of(const action::Probe& probe) {
    using reconciler::ProbeOutcome;
    return event::Probed{probe.id, dials_ == Dials::succeed ? ProbeOutcome::found : ProbeOutcome::no_answer,
                         1};
  }
  reconciler::Event result_of(const action::Inspect& inspection) {
    return event::Inspected{inspection.id, reconciler::InspectOutcome::clear};
  }
  reconciler::Event result_of(const action::Dial& dial) {
    if (dials_ == Dials::fail) {
      return event::Dialled{dial.id, reconciler::DialOutcome::refused};
    }
    dialled_.insert(dial.peer);
    connected_.insert(dial.peer);
    return event::Dialled{dial.id, reconciler::DialOutcome::connected};
  }
  reconciler::Event result_of(const action::Disconnect& disconnect) {
    disconnected_.insert(disconnect.peer);
    connected_.erase(disconnect.peer);
    return event::Disconnected{disconnect.id, reconciler::DisconnectOutcome::done};
  }

  reconciler::Reconciler reconciler_;
  bool up_ = false;
  Dials dials_ = Dials::succeed;
  std::set<NodeName> connected_;
  std::set<NodeName> dialled_;
  std::set<NodeName> disconnected_;
  std::deque<reconciler::Action> actions_;
};

/// The services as they were when the running C-node learnt its members.
std::vector<membership::ServiceRead> reads_before(const PlanInput& input) {
  auto reads = input.observation.reads;
  for (auto& read : reads) {
    auto* const service = std::get_if<membership::Service>(&read.read);
    if (service == nullptr) {
      continue;
    }
    std::set<std::string> listed;
    for (const auto& container : service->containers) {
      listed.insert(container.primary_ip.value_or(""));
    }
    const auto add = [&](const std::string& address) {
      if (listed.insert(address).second) {
        service->containers.push_back({.uuid = "known-" + address,
                                       .name = address,
                                       .primary_ip = address,
                                       .ips = {address},
                                       .state = "running",
                                       .health_state = {},
                                       .network_from_container_uuid = {},
                                       .labels = {}});
      }
    };
    for (const auto& settings : input.memberships) {
      if (membership::path_of(settings.service) != read.path) {
        continue;
      }
      if (read.scope == membership::ReadScope::self) {
        add(settings.own_address.to_string());
      }
      for (const auto& known : input.known) {
        if (known.alive() == settings.node_basename) {
          add(std::string(known.host()));
        }
      }
    }
  }
  return reads;
}

using Departures = std::map<NodeName, Milliseconds>;

/// Reads the same answer again until nobody is suspected any more.
Departures departures_of(Memberships& members, const metadata::Observation& observation, TimePoint first) {
  Departures departures;
  const auto note = [&](TimePoint now) {
    for (const auto& node : members.desired()->departed) {
      departures.try_emplace(node, std::chrono::duration_cast<Milliseconds>(now - first));
    }
  };
  note(first);
  for (std::size_t read = 0; read < most_reads; ++read) {
    const auto views = members.member_views();
    const bool waits =
        std::ranges::any_of(views, [](const auto& view) { return view.state == MemberState::suspected; });
    const auto when = members.wants_read_at();
    if (!waits || !when) {
      break;
    }
    members.observe(*when, observation.reads, observation.authority);
    note(*when);
  }
  return departures;
}

std::string seconds(Milliseconds time) {
  const auto tenths = (time.count() + 50) / 100;
  return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " s";
}

}  // namespace

std::string_view to_string(PlannedAction action) {
  switch (action) {
    case PlannedAction::keep:
      return "keep";
    case PlannedAction::dial:
      return "dial";
    case PlannedAction::hold:
      return "hold";
    case PlannedAction::depart:
      return "depart";
    case PlannedAction::leave:
      return "leave";
  }
  return "leave";
}

namespace {

/// Makes the plan of one input.
class Planner {
 public:
  explicit Planner(const PlanInput& input)
      : input_(input),
        connected_(input.connected.begin(), input.connected.end()),
        members_(input.memberships, input.labels),
        imagined_(input.reconciler, input.connected) {}

  Plan make() {
    const auto& observation = input_.observation;
    if (!input_.known.empty()) {
      members_.observe(start, reads_before(input_));
      imagined_.run(start, members_.desired(), listing_time, Dials::fail);
    }
    const TimePoint now = start + read_gap;
    members_.observe(now, observation.reads, observation.authority);
    const auto desired = members_.desired();
    const auto views = members_.member_views();
    const auto guard = members_.view().mass_removal_guard;
    imagined_.run(now, desired, dialling_time, Dials::succeed);
    const auto departures = departures_of(members_, observation, now);
    imagined_.run(now + dialling_time + Milliseconds(1), members_.desired(), dialling_time, Dials::succeed);

    Plan plan{.target = input_.reconciler.target,
              .url = observation.url,
              .version = observation.version,
              .peers = {},
              .notes = {}};
    std::set<NodeName> seen{input_.reconciler.target};
    for (const auto& view : views) {
      if (seen.insert(view.node).second) {
        plan.peers.push_back(planned(view, departures));
      }
    }
    for (const auto& node : connected_) {
      if (seen.insert(node).second) {
        plan.peers.push_back(
            {node, PlannedAction::leave, "connected, and not a member by these settings", {}, {}});
      }
    }
    std::ranges::sort(plan.peers, {}, [](const auto& peer) { return std::pair(peer.action, peer.node); });
    add_notes(plan, guard);
    return plan;
  }

 private:
  PlannedPeer planned(const membership::MemberView& view, const Departures& departures) {
    PlannedPeer peer{.node = view.node,
                     .action = PlannedAction::hold,
                     .reason = view.reason,
                     .service = view.service,
                     .after = {}};
    const bool connected = connected_.contains(view.node);
    const std::string now = connected ? "; its connection stays" : "; not connected";
    switch (view.state) {
      case MemberState::dialable:
        peer.action = connected                                 ? PlannedAction::keep
                      : imagined_.dialled().contains(view.node) ? PlannedAction::dial
                                                                : PlannedAction::hold;
        if (peer.action == PlannedAction::hold) {
          peer.reason = imagined_.reason_of(view.node);
        }
        break;
      case MemberState::held:
        peer.reason += now;
        break;
      case MemberState::suspected:
      case MemberState::departed:
        depart(peer, departures, now);
        break;
    }
    return peer;
  }

  void depart(PlannedPeer& peer, const Departures& departures, const std::string& now) {
    const auto found = departures.find(peer.node);
    if (found == departures.end()) {
      peer.reason = "the metadata lacks it, and these settings disconnect nobody" + now;
      return;
    }
    peer.action = PlannedAction::depart;
    peer.after = found->second;
    const std::string by = imagined_.disconnected().contains(peer.node) ? "this C-node" : "its own C-node";
    peer.reason = "the metadata lacks it; it has departed " +
                  (found->second.count() == 0 ? "at once" : "after " + seconds(found->second)) +
                  (connected_.contains(peer.node) ? ", and is disconnected by " + by : "; not connected");
  }

  void add_notes(Plan& plan, const std::optional<membership::MassRemovalGuardView>& guard) const {
    if (guard) {
      plan.notes.push_back("The mass-removal guard is on: " + std::to_string(guard->missing) + " of " +
                           std::to_string(guard->known) + " are missing.");
    }
    if (members_.view().incomplete_reads > 0 ||
        input_.observation.authority == membership::Authority::may_only_add) {
      plan.notes.emplace_back(
          "This answer may only add peers, because it does not list this container or is of a later URL.");
    }
    const bool departs = std::ranges::any_of(
        plan.peers, [](const auto& peer) { return peer.action == PlannedAction::depart; });
    if (departs) {
      plan.notes.emplace_back(
          "A C-node that starts again does not remember departing peers: it leaves their connections alone.");
    }
  }

  const PlanInput& input_;
  std::set<NodeName> connected_;
  Memberships members_;
  Imagined imagined_;
};

}  // namespace

Expected<Plan> make_plan(const PlanInput& input) {
  if (const auto why = input.observation.failure(); !why.empty()) {
    return failure(ErrorCode::unavailable, "cannot read the metadata: " + why);
  }
  return Planner(input).make();
}

}  // namespace rancher_cnode::cli
