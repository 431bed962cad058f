// The BEAMs of a simulated cluster and the connections among them, as plain values: which hosts can be
// reached, which connections stand. Time is the world's business.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::simulation {

using namespace membership;
using namespace reconciler;

struct Beam {
  bool up = true;           ///< the BEAM runs and is registered
  bool epmd = true;         ///< its epmd answers
  bool reachable = true;    ///< false: packets to and from the host vanish
  bool same_cookie = true;  ///< false: dials to it and from it fail
  bool stalled = false;     ///< answers its C-node late
  bool alive = true;        ///< false: does not take part in distribution, and ignores each dial
  bool mute = false;        ///< answers no dial that it is asked for, though it makes the connection
  bool drops = false;       ///< every new connection to it goes as soon as it comes
  bool old_otp = false;     ///< it has no way to part that spares the others
  bool clingy = false;      ///< its application connects again to whom it was disconnected from
  bool foreign = false;     ///< of another service, at an address that was ours
  TimePoint hangs_until;    ///< whatever it is asked waits until then
  int boots = 0;
  /// In epmd: another one after each start.
  [[nodiscard]] std::uint16_t port() const { return static_cast<std::uint16_t>(1 + boots); }
  std::set<int> connections;  ///< as it sees it: after an outage the other end may see it otherwise
};

class SimulatedNetwork {
 public:
  explicit SimulatedNetwork(int hosts) : beams_(static_cast<std::size_t>(hosts) + 1) {}

  [[nodiscard]] Beam& beam(int number) { return beams_[static_cast<std::size_t>(number)]; }
  [[nodiscard]] const Beam& beam(int number) const { return beams_[static_cast<std::size_t>(number)]; }
  [[nodiscard]] int hosts() const { return static_cast<int>(beams_.size()) - 1; }

  [[nodiscard]] bool can_connect(int a, int b) const {
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
  [[nodiscard]] bool connected(int a, int b) const {
    return beam(a).connections.contains(b) && beam(b).connections.contains(a);
  }
  /// The others take this one for gone, and it does not know.
  void forget(int number) {
    for (Beam& other : beams_) {
      other.connections.erase(number);
    }
  }
  void connect(int a, int b) {
    beam(a).connections.insert(b);
    beam(b).connections.insert(a);
  }
  void cut(int a, int b) {
    beam(a).connections.erase(b);
    beam(b).connections.erase(a);
  }
  void cut_all(int number) {
    const std::set<int> connections = beam(number).connections;
    for (const int other : connections) {
      cut(number, other);
    }
  }

 private:
  std::vector<Beam> beams_;
  std::set<std::pair<int, int>> partitions_;  ///< pairs, the lower number first
};

}  // namespace rancher_cnode::simulation
