// Holds back the fact that no answer lists our own container until the metadata has been asked for our
// address: if --ip is wrong, it has another one. Pure. Used by Node, for the log.
#pragma once

#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"

namespace rancher_cnode::agent {

class UnlistedFacts {
 public:
  /// The facts that are to be logged now: without those that wait, which are dropped if they do not hold any
  /// more.
  std::vector<membership::MembershipFact> pass(std::vector<membership::MembershipFact> facts);
  /// Those that waited for this observation; none if it does not have the answer.
  std::vector<membership::MembershipFact> take(const metadata::Observation& observation);

  /// MetadataWatcher::ask_own_address is due.
  [[nodiscard]] bool are_waiting() const { return !waiting_.empty(); }

 private:
  std::vector<membership::fact::OwnUnlisted> waiting_;
};

}  // namespace rancher_cnode::agent
