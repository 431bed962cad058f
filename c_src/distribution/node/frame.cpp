#include "rancher_cnode/distribution/frame.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "distribution/big_endian.hpp"

namespace rancher_cnode::distribution {
namespace {

/// An empty buffer above this size is freed.
constexpr std::size_t kept_capacity = std::size_t{64} << 10U;

}  // namespace

std::span<char> FrameReader::prepare(std::size_t size) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > kept_capacity) {
      buffer_ = std::vector<char>();  // = {} would keep its memory
    }
  } else if (begin_ > 0 && end_ + size > buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + size > buffer_.size()) {
    buffer_.resize(end_ + size);
  }
  return std::span<char>(buffer_).subspan(end_, size);
}

void FrameReader::commit(std::size_t size) { end_ += size; }

Expected<std::optional<std::span<const char>>> FrameReader::next() {
  const std::size_t available = end_ - begin_;
  if (available < frame_header_length) {
    return std::nullopt;
  }
  const std::size_t length = big_endian(std::span<const char>(buffer_).subspan(begin_, frame_header_length));
  if (length > max_frame_length) {
    return failure(ErrorCode::too_large, "a frame of " + std::to_string(length) +
                                             " bytes exceeds the limit of " +
                                             std::to_string(max_frame_length));
  }
  if (available < frame_header_length + length) {
    return std::nullopt;
  }
  const auto frame = std::span<const char>(buffer_).subspan(begin_ + frame_header_length, length);
  begin_ += frame_header_length + length;
  return frame;
}

std::vector<char> pass_through_frame(std::span<const char> control, std::span<const char> message) {
  const std::size_t length = 1 + control.size() + message.size();
  std::vector<char> frame;
  frame.reserve(frame_header_length + length);
  append_big_endian(frame, frame_header_length, length);
  frame.push_back(static_cast<char>(pass_through));
  frame.insert(frame.end(), control.begin(), control.end());
  frame.insert(frame.end(), message.begin(), message.end());
  return frame;
}

std::vector<char> tick_frame() { return std::vector<char>(frame_header_length, '\0'); }

}  // namespace rancher_cnode::distribution
