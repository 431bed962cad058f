// What a message that came over a link does: it answers a call, reaches a process, or is answered by the
// protocol's rules. Used by cnode, one object a node. On the loop.
#pragma once

#include <span>

#include "link.hpp"
#include "rancher_cnode/distribution/cnode.hpp"

namespace rancher_cnode::distribution {

class Dispatcher {
 public:
  /// All three belong to the node. `self` is the pid that stands for it.
  Dispatcher(LocalProcesses& processes, const Pid& self, CNode::Counters& counters)
      : processes_(processes), self_(self), counters_(counters) {}

  /// The process that gets the message may close the link, or stop the node; `link` may be gone after this.
  void take(Link& link, const Message& message);

 private:
  void handle(Link& link, const control::Send& send, std::span<const char> payload);
  void handle(Link& link, const control::RegSend& send, std::span<const char> payload);
  void handle(Link& link, const control::Link& request, std::span<const char> payload);
  void handle(Link& link, const control::Unlink& unlink, std::span<const char> payload);
  void handle(Link& link, const control::Monitor& monitor, std::span<const char> payload);
  void handle(Link& link, const control::Demonitor& demonitor, std::span<const char> payload);
  void handle(Link& link, const control::Exit& exit, std::span<const char> payload);
  void handle(Link& link, const control::Ignored& ignored, std::span<const char> payload);

  LocalProcesses& processes_;
  const Pid& self_;
  CNode::Counters& counters_;
};

}  // namespace rancher_cnode::distribution
