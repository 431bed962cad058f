// The registered names that live on this node, and what a message to one of them means. Used by cnode.
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
  /// The one in the tag, which is also that of the monitor the caller holds. Without value for an odd tag.
  std::optional<Reference> reference;
  TermBytes request;
};

/// {Tag, Reply}, to be sent to call.from.
[[nodiscard]] TermBytes gen_reply(const GenCall& call, std::span<const char> reply);

class LocalProcesses {
 public:
  /// Of a call's tag, which is kept until the reply. An alias of a node on a real host needs about 300.
  static constexpr std::size_t max_tag_bytes = 1'024;

  /// What a process does; all are called on the loop.
  struct Behaviour {
    std::function<void(GenCall)> call;  ///< must be answered by the owner, now or later
    std::function<void(std::span<const char> request)> cast;
    /// The caller has ended, or no longer waits: the call with this reference needs no reply.
    std::function<void(const Pid& caller, const Reference& reference)> gave_up = {};
    std::function<void(GenCall)> system = {};  ///< as call, for requests of module sys
  };

  /// The first one is also what our pid stands for.
  void add(std::string name, Behaviour behaviour);
  [[nodiscard]] bool knows(const std::string& name) const;

  /// A message to a name. False if nobody has the name, or it means nothing to the one who has it, as a
  /// call with a tag above max_tag_bytes.
  bool deliver(const std::string& name, std::span<const char> message);
  /// A message to our pid.
  bool deliver(std::span<const char> message) { return deliver(first_, message); }

  /// A monitor was taken back. Every process hears of it, since the signal does not name the one it was for.
  void demonitored(const Pid& watcher, const Reference& reference) const;

 private:
  std::map<std::string, Behaviour> processes_;
  std::string first_;
};

}  // namespace rancher_cnode::distribution
