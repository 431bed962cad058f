// The process `rancher_cnode` on this node: answers gen_server:call and cast from a BEAM. Used by the agent. On the loop.
//
//   status | peers | version | refresh | readiness | {await, Milliseconds | infinity}
//
// sys:get_state/1 and sys:get_status/1 are answered; other requests of module sys get an error.
//
// `readiness` is for the command `wait`: ok, or a binary that says what the initial sync is waiting for.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>

#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::status {

class StatusServer {
 public:
  static constexpr const char* process_name = "rancher_cnode";
  /// Maximum number of waiting callers; another one gets {error, too_many_waiting}.
  static constexpr std::size_t max_waiting = 1024;

  /// Provided by the agent; all run on the loop, and only `refresh` changes anything.
  struct Source {
    std::function<status::Snapshot()> snapshot;
    std::function<bool()> has_synced;
    std::function<std::string()> readiness;  ///< called only before the initial sync is done
    std::function<void()> refresh;
    std::string version;
  };

  /// Registers itself with `cnode`, which must outlive it, as must `timers`.
  StatusServer(Timers& timers, distribution::CNode& cnode, Source source);
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  /// The connection to this node is lost, and with it the callers that waited there.
  void forget(const NodeName& node);

  /// Answers the waiting callers if the initial sync is done.
  void check_initial_sync();

 private:
  struct Waiting {
    distribution::GenCall call;
    Timers::Pending deadline;  ///< null = no limit
  };
  void answer(const distribution::GenCall& call);
  void answer_system(const distribution::GenCall& call);
  void await(const distribution::GenCall& call, std::span<const char> timeout);
  void reply_error(const distribution::GenCall& call, std::string_view reason);

  Timers& timers_;
  distribution::CNode& cnode_;
  Source source_;
  std::list<Waiting> waiting_;
};

}  // namespace rancher_cnode::status
