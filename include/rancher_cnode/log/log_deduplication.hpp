// Deduplicates the log lines of one source: each fault is logged once, also when two faults alternate. Used by
// InboundLog and MetadataLog. Each object belongs to one thread.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>

namespace rancher_cnode {

class LogDeduplication {
 public:
  /// Further faults of a source are not logged.
  static constexpr std::size_t max_faults = 8;

  /// True the first time since reset(), for the first max_faults faults.
  [[nodiscard]] bool first_occurrence(std::string fault) {
    return faults_.size() < max_faults && faults_.insert(std::move(fault)).second;
  }

  /// The source has recovered: every fault counts as new again.
  void reset() { faults_.clear(); }

 private:
  std::set<std::string> faults_;
};

}  // namespace rancher_cnode
