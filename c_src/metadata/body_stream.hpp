// A ByteSource as RapidJSON's stream, both for input and for the strings that it unescapes. Used by
// service_reader only, with kParseInsituFlag.
//
// RapidJSON takes '\0' as the end of the input; Peek() and Take() return it at the end. at_end() and
// failure() show whether it was the end, a failure, or a NUL byte in the body.
//
// It is also the output, for two reasons. A run of plain characters, most of a body, is copied at once when a
// string begins, instead of one call per character. And a string is kept only up to a limit, so that memory
// does not grow with its length.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "metadata/byte_source.hpp"
#include "metadata/service_reader.hpp"

namespace rancher_cnode::metadata {

class BodyStream {
 public:
  /// A longer string is cut to this size: one byte above the limit, so that the reader detects it.
  static constexpr std::size_t max_text = max_json_text + 1;

  explicit BodyStream(ByteSource& source) : source_(source) { refill(); }
  BodyStream(const BodyStream&) = delete;
  BodyStream& operator=(const BodyStream&) = delete;

  // The names of RapidJSON's stream concept: input ...
  using Ch = char;
  [[nodiscard]] Ch Peek() const { return *at_; }
  Ch Take() {
    const Ch taken = *at_;
    if (++at_ == end_) {
      refill();
    }
    return taken;
  }
  [[nodiscard]] std::size_t Tell() const { return passed_ + static_cast<std::size_t>(at_ - begin_); }

  // ... and output: the text of one string at a time, from its opening quote to its closing one.
  Ch* PutBegin() {
    size_ = 0;
    take_plain_run();
    return text_.data();
  }
  void Put(Ch c) {
    if (size_ < max_text) {
      text_[size_] = c;
    }
    ++size_;
  }
  std::size_t PutEnd(const Ch*) const { return size_ <= max_text ? size_ : max_text + 1; }

  /// Nothing is left to read: the body has ended, or the source has failed.
  [[nodiscard]] bool at_end() const { return ended_; }
  /// The error of the source that ended the body early.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  void refill();
  void take_plain_run();

  /// The piece after the end; it is followed by itself.
  static constexpr std::array<Ch, 1> end_piece_{'\0'};

  ByteSource& source_;
  const Ch* begin_ = end_piece_.data();
  const Ch* at_ = begin_;
  const Ch* end_ = begin_;
  std::size_t passed_ = 0;  ///< bytes in the pieces before this one
  std::size_t size_ = 0;    ///< of the text, beyond what is kept too
  bool ended_ = false;
  std::optional<Error> failure_;
  std::array<Ch, max_text> text_;
};

}  // namespace rancher_cnode::metadata
