// Who at the other end of one link monitors a process of ours, or is linked to one: they are told when we
// end. Used by cnode, one object a link. On the loop. Source: ERTS user's guide, "Distribution Protocol":
// MONITOR_P, DEMONITOR_P, LINK, UNLINK_ID, MONITOR_P_EXIT, EXIT.
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
  /// What one link may make us remember. Those above it see the link close instead (noconnection).
  static constexpr std::size_t max_remembered = 10'000;

  void add(const control::Monitor& monitor);
  void add(const control::Link& link);
  void remove(const control::Demonitor& demonitor);
  void remove(const control::Unlink& unlink);
  /// The node takes its own signal as the end of the link between the two processes.
  void remove(const control::Exit& exit);

  [[nodiscard]] std::size_t size() const { return monitors_.size() + links_.size(); }

  /// Whole frames that tell each of them that its process has ended for this reason.
  [[nodiscard]] std::vector<char> farewell(std::string_view reason) const;

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
