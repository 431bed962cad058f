// Asks the process rancher_cnode of one C-node, as a separate node with a loop of its own. Used by the commands wait, status
// and check.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <span>

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

  /// Connects, unless it is connected, with the cookie that the container has now: a BEAM that is just starting may have
  /// another one than the environment. `limit` is that of the request; `done` runs once, on the loop, or at once where
  /// there is no cookie.
  void ask(std::span<const char> request, Milliseconds limit, distribution::OnCallResult done);

  /// Never runs out of work: a handshake runs on its own thread.
  [[nodiscard]] boost::asio::io_context& loop() { return loop_; }
  [[nodiscard]] const NodeName& cnode() const { return cnode_; }

 private:
  Config config_;
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  NodeName cnode_;
  distribution::CNode node_;
};

}  // namespace rancher_cnode::cli
