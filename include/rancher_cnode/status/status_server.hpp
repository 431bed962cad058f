// The process `rancher_cnode` on this node: answers gen_server:call and cast from a BEAM. Used by the agent.
// On the loop.
//
//   status | peers | mesh | version | refresh | readiness | {await, Milliseconds | infinity} | {await,
//   Milliseconds | infinity, [Service]} | {set_services, [Service]} | {events, AfterId, Limit} | {subscribe,
//   Monitor, After}
//
// sys:get_state/1 and sys:get_status/1 are answered; other requests of module sys get an error.
//
// `readiness` is for the command `wait`: ok, or a binary that says what the initial sync is waiting for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/status/mesh.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::status {

class Subscribers;

class StatusServer {
 public:
  static constexpr const char* process_name = "rancher_cnode";
  /// Maximum number of waiting callers of `await`, and of `mesh`; another one gets {error, too_many_waiting}.
  static constexpr std::size_t max_waiting = 1024;

  /// Provided by the agent; all run on the loop, and only `refresh` and `set_services` change anything.
  struct Source {
    std::function<status::Snapshot()> snapshot;
    std::function<bool()> has_synced;
    /// The same, and these services are read; an error if one is not as in --service.
    std::function<Expected<bool>(const std::vector<std::string>& services)> have_synced;
    std::function<std::string()> readiness;  ///< called only before the initial sync is done
    std::function<void()> refresh;
    /// They take the place of all others. Nothing changes if one is not as in --service.
    std::function<Expected<void>(const std::vector<std::string>& services)> set_services;
    std::function<Log::Recent(std::uint64_t after_id, std::size_t limit)> events;
    /// Calls back once, at once or later, but not after the node has stopped.
    std::function<void(std::function<void(const Mesh&)>)> mesh;
    std::string version;
  };

  /// Registers itself with `cnode`, which must outlive it, as must `timers`.
  StatusServer(Timers& timers, distribution::CNode& cnode, Source source);
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;
  ~StatusServer();

  /// The connection to this node is lost, and with it the callers that waited there, and subscribers.
  void forget(const NodeName& node);

  /// Answers the waiting callers if the initial sync is done.
  void check_initial_sync();

  /// Sends new events to the subscribers.
  void deliver_events();

 private:
  struct Waiting {
    distribution::GenCall call;
    std::vector<std::string> services;  ///< that must be read too
    Timers::Pending deadline;           ///< null = no limit
  };
  void answer(const distribution::GenCall& call);
  void answer_mesh(const distribution::GenCall& call);
  void answer_system(const distribution::GenCall& call);
  void await(const distribution::GenCall& call, std::span<const char> timeout,
             std::vector<std::string> services);
  void await_services(const distribution::GenCall& call, std::span<const char> arguments);
  void set_services(const distribution::GenCall& call, std::span<const char> services);
  void refuse(const distribution::GenCall& call, const Error& error);
  [[nodiscard]] Expected<bool> has_synced(const std::vector<std::string>& services) const;
  void answer_events(const distribution::GenCall& call, std::span<const char> range);
  void reply_error(const distribution::GenCall& call, std::string_view reason);

  Timers& timers_;
  distribution::CNode& cnode_;
  Source source_;
  std::list<Waiting> waiting_;
  std::size_t waiting_for_mesh_ = 0;
  std::unique_ptr<Subscribers> subscribers_;
};

}  // namespace rancher_cnode::status
