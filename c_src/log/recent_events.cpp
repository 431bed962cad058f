#include "log/recent_events.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace rancher_cnode {
namespace {

/// Cut between two characters.
void cut(std::string& text) {
  if (text.size() <= RecentEvents::longest_text) {
    return;
  }
  std::size_t end = RecentEvents::longest_text;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  while (end > 0 && continues(text[end])) {
    --end;
  }
  text.resize(end);
  text += "...";
  text.shrink_to_fit();
}

}  // namespace

void RecentEvents::add(LoggedEvent event) {
  cut(event.message);
  for (LogField& field : event.fields) {
    if (auto* const text = std::get_if<std::string>(&field.value)) {
      cut(*text);
    }
  }
  event.id = ++last_id_;
  const std::string peer(event.text("peer"));
  events_.emplace_hint(events_.end(), last_id_, Kept{std::move(event)});
  hold(recent_, last_id_, max_events);
  if (!peer.empty()) {
    hold(ids_of(peer), last_id_, max_events_of_peer);
  }
}

std::vector<LoggedEvent> RecentEvents::after(std::uint64_t id, std::size_t limit) const {
  std::vector<LoggedEvent> found;
  for (auto at = events_.upper_bound(id); at != events_.end() && found.size() < limit; ++at) {
    found.push_back(at->second.event);
  }
  return found;
}

std::vector<LoggedEvent> RecentEvents::latest(std::size_t limit) const {
  std::vector<LoggedEvent> found;
  for (auto at = events_.rbegin(); at != events_.rend() && found.size() < limit; ++at) {
    found.push_back(at->second.event);
  }
  return found;
}

void RecentEvents::hold(std::deque<std::uint64_t>& ids, std::uint64_t id, std::size_t limit) {
  ids.push_back(id);
  ++events_.at(id).holders;
  if (ids.size() > limit) {
    release(ids.front());
    ids.pop_front();
  }
}

void RecentEvents::release(std::uint64_t id) {
  const auto at = events_.find(id);
  if (--at->second.holders == 0) {
    events_.erase(at);
  }
}

std::deque<std::uint64_t>& RecentEvents::ids_of(std::string_view peer) {
  if (const auto known = peers_.find(peer); known != peers_.end()) {
    return known->second;
  }
  if (peers_.size() == max_peers) {
    const auto quietest =
        std::ranges::min_element(peers_, {}, [](const auto& each) { return each.second.back(); });
    for (const std::uint64_t id : quietest->second) {
      release(id);
    }
    peers_.erase(quietest);
  }
  return peers_[std::string(peer)];
}

}  // namespace rancher_cnode
