#include "distribution/node/dispatcher.hpp"

namespace rancher_cnode::distribution {

void Dispatcher::dispatch(ConnectedNode& node, const Message& message) {
  std::visit([&](const auto& control) { handle(node, control, message.payload); }, message.control);
}

// The node may be gone once a handler below has called out: none touches it after that.

void Dispatcher::handle(ConnectedNode& node, const control::Send& send, std::span<const char> payload) {
  if (send.to != self_ || (!node.calls->handle_reply(payload) && !processes_.deliver(payload))) {
    ++counters_.messages_dropped;
  }
}

void Dispatcher::handle(ConnectedNode& /*node*/, const control::RegSend& send,
                        std::span<const char> payload) {
  if (!processes_.deliver(send.to, payload)) {
    ++counters_.messages_dropped;
  }
}

void Dispatcher::handle(ConnectedNode& node, const control::Link& request,
                        std::span<const char> /*payload*/) {
  if (request.to == self_) {
    node.observers.add(request);
  } else {
    node.connection->send(encode_exit(request.to, request.from, "noproc"));
  }
}

void Dispatcher::handle(ConnectedNode& node, const control::Unlink& unlink,
                        std::span<const char> /*payload*/) {
  node.observers.remove(unlink);
  if (!unlink.id.empty()) {
    node.connection->send(encode_unlink_id_ack(unlink.id, unlink.to, unlink.from));
  }
}

void Dispatcher::handle(ConnectedNode& node, const control::Monitor& monitor,
                        std::span<const char> /*payload*/) {
  const auto* name = std::get_if<std::string>(&monitor.to);
  const bool is_local = name != nullptr ? processes_.knows(*name) : std::get<Pid>(monitor.to) == self_;
  if (is_local) {
    node.observers.add(monitor);
  } else {
    node.connection->send(encode_monitor_exit(monitor.to, monitor.from, monitor.reference, "noproc"));
  }
}

void Dispatcher::handle(ConnectedNode& node, const control::Demonitor& demonitor,
                        std::span<const char> /*payload*/) {
  node.observers.remove(demonitor);
  processes_.demonitored(demonitor.from, demonitor.reference);
}

/// No process of ours ends because another process ends.
void Dispatcher::handle(ConnectedNode& node, const control::Exit& exit, std::span<const char> /*payload*/) {
  node.observers.remove(exit);
  ++counters_.controls_ignored;
}

void Dispatcher::handle(ConnectedNode& /*node*/, const control::Ignored& /*ignored*/,
                        std::span<const char> /*payload*/) {
  ++counters_.controls_ignored;
}

}  // namespace rancher_cnode::distribution
