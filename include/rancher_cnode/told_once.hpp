// Which faults of one source the log has told already, so that two that take turns are not news at every turn.
// Used by the writers of log lines. Each object belongs to one thread.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>

namespace rancher_cnode {

class ToldOnce {
 public:
  /// A source with more faults than these is not worth another line.
  static constexpr std::size_t max_faults = 8;

  /// True the first time since the source was well, for the first max_faults.
  [[nodiscard]] bool is_news(std::string fault) {
    return faults_.size() < max_faults && faults_.insert(std::move(fault)).second;
  }

  /// The source is well again: whatever it does next is news.
  void well_again() { faults_.clear(); }

 private:
  std::set<std::string> faults_;
};

}  // namespace rancher_cnode
