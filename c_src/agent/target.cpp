#include "target.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <random>
#include <utility>

#include "leave.hpp"
#include "rancher_cnode/distribution/epmd.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using boost::system::error_code;
using distribution::CallResult;
using distribution::TermBytes;
using distribution::TermReader;
using distribution::TermWriter;
using membership::DialOutcome;
using membership::LeaveOutcome;
using membership::ProbeOutcome;
namespace event = membership::event;
namespace action = membership::action;

namespace {

/// A BEAM on our own host is looked for often while it boots, then less often; another host's with growing
/// delays.
constexpr Milliseconds look_often{50};
constexpr Milliseconds look_seldom{250};
constexpr Milliseconds look_often_for{10'000};
constexpr Milliseconds remote_look_first{100};
constexpr Milliseconds remote_look_limit{10'000};

constexpr Milliseconds list_limit{5'000};
constexpr Milliseconds probe_limit{1'000};
/// Above net_kernel's own net_setuptime of 7 s, after which a dial is false.
constexpr Milliseconds dial_limit{15'000};

std::uint64_t random_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32U) | source();
}

membership::ReconcilerSettings reconciler_settings(const Config& config, const NodeName& name) {
  membership::ReconcilerSettings settings{.target = name};
  settings.max_dials = config.max_dials;
  settings.probe = config.probe;
  settings.seed = random_seed();
  return settings;
}

ProbeOutcome outcome_of(const Expected<std::uint16_t>& port) {
  if (port) {
    return ProbeOutcome::found;
  }
  switch (port.error().code) {
    case ErrorCode::not_found:
      return ProbeOutcome::not_registered;
    case ErrorCode::refused:
      return ProbeOutcome::refused;
    default:
      return ProbeOutcome::no_answer;
  }
}

DialOutcome outcome_of(const CallResult& result) {
  if (!result) {
    return DialOutcome::no_reply;
  }
  TermReader reader(*result);
  if (reader.accept_atom("true")) {
    return DialOutcome::linked;
  }
  return reader.accept_atom("ignored") ? DialOutcome::not_alive : DialOutcome::refused;
}

/// A list of node names. Names that we would not use ourselves are left out: nothing is done about them
/// anyway.
Expected<std::vector<NodeName>> node_names(const TermBytes& term) {
  TermReader reader(term);
  const auto length = reader.list();
  if (!length) {
    return tl::unexpected(length.error());
  }
  std::vector<NodeName> names;
  for (std::uint32_t i = 0; i < *length; ++i) {
    const auto atom = reader.atom();
    if (!atom) {
      return tl::unexpected(atom.error());
    }
    if (auto name = NodeName::parse(*atom)) {
      names.push_back(std::move(*name));
    }
  }
  return names;
}

std::int64_t milliseconds_since(TimePoint began) {
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - began).count();
}

}  // namespace

Target::Target(asio::io_context& loop, distribution::CNode& cnode, const Config& config, const Log& log,
               NodeName name)
    : loop_(loop),
      cnode_(cnode),
      config_(config),
      log_(log),
      name_(std::move(name)),
      link_log_(log, name_),
      local_(name_.host() == cnode.name().host()),
      reconciler_(reconciler_settings(config, name_)),
      wake_(loop),
      look_timer_(loop),
      looking_since_(Clock::now()),
      since_(looking_since_),
      look_delay_(remote_look_first) {}

void Target::start() {
  if (cnode_.linked(name_)) {
    link_up();
  } else {
    look();
  }
}

void Target::stop() {
  stopped_ = true;
  stepped = nullptr;
  wake_.cancel();
  look_timer_.cancel();
}

void Target::look() {
  if (stopped_ || up_ || looking_) {
    return;
  }
  looking_ = true;
  cnode_.connect(name_, [self = shared_from_this()](const auto& connected) {
    self->looking_ = false;
    if (!self->stopped_ && !self->up_ && !connected) {
      self->not_found(connected.error());
      self->look_later();
    }
  });
}

void Target::look_later() {
  Milliseconds delay = look_delay_;
  if (local_) {
    delay = Clock::now() - looking_since_ < look_often_for ? look_often : look_seldom;
  } else {
    look_delay_ = std::min(look_delay_ * 2, remote_look_limit);
  }
  look_timer_.expires_after(delay);
  look_timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled) {
      self->look();
    }
  });
}

void Target::not_found(const distribution::ConnectFailure& failed) {
  if (std::exchange(reason_, failed.error.message) == failed.error.message) {
    return;
  }
  // Nobody there is normal life while the release boots; a node that is there and says no is not.
  const bool absent = failed.stage == "epmd" || failed.stage == "connect";
  log_.write(absent ? LogLevel::info : LogLevel::warning, absent ? "target_awaited" : "target_refuses",
             failed.error.message, {{"target", name_.str()}, {"stage", failed.stage}});
}

void Target::link_up() {
  if (stopped_ || up_) {
    return;
  }
  up_ = true;
  since_ = Clock::now();
  reason_.clear();
  responding_ = true;
  look_timer_.cancel();
  log_.info("target_linked", "", {{"target", name_.str()}, {"took_ms", milliseconds_since(looking_since_)}});
  step(event::TargetUp{});
}

void Target::link_down(const Error& why) {
  if (stopped_ || !up_) {
    return;
  }
  up_ = false;
  since_ = looking_since_ = Clock::now();
  look_delay_ = remote_look_first;
  reason_ = why.message;
  link_log_.forget();
  log_.warning("target_lost", why.message, {{"target", name_.str()}});
  step(event::TargetDown{});
  look();
}

