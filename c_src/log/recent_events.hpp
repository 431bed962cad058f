// The recent events: the last of all, and beside them the last of each peer, so that one that is quiet is not
// forgotten because others are not. Used by Log. Bounded: long texts are cut, and the peers that have been
// quiet for longest are forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "rancher_cnode/log/logged_event.hpp"

namespace rancher_cnode {

class RecentEvents {
 public:
  static constexpr std::size_t max_events = 1'000;
  static constexpr std::size_t max_events_of_peer = 20;
  static constexpr std::size_t max_peers = 1'000;
  static constexpr std::size_t longest_text = 256;  ///< bytes of a message or a value

  /// Gives the event the next id.
  void add(LoggedEvent event);
  /// At most `limit` events with a higher id than this, in their order.
  [[nodiscard]] std::vector<LoggedEvent> after(std::uint64_t id, std::size_t limit) const;
  /// At most `limit` events, the latest first.
  [[nodiscard]] std::vector<LoggedEvent> latest(std::size_t limit) const;
  [[nodiscard]] std::uint64_t last_id() const { return last_id_; }

 private:
  struct Kept {
    LoggedEvent event;
    int holders = 0;  ///< lists that have its id
  };
  void hold(std::deque<std::uint64_t>& ids, std::uint64_t id, std::size_t limit);
  void release(std::uint64_t id);
  std::deque<std::uint64_t>& ids_of(std::string_view peer);

  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Kept> events_;
  std::deque<std::uint64_t> recent_;
  std::map<std::string, std::deque<std::uint64_t>, std::less<>> peers_;
};

}  // namespace rancher_cnode
