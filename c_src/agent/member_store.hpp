// Which members --state-file keeps, and when they are used again: for those services that their first round
// could not read. Used by Node, on the loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/state_file.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/membership/memberships.hpp"
#include "rancher_cnode/metadata/stored_members.hpp"

namespace rancher_cnode::agent {

class MemberStore {
 public:
  using Restored = std::function<void(const std::vector<membership::MembershipFact>&)>;

  /// `path` empty: nothing is kept. `restored` is called when members were added. What is given by reference
  /// must outlive this.
  MemberStore(std::string path, membership::Memberships& memberships, Timers& timers,
              StateFile::UnixTime unix_time, const Log& log, const boost::asio::any_io_executor& loop,
              Restored restored);

  /// To be called before the memberships observe a round. Only the first one with a read of a service counts.
  void before(const std::vector<membership::ServiceRead>& reads);
  /// To be called after they have observed it.
  void after();

 private:
  void restore();
  [[nodiscard]] const metadata::StoredService* find(const membership::MembershipSettings& service) const;

  membership::Memberships& memberships_;
  Timers& timers_;
  const StateFile::UnixTime unix_time_;
  const Log& log_;
  const Restored restored_;
  std::optional<metadata::StoredMembers> stored_;  ///< nothing: not loaded yet
  std::set<std::string> known_;                    ///< services that had their first round
  std::set<std::string> unread_;                   ///< those that it could not read, until they are restored
  std::uint64_t authoritative_reads_ = 0;          ///< at the last look
  StateFile file_;
};

}  // namespace rancher_cnode::agent
