#include "agent/discovery.hpp"

#include <utility>

#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/host/selection.hpp"

namespace rancher_cnode::agent {
namespace {

/// A BEAM may have another alive name than its peers: then it is the only one on our address.
host::Selection select(const std::vector<host::Beam>& beams, const host::Criteria& criteria) {
  auto selection = host::select(beams, criteria);
  if (!selection.beam && criteria.alive_name) {
    host::Criteria any_name = criteria;
    any_name.alive_name.reset();
    if (auto other = host::select(beams, any_name); other.beam) {
      return other;
    }
  }
  return selection;
}

}  // namespace

Discovery::Discovery(Timers& timers, const Config& config, const Log& log, host::ProcessTable processes,
                     Handlers handlers)
    : timers_(timers),
      config_(config),
      log_(log),
      processes_(std::move(processes)),
      handlers_(std::move(handlers)) {}

void Discovery::start(Ipv4Address own) {
  own_ = own;
  alive_until_ = timers_.now();
  look();
}

void Discovery::look_again() {
  if (own_) {
    current_.reset();
    look();
  }
}

void Discovery::look() {
  if (!current_ || !processes_.lives(*current_)) {
    current_.reset();
    look_for_one();
  }
  timer_ = timers_.call_after(interval, [this]() { look(); });
  if (config_.exit_with_beam == Switch::on) {
    check_end();
  }
}

void Discovery::look_for_one() {
  const auto beams = processes_.beams();
  const auto alive_name = config_.node_basename.empty() ? std::nullopt : std::optional(config_.node_basename);
  const auto selection =
      select(beams, {.own_address = own_, .alive_name = alive_name, .process = config_.watch_pid});
  switch (selection.reason) {
    case host::SelectionReason::chosen:
      take(*selection.beam);
      break;
    case host::SelectionReason::nothing_runs:
    case host::SelectionReason::not_yet:
      report_absence(selection.text);
      break;
    case host::SelectionReason::never:
      report(LogLevel::warning, selection.text);
      break;
  }
}

void Discovery::take(const host::Beam& beam) {
  const auto cookie = cookie_for(beam);
  if (!cookie) {
    report(LogLevel::warning,
           "found " + beam.arguments.name + ", but not its cookie: " + cookie.error().message);
    return;
  }
  current_ = beam;
  seen_ = true;
  noticed_.clear();
  log_.info("beam_found", "",
            {{"node", beam.arguments.name}, {"pid", beam.pid}, {"cookie_from", cookie->source}});
  handlers_.found({.name = *NodeName::parse(beam.arguments.name),
                   .cookie = cookie->cookie,
                   .epmd_port = beam.arguments.epmd_port.value_or(config_.epmd_port),
                   .dist_port = host::dist_port_of(beam, config_),
                   .distribution = host::distribution_of(beam, config_)});
}

/// What is set wins; what was only found for want of a setting counts where the BEAM's own cannot be read.
Expected<host::BeamCookie> Discovery::cookie_for(const host::Beam& beam) const {
  if (config_.cookie_origin == CookieOrigin::setting) {
    return cookie_of(config_).map([](Cookie cookie) {
      return host::BeamCookie{std::move(cookie), "the settings"};
    });
  }
  auto cookie = processes_.cookie_of(beam);
  const bool readable = cookie || cookie.error().code != ErrorCode::unavailable;
  if (!readable && !config_.cookie.empty()) {
    return host::BeamCookie{config_.cookie, "the environment"};
  }
  return cookie;
}

/// Where all is set, the BEAM may be in another container, whose processes are not seen, or get its name
/// later.
void Discovery::report_absence(const std::string& text) {
  const auto cookie = cookie_of(config_);
  if (!cookie) {
    report(LogLevel::warning, "no cookie: " + cookie.error().message);
  } else if (config_.node_basename.empty() || cookie->empty()) {
    report(LogLevel::info, text);
  }
}

void Discovery::report(LogLevel level, const std::string& text) {
  const auto now = timers_.now();
  if (std::exchange(noticed_, text) != text) {
    noticed_since_ = now;
    reported_ = false;
  }
  if (!reported_ && now - noticed_since_ >= report_delay) {
    reported_ = true;
    if (level == LogLevel::info) {
      log_.info("beam_awaited", text);
    } else {
      log_.warning("beam_awaited", text);
    }
  }
}

void Discovery::check_end() {
  const auto now = timers_.now();
  // One that has no cookie file yet is starting.
  const bool starts = !seen_ && !processes_.beams().empty();
  if (current_ || starts || processes_.has_beam_starter()) {
    alive_until_ = now;
  } else if (now - alive_until_ >= (seen_ ? end_delay : first_start_limit)) {
    handlers_.ended();
  }
}

}  // namespace rancher_cnode::agent
