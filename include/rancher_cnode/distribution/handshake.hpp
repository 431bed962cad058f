// The distribution handshake in both directions, by ei. Blocking: runs on a thread of a handshake pool, never
// on the loop. Used by cnode.
//
// ei implements the protocol and the cookie. The bytes pass through our socket callbacks, which enforce one
// absolute deadline for the whole handshake, can be cancelled at once, check the format of every packet
// before ei sees it (ei trusts lengths) and record the stage: the peer never gives a reason for a refusal,
// but the stage at which it closed shows it. Source: ERTS user's guide, "Distribution Protocol",
// "Distribution Handshake".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"
#include "rancher_cnode/core/node_name.hpp"

namespace rancher_cnode::distribution {

/// The local node in every handshake of one run.
struct Identity {
  NodeName name;
  Cookie cookie;
  std::uint32_t creation;            ///< new at every start, never 0 to 3
  std::optional<TlsSettings> tls{};  ///< nothing: plain TCP. Its files are read at each handshake
};

/// How far a handshake got.
enum class HandshakeStage {
  connect,        ///< the TCP connection is not there yet
  tls,            ///< TLS is not there yet
  name,           ///< our name was sent (outgoing) or the peer's is awaited (incoming)
  status,         ///< the peer's status came; its challenge is awaited
  challenge,      ///< challenges are out; the reply to one of them is awaited
  challenge_ack,  ///< our reply was sent; the acknowledgement is awaited
  complete,
};
[[nodiscard]] std::string_view to_string(HandshakeStage stage);

struct HandshakeFailure {
  HandshakeStage stage = HandshakeStage::connect;
  Error error;  ///< the message gives the most likely reason
};

class TlsSession;

/// An established connection, not yet used.
struct EstablishedConnection {
  FileDescriptor socket;              ///< non-blocking, TCP_NODELAY
  std::string peer;                   ///< the name that the peer sent; not validated
  std::shared_ptr<TlsSession> tls{};  ///< null: plain TCP
};

/// Aborts all handshakes that use it, from any thread, at once. Must outlive them.
class HandshakeStop {
 public:
  HandshakeStop();
  void request();
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  FileDescriptor event_;
};

using HandshakeResult = tl::expected<EstablishedConnection, HandshakeFailure>;

/// Maximum concurrent handshakes per direction, each on its own thread. Incoming: 0 for a node that never
/// listens.
struct HandshakeThreads {
  std::size_t outgoing = 32;
  std::size_t incoming = 32;
};

/// Enough for 10,000 connections and all other descriptors.
inline constexpr std::size_t max_descriptors = 16'384;

/// Must run once before any handshake, on the main thread. Permanently lowers the soft limit on descriptors
/// (RLIMIT_NOFILE) of this process and its children to max_descriptors if it is higher: ei's memory grows
/// with it.
void initialise_handshakes();

/// Connects to peer, which listens at address:port. Blocks until done, deadline or stop.
[[nodiscard]] HandshakeResult connect_handshake(const Identity& self, const NodeName& peer,
                                                Ipv4Address address, std::uint16_t port, TimePoint deadline,
                                                const HandshakeStop& stop);

/// Performs the handshake on a connection that the loop has accepted. Blocks until done, deadline or stop.
[[nodiscard]] HandshakeResult accept_handshake(const Identity& self, FileDescriptor accepted,
                                               TimePoint deadline, const HandshakeStop& stop);

}  // namespace rancher_cnode::distribution
