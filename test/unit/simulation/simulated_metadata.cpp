#include "simulated_metadata.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "support/unit/samples.hpp"

namespace rancher_cnode::simulation {

namespace {
constexpr int snapshots_back = 3;
}

void SimulatedMetadata::list(int number) {
  truth_[number] = Entry{std::to_string(number) + "-" + std::to_string(++instances_)};
}

void SimulatedMetadata::replace(int number) { list(number); }

void SimulatedMetadata::change_sidekick(int number, Dice& dice) {
  std::optional<Sidekick>& sidekick = truth_.at(number).sidekick;
  if (sidekick) {
    sidekick.reset();
  } else {
    sidekick = Sidekick{std::to_string(number) + "-" + std::to_string(++instances_), dice.chance(50),
                        dice.chance(50)};
  }
}

void SimulatedMetadata::publish() { snapshots_.push_back(make(truth_)); }

Answer SimulatedMetadata::make(Listing listing) {
  Service service = samples::service({});
  for (const auto& [number, entry] : listing) {
    Container container = samples::container(number, entry.up ? "running" : "stopped");
    container.uuid = entry.uuid;
    container.health_state = entry.healthy ? "healthy" : "unhealthy";
    service.containers.push_back(entry.has_address ? container : samples::without_address(container));
    if (!entry.sidekick) {
      continue;
    }
    Container sidekick = samples::container(number, entry.sidekick->up ? "running" : "stopped");
    sidekick.uuid = entry.sidekick->uuid;
    const auto place =
        entry.sidekick->is_first ? std::prev(service.containers.end()) : service.containers.end();
    service.containers.insert(place, std::move(sidekick));
  }
  return {std::make_shared<const Read>(std::move(service)),
          std::make_shared<const Listing>(std::move(listing))};
}

Answer SimulatedMetadata::answer(Fault fault, int self, Dice& dice) const {
  const auto back = static_cast<std::size_t>(dice.number(1, snapshots_back));
  const Answer& old = snapshots_[snapshots_.size() - 1 - std::min(back, snapshots_.size() - 1)];
  switch (fault) {
    case Fault::none:
    case Fault::frozen:  // kept by the host
      return snapshots_.back();
    case Fault::unknown:
      return {std::make_shared<const Read>(FailedRead{"simulated failure"}), nullptr};
    case Fault::emptied:
      return make({});
    case Fault::stale:
      return old;
    case Fault::may_only_add: {
      Answer adding = old;
      adding.authority = Authority::may_only_add;
      return adding;
    }
    case Fault::flapping:
      return dice.chance(50) ? old : snapshots_.back();
    case Fault::self_alone: {
      Listing alone = *snapshots_.back().listing;
      std::erase_if(alone, [self](const auto& entry) { return entry.first != self; });
      return make(std::move(alone));
    }
    case Fault::without_self:
      break;
  }
  Listing half = *snapshots_.back().listing;
  half.erase(self);
  std::erase_if(half, [&](const auto&) { return dice.chance(30); });
  return make(std::move(half));
}

Answer SimulatedMetadata::odd_one(int self, const std::set<int>& kept, Dice& dice) const {
  const Answer& old =
      snapshots_[static_cast<std::size_t>(dice.number(0, static_cast<int>(snapshots_.size()) - 1))];
  const auto entry = old.listing->find(self);
  const bool lists_self = entry != old.listing->end() && entry->second.has_address;
  if (dice.chance(50) && lists_self) {
    return old;
  }
  Listing half = *snapshots_.back().listing;
  std::erase_if(half, [&](const auto& one) {
    return one.first != self && !kept.contains(one.first) && dice.chance(50);
  });
  return make(std::move(half));
}

}  // namespace rancher_cnode::simulation
