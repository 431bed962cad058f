#include "simulation_oracle.hpp"

#include <chrono>
#include <ranges>

namespace rancher_cnode::membership::simulation {
namespace {
constexpr std::chrono::seconds removal_delay{10};
}

void Oracle::take(TimePoint now, const Answer& answer) {
  if (!answer.listing || answer.listing->empty()) return;
  const bool known = uuids_.contains(self_);
  Good read{now, false, {}};
  for (const auto& [number, entry] : *answer.listing) {
    if (entry.has_address) {
      uuids_[number] = entry.uuid;
      read.seen[number] = entry.up ? Seen::up : Seen::held;
    } else if (const auto before = uuids_.find(number);
               before != uuids_.end() && before->second == entry.uuid) {
      // Still listed; but one that has left is not back until it has an address.
      if (against_leave(number)) {
        read.seen[number] = Seen::held;
      } else if (number == self_) {
        read.seen[number] = Seen::unsure;  // it may have left, or a mass removal may have held it
      }
    }
  }
  read.whole = read.seen.contains(self_) || (scope_ == ReadScope::named && !known);
  reads_.push_back(std::move(read));
}

Oracle::Seen Oracle::seen(const Good& read, int number) {
  const auto found = read.seen.find(number);
  return found == read.seen.end() ? Seen::absent : found->second;
}

std::optional<std::string> Oracle::against_dial(int number) const {
  if (number == self_) return "the target itself was dialled";
  if (!reads_.empty() && uuids_.contains(self_) && seen(reads_.back(), self_) == Seen::absent) {
    return "dialled although our own container is missing";
  }
  for (const Good& read : std::views::reverse(reads_)) {
    switch (seen(read, number)) {
      case Seen::up:
        return std::nullopt;
      case Seen::unsure:
      case Seen::held:
        return "dialled although the container is not up";
      case Seen::absent:
        if (read.whole && seen(read, self_) != Seen::unsure) {
          return "dialled although the last whole read lacks it";
        }
    }
  }
  return "dialled although it was never listed";
}

std::vector<TimePoint> Oracle::missing_from(int number) const {
  std::vector<TimePoint> result;
  for (const Good& read : std::views::reverse(reads_)) {
    if (const Seen how = seen(read, number); how != Seen::absent && how != Seen::unsure) break;
    if (read.whole || number == self_) result.push_back(read.at);
  }
  return result;
}

std::optional<std::string> Oracle::against_leave(int number) const {
  if (removal_ == RemovalPolicy::never) return "a leave under --removal never";
  if (!uuids_.contains(number)) return "asked to leave although it was never listed";
  const std::vector<TimePoint> missing = missing_from(number);
  if (missing.empty()) return "asked to leave although it is listed";
  if (removal_ == RemovalPolicy::immediate) return std::nullopt;
  if (missing.size() < 2) return "asked to leave after a single read";
  if (missing.front() - missing.back() < removal_delay) return "asked to leave before the removal delay";
  return std::nullopt;
}

}  // namespace rancher_cnode::membership::simulation
