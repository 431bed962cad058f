#include "what_is_missing.hpp"

#include <string_view>

namespace rancher_cnode::agent {

using membership::PeerState;
using membership::PeerView;
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
  const bool at_work = peer.state == PeerState::queued || peer.state == PeerState::probing ||
                       peer.state == PeerState::dialling;
  return at_work && peer.attempts == 0;
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
    return "is linked, and has not told its links yet";
  }
  std::string text =
      "is linked; peers not tried yet: " + std::to_string(count) + ", the first " + first->node.str();
  append(text, ": ", first->reason);
  return text;
}

std::string words(const TargetSnapshot& target) {
  std::string text = "target " + target.node.str() + " ";
  switch (target.state) {
    case TargetSnapshot::State::awaited:
      text += "is awaited";
      break;
    case TargetSnapshot::State::not_responding:
      text += "does not respond";
      break;
    case TargetSnapshot::State::linked:
      return text + untried_peers(target);
  }
  append(text, ": ", target.reason);
  return text;
}

}  // namespace

std::string what_is_missing(const membership::MembershipView& view, const Unfinished& unfinished) {
  std::string text;
  if (!view.last_good) {
    text = "the metadata has not been read yet";
    append(text, ": ", view.last_failure);
  }
  for (const auto& target : unfinished.some) {
    // Without metadata, one that is linked has nothing to do.
    if (view.last_good || target.state != TargetSnapshot::State::linked) {
      append(text, "; ", words(target));
    }
  }
  if (unfinished.count > unfinished.some.size()) {
    append(text, "; ", "and " + std::to_string(unfinished.count - unfinished.some.size()) + " more targets");
  }
  return text.empty() ? "the first round is not done yet" : text;
}

}  // namespace rancher_cnode::agent
