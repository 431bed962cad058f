#include "leave.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "answers.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace {

using distribution::CallResult;
using distribution::TermReader;
using distribution::TermWriter;
using membership::LeaveOutcome;

/// global:disconnect/0 answers at once; a node that takes longer is not well.
constexpr Milliseconds call_limit{5'000};

constexpr std::string_view unsafe =
    "it has no global:disconnect/0 (OTP 25.1), and global prevents overlapping partitions: cutting it off "
    "would cost the others their links";

using Done = std::function<void(LeaveResult)>;

/// What lets go of a node where global has no disconnect/0 and cuts nobody off either (before OTP 25).
ModuleFunction disconnect_node() { return {"erlang", "disconnect_node"}; }

LeaveResult failed(const Error& error) { return {LeaveOutcome::failed, error.message}; }

/// disconnect(Leaver) on the target.
void ask_target(distribution::Connections& cnode, const LeaveRequest& request,
                const ModuleFunction& disconnect, Done done) {
  TermWriter arguments;
  arguments.list(1).atom(request.leaver.str()).nil();
  cnode.call(request.target, disconnect, arguments.bytes(), call_limit,
             [done = std::move(done), disconnect](const CallResult& result) {
               done(result ? LeaveResult{LeaveOutcome::done, disconnect.module + ":" + disconnect.function}
                           : failed(result.error()));
             });
}

/// disconnect_node(Each) on the target itself, for all that it is linked to: its own leaving where global
/// cuts nobody off.
void let_target_go(distribution::Connections& cnode, const NodeName& target, Done done) {
  cnode.call(target, {"erlang", "nodes"}, TermWriter().nil().bytes(), call_limit,
             [&cnode, target, done = std::move(done)](const CallResult& nodes) {
               TermReader reader(nodes ? std::span<const char>(*nodes) : std::span<const char>());
               const auto count = reader.list();
               if (!count) {
                 done(failed(nodes ? count.error() : nodes.error()));
                 return;
               }
               for (std::uint32_t i = 0; i < *count; ++i) {
                 const auto node = reader.skip();
                 if (!node) {
                   break;
                 }
                 TermWriter arguments;
                 arguments.list(1).raw(*node).nil();
                 // Calls on one link are answered in any order; that the links go is seen in the next list.
                 cnode.call(target, disconnect_node(), arguments.bytes(), call_limit,
                            [](const CallResult&) {});
               }
               done({LeaveOutcome::done, "erlang:disconnect_node of " + std::to_string(*count) + " nodes"});
             });
}

/// Cuts the leaver off, as is right where global cuts nobody off.
void cut_off(distribution::Connections& cnode, const LeaveRequest& request, Done done) {
  if (request.leaver == request.target) {
    let_target_go(cnode, request.target, std::move(done));
  } else {
    ask_target(cnode, request, disconnect_node(), std::move(done));
  }
}

/// The leaver has no global:disconnect/0. The target tells whether its release may do without.
void cut_off_if_safe(distribution::Connections& cnode, const LeaveRequest& request, Done done) {
  TermWriter key;
  key.list(2).atom("kernel").atom("prevent_overlapping_partitions").nil();
  cnode.call(request.target, {"application", "get_env"}, key.bytes(), call_limit,
             [&cnode, request, done = std::move(done)](const CallResult& setting) mutable {
               if (!setting) {
                 done(failed(setting.error()));
                 return;
               }
               TermWriter item;
               item.list(1).atom("otp_release").nil();
               cnode.call(request.target, {"erlang", "system_info"}, item.bytes(), call_limit,
                          [&cnode, request, done = std::move(done),
                           setting = *setting](const CallResult& release) mutable {
                            if (!release) {
                              done(failed(release.error()));
                            } else if (prevents_partitions(setting, *release)) {
                              done({LeaveOutcome::failed, std::string(unsafe)});
                            } else {
                              cut_off(cnode, request, std::move(done));
                            }
                          });
             });
}

/// global:disconnect() on the leaver, over the link that is there.
void ask_leaver(distribution::Connections& cnode, const LeaveRequest& request, Done done) {
  cnode.call(request.leaver, {"global", "disconnect"}, TermWriter().nil().bytes(), call_limit,
             [&cnode, request, done = std::move(done)](const CallResult& result) mutable {
               if (result) {
                 done({LeaveOutcome::done, "global:disconnect left " + distribution::printed(*result)});
               } else if (result.error().code != ErrorCode::not_found) {
                 done(failed(result.error()));
               } else {
                 cut_off_if_safe(cnode, request, std::move(done));
               }
             });
}

}  // namespace

void ask_to_leave(distribution::Connections& cnode, const LeaveRequest& request,
                  std::function<void(LeaveResult)> done) {
  if (request.disconnect && request.leaver != request.target) {
    ask_target(cnode, request, *request.disconnect, std::move(done));
    return;
  }
  if (cnode.linked(request.leaver)) {
    ask_leaver(cnode, request, std::move(done));
    return;
  }
  cnode.connect(request.leaver, [&cnode, request, done = std::move(done)](const auto& connected) mutable {
    if (!connected) {
      done({LeaveOutcome::unreachable, connected.error().error.message});
      return;
    }
    ask_leaver(cnode, request, [&cnode, leaver = request.leaver, done = std::move(done)](LeaveResult result) {
      cnode.disconnect(leaver);
      done(std::move(result));
    });
  });
}

}  // namespace rancher_cnode::agent
