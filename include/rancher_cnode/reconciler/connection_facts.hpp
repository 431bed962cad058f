// What has changed in the connections of one target. The reconciler decides each fact from its own state and
// states it once; the log renders facts, and so does whatever else reports changes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"

namespace rancher_cnode::reconciler {

/// What became of a departed peer.
enum class Departure {
  disconnected,     ///< the target is not connected to it (any more)
  still_connected,  ///< it is, and is left alone
};

/// Connected adds a peer to the connected members, Lost and Forgotten remove one: nothing else changes them.
/// Reasons are in words.
namespace fact {
struct Connected {
  NodeName peer;
  std::optional<Duration>
      took;  ///< from our dial to its answer; nothing: it connected without a dial of ours
};
struct Lost {
  NodeName peer;
  bool dialable;  ///< false: its container is stopped or missing, so the loss is expected
  std::string_view reason;
};
/// It was connected, and is a member no longer, or the target has gone: its connection is not observed any
/// more.
struct Forgotten {
  NodeName peer;
};
/// Of a dialable peer; a loss is not an attempt. Stated once until the reason changes, the peer was connected
/// or held, or the target restarts.
struct AttemptFailed {
  NodeName peer;
  std::string_view reason;
  bool absent = false;  ///< its epmd does not answer or does not know it: normal while it starts
};
/// The peer was away and still held a connection that the target had lost; it closed its connections.
struct Refreshed {
  NodeName peer;
};
/// A list shows the target connected to every dialable peer, and the list before did not.
struct Completed {
  std::size_t peers;     ///< connected ones
  std::size_t held = 0;  ///< members that must not be dialled, and are not connected
};
/// Of a peer that departs, once; of the target itself, each time that it changes.
struct Departed {
  NodeName peer;  ///< the target: its own departure
  Departure departure;
  std::string_view reason;  ///< empty if disconnected
};
}  // namespace fact
using ConnectionFact = std::variant<fact::Connected, fact::Lost, fact::Forgotten, fact::AttemptFailed,
                                    fact::Refreshed, fact::Completed, fact::Departed>;

}  // namespace rancher_cnode::reconciler
