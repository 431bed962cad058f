// The process `rancher_cnode` on this node: what gen_server:call and cast from a BEAM get. Used by the agent.
// On the loop.
//
//   status | peers | version | refresh | missing | {await, Milliseconds | infinity}
//
// sys:get_state/1 and sys:get_status/1 are answered, and what else module sys can ask gets an error.
//
// `missing` is for the command `wait`: ok, or a binary that tells in words what the first round waits for.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>

#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/node_name.hpp"
#include "rancher_cnode/status/snapshot.hpp"
#include "timers.hpp"

namespace rancher_cnode::agent {

class StatusServer {
 public:
  static constexpr const char* process_name = "rancher_cnode";
  /// Callers that may wait at once; one more is told so.
  static constexpr std::size_t max_waiting = 1024;

  /// What the agent lends; all run on the loop and change nothing but `refresh`.
  struct Source {
    std::function<status::Snapshot()> snapshot;
    std::function<bool()> first_round_done;
    std::function<std::string()> missing;  ///< asked only while the first round is not done
    std::function<void()> refresh;
    std::string version;
  };

  /// Registers itself at `cnode`, which must outlive it, as must `timers`.
  StatusServer(Timers& timers, distribution::CNode& cnode, Source source);
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  /// The link to this node has gone, and with it whoever waited there.
  void forget(const NodeName& node);

  /// The first round may be done by now: those who wait for it are answered.
  void look();

 private:
  struct Waiting {
    distribution::GenCall call;
    Timers::Pending deadline;  ///< null: for ever
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

}  // namespace rancher_cnode::agent
