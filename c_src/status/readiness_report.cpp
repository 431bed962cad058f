#include "rancher_cnode/status/readiness_report.hpp"

#include <string_view>

namespace rancher_cnode::status {

using reconciler::PeerState;
using reconciler::PeerView;
using status::TargetSnapshot;

namespace {

void append(std::string& text, std::string_view separator, std::string_view more) {
  if (more.empty()) {
    return;
  }
  if (!text.empty()) {
    text += separator;
  }
  text += more;
}

bool is_untried(const PeerView& peer) {
  const bool pending = peer.state == PeerState::queued || peer.state == PeerState::probing ||
                       peer.state == PeerState::dialling;
  return pending && peer.attempts == 0;
}

std::string untried_peers(const TargetSnapshot& target) {
  std::size_t count = 0;
  const PeerView* first = nullptr;
  for (const auto& peer : target.peers) {
    if (is_untried(peer)) {
      first = first == nullptr ? &peer : first;
      ++count;
    }
  }
  if (first == nullptr) {
    return "is connected, and has not listed its connections yet";
  }
  std::string text =
      "is connected; peers not tried yet: " + std::to_string(count) + ", the first " + first->node.str();
  append(text, ": ", first->reason);
  return text;
}

std::string words(const TargetSnapshot& target) {
  std::string text = "target " + target.node.str() + " ";
  switch (target.state) {
    case TargetSnapshot::State::awaited:
      text += "is awaited";
      break;
    case TargetSnapshot::State::unresponsive:
      text += "does not answer";
      break;
    case TargetSnapshot::State::connected:
      return text + untried_peers(target);
  }
  append(text, ": ", target.reason);
  return text;
}

}  // namespace

std::string readiness_report(const membership::MembershipView& view, const UnsyncedTargets& unsynced) {
  std::string text;
  if (!view.last_answer) {
    text = "the metadata has not been read yet";
    append(text, ": ", view.last_failure);
  }
  for (const auto& target : unsynced.some) {
    // Without metadata a connected target has nothing to do.
    if (view.last_answer || target.state != TargetSnapshot::State::connected) {
      append(text, "; ", words(target));
    }
  }
  if (unsynced.count > unsynced.some.size()) {
    append(text, "; ", "and " + std::to_string(unsynced.count - unsynced.some.size()) + " more targets");
  }
  return text.empty() ? "the initial sync is not done yet" : text;
}

}  // namespace rancher_cnode::status
