#include "status/words.hpp"

#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode::status {
namespace {

constexpr std::size_t longest_text = 300;

std::string in_units(Milliseconds time) {
  const auto ms = time.count();
  const auto in = [&](std::int64_t unit) { return std::to_string(ms / unit); };
  const auto both = [&](std::int64_t unit, const char* name, std::int64_t smaller, const char* smaller_name) {
    const auto rest = ms % unit / smaller;
    return in(unit) + name + (rest == 0 ? "" : " " + std::to_string(rest) + smaller_name);
  };
  constexpr std::int64_t second = 1'000;
  constexpr std::int64_t minute = 60 * second;
  constexpr std::int64_t hour = 60 * minute;
  constexpr std::int64_t day = 24 * hour;
  return ms < second   ? in(1) + " ms"
         : ms < minute ? in(second) + " s"
         : ms < hour   ? in(minute) + " min"
         : ms < day    ? both(hour, " h", minute, " min")
                       : both(day, " d", hour, " h");
}

}  // namespace

std::string shown(const std::string& text) { return readable(text, longest_text); }

std::string for_people(const std::optional<Milliseconds>& time) { return time ? in_units(*time) : "-"; }

std::string version_of(const Report& report) {
  return shown(report.version) + (report.build.empty() ? "" : " " + shown(report.build));
}

std::string name_of_cnode(const Report& report) {
  return report.node.empty() ? "name not known yet" : shown(report.node);
}

std::string authoritative_answer(const Report::Metadata& metadata) {
  return metadata.last_authoritative ? for_people(metadata.last_authoritative) + " ago"
         : metadata.last_answer      ? "never; last answer " + for_people(metadata.last_answer) + " ago"
                                     : "never";
}

std::string name_of(const Report& report, const Report::Peer& peer) {
  return peer.node +
         (report.metadata.services.size() > 1 && !peer.service.empty() ? " of " + peer.service : "") +
         (report.targets.size() > 1 ? " seen by " + peer.target : "");
}

std::string next_step(const Report::Peer& peer) {
  if (peer.state == "waiting" && peer.next_attempt) {
    return "attempt " + std::to_string(peer.attempts + 1) + " in " + for_people(*peer.next_attempt);
  }
  if (peer.state == "held") {
    return peer.dialable ? "dialled once the member answers" : "dialled once metadata allows it";
  }
  if (peer.state == "queued") {
    return "attempt " + std::to_string(peer.attempts + 1) + " is queued";
  }
  if (peer.state == "probing" || peer.state == "inspecting" || peer.state == "dialling") {
    return "attempt " + std::to_string(peer.attempts + 1) + " is running";
  }
  return {};
}

}  // namespace rancher_cnode::status
