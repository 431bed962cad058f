#include "metadata/body_stream.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace rancher_cnode::metadata {
namespace {

constexpr std::uint64_t every_byte(std::uint8_t value) { return 0x0101'0101'0101'0101U * value; }

/// True if none of eight bytes is a quote, a backslash, a control character or beyond ASCII. May return false
/// for eight plain bytes, never true for others.
bool all_plain(std::uint64_t eight) {
  const std::uint64_t quote = (eight ^ every_byte('"')) - every_byte(1);
  const std::uint64_t backslash = (eight ^ every_byte('\\')) - every_byte(1);
  const std::uint64_t control = eight - every_byte(0x20);
  // A byte beyond ASCII keeps its highest bit in one of the first two at least.
  return ((quote | backslash | control) & every_byte(0x80)) == 0;
}

bool is_plain(char c) { return c >= 0x20 && c != '"' && c != '\\' && static_cast<unsigned char>(c) < 0x80; }

}  // namespace

void BodyStream::refill() {
  if (!ended_) {
    passed_ += static_cast<std::size_t>(end_ - begin_);
    auto piece = source_.next();
    if (!piece) {
      failure_ = std::move(piece.error());
    }
    ended_ = !piece || piece->empty();
    if (!ended_) {
      begin_ = at_ = piece->data();
      end_ = begin_ + piece->size();
      return;
    }
  }
  begin_ = at_ = end_piece_.data();
  end_ = begin_ + end_piece_.size();
}

// Called at the start of a string, so at most max_text bytes are copied, and they fit. The rest of the string
// (an escape, the next piece, the excess) goes through Put().
void BodyStream::take_plain_run() {
  const Ch* at = at_;
  // Stops before the last byte of the piece, which Take() handles.
  const Ch* const last = at + std::min(static_cast<std::size_t>(end_ - at) - 1, max_text);
  Ch* out = text_.data();
  for (std::uint64_t eight = 0; last - at >= 8; at += 8, out += 8) {
    std::memcpy(&eight, at, 8);
    if (!all_plain(eight)) {
      break;
    }
    std::memcpy(out, &eight, 8);
  }
  while (at < last && is_plain(*at)) {
    *out++ = *at++;
  }
  size_ = static_cast<std::size_t>(at - at_);
  at_ = at;
}

}  // namespace rancher_cnode::metadata
