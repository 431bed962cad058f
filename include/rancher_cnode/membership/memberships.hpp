// The membership of several services: each has a history, a guard and an own membership; the desired peers
// are the union. Pure: time is an argument. Used by the agent and by `plan`, for one service too.
//
// * A peer is a member if it is one of any service, and may be dialled if any service allows it.
// * A peer has departed if it has departed from a service and is a member of none. A container that goes from
//   one service to another is therefore never disconnected.
// * Departures are confirmed only by a round in which every service was read: the one that was not may have
//   taken the address.
// * Our own container is listed if any service lists it, and has been removed only once each service that
//   ever listed it has removed it.
// * Services may be set anew at any time. One that is taken away departs nobody: its peers are forgotten,
// their
//   connections left alone, and so are those that another service had lost to it. One that is new lets nobody
//   depart before it was read.
// * Labels are compared before a service is judged: a container whose labels do not match is not a peer, but
//   it shows that the answer is not empty. Our own container always matches.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rancher_cnode/core/policy.hpp"
#include "rancher_cnode/membership/membership.hpp"

namespace rancher_cnode::membership {

class LabelSelector;

class Memberships {
 public:
  /// One for each service, with the same own address. Precondition: at least one.
  explicit Memberships(const std::vector<MembershipSettings>& services, std::vector<LabelRule> labels = {});

  ~Memberships();
  Memberships(const Memberships&) = delete;
  Memberships& operator=(const Memberships&) = delete;

  /// Takes one round in; `now` must not go back. A read belongs to the services of its path. One without an
  /// answer is a FailedRead; a service without a read was set after the round began.
  Observed observe(TimePoint now, std::vector<ServiceRead> reads, Authority authority = Authority::full);

  /// From now on these are the services, with the same own address; those that were services before keep
  /// their history. Without a ServiceAdded or ServiceRemoved nothing has changed. Precondition: at least one,
  /// each once.
  Observed set_services(const std::vector<MembershipSettings>& services);

  /// As Membership::restore, for this service; nothing if there is none.
  Observed restore(TimePoint now, const std::string& service, const std::vector<Ipv4Address>& addresses);

  /// As of Membership, of the union.
  [[nodiscard]] const std::shared_ptr<const Desired>& desired() const { return desired_; }
  /// The earliest of all.
  [[nodiscard]] std::optional<TimePoint> wants_read_at() const;
  /// Of several services: what was skipped is a sum, times of answers are those of the service that was read
  /// least recently; one that was never read does not count. Counters are sums of all services, also of those
  /// that are none any more.
  [[nodiscard]] MembershipView view() const;
  /// One for each service, in their order.
  [[nodiscard]] const std::vector<Membership>& services() const { return each_; }
  /// One for each peer of the union, members first.
  [[nodiscard]] std::vector<MemberView> member_views() const;

 private:
  Observed united(Observed of_services);
  std::vector<Membership> replace(const std::vector<MembershipSettings>& services,
                                  std::vector<MembershipFact>& facts);
  void spare(const Desired& before);
  void end_sparing();
  [[nodiscard]] OwnMembership best_own() const;
  [[nodiscard]] OwnMembership own() const;
  [[nodiscard]] std::shared_ptr<const Desired> unite() const;
  [[nodiscard]] bool is_alone() const;
  [[nodiscard]] std::vector<MembershipFact> of_union(const std::vector<MembershipFact>& facts,
                                                     const Desired& before, const Desired& after) const;

  std::vector<Membership> each_;
  const Ipv4Address own_address_;
  std::unique_ptr<LabelSelector> labels_;
  bool all_answered_ = false;  ///< in the last round
  /// Peers that would have departed when a service was taken away, and whether our own container would. Until
  /// a service lists them again, or none knows them any more.
  std::set<NodeName> spared_;
  bool own_spared_ = false;
  MembershipView former_;  ///< the counters of services that are none any more
  std::shared_ptr<const Desired> desired_;
};

}  // namespace rancher_cnode::membership
