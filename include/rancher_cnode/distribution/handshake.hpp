// The distribution handshake, both ways, by ei. Blocking: runs on a handshake pool's thread, never on the
// loop. Used by cnode.
//
// ei does the protocol and the cookie; the bytes go through socket callbacks of ours, which keep one absolute
// deadline for the whole handshake, can be cancelled at once, check every packet's shape before ei sees it
// (ei trusts lengths) and note how far the handshake came: the peer never says why it refuses, but the stage
// at which it closed does. Source: ERTS user's guide, "Distribution Protocol", "Distribution Handshake".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/distribution/file_descriptor.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/node_name.hpp"

namespace rancher_cnode::distribution {

/// Who we are in every handshake of one run.
struct Identity {
  NodeName name;
  Cookie cookie;
  std::uint32_t creation;  ///< new at every start, never 0 to 3
};

/// How far a handshake came.
enum class HandshakeStage {
  connect,        ///< the TCP connection is not there yet
  name,           ///< our name was sent (outgoing) or the peer's is awaited (incoming)
  status,         ///< the peer's status came; its challenge is awaited
  challenge,      ///< challenges are out; the reply to one of them is awaited
  challenge_ack,  ///< our reply was sent; the acknowledgement is awaited
  complete,
};
[[nodiscard]] std::string_view to_string(HandshakeStage stage);

struct HandshakeFailure {
  HandshakeStage stage = HandshakeStage::connect;
  Error error;  ///< the message says in words what it most likely means
};

/// An established link, not yet used.
struct LinkSocket {
  FileDescriptor socket;  ///< non-blocking, TCP_NODELAY
  std::string peer;       ///< the name that the peer gave; not validated
};

/// Stops all handshakes that were given it, from any thread, at once. Outlives them.
class HandshakeStop {
 public:
  HandshakeStop();
  void request();
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  FileDescriptor event_;
};

using HandshakeResult = tl::expected<LinkSocket, HandshakeFailure>;

/// How many handshakes of each direction may run at a time, each on a thread of its own. Incoming: 0 for a node
/// that never listens.
struct HandshakeThreads {
  std::size_t outgoing = 32;
  std::size_t incoming = 32;
};

/// Ample for 10,000 links with all that is open beside them.
inline constexpr std::size_t max_descriptors = 16'384;

/// Must run once before any handshake, on the main thread. Lowers this process's soft limit on descriptors
/// (RLIMIT_NOFILE) to max_descriptors for good, if it is higher: ei's memory grows with it. Children
/// inherit that.
void initialise_handshakes();

/// Connects to peer, which listens at address:port. Blocks until done, deadline or stop.
[[nodiscard]] HandshakeResult connect_handshake(const Identity& self, const NodeName& peer,
                                                Ipv4Address address, std::uint16_t port, TimePoint deadline,
                                                const HandshakeStop& stop);

/// Answers a connection that the loop has accepted. Blocks until done, deadline or stop.
[[nodiscard]] HandshakeResult accept_handshake(const Identity& self, FileDescriptor accepted,
                                               TimePoint deadline, const HandshakeStop& stop);

}  // namespace rancher_cnode::distribution
