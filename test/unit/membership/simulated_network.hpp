// The BEAMs of a simulated cluster and the links among them, as plain values: which hosts can be reached,
// which links stand. Time is the world's business.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "rancher_cnode/clock.hpp"

namespace rancher_cnode::membership::simulation {

struct Beam {
  bool up = true;           ///< the BEAM runs and is registered
  bool epmd = true;         ///< its epmd answers
  bool reachable = true;    ///< false: packets to and from the host vanish
  bool same_cookie = true;  ///< false: dials to it and from it fail
  bool stalled = false;     ///< answers its C-node late
  bool alive = true;        ///< false: does not take part in distribution, and ignores each dial
  bool mute = false;        ///< answers no dial that it is asked for, though it makes the link
  bool drops = false;       ///< every new link to it goes as soon as it comes
  bool old_otp = false;     ///< it has no way to part that spares the others
  bool clingy = false;      ///< its application connects again to whom it was disconnected from
  bool foreign = false;     ///< of another service, at an address that was ours
  TimePoint hangs_until;    ///< whatever it is asked waits until then
  int boots = 0;
  /// In epmd: another one after each start.
  [[nodiscard]] std::uint16_t port() const { return static_cast<std::uint16_t>(1 + boots); }
  std::set<int> links;  ///< as it sees it: after an outage the other end may see it otherwise
};

class SimulatedNetwork {
 public:
  explicit SimulatedNetwork(int hosts) : beams_(static_cast<std::size_t>(hosts) + 1) {}

  [[nodiscard]] Beam& beam(int number) { return beams_[static_cast<std::size_t>(number)]; }
  [[nodiscard]] const Beam& beam(int number) const { return beams_[static_cast<std::size_t>(number)]; }
  [[nodiscard]] int hosts() const { return static_cast<int>(beams_.size()) - 1; }

  [[nodiscard]] bool can_link(int a, int b) const {
    const Beam& from = beam(a);
    const Beam& to = beam(b);
    return a != b && from.up && to.up && reach(a, b) && from.same_cookie && to.same_cookie;
  }
  /// Packets pass between the two hosts.
  [[nodiscard]] bool reach(int a, int b) const {
    return beam(a).reachable && beam(b).reachable && !partitions_.contains(std::minmax(a, b));
  }
  void part(int a, int b) { partitions_.insert(std::minmax(a, b)); }
  void join(int a, int b) { partitions_.erase(std::minmax(a, b)); }
  void join_all() { partitions_.clear(); }
  [[nodiscard]] bool linked(int a, int b) const {
    return beam(a).links.contains(b) && beam(b).links.contains(a);
  }
  /// The others take this one for gone, and it does not know.
  void forget(int number) {
    for (Beam& other : beams_) {
      other.links.erase(number);
    }
  }
  void link(int a, int b) {
    beam(a).links.insert(b);
    beam(b).links.insert(a);
  }
  void cut(int a, int b) {
    beam(a).links.erase(b);
    beam(b).links.erase(a);
  }
  void cut_all(int number) {
    const std::set<int> links = beam(number).links;
    for (const int other : links) {
      cut(number, other);
    }
  }

 private:
  std::vector<Beam> beams_;
  std::set<std::pair<int, int>> partitions_;  ///< pairs, the lower number first
};

}  // namespace rancher_cnode::membership::simulation
