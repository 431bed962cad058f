#include "rancher_cnode/host/selection.hpp"

#include <algorithm>
#include <utility>

#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode::host {
namespace {

/// How near a BEAM is to the one that is looked for; the nearest is reported.
enum class Match {
  tool,
  unnamed,
  unusable_name,
  short_name,
  no_address,
  other_address,
  other_alive_name,
  usable
};

std::string shown(std::string_view name) { return printable(name, NodeName::max_length); }

std::string_view alive_of(const Beam& beam) {
  return std::string_view(beam.arguments.name).substr(0, beam.arguments.name.find('@'));
}

bool is_tool(const BeamArguments& arguments) {
  return arguments.hidden == Switch::on || arguments.dist_listen == Switch::off || arguments.remsh ||
         arguments.distillery_task == Switch::on;
}

Match match(const Beam& beam, const Criteria& criteria) {
  const auto& arguments = beam.arguments;
  if (is_tool(arguments)) {
    return Match::tool;
  }
  if (arguments.name_kind == NameKind::none) {
    return Match::unnamed;
  }
  if (!NodeName::is_alive_name(alive_of(beam)) || alive_of(beam) == "undefined") {
    return Match::unusable_name;
  }
  if (arguments.name_kind == NameKind::short_name) {
    return Match::short_name;
  }
  const auto name = NodeName::parse(arguments.name);
  const auto address = name.and_then([](const NodeName& node) { return node.address(); });
  if (!address) {
    return Match::no_address;
  }
  if (criteria.own_address ? *address != *criteria.own_address : !address->is_host()) {
    return Match::other_address;
  }
  return criteria.alive_name && *criteria.alive_name != name->alive() ? Match::other_alive_name
                                                                      : Match::usable;
}

std::string advice(const Beam& beam, const Criteria& criteria) {
  const bool has_alive = NodeName::is_alive_name(alive_of(beam)) && alive_of(beam) != "undefined";
  const std::string alive = criteria.alive_name.value_or(has_alive ? std::string(alive_of(beam)) : "NAME");
  const std::string host = criteria.own_address ? criteria.own_address->to_string() : "ADDRESS";
  return "; start the BEAM with -name " + alive + "@" + host;
}

std::string tool_text(const BeamArguments& arguments) {
  const std::string name = arguments.name.empty() ? "nonode" : shown(arguments.name);
  if (arguments.distillery_task == Switch::on) {
    return name + ", a command of Distillery";
  }
  if (arguments.remsh) {
    return name + ", a remote shell of " + shown(*arguments.remsh);
  }
  return name + (arguments.hidden == Switch::on ? ", a hidden node" : ", a node that does not listen");
}

std::string text_of(const Beam& beam, Match match, const Criteria& criteria) {
  const auto name = shown(beam.arguments.name);
  switch (match) {
    case Match::tool:
      return "found only " + tool_text(beam.arguments);
    case Match::unnamed:
      return "found nonode, a BEAM without a name (process " + std::to_string(beam.pid) + ")" +
             advice(beam, criteria);
    case Match::unusable_name:
      return "found '" + name + "', which is no name for a node that others dial" + advice(beam, criteria);
    case Match::short_name:
      return "found " + name + ", a short name" + advice(beam, criteria);
    case Match::no_address:
      return "found " + name + ", whose host is not an IPv4 address" + advice(beam, criteria);
    case Match::other_address:
      return "found " + name + ", but " +
             (criteria.own_address ? "our address is " + criteria.own_address->to_string()
                                   : "other containers cannot reach that address");
    case Match::other_alive_name:
      return "found " + name + ", but its name is to be " + *criteria.alive_name;
    case Match::usable:
      return "found " + name + " (process " + std::to_string(beam.pid) + ")";
  }
  return "";
}

SelectionReason reason_of(Match match) {
  return match == Match::usable    ? SelectionReason::chosen
         : match == Match::unnamed ? SelectionReason::not_yet
                                   : SelectionReason::never;
}

bool is_within(const Beam& beam, pid_t process) {
  return beam.pid == process || std::ranges::find(beam.ancestors, process) != beam.ancestors.end();
}

}  // namespace

Selection select(std::span<const Beam> beams, const Criteria& criteria) {
  const Beam* nearest = nullptr;
  Match nearest_match = Match::tool;
  for (const auto& beam : beams) {
    if (criteria.process && !is_within(beam, *criteria.process)) {
      continue;
    }
    const auto its = match(beam, criteria);
    const bool older = nearest != nullptr &&
                       std::pair(beam.start_time, beam.pid) < std::pair(nearest->start_time, nearest->pid);
    if (nearest == nullptr || its > nearest_match || (its == nearest_match && older)) {
      nearest = &beam;
      nearest_match = its;
    }
  }
  Selection selection;
  if (nearest == nullptr) {
    selection.text = "found no BEAM";
    if (criteria.process) {
      selection.text += " in process " + std::to_string(*criteria.process) + " or below it";
    }
    return selection;
  }
  selection.reason = reason_of(nearest_match);
  selection.text = text_of(*nearest, nearest_match, criteria);
  if (nearest_match == Match::usable) {
    selection.beam = *nearest;
  }
  return selection;
}

}  // namespace rancher_cnode::host
