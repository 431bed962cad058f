// The registered processes of this node, and the delivery of messages to them. Used by cnode.
//
// net_kernel answers net_adm:ping/1. Other names are added by the owner. A call's tag may be a reference or
// an improper list [alias | Ref]; it is echoed byte for byte. Source: OTP's gen.erl, sys.erl and
// net_kernel.erl.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::distribution {

/// {'$gen_call', {Pid, Tag}, Request}, or {system, {Pid, Tag}, Request} from module sys
struct GenCall {
  Pid from;
  TermBytes tag;
  /// The reference in the tag, which is also that of the caller's monitor. Nothing for a tag of another form.
  std::optional<Reference> reference;
  TermBytes request;
};

/// {Tag, Reply}, to be sent to call.from.
[[nodiscard]] TermBytes gen_reply(const GenCall& call, std::span<const char> reply);

class LocalProcesses {
 public:
  /// Limit for a call's tag, which is kept until the reply. An alias of a node on a real host needs about
  /// 300.
  static constexpr std::size_t max_tag_bytes = 1'024;

  /// The handlers of a process; called on the loop.
  struct Behaviour {
    std::function<void(GenCall)> call;  ///< must be answered by the owner, now or later
    std::function<void(std::span<const char> request)> cast;
    /// The caller has ended or no longer waits: the call with this reference needs no reply.
    std::function<void(const Pid& caller, const Reference& reference)> caller_gone = {};
    std::function<void(GenCall)> system = {};  ///< as call, for requests of module sys
  };

  /// The first one also receives messages to our pid.
  void add(std::string name, Behaviour behaviour);
  [[nodiscard]] bool knows(const std::string& name) const;

  /// Delivers a message to a name. False if the name is not registered or the message is not understood, for
  /// example a call with a tag above max_tag_bytes.
  bool deliver(const std::string& name, std::span<const char> message);
  /// Delivers a message to our pid.
  bool deliver(std::span<const char> message) { return deliver(first_, message); }

  /// A monitor was removed. Every process is notified, since the signal does not name its process.
  void demonitored(const Pid& watcher, const Reference& reference) const;

 private:
  std::map<std::string, Behaviour> processes_;
  std::string first_;
};

}  // namespace rancher_cnode::distribution
