// Asks the process rancher_cnode of one C-node, as a separate node with a loop of its own. Without epmd
// nobody finds the C-node's port, and it does not listen: its BEAM is asked to call it then, over the
// connection that it has made. Used by the commands wait, status and check.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <span>

#include "cli/commands/container_names.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

class CnodeClient {
 public:
  /// Of the C-node <config.basename>@<own>. `log` must outlive it.
  CnodeClient(const Config& config, Ipv4Address own, const Log& log);
  CnodeClient(const CnodeClient&) = delete;
  CnodeClient& operator=(const CnodeClient&) = delete;

  /// Connects, unless it is connected, with the cookie and in the way that the container has now: a BEAM that
  /// is just starting may have others than the environment. `limit` is that of the request; `done` runs once,
  /// on the loop, or at once where there is no cookie; never if a later request takes another way.
  /// ErrorCode::not_found: the BEAM runs without epmd, and no C-node is connected to it.
  void ask(std::span<const char> request, Milliseconds limit, distribution::OnCallResult done);

  /// Never runs out of work: a handshake runs on its own thread.
  [[nodiscard]] boost::asio::io_context& loop() { return loop_; }
  [[nodiscard]] const NodeName& cnode() const { return cnode_; }

 private:
  void request_through_beam(const distribution::TermBytes& request, Milliseconds limit,
                            const distribution::OnCallResult& done);

  Config config_;
  const Log& log_;
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  NodeName cnode_;
  std::optional<EpmdlessBeam> beam_;
  std::optional<distribution::CNode> node_;  ///< of the way that beam_ names
};

}  // namespace rancher_cnode::cli
