#include "leave.hpp"

#include <memory>
#include <utility>

#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace {

using distribution::CallResult;
using distribution::TermReader;
using distribution::TermWriter;
using membership::LeaveOutcome;

/// global:disconnect/0 answers at once; a node that takes longer is not well.
constexpr Milliseconds call_limit{5'000};

using Done = std::function<void(LeaveResult)>;

LeaveResult failed(const Error& error) { return {LeaveOutcome::failed, error.message}; }

/// disconnect(Leaver) on the target.
void ask_target(distribution::CNode& cnode, const LeaveRequest& request, const ModuleFunction& disconnect,
                Done done) {
  TermWriter arguments;
  arguments.list(1).atom(request.leaver.str()).nil();
  cnode.call(request.target, disconnect, arguments.bytes(), call_limit,
             [done = std::move(done), disconnect](const CallResult& result) {
               done(result ? LeaveResult{LeaveOutcome::done, disconnect.module + ":" + disconnect.function}
                           : failed(result.error()));
             });
}

/// global:disconnect() on the leaver, over the link that is there.
void ask_leaver(distribution::CNode& cnode, const LeaveRequest& request, Done done) {
  TermWriter arguments;
  arguments.nil();
  cnode.call(request.leaver, {"global", "disconnect"}, arguments.bytes(), call_limit,
             [&cnode, request, done = std::move(done)](const CallResult& result) mutable {
               if (result) {
                 done({LeaveOutcome::done, "global:disconnect left " + distribution::printed(*result)});
               } else if (result.error().code == ErrorCode::not_found && request.leaver != request.target) {
                 ask_target(cnode, request, {"erlang", "disconnect_node"}, std::move(done));
               } else {
                 done(failed(result.error()));
               }
             });
}

}  // namespace

void ask_to_leave(distribution::CNode& cnode, const LeaveRequest& request,
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
