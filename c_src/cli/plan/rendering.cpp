#include <algorithm>

#include "cli/plan/plan.hpp"
#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/core/wrapped.hpp"

namespace rancher_cnode::cli {
namespace {

constexpr std::size_t action_width = 8;

std::string json_string(std::string_view text) { return '"' + printable(text) + '"'; }

std::string json_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const auto& text : texts) {
    list += (list.empty() ? "[" : ",") + json_string(text);
  }
  return list.empty() ? "[]" : list + "]";
}

/// "2 keep, 1 dial"
std::string sum_of(const Plan& plan) {
  std::string text;
  for (const auto action : {PlannedAction::keep, PlannedAction::dial, PlannedAction::hold,
                            PlannedAction::depart, PlannedAction::leave}) {
    const auto count = std::ranges::count(plan.peers, action, &PlannedPeer::action);
    if (count > 0) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(to_string(action));
    }
  }
  return text.empty() ? "no peers" : text;
}

}  // namespace

std::string as_table(const Plan& plan, std::size_t columns) {
  std::string table =
      wrapped(plan.target.str() + ", by " + readable(plan.url) + ": " + sum_of(plan), columns, action_width) +
      '\n';
  std::size_t width = 0;
  for (const auto& peer : plan.peers) {
    width = std::max(width, peer.node.str().size());
  }
  for (const auto& peer : plan.peers) {
    std::string line(to_string(peer.action));
    line.resize(action_width, ' ');
    line += peer.node.str();
    if (!peer.reason.empty()) {
      line.resize(action_width + width + 2, ' ');
      line += readable(peer.reason);
    }
    table += wrapped(line, columns, action_width + width + 2) + '\n';
  }
  for (const auto& note : plan.notes) {
    table += wrapped(note, columns, action_width) + '\n';
  }
  return table + "Nothing was changed.\n";
}

std::string as_json(const Plan& plan) {
  std::string text = R"({"target":)" + json_string(plan.target.str()) + R"(,"url":)" + json_string(plan.url) +
                     R"(,"version":)" + json_string(plan.version) + R"(,"peers":[)";
  const char* separator = "";
  for (const auto& peer : plan.peers) {
    text += separator;
    text += R"({"node":)" + json_string(peer.node.str()) + R"(,"action":)" +
            json_string(to_string(peer.action)) + R"(,"service":)" + json_string(peer.service) +
            R"(,"reason":)" + json_string(peer.reason) + R"(,"after_ms":)" +
            (peer.after ? std::to_string(peer.after->count()) : "null") + "}";
    separator = ",";
  }
  return text + R"(],"other_settings":)" + json_list(plan.other_settings) + R"(,"notes":)" +
         json_list(plan.notes) + "}\n";
}

}  // namespace rancher_cnode::cli
