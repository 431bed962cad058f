// Terms in the external term format, written and read with ei's encoders; all bounds are checked here.
// Used by control_message, remote_call, local_processes and by the agent for arguments and results.
//
// ei's decoders trust the buffer they are given; bytes from the wire may be anything. TermReader therefore
// measures a term before it lets ei decode it, and never recurses. Source: ERTS user's guide, chapter
// "External Term Format".
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::distribution {

/// One or more encoded terms, without the version byte unless said otherwise.
using TermBytes = std::vector<char>;

struct Pid {
  std::string node;
  std::uint32_t id = 0;
  std::uint32_t serial = 0;
  std::uint32_t creation = 0;
  friend auto operator<=>(const Pid&, const Pid&) = default;
};

struct Reference {
  static constexpr std::size_t max_words = 5;
  std::string node;
  std::uint32_t creation = 0;
  std::uint32_t word_count = 0;  ///< 1 to max_words; the words beyond are 0
  std::array<std::uint32_t, max_words> words{};
  friend auto operator<=>(const Reference&, const Reference&) = default;
};

/// Appends terms to a buffer. Methods chain; they fail only when memory is exhausted.
class TermWriter {
 public:
  TermWriter& version();                    ///< byte 131, once, before the first term of a message
  TermWriter& atom(std::string_view utf8);  ///< precondition: at most 255 characters
  TermWriter& boolean(bool value);          // NOLINT: a term is a bool
  TermWriter& integer(std::int64_t value);
  TermWriter& binary(std::string_view bytes);
  TermWriter& tuple(std::size_t arity);  ///< arity terms must follow
  TermWriter& list(std::size_t length);  ///< length terms must follow, then nil()
  TermWriter& nil();
  TermWriter& map(std::size_t pairs);  ///< pairs times key and value must follow
  TermWriter& pid(const Pid& value);
  TermWriter& reference(const Reference& value);
  TermWriter& raw(std::span<const char> terms);  ///< terms already encoded, byte for byte

  [[nodiscard]] const TermBytes& bytes() const { return bytes_; }
  [[nodiscard]] TermBytes take() { return std::move(bytes_); }

 private:
  template <class Encode>
  TermWriter& put(Encode encode);
  TermWriter& numbers(std::span<const std::uint32_t> values);

  TermBytes bytes_;
};

enum class TermType {
  atom,
  integer,
  floating,
  binary,
  string,
  tuple,
  list,
  nil,
  map,
  pid,
  reference,
  port,
  fun,
  bits
};

/// Reads terms from bytes it does not own. Each method either reads one item and advances, or returns
/// ErrorCode::malformed and keeps its position.
class TermReader {
 public:
  explicit TermReader(std::span<const char> bytes) : bytes_(bytes) {}

  [[nodiscard]] Expected<void> version();
  [[nodiscard]] Expected<TermType> peek() const;
  [[nodiscard]] Expected<std::string> atom();      ///< UTF-8
  [[nodiscard]] Expected<std::int64_t> integer();  ///< an integer beyond 64 bits is malformed
  [[nodiscard]] Expected<std::string> binary();
  [[nodiscard]] Expected<std::uint32_t> tuple();  ///< arity
  [[nodiscard]] Expected<std::uint32_t> list();  ///< length; 0 for nil. A tail term follows unless it was nil
  [[nodiscard]] Expected<void> nil();
  [[nodiscard]] Expected<std::uint32_t> map();  ///< pairs
  [[nodiscard]] Expected<Pid> pid();
  [[nodiscard]] Expected<Reference> reference();
  /// Skips one whole term of any type and depth; returns its bytes.
  [[nodiscard]] Expected<std::span<const char>> skip();

  /// True, and advances, if the next term is this atom.
  [[nodiscard]] bool accept_atom(std::string_view name);
  /// True, and advances, if the next term is a tuple of this arity.
  [[nodiscard]] bool accept_tuple(std::uint32_t arity);

  [[nodiscard]] std::span<const char> rest() const { return bytes_.subspan(position_); }
  [[nodiscard]] bool at_end() const { return position_ == bytes_.size(); }

 private:
  std::span<const char> bytes_;
  std::size_t position_ = 0;
};

/// A term as text for a log line or an error message, at most `limit` bytes, cut with "...". Reads any bytes
/// safely; what cannot be read is shown as <<malformed>>.
[[nodiscard]] std::string printed(std::span<const char> term, std::size_t limit = 200);

}  // namespace rancher_cnode::distribution
