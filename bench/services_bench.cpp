// What several services cost, compared with one of as many containers, and what Memberships costs for one
// service, compared with a plain Membership.
//
// A round is what a change of the metadata causes: all bodies are parsed, the membership takes them in, the
// reconciler gets what is desired, if that has changed, and is viewed. What a status asks for besides is not
// counted in. The setups take turns, round by round, so that a busy machine delays all of them alike, each
// after a round that is not measured, because the others have taken the caches; times are of this thread on
// the processor. The heap is what is held after the first round, without the bodies; it is measured once,
// because it is the same each time.
//
// services_bench [ROUNDS], 21 by default.
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metadata/service_reader.hpp"
#include "rancher_cnode/membership/memberships.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"
#include "service_body.hpp"

namespace {

using namespace rancher_cnode;
using namespace rancher_cnode::membership;
using namespace rancher_cnode::reconciler;

double processor_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double heap_mb() {
  const auto heap = ::mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd) / 1e6;
}

std::string body_of(int first, int containers) {
  std::string body = R"({"containers":[)";
  for (int i = 0; i < containers; ++i) {
    body += (i == 0 ? "" : ",") +
            rancher_cnode_bench::container_json(first + i, rancher_cnode_bench::usual_label);
  }
  return body + R"(],"name":"worker","primary_service_name":"worker","stack_name":"shop","uuid":"60dd2ae9"})";
}

std::string service_path(std::size_t service) {
  return "stacks/shop/services/worker" + std::to_string(service);
}

std::vector<MembershipSettings> settings_of(std::size_t services) {
  std::vector<MembershipSettings> all(services);
  for (std::size_t i = 0; i < services; ++i) {
    all[i].service = service_path(i);
    all[i].node_basename = "myapp";
    all[i].own_address = *Ipv4Address::parse(rancher_cnode_bench::address_of(0));
  }
  return all;
}

/// A plain Membership, with the interface of Memberships.
class Plain {
 public:
  explicit Plain(const std::vector<MembershipSettings>& settings) : membership_(settings.front()) {}

  // As Memberships does it, it frees the reads.
  Observed observe(TimePoint now,
                   std::vector<ServiceRead> reads) {  // NOLINT(performance-unnecessary-value-param)
    return membership_.observe(now, reads.front().scope, reads.front().read);
  }
  [[nodiscard]] const std::shared_ptr<const Desired>& desired() const { return membership_.desired(); }
  [[nodiscard]] std::vector<MemberView> member_views() const { return membership_.member_views(); }

 private:
  Membership membership_;
};

enum class Change { none, one_container };
constexpr std::array parts{"parse", "membership", "reconciler", "its view", "whole round", "for a status"};
using Times = std::array<double, parts.size()>;

class Setup {
 public:
  virtual ~Setup() = default;
  virtual Times round(Change change) = 0;
};

template <class Members>
class SetupOf final : public Setup {
 public:
  SetupOf(const std::vector<std::string>& bodies, const std::vector<std::string>& lacking)
      : bodies_(bodies),
        lacking_(lacking),
        members_(settings_of(bodies.size())),
        reconciler_(ReconcilerSettings{
            .target = NodeName::of("myapp", *Ipv4Address::parse(rancher_cnode_bench::address_of(0)))}) {
    take(reconciler_.step(now_, event::TargetUp{}).actions);
    round(Change::none);
    connect_all();
  }

  Times round(Change change) override {
    less_ = less_ != (change == Change::one_container);
    now_ += std::chrono::milliseconds(1);
    std::array<double, parts.size()> at{processor_ms()};
    std::vector<ServiceRead> reads;
    for (std::size_t i = 0; i < bodies_.size(); ++i) {
      const bool is_last = i + 1 == bodies_.size();
      auto service = metadata::read_service(less_ && is_last ? lacking_.back() : bodies_[i]);
      reads.push_back({*std::move(service), ReadScope::named, service_path(i)});
    }
    at[1] = processor_ms();
    const bool changed = members_.observe(now_, std::move(reads)).desired_changed;
    at[2] = processor_ms();
    if (changed) {
      take(reconciler_.step(now_, event::DesiredChanged{members_.desired()}).actions);
    }
    at[3] = processor_ms();
    viewed_ += reconciler_.peers().size();
    at[4] = processor_ms();
    viewed_ += members_.member_views().size();
    at[5] = processor_ms();
    return {at[1] - at[0], at[2] - at[1], at[3] - at[2], at[4] - at[3], at[4] - at[0], at[5] - at[4]};
  }

