// One frame as a node may send it: decoded, delivered to a process that answers, and printed.
#include <variant>

#include "fuzz.hpp"
#include "rancher_cnode/distribution/control_message.hpp"
#include "rancher_cnode/distribution/local_processes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;

namespace {

/// What we would send back is itself a frame that is decoded.
void require_readable(const std::vector<char>& frame) {
  constexpr std::size_t length = 4;
  fuzz::require(decode_message(std::span<const char>(frame).subspan(length)).has_value());
}

struct Answer {
  std::span<const char> payload;

  void operator()(const control::Send& /*send*/) const {}
  void operator()(const control::RegSend& /*send*/) const {
    LocalProcesses processes;
    processes.add("any",
                  {.call =
                       [](const GenCall& call) {
                         require_readable(encode_send(call.from, gen_reply(call, call.request)));
                       },
                   .cast = [](std::span<const char> request) { static_cast<void>(printed(request)); }});
    processes.deliver("any", payload);
  }
  void operator()(const control::Link& link) const {
    require_readable(encode_exit(link.to, link.from, "noproc"));
  }
  void operator()(const control::Unlink& unlink) const {
    if (!unlink.id.empty()) {
      require_readable(encode_unlink_id_ack(unlink.id, unlink.to, unlink.from));
    }
  }
  void operator()(const control::Exit& exit) const { require_readable(encode_exit(exit.to, exit.from, "x")); }
  void operator()(const control::Monitor& monitor) const {
    require_readable(encode_monitor_exit(monitor.to, monitor.from, monitor.reference, "noproc"));
  }
  void operator()(const control::Demonitor& /*demonitor*/) const {}
  void operator()(const control::Ignored& /*ignored*/) const {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = decode_message(fuzz::bytes(data, size));
  if (message) {
    static_cast<void>(printed(message->payload));
    std::visit(Answer{message->payload}, message->control);
  }
  return 0;
}
