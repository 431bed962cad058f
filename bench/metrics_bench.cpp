// What one request for /metrics or /status costs the event loop, without the network: the report is made of a
// snapshot and rendered. The argument is the number of peers; a third of them is not connected.
#include <benchmark/benchmark.h>

#include <string>

#include "rancher_cnode/status/renderings.hpp"
#include "rancher_cnode/status/report.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace {

using namespace rancher_cnode;

constexpr std::uint32_t first_address = 0x0a2a0001;  // 10.42.0.1

status::Snapshot snapshot_of(std::size_t peers) {
  const auto name = [](std::size_t number) {
    return NodeName::of("myapp", Ipv4Address(first_address + static_cast<std::uint32_t>(number)));
  };
  const TimePoint now{std::chrono::hours(1)};
  status::TargetSnapshot target{
      .node = name(0), .reason = {}, .stage = {}, .since = now, .peers = {}, .departed = {}, .counters = {}};
  target.state = status::TargetSnapshot::State::connected;
  for (std::size_t i = 1; i <= peers; ++i) {
    const bool connected = i % 3 != 0;
    target.connected += connected ? 1 : 0;
    target.peers.push_back(
        {.node = name(i),
         .state = connected ? reconciler::PeerState::connected : reconciler::PeerState::waiting,
         .reason = connected ? "" : "the peer's epmd does not answer",
         .since = now,
         .attempts = 0,
         .next_try = {}});
  }
  return {.now = now,
          .started = now,
          .node = name(0),
          .program_version = "1.2.3",
          .node_counters = {},
          .metadata = {},
          .member_views = {},
          .targets = {std::move(target)}};
}

void measure(benchmark::State& state, std::string (*render)(const status::Report&)) {
  const auto snapshot = snapshot_of(static_cast<std::size_t>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) {  // NOLINT: the loop of the library
    const auto report = status::report_on(snapshot);
    bytes = render(*report).size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}

BENCHMARK_CAPTURE(measure, metrics, status::as_prometheus)
    ->RangeMultiplier(10)
    ->Range(10, 1'000)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(measure, status, status::as_json)
    ->RangeMultiplier(10)
    ->Range(10, 1'000)
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
