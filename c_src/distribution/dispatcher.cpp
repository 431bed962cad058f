#include "dispatcher.hpp"

namespace rancher_cnode::distribution {

void Dispatcher::take(Link& link, const Message& message) {
  std::visit([&](const auto& control) { handle(link, control, message.payload); }, message.control);
}

// The link may be gone when a handler below has called out: none touches it after that.

void Dispatcher::handle(Link& link, const control::Send& send, std::span<const char> payload) {
  if (send.to != self_ || (!link.calls->take(payload) && !processes_.deliver(payload))) {
    ++counters_.messages_dropped;
  }
}

void Dispatcher::handle(Link& /*link*/, const control::RegSend& send, std::span<const char> payload) {
  if (!processes_.deliver(send.to, payload)) {
    ++counters_.messages_dropped;
  }
}

void Dispatcher::handle(Link& link, const control::Link& request, std::span<const char> /*payload*/) {
  if (request.to == self_) {
    link.observers.add(request);
  } else {
    link.connection->send(encode_exit(request.to, request.from, "noproc"));
  }
}

void Dispatcher::handle(Link& link, const control::Unlink& unlink, std::span<const char> /*payload*/) {
  link.observers.remove(unlink);
  if (!unlink.id.empty()) {
    link.connection->send(encode_unlink_id_ack(unlink.id, unlink.to, unlink.from));
  }
}

void Dispatcher::handle(Link& link, const control::Monitor& monitor, std::span<const char> /*payload*/) {
  const auto* name = std::get_if<std::string>(&monitor.to);
  const bool lives_here = name != nullptr ? processes_.knows(*name) : std::get<Pid>(monitor.to) == self_;
  if (lives_here) {
    link.observers.add(monitor);
  } else {
    link.connection->send(encode_monitor_exit(monitor.to, monitor.from, monitor.reference, "noproc"));
  }
}

void Dispatcher::handle(Link& link, const control::Demonitor& demonitor, std::span<const char> /*payload*/) {
  link.observers.remove(demonitor);
  processes_.demonitored(demonitor.from, demonitor.reference);
}

/// Nothing that lives here ends because another process does.
void Dispatcher::handle(Link& link, const control::Exit& exit, std::span<const char> /*payload*/) {
  link.observers.remove(exit);
  ++counters_.controls_ignored;
}

void Dispatcher::handle(Link& /*link*/, const control::Ignored& /*ignored*/,
                        std::span<const char> /*payload*/) {
  ++counters_.controls_ignored;
}

}  // namespace rancher_cnode::distribution
