// Asks the members for their connections, by way of the BEAM that is driven. Used by Node. On the loop.
//
// Each member compares its connections with the names of the members itself and returns those it lacks: no
// name of another node (a remote shell, a C-node) becomes an atom in our BEAM. Only members to which the BEAM
// is connected are asked: erpc would dial others. The calls end in a bounded time, callers share a run, and a
// result is used again while it is fresh.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/status/mesh.hpp"

namespace rancher_cnode::agent {

class MeshQuery : public std::enable_shared_from_this<MeshQuery> {
 public:
  static constexpr Milliseconds fresh_for{3'000};
  /// A member that takes longer has not answered.
  static constexpr Milliseconds member_limit{1'500};
  /// Of each of the two calls on the BEAM.
  static constexpr Milliseconds call_limit = member_limit + Milliseconds(1'000);

  struct Question {
    std::optional<NodeName> via;                  ///< a connected BEAM
    std::vector<membership::MemberView> members;  ///< departed ones are left out
  };
  using Done = std::function<void(const status::Mesh&)>;

  /// `loop` executes on the loop. `question` is called when a run begins. `cnode` and `timers` must outlive
  /// the calls.
  MeshQuery(boost::asio::any_io_executor loop, distribution::Connections& cnode, Timers& timers,
            std::function<Question()> question);

  /// `done` runs once: at once if nobody has to be asked, otherwise after at most two call_limits.
  void ask(Done done);

 private:
  static boost::asio::awaitable<void> run(std::shared_ptr<MeshQuery> self, Question question);
  void deliver();

  boost::asio::any_io_executor loop_;
  distribution::Connections& cnode_;
  Timers& timers_;
  const std::function<Question()> question_;
  std::optional<status::Mesh> mesh_;  ///< the latest one; nothing while a run is going on
  TimePoint asked_at_;
  std::vector<Done> waiting_;  ///< not empty while a run is going on
};

}  // namespace rancher_cnode::agent
