// Frames of an established connection: a 4-byte big-endian length, then that many bytes; length 0 is a tick.
// Used by connection. Source: ERTS user's guide, "Distribution Protocol", "Protocol between Connected Nodes".
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::distribution {

/// The longest frame that a peer may send. Replies to our own calls have kilobytes; a list of 10,000 nodes
/// has 300 KB.
inline constexpr std::size_t max_frame_length = std::size_t{16} << 20U;
inline constexpr std::size_t frame_header_length = 4;
/// The first byte of every frame except ticks.
inline constexpr unsigned char pass_through = 112;

/// Splits a byte stream into frames. Returns only whole frames, so the stream stays in sync.
class FrameReader {
 public:
  /// Room for `size` more bytes from the socket.
  [[nodiscard]] std::span<char> prepare(std::size_t size);
  /// `size` bytes were written into what prepare() gave.
  void commit(std::size_t size);
  /// The next whole frame (empty span = tick), or nothing if more bytes are needed. The span lives until the
  /// next prepare(). ErrorCode::too_large for a length above max_frame_length: the connection
  /// cannot be used any more.
  [[nodiscard]] Expected<std::optional<std::span<const char>>> next();

 private:
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< first byte not handed out yet
  std::size_t end_ = 0;    ///< one past the last byte received
};

/// A frame that carries control and message (both with their version byte; message may be empty).
[[nodiscard]] std::vector<char> pass_through_frame(std::span<const char> control,
                                                   std::span<const char> message);

/// A frame of length 0.
[[nodiscard]] std::vector<char> tick_frame();

}  // namespace rancher_cnode::distribution
