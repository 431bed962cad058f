// The processes of one connected node that monitor a process of ours or are linked to one: they get exit
// signals when we end. Used by cnode, one object per connection. On the loop. Source: ERTS user's guide,
// "Distribution Protocol": MONITOR_P, DEMONITOR_P, LINK, UNLINK_ID, MONITOR_P_EXIT, EXIT.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rancher_cnode/distribution/control_message.hpp"

namespace rancher_cnode::distribution {

class Observers {
 public:
  /// Limit per connection. Processes above it see the connection close instead (noconnection).
  static constexpr std::size_t max_remembered = 10'000;

  void add(const control::Monitor& monitor);
  void add(const control::Link& link);
  void remove(const control::Demonitor& demonitor);
  void remove(const control::Unlink& unlink);
  /// An exit signal ends the link between the two processes.
  void remove(const control::Exit& exit);

  [[nodiscard]] std::size_t size() const { return monitors_.size() + links_.size(); }

  /// Whole frames with an exit signal for each of them, with this reason.
  [[nodiscard]] std::vector<char> exit_signals(std::string_view reason) const;

 private:
  struct Watch {
    Pid watcher;
    std::variant<Pid, std::string> watched;
  };
  using TheirsAndOurs = std::pair<Pid, Pid>;

  std::map<Reference, Watch> monitors_;
  std::set<TheirsAndOurs> links_;
};

}  // namespace rancher_cnode::distribution
