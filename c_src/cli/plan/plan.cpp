#include "cli/plan/plan.hpp"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <map>
#include <set>
#include <utility>

#include "cli/plan/imagined_target.hpp"

namespace rancher_cnode::cli {
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

/// The services as they were when the running C-node learnt its members. Precondition: there is one.
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
      if (std::ranges::find(input.running->listed_in, read.path) != input.running->listed_in.end()) {
        add(settings.own_address.to_string());
      }
      for (const auto& known : input.running->members) {
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

/// "after 10 s"
std::string when(Milliseconds delay) {
  const auto tenths = (delay.count() + 50) / 100;
  return delay.count() == 0 ? "at once"
                            : "after " + std::to_string(tenths / 10) +
                                  (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " s";
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
        imagined_(input.reconciler, input.connected) {
    if (input.running) {
      known_ = {input.running->members.begin(), input.running->members.end()};
    }
  }

  Plan make() {
    const auto& observation = input_.observation;
    if (input_.running && !is_restart()) {
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
              .other_settings = is_restart() ? input_.running->other_settings : std::vector<std::string>(),
              .notes = {}};
    std::set<NodeName> seen{input_.reconciler.target};
    for (const auto& view : views) {
      if (seen.insert(view.node).second) {
        plan.peers.push_back(planned(view, departures));
      }
    }
    for (const auto* nodes : {&connected_, &known_}) {
      for (const auto& node : *nodes) {
        if (seen.insert(node).second) {
          plan.peers.push_back({node, PlannedAction::leave, why_left(node), {}, {}});
        }
      }
    }
    take_own_departure(plan, departures);
    std::ranges::sort(plan.peers, {}, [](const auto& peer) { return std::pair(peer.action, peer.node); });
    add_notes(plan, guard);
    return plan;
  }

 private:
  /// Nothing of what the running C-node knows counts then.
  [[nodiscard]] bool is_restart() const { return input_.running && !input_.running->other_settings.empty(); }

  [[nodiscard]] std::string why_left(const NodeName& node) const {
    return std::string("not a member by these settings; ") + (!connected_.contains(node) ? "not connected"
                                                              : is_restart()
                                                                  ? "a restart does not disconnect it"
                                                                  : "its connection stays");
  }

  /// This container's: its C-node disconnects its BEAM from all.
  void take_own_departure(Plan& plan, const Departures& departures) const {
    const auto& own = plan.target;
    const auto found = departures.find(own);
    if (found == departures.end() || !imagined_.disconnected().contains(own)) {
      return;
    }
    for (auto& peer : plan.peers) {
      if (peer.action == PlannedAction::keep) {
        peer.reason = "until this container departs";
      }
    }
    plan.peers.push_back({own,
                          PlannedAction::depart,
                          "the metadata lacks this container; it departs " + when(found->second) +
                              ", and this C-node disconnects it from all",
                          {},
                          found->second});
  }

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
    peer.reason =
        "the metadata lacks it; it has departed " + when(found->second) +
        (connected_.contains(peer.node) ? ", and is disconnected by " + who(peer.node) : "; not connected");
  }

  [[nodiscard]] std::string who(const NodeName& departed) const {
    if (imagined_.disconnected().contains(departed)) {
      return "this C-node";
    }
    return input_.reconciler.departed_peers == reconciler::DepartedPolicy::ignore
               ? "this C-node unless it has one of its own"
               : "its own C-node";
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
    if (!input_.running) {
      plan.notes.emplace_back("No C-node answers: this is what one does that starts with these settings.");
    }
    if (is_restart()) {
      plan.notes.push_back("The running C-node has other settings (--" +
                           boost::algorithm::join(plan.other_settings, ", --") +
                           "): this is what one does that starts with these.");
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
  std::set<NodeName> known_;  ///< to the running C-node
  Memberships members_;
  ImaginedTarget imagined_;
};

}  // namespace

Expected<Plan> make_plan(const PlanInput& input) {
  if (const auto why = input.observation.failure(); !why.empty()) {
    return failure(ErrorCode::unavailable, "cannot read the metadata: " + why);
  }
  return Planner(input).make();
}

}  // namespace rancher_cnode::cli
