// Memberships of two services, and what their rounds read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rancher_cnode/membership/memberships.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::membership::samples {

/// By the last byte of their addresses; the own container is 10.42.0.1.
inline std::string name_of(const std::string& basename, int number) {
  return basename + "@10.42.0." + std::to_string(number);
}

inline Read listed(std::initializer_list<int> numbers) { return running(numbers); }
inline Read failed() { return FailedRead{"timeout"}; }

inline std::vector<MembershipSettings> both(const std::string& second_basename = "myapp") {
  auto web = settings();
  web.service = "self/service";
  auto worker = web;
  worker.service = "stacks/shop/services/worker";
  worker.node_basename = second_basename;
  return {web, worker};
}

inline ServiceRead of_own(Read read) { return {std::move(read), ReadScope::self, "self/service"}; }
inline ServiceRead of_worker(Read read) {
  return {std::move(read), ReadScope::named, "stacks/shop/services/worker"};
}

/// self/service, and another one that is named.
struct Two {
  explicit Two(const std::string& second_basename = "myapp") : memberships(both(second_basename)) {}

  Observed read(const Read& web, const Read& worker) {
    return memberships.observe(at_seconds(++second), {of_own(web), of_worker(worker)});
  }
  void read_for(int seconds, const Read& web, const Read& worker) {
    for (int i = 0; i < seconds; ++i) {
      read(web, worker);
    }
  }
  [[nodiscard]] bool is_member(const std::string& name) const {
    return memberships.desired()->members.contains(NodeName::parse(name).value());
  }
  [[nodiscard]] bool is_dialable(const std::string& name) const {
    return memberships.desired()->dialable.contains(NodeName::parse(name).value());
  }
  [[nodiscard]] bool has_departed(const std::string& name) const {
    return memberships.desired()->departed.contains(NodeName::parse(name).value());
  }

  Memberships memberships;
  int second = 0;
};

template <class Fact>
std::size_t count(const Observed& observed) {
  return static_cast<std::size_t>(std::ranges::count_if(
      observed.facts, [](const auto& fact) { return std::holds_alternative<Fact>(fact); }));
}

}  // namespace rancher_cnode::membership::samples
