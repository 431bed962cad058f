// Dispatches received messages: a message answers a call, goes to a process, or is answered by the protocol's
// rules. Used by cnode, one object per local node. On the loop.
#pragma once

#include <span>

#include "distribution/node/connected_node.hpp"
#include "rancher_cnode/distribution/cnode.hpp"

namespace rancher_cnode::distribution {

class Dispatcher {
 public:
  /// All three belong to the local node. `self` is its pid.
  Dispatcher(LocalProcesses& processes, const Pid& self, CNode::Counters& counters)
      : processes_(processes), self_(self), counters_(counters) {}

  /// The receiving process may close the connection or stop the local node; `node` may be gone after this.
  void dispatch(ConnectedNode& node, const Message& message);

 private:
  void handle(ConnectedNode& node, const control::Send& send, std::span<const char> payload);
  void handle(ConnectedNode& node, const control::RegSend& send, std::span<const char> payload);
  void handle(ConnectedNode& node, const control::Link& request, std::span<const char> payload);
  void handle(ConnectedNode& node, const control::Unlink& unlink, std::span<const char> payload);
  void handle(ConnectedNode& node, const control::Monitor& monitor, std::span<const char> payload);
  void handle(ConnectedNode& node, const control::Demonitor& demonitor, std::span<const char> payload);
  void handle(ConnectedNode& node, const control::Exit& exit, std::span<const char> payload);
  void handle(ConnectedNode& node, const control::Ignored& ignored, std::span<const char> payload);

  LocalProcesses& processes_;
  const Pid& self_;
  CNode::Counters& counters_;
};

}  // namespace rancher_cnode::distribution
