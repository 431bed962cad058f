// The half of Membership that follows our own container.
#include <utility>

#include "membership/membership_impl.hpp"

namespace rancher_cnode::membership {
fact::OwnUnlisted own_unlisted(const std::string& path, const std::string& own, const Service& service) {
  fact::OwnUnlisted fact{.service = path, .own = own, .containers = service.containers.size()};
  for (const Container& container : service.containers) {
    if (fact.listed.size() == fact::OwnUnlisted::max_examples) {
      break;
    }
    fact.listed.push_back(container.name + ": " + container.primary_ip.value_or("no address"));
  }
  return fact;
}

/// A C-node that asks for a service by name need not be of it. While a container starts, the metadata may
/// list it some seconds later than it answers.
void Membership::Impl::state_unlisted(TimePoint now, ReadScope scope, const Service& service) {
  if (unlisted_stated_ || scope == ReadScope::named || view_.own != OwnMembership::unknown) {
    return;
  }
  unlisted_since_ = unlisted_since_.value_or(now);
  unlisted_stated_ = now - *unlisted_since_ >= unlisted_patience;
  if (unlisted_stated_) {
    facts_.emplace_back(own_unlisted(settings_.service, settings_.own_address.to_string(), service));
  }
}

std::optional<NodeName> Membership::Impl::departed_own() const {
  if (view_.own != OwnMembership::removed) {
    return std::nullopt;
  }
  return NodeName::of(settings_.node_basename, settings_.own_address);
}

bool Membership::Impl::set_own(TimePoint now, OwnMembership own) {
  if (view_.own == own) {
    return false;
  }
  facts_.emplace_back(fact::OwnMembershipChanged{view_.own, own});
  view_.own = own;
  view_.own_since = now;
  return true;
}

bool Membership::Impl::judge_own(TimePoint now, const Eligibility& listed, Authority authority) {
  if (authority != Authority::full) {
    of_own_.broken();
  }
  const auto own = peers_.find(settings_.own_address);
  const bool without_address = own != peers_.end() && is_unaddressed(listed, own->second);
  if (without_address || listed.find(settings_.own_address) != nullptr) {
    guard_.release_own();
    return set_own(now, OwnMembership::listed);
  }
  if (own == peers_.end() || authority != Authority::full) {
    return false;  // never listed, or departed already
  }

  const bool covered = of_own_.extend(now);
  change(now, own->second, [&](PeerRecord& peer) {
    if (peer.suspicion && !covered) {
      begin_anew(now, *peer.suspicion);
    }
    suspect(now, peer);
  });
  Suspicion& suspicion = *own->second.suspicion;
  guard_.judge_own(now, listed, suspicion, peers_, departed_);
  const bool left = settings_.removal != RemovalPolicy::never && is_lasting(now, suspicion);
  if (left) {
    facts_.emplace_back(fact::PeerDeparted{own->second.node});
    peers_.erase(own);
    guard_.release_own();
  }
  return set_own(now, left ? OwnMembership::removed : OwnMembership::missing);
}

}  // namespace rancher_cnode::membership
