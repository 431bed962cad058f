// Calls to processes on one node: many at once, replies in any order, each with its own reference and
// deadline. Used by cnode, one object per connection. On the loop. Source: OTP's gen_server, {'$gen_call',
// {Pid, Ref}, Request}, and rpc, whose server is `rex` and whose request is {call, Module, Function,
// Arguments, user}.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::distribution {

/// The result term, without version byte. Errors: timeout, unavailable (the connection was lost), not_found
/// (undef: the function does not exist there), failed (the call raised, with the reason in words).
using CallResult = Expected<TermBytes>;
using OnCallResult = std::function<void(CallResult)>;

class RemoteCalls {
 public:
  using Send = std::function<void(std::vector<char> frame)>;

  /// `self` is the pid that receives the replies. `connection` is a number that no other connection of this
  /// node has had: a late reply that arrives over a newer connection to the same node must match no call of
  /// that one.
  RemoteCalls(boost::asio::io_context& loop, Pid self, std::uint32_t connection, Send send);
  ~RemoteCalls();
  RemoteCalls(const RemoteCalls&) = delete;
  RemoteCalls& operator=(const RemoteCalls&) = delete;

  /// gen_server:call of a registered process: `request` is one encoded term, the result is the reply as
  /// received. `done` runs exactly once, later, on the loop.
  void request(const std::string& process, std::span<const char> request, Milliseconds timeout,
               OnCallResult done);

  /// rpc:call. `arguments` is one encoded list. {badrpc, Reason} is an error.
  void call(const ModuleFunction& what, std::span<const char> arguments, Milliseconds timeout,
            OnCallResult done);

  /// Handles a message to our pid. False if it is not the reply to a pending call.
  bool handle_reply(std::span<const char> message);

  /// The connection is lost: every call ends with this error.
  void fail_all(const Error& why);

 private:
  struct Pending {
    OnCallResult done;
    std::unique_ptr<boost::asio::steady_timer> deadline;
  };
  Reference next_reference();
  void finish(const Reference& reference, CallResult result);

  boost::asio::io_context& loop_;
  Pid self_;
  std::uint32_t connection_;
  Send send_;
  std::uint64_t count_ = 0;
  std::map<Reference, Pending> pending_;
  std::shared_ptr<RemoteCalls*>
      alive_;  ///< a timer's handler may still be queued when this object is destroyed
};

}  // namespace rancher_cnode::distribution