 private:
  void connect_all() {
    std::vector<NodeName> connected(members_.desired()->members.begin(), members_.desired()->members.end());
    take(reconciler_.step(now_, event::ConnectionsListed{list_, std::move(connected)}).actions);
  }

  void take(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      if (const auto* list = std::get_if<action::ListConnections>(&action)) {
        list_ = list->id;
      }
    }
  }

  const std::vector<std::string>& bodies_;
  const std::vector<std::string>& lacking_;
  Members members_;
  Reconciler reconciler_;
  TimePoint now_{std::chrono::hours(1)};
  ActionId list_ = 0;
  bool less_ = false;
  std::size_t viewed_ = 0;
};

struct Row {
  const char* name;
  std::vector<std::string> bodies;
  std::vector<std::string> lacking;  ///< without the last container
  std::function<std::unique_ptr<Setup>(const Row&)> make;
  double held_mb = 0;
  std::unique_ptr<Setup> setup;
};

template <class Members>
Row row(const char* name, int services, int containers) {
  Row made{.name = name, .bodies = {}, .lacking = {}, .make = {}, .setup = {}};
  for (int i = 0; i < services; ++i) {
    made.bodies.push_back(body_of(i * containers, containers));
    made.lacking.push_back(body_of(i * containers, containers - 1));
  }
  made.make = [](const Row& of) { return std::make_unique<SetupOf<Members>>(of.bodies, of.lacking); };
  return made;
}

void print(const char* name, const char* part, std::vector<double> times) {
  std::ranges::sort(times);
  std::printf("  %-32s %-12s %9.3f ms  (%.3f to %.3f)\n", name, part, times[times.size() / 2], times.front(),
              times.back());
}

void compare(std::vector<Row>& rows, const char* title, Change change, std::size_t rounds) {
  std::vector<std::vector<Times>> all(rows.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].setup->round(Change::none);
      all[i].push_back(rows[i].setup->round(change));
    }
  }
  std::printf("%s: median of %zu rounds (least to most)\n", title, rounds);
  for (std::size_t part = 0; part < parts.size(); ++part) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::vector<double> times;
      for (const Times& of_round : all[i]) {
        times.push_back(of_round[part]);
      }
      print(rows[i].name, parts[part], std::move(times));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const long rounds = argc > 1 ? std::atol(argv[1]) : 21;
  if (argc > 2 || rounds < 1) {
    std::fputs("usage: services_bench [ROUNDS]\n", stderr);
    return 2;
  }
  std::vector<Row> rows;
  rows.push_back(row<Memberships>("1 service of 10,000", 1, 10'000));
  rows.push_back(row<Memberships>("10 services of 1,000", 10, 1'000));
  rows.push_back(row<Memberships>("1 service of 1,000", 1, 1'000));
  rows.push_back(row<Plain>("1 of 1,000, plain Membership", 1, 1'000));
  for (Row& one : rows) {
    const double before = heap_mb();
    one.setup = one.make(one);
    one.held_mb = heap_mb() - before;
  }
  std::printf("Heap held after a round\n");
  for (const Row& one : rows) {
    std::printf("  %-32s %9.3f MB\n", one.name, one.held_mb);
  }
  compare(rows, "Nothing has changed", Change::none, static_cast<std::size_t>(rounds));
  compare(rows, "One container more or less", Change::one_container, static_cast<std::size_t>(rounds));
  return 0;
}
