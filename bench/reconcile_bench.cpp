// How the cost of one step of membership and of the reconciler grows with the number of containers.
// Prints a table: the median of many runs, in microseconds, on one core.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace {

using namespace rancher_cnode;
using namespace rancher_cnode::membership;

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

/// The median time of `work` in microseconds. `prepare` runs before each, unmeasured.
double median_us(const std::function<void()>& prepare, const std::function<void()>& work) {
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) {
    prepare();
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    times.push_back(took.count());
  }
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[runs / 2];
}

/// One reconciler over `containers` peers of which none answers, or all are linked. "half departed" is a link list
/// that shows all of them while every other one has departed; "news" come while all wait for their next try.
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

  void print_row(std::size_t containers) {
    std::printf("%10zu", containers);
    print(median_us([] {}, [this] { membership_.observe(tick(), ReadScope::self, whole_); }));
    bool lacking = false;
    print(median_us([] {},
                    [&] {
                      lacking = !lacking;
                      membership_.observe(tick(), ReadScope::self, lacking ? less_ : whole_);
                    }));
    print(median_us([this] { start(); }, [this] { step(event::DesiredChanged{desired_}); }));
    step(event::TargetUp{});
    step(event::ConnectionsListed{list_, links_});
    print(median_us([this] { next_list(); }, [this] { step(event::ConnectionsListed{list_, links_}); }));
    print(median_us([] {}, [this] { (void)reconciler_->peers(); }));
    print(median_us([] {},
                    [&] {
                      lacking = !lacking;
                      step(event::DesiredChanged{lacking ? less_desired_ : desired_});
                    }));
    step(event::DesiredChanged{half_departed_});
    print(median_us([this] { next_list(); }, [this] { step(event::ConnectionsListed{list_, links_}); }));
    print(median_us([this] { start_with_waiting_peers(); }, [this] { step(event::ExternalChange{}); }));
    start_with_dead_peers();
    print(median_us([] {}, [this] { step(event::Probed{take_probe(), ProbeOutcome::no_answer}); }));
    print(median_us([] {}, [this] { step(event::Tick{}); }));
    std::printf("\n");
  }

 private:
  static MembershipSettings settings() {
    MembershipSettings settings;
    settings.node_basename = "myapp";
    settings.own_address = Ipv4Address(first_address);
    return settings;
  }

  static void print(double microseconds) { std::printf("%14.1f", microseconds); }

  TimePoint tick() { return now_ += std::chrono::milliseconds(1); }

  void start() { reconciler_ = std::make_unique<Reconciler>(ReconcilerSettings{.target = node(0)}); }

  void start_with_dead_peers() {
    start();
    probes_.clear();
    step(event::DesiredChanged{desired_});
    step(event::TargetUp{});
    step(event::ConnectionsListed{list_, {}});
  }

  /// Every peer has failed once and waits for its next try. Time stands still, so that none is due meanwhile.
  void start_with_waiting_peers() {
    start_with_dead_peers();
    while (!probes_.empty()) {
      take(reconciler_->step(now_, event::Probed{take_probe(), ProbeOutcome::no_answer}).actions);
    }
  }

  void next_list() {
    now_ += std::chrono::seconds(1);
    step(event::Tick{});
  }

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
  std::vector<ActionId> probes_;
};

}  // namespace

int main() {
  std::printf("microseconds, median of %d runs\n", runs);
  std::printf("%10s%14s%14s%14s%14s%14s%14s%14s%14s%14s%14s\n", "containers", "same read", "read +/- 1",
              "new desired", "link list", "view", "desired +/- 1", "half departed", "news", "probe failed",
              "idle tick");
  for (const std::size_t containers : {100U, 1'000U, 10'000U}) {
    Bench(containers).print_row(containers);
  }
  return 0;
}
