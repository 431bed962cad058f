#include "status/mesh_groups.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace rancher_cnode::status {
namespace {

using Vertices = std::vector<std::size_t>;

class Search {
 public:
  Search(const Adjacency& adjacency, std::size_t most) : adjacency_(adjacency), most_(most) {}

  Groups run() {
    Vertices all(adjacency_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    Vertices group;
    expand(group, std::move(all), {});
    std::ranges::stable_sort(found_.groups, std::ranges::greater(), &Vertices::size);
    return std::move(found_);
  }

 private:
  static constexpr int most_steps = 5'000;

  [[nodiscard]] Vertices neighbours(const Vertices& of, std::size_t vertex) const {
    Vertices result;
    std::ranges::copy_if(of, std::back_inserter(result),
                         [&](std::size_t other) { return adjacency_[vertex][other]; });
    return result;
  }

  /// The vertex with the most neighbours among the candidates: none of these has to be tried.
  [[nodiscard]] std::size_t pivot(const Vertices& candidates, const Vertices& excluded) const {
    std::size_t best = 0;
    std::ptrdiff_t most = -1;
    for (const auto* vertices : {&candidates, &excluded}) {
      for (const std::size_t vertex : *vertices) {
        const auto count =
            std::ranges::count_if(candidates, [&](std::size_t other) { return adjacency_[vertex][other]; });
        if (count > most) {
          most = count;
          best = vertex;
        }
      }
    }
    return best;
  }

  // Recurses once for each member of a group.
  void expand(Vertices& group, Vertices candidates, Vertices excluded) {  // NOLINT(misc-no-recursion)
    if (!found_.complete) {
      return;
    }
    if (candidates.empty()) {
      if (excluded.empty() && !group.empty()) {
        add(group);
      }
      return;
    }
    if (++steps_ > most_steps) {
      found_.complete = false;
      return;
    }
    const std::size_t best = pivot(candidates, excluded);
    for (const std::size_t vertex : Vertices(candidates)) {
      if (adjacency_[best][vertex]) {
        continue;
      }
      group.push_back(vertex);
      expand(group, neighbours(candidates, vertex), neighbours(excluded, vertex));
      group.pop_back();
      std::erase(candidates, vertex);
      excluded.push_back(vertex);
    }
  }

  void add(const Vertices& group) {
    if (found_.groups.size() == most_) {
      found_.complete = false;
      return;
    }
    found_.groups.push_back(group);
    std::ranges::sort(found_.groups.back());
  }

  const Adjacency& adjacency_;
  const std::size_t most_;
  Groups found_;
  int steps_ = 0;
};

}  // namespace

Groups groups_of(const Adjacency& adjacency, std::size_t most) { return Search(adjacency, most).run(); }

}  // namespace rancher_cnode::status
