// How the cost of one step of membership and of the reconciler grows with the number of containers.
// Each benchmark is one step, run 51 times after its preparation, which is not measured; its argument is the
// number of containers. `Time` is the mean, and median_us the median, which a busy machine distorts less.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace {

using namespace rancher_cnode;
using namespace rancher_cnode::membership;
using namespace rancher_cnode::reconciler;

constexpr std::uint32_t first_address = 0x0a2a0001;  // 10.42.0.1
constexpr int runs = 51;

NodeName node(std::size_t number) {
  return NodeName::of("myapp", Ipv4Address(first_address + static_cast<std::uint32_t>(number)));
}

Service service_of(std::size_t containers) {
  Service service{
      .name = "web", .stack_name = "shop", .uuid = "u", .primary_service_name = "web", .containers = {}};
  for (std::size_t i = 0; i < containers; ++i) {
    Container container;
    container.uuid = "1d02865d-80e9-532d-b87c-" + std::to_string(100'000'000'000 + i);
    container.name = "shop-web-" + std::to_string(i + 1);
    container.primary_ip = Ipv4Address(first_address + static_cast<std::uint32_t>(i)).to_string();
    container.ips = {*container.primary_ip};
    container.state = "running";
    service.containers.push_back(std::move(container));
  }
  return service;
}

/// One membership, and one reconciler over `containers` peers of which none answers, or all are connected.
class Bench {
 public:
  explicit Bench(std::size_t containers)
      : whole_(service_of(containers)), less_(service_of(containers - 1)), membership_(settings()) {
    for (std::size_t i = 1; i < containers; ++i) {
      links_.push_back(node(i));
    }
    membership_.observe(now_, ReadScope::self, whole_);
    desired_ = membership_.desired();
    auto less = std::make_shared<Desired>(*desired_);
    less->dialable.erase(node(containers - 1));
    less->members.erase(node(containers - 1));
    less_desired_ = less;
    auto half_departed = std::make_shared<Desired>(*desired_);
    for (std::size_t i = 1; i < containers; i += 2) {
      half_departed->dialable.erase(node(i));
      half_departed->departed.insert(half_departed->members.extract(node(i)));
    }
    half_departed_ = half_departed;
  }

  void same_read() { membership_.observe(tick(), ReadScope::self, whole_); }
  void read_of_one_more_or_less() {
    lacking_ = !lacking_;
    membership_.observe(tick(), ReadScope::self, lacking_ ? less_ : whole_);
  }

  void start() { reconciler_ = std::make_unique<Reconciler>(ReconcilerSettings{.target = node(0)}); }
  void new_desired() { step(event::DesiredChanged{desired_}); }

  void connect_all() {
    start();
    new_desired();
    step(event::TargetUp{});
    list_of_connections();
  }
  void connect_all_and_let_half_depart() {
    connect_all();
    step(event::DesiredChanged{half_departed_});
  }
  void next_list() {
    now_ += std::chrono::seconds(1);
    step(event::Tick{});
  }
  void list_of_connections() { step(event::ConnectionsListed{list_, links_}); }
  void view() { benchmark::DoNotOptimize(reconciler_->peers()); }
  void desired_of_one_more_or_less() {
    lacking_ = !lacking_;
    step(event::DesiredChanged{lacking_ ? less_desired_ : desired_});
  }

  void start_with_dead_peers() {
    start();
    probes_.clear();
    new_desired();
    step(event::TargetUp{});
    step(event::ConnectionsListed{list_, {}});
  }
  /// Every peer has failed once and waits for its next attempt. Time stands still, so that none is due
  /// meanwhile.
  void start_with_waiting_peers() {
    start_with_dead_peers();
    while (!probes_.empty()) {
      take(reconciler_->step(now_, event::Probed{take_probe(), ProbeOutcome::no_answer}).actions);
    }
  }
  void external_change() { step(event::ExternalChange{}); }
  void probe_failed() { step(event::Probed{take_probe(), ProbeOutcome::no_answer}); }
  void idle_tick() { step(event::Tick{}); }
  void nothing() {}

 private:
  static MembershipSettings settings() {
    MembershipSettings settings;
    settings.node_basename = "myapp";
    settings.own_address = Ipv4Address(first_address);
    return settings;
  }

  TimePoint tick() { return now_ += std::chrono::milliseconds(1); }

  void step(const Event& event) { take(reconciler_->step(tick(), event).actions); }

  void take(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      if (const auto* list = std::get_if<action::ListConnections>(&action)) {
        list_ = list->id;
      }
      if (const auto* probe = std::get_if<action::Probe>(&action)) {
        probes_.push_back(probe->id);
      }
    }
  }

  ActionId take_probe() {
    const ActionId id = probes_.back();
    probes_.pop_back();
    return id;
  }

  Read whole_;
  Read less_;
  Membership membership_;
  TimePoint now_{std::chrono::hours(1)};
  std::shared_ptr<const Desired> desired_;
  std::shared_ptr<const Desired> less_desired_;   ///< without the last container
  std::shared_ptr<const Desired> half_departed_;  ///< every other peer has departed
  std::vector<NodeName> links_;
  std::unique_ptr<Reconciler> reconciler_;
  ActionId list_ = 0;
  bool lacking_ = false;
  std::vector<ActionId> probes_;
};

using Part = void (Bench::*)();

struct BenchmarkedStep {
  const char* name;
  Part set_up;   ///< once
  Part prepare;  ///< before each run
  Part run;
};

constexpr std::array steps{
    BenchmarkedStep{"same_read", &Bench::nothing, &Bench::nothing, &Bench::same_read},
    BenchmarkedStep{"read_of_one_more_or_less", &Bench::nothing, &Bench::nothing,
                    &Bench::read_of_one_more_or_less},
    BenchmarkedStep{"new_desired", &Bench::nothing, &Bench::start, &Bench::new_desired},
    BenchmarkedStep{"list_of_connections", &Bench::connect_all, &Bench::next_list,
                    &Bench::list_of_connections},
    BenchmarkedStep{"view_of_peers", &Bench::connect_all, &Bench::nothing, &Bench::view},
    BenchmarkedStep{"desired_of_one_more_or_less", &Bench::connect_all, &Bench::nothing,
                    &Bench::desired_of_one_more_or_less},
    BenchmarkedStep{"list_while_half_departed", &Bench::connect_all_and_let_half_depart, &Bench::next_list,
                    &Bench::list_of_connections},
    BenchmarkedStep{"external_change_while_all_wait", &Bench::nothing, &Bench::start_with_waiting_peers,
                    &Bench::external_change},
    BenchmarkedStep{"probe_failed", &Bench::start_with_dead_peers, &Bench::nothing, &Bench::probe_failed},
    BenchmarkedStep{"idle_tick", &Bench::start_with_dead_peers, &Bench::nothing, &Bench::idle_tick},
};

void measure(benchmark::State& state, const BenchmarkedStep& step) {
  Bench bench(static_cast<std::size_t>(state.range(0)));
  (bench.*step.set_up)();
  std::vector<double> times;
  for (const auto run : state) {
    (void)run;
    (bench.*step.prepare)();
    const auto start = std::chrono::steady_clock::now();
    (bench.*step.run)();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(took.count());
    times.push_back(took.count());
  }
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  state.counters["median_us"] = times[runs / 2] * 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  for (const BenchmarkedStep& step : steps) {
    benchmark::RegisterBenchmark(step.name, [&step](benchmark::State& state) { measure(state, step); })
        ->RangeMultiplier(10)
        ->Range(100, 10'000)
        ->Iterations(runs)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