void Target::desired_changed(const std::shared_ptr<const membership::Desired>& desired) {
  link_log_.desired(desired);
  step(event::DesiredChanged{desired});
}

void Target::news() {
  look_delay_ = remote_look_first;
  step(event::News{});
}

status::TargetSnapshot Target::snapshot() const {
  using State = status::TargetSnapshot::State;
  const State linked = responding_ ? State::linked : State::not_responding;
  return {.node = name_,
          .state = up_ ? linked : State::awaited,
          .reason = reason_,
          .since = since_,
          .first_round_done = reconciler_.first_round_done(),
          .peers = reconciler_.peers(),
          .leavers = reconciler_.leavers(),
          .counters = reconciler_.counters()};
}

void Target::step(const membership::Event& event) {
  if (stopped_) {
    return;
  }
  for (const auto& action : reconciler_.step(Clock::now(), event)) {
    act(action);
  }
  wake_later();
  if (stepped) {
    stepped();
  }
}

void Target::wake_later() {
  const TimePoint when = reconciler_.next_wake();
  if (when == TimePoint::max()) {
    wake_.cancel();
    return;
  }
  wake_.expires_at(when);
  wake_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled) {
      self->step(event::Tick{});
    }
  });
}

void Target::act(const membership::Action& action) {
  std::visit([this](const auto& what) { carry_out(what); }, action);
}

void Target::carry_out(const action::ListLinks& list) {
  TermWriter arguments;
  if (config_.list_nodes) {
    arguments.nil();
  } else {
    arguments.list(1).atom("connected").nil();
  }
  cnode_.call(
      name_, config_.list_nodes.value_or(ModuleFunction{"erlang", "nodes"}), arguments.bytes(), list_limit,
      [self = shared_from_this(), id = list.id](const CallResult& result) { self->listed(id, result); });
}

void Target::listed(membership::ActionId id, const CallResult& result) {
  if (stopped_ || !up_) {
    return;
  }
  auto links = result.and_then([](const TermBytes& term) { return node_names(term); });
  if (!links) {
    set_responding(links.error().message);
    step(event::ListFailed{id});
    return;
  }
  set_responding("");
  link_log_.listed(*links);
  step(event::LinksListed{id, std::move(*links)});
}

void Target::carry_out(const action::Probe& probe) {
  auto self = shared_from_this();
  asio::co_spawn(
      loop_,
      [self, probe]() -> asio::awaitable<void> {
        // The host of every peer is an address: membership makes no other names.
        const auto address = Ipv4Address::parse(probe.peer.host()).value_or(Ipv4Address{});
        const auto port = co_await distribution::epmd_port(address, self->config_.epmd_port,
                                                           std::string(probe.peer.alive()), probe_limit);
        if (self->stopped_) {
          co_return;
        }
        if (!port) {
          self->link_log_.failed(probe.peer, port.error().message);
        }
        self->step(event::Probed{probe.id, outcome_of(port)});
      },
      asio::detached);
}

void Target::carry_out(const action::Dial& dial) {
  TermWriter arguments;
  arguments.list(1).atom(dial.peer.str()).nil();
  cnode_.call(name_, config_.connect, arguments.bytes(), dial_limit,
              [self = shared_from_this(), dial, began = Clock::now()](const CallResult& result) {
                self->dialled(dial, began, result);
              });
}

void Target::dialled(const action::Dial& dial, TimePoint began, const CallResult& result) {
  if (stopped_ || !up_) {
    return;
  }
  const DialOutcome outcome = outcome_of(result);
  switch (outcome) {
    case DialOutcome::linked:
      link_log_.linked(dial.peer, began);
      break;
    case DialOutcome::refused:
      link_log_.failed(dial.peer,
                       config_.probe == ProbeMode::epmd
                           ? "it is registered, but the BEAM cannot link to it: probably the cookie or the "
                             "release differs"
                           : "the BEAM cannot link to it");
      break;
    case DialOutcome::not_alive:
      link_log_.failed(dial.peer, "the BEAM is not alive as a node");
      break;
    case DialOutcome::no_reply:
      link_log_.failed(dial.peer, result.error().message);
      break;
  }
  step(event::Dialled{dial.id, outcome});
}

void Target::carry_out(const action::Leave& leave) {
  ask_to_leave(cnode_, {leave.peer, name_, config_.disconnect},
               [self = shared_from_this(), leave](const LeaveResult& result) {
                 if (self->stopped_) {
                   return;
                 }
                 const bool done = result.outcome == LeaveOutcome::done;
                 self->log_.write(done ? LogLevel::info : LogLevel::warning,
                                  done ? "peer_asked_to_leave" : "peer_does_not_leave", result.detail,
                                  {{"target", self->name_.str()}, {"peer", leave.peer.str()}});
                 self->step(event::Left{leave.id, result.outcome});
               });
}

void Target::set_responding(const std::string& trouble) {
  const bool responding = trouble.empty();
  reason_ = trouble;
  if (std::exchange(responding_, responding) == responding) {
    return;
  }
  if (responding) {
    log_.info("target_responds", "the target answers again", {{"target", name_.str()}});
  } else {
    log_.warning("target_not_responding", trouble, {{"target", name_.str()}});
  }
}

}  // namespace rancher_cnode::agent
