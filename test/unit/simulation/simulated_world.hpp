// A cluster in a box: hosts with a BEAM and a C-node each, a network and a metadata service, one fake clock,
// and a random schedule of faults that ends. Everything follows from the seed.
//
// After every step the promises are checked; the first that is broken ends the run and is reported in words.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"
#include "simulated_metadata.hpp"
#include "simulated_network.hpp"
#include "simulation_oracle.hpp"

namespace rancher_cnode::simulation {

using namespace membership;
using namespace reconciler;

struct Scenario {
  std::uint64_t seed = 1;
  int hosts = 6;  ///< at the start; more may join
  Milliseconds faults_for{60'000};
  bool metadata_faults_only = false;  ///< then no connection may ever be lost
  /// Containers without a C-node that are listed one by one all the while; few of them live.
  int arrivals = 0;
  /// Each BEAM connects to what its new peer is connected to; a node whose epmd does not answer is cut off
  /// then.
  bool global_cuts = false;
  Milliseconds newcomer_patience{0};
};

/// What a user waits for after a change in a cluster where nothing else is wrong.
enum class Change {
  container_added,
  container_runs,
  container_healthy,
  beam_restarted,
  connection_dropped,
  metadata_back,
  host_back,
  host_back_and_noticed,
};
inline constexpr std::size_t changes = 8;
[[nodiscard]] std::string_view to_string(Change change);

/// What a run came to. `broken` is empty if every promise was kept.
struct Outcome {
  std::string broken;
  std::uint64_t dials = 0;
  std::uint64_t inspections = 0;
  std::uint64_t refreshed = 0;    ///< BEAMs that were away and gave up what they still held
  std::uint64_t disconnects = 0;  ///< asked for
  std::uint64_t expired = 0;      ///< of these: the BEAM came to it too late, and did nothing
  std::uint64_t cut = 0;          ///< connections, by disconnects
  std::uint64_t cut_alone = 0;    ///< of these: the other end's metadata still lists both
  std::uint64_t reconnected = 0;  ///< by applications after that
  std::uint64_t facts = 0;
  std::uint64_t connections_lost = 0;  ///< by whatever cause
  std::uint64_t cut_by_global = 0;     ///< nodes
  std::uint64_t faults = 0;
  std::array<Milliseconds, changes> connected_after{};  ///< the longest, for each kind of change
  Milliseconds formed_after{0};  ///< from the last fault to the full mesh, to the second
};

/// The bound on healing after the last fault: an answer that is still out (7 s), the next poll (5 s), the
/// longest retry delay (10 s), one list (1 s), and the time that the whole queue takes once.
inline constexpr Milliseconds mesh_bound{25'000};
/// The same for those that have departed: the mass removal delay (60 s) and the patience (15 s), with the
/// above.
inline constexpr Milliseconds departure_bound{130'000};
/// From the last look to the call that cuts a connection; a BEAM that comes to it later does nothing.
inline constexpr Milliseconds look_is_fresh{2'000};

class SimulatedWorld {
 public:
  explicit SimulatedWorld(const Scenario& scenario);
  ~SimulatedWorld();
  [[nodiscard]] Outcome run();
  /// One change after the other, of each kind, without any fault beside it.
  [[nodiscard]] Outcome run_changes();

 private:
  struct Node;  // one C-node

  void at(TimePoint when, std::function<void()> what);
  void after(Milliseconds delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  void run_until(TimePoint end);
  void broken(int number, const std::string& what);

  // The C-nodes and what they ask for (simulated_node.cpp).
  void start_node(int number);
  void read_soon(int number, Milliseconds delay);
  void read(int number);
  void step(int number, const Event& event);
  void execute(int number, const action::ListConnections& action);
  void execute(int number, const action::Probe& action);
  void execute(int number, const action::Dial& action);
  void execute(int number, const action::Inspect& action);
  void execute(int number, const action::Disconnect& action);
  void answer(int number, Milliseconds delay, std::function<Event()> make);
  void schedule_tick(int number);
  void starts(int number, int peer);
  void connect(int a, int b);

  // How connections are cut (simulated_departures.cpp).
  using Done = std::function<void(DisconnectOutcome)>;
  struct Look {
    bool answered = false;
    TimePoint at;
    std::set<int> connections;
  };
  void look(int caller, int beam, std::function<void(const Look&)> then);
  void call_while_fresh(int caller, int beam, TimePoint looked_at, std::function<void()> what,
                        const Done& done);
  void disconnect(int number, int peer, const Done& done);
  void disconnect_after_look(int number, int peer, const Look& look, const Done& done);
  void cut_departed(int number, const Node* asked_by, int peer, const std::set<int>& others);
  void reconnect_by_application(int number, const std::set<int>& others);
  void inspect(int number, int peer, const std::function<void(InspectOutcome)>& done);
  [[nodiscard]] std::vector<NodeName> connections_of(int number) const;
  void check_disconnect(int number, int peer);
  [[nodiscard]] bool is_of_cluster(const Node& node, int other) const;

  // The faults (simulated_faults.cpp).
  void one_fault();
  void fault_of_beam(int number);
  void fault_of_metadata(int number);
  void fault_of_connections(int number, Milliseconds lasts);
  void survivable_fault(int number);
  void address_reused_in_an_outage(int number);
  void address_moves(int number);
  void goes_away(int number, Milliseconds lasts);
  void join_again(int number);
  void arrive();
  void change_of_service();
  [[nodiscard]] int any_host();
  [[nodiscard]] bool belongs(int number) const;
  void start_hosts();
  void start_host(int number);
  void publish();
  void stop_beam(int number, Milliseconds back_after);
  void mend_cookie(int number);
  void start_beam(int number);
  void mend_all();

  // The changes that are timed (simulated_changes.cpp).
  int add_guest();
  void make(Change change);
  void wait_for_connections(Change change, int number);
  [[nodiscard]] bool is_connected(int number) const;

  // What must hold at the end.
  [[nodiscard]] std::string missing_connection() const;
  [[nodiscard]] std::string remaining_departed() const;

  Scenario scenario_;
  Dice dice_;
  TimePoint now_;
  TimePoint faults_end_;
  std::map<std::pair<TimePoint, std::uint64_t>, std::function<void()>> agenda_;
  std::uint64_t next_entry_ = 0;
  SimulatedNetwork network_;
  SimulatedMetadata metadata_;
  std::vector<NodeName> names_;  ///< of the hosts, made once: most of the time goes into lists of them
  std::map<int, std::unique_ptr<Node>> nodes_;
  std::set<int> lasting_;  ///< containers that are listed in every snapshot
  int next_host_ = 1;
  bool calm_ = false;
  bool transitive_;  ///< a BEAM that gains a connection also connects itself to the other's connections,
                     ///< as global does
  MembershipSettings rules_;
  ReadScope scope_;
  ReconcilerSettings tuning_;
  bool by_function_ = false;  ///< the user's own way to disconnect, called on the target
  Outcome outcome_;
};

}  // namespace rancher_cnode::simulation
