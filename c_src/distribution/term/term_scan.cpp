#include "distribution/term/term_scan.hpp"

#include <string>

#include "distribution/big_endian.hpp"

namespace rancher_cnode::distribution {
namespace {

// Tags of the external term format.
enum class Tag : unsigned char {
  new_float = 'F',
  bit_binary = 'M',
  new_pid = 'X',
  new_port = 'Y',
  newer_reference = 'Z',
  small_integer = 'a',
  integer = 'b',
  old_float = 'c',
  atom_latin1 = 'd',
  old_port = 'f',
  old_pid = 'g',
  small_tuple = 'h',
  large_tuple = 'i',
  nil = 'j',
  string = 'k',
  list = 'l',
  binary = 'm',
  small_big = 'n',
  large_big = 'o',
  new_fun = 'p',
  export_fun = 'q',
  new_reference = 'r',
  small_atom_latin1 = 's',
  map = 't',
  atom_utf8 = 'v',
  small_atom_utf8 = 'w',
  v4_port = 'x',
};

/// Bounds-checked big-endian numbers at an offset.
class Bytes {
 public:
  explicit Bytes(std::span<const char> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool holds(std::uint64_t length) const { return length <= bytes_.size(); }
  [[nodiscard]] std::uint64_t number(std::size_t offset, std::size_t width) const {
    return big_endian(bytes_.subspan(offset, width));
  }
  [[nodiscard]] std::span<const char> from(std::size_t offset) const { return bytes_.subspan(offset); }

 private:
  std::span<const char> bytes_;
};

tl::unexpected<Error> cut_off() { return failure(ErrorCode::malformed, "a term is cut off"); }

constexpr std::size_t max_atom_bytes = std::size_t{255} * 4;

/// A head whose length is fixed.
Expected<TermHead> fixed(const Bytes& bytes, TermType type, std::size_t body, std::uint64_t children = 0) {
  if (!bytes.holds(tag_length + body)) {
    return cut_off();
  }
  return TermHead{type, tag_length + body, children};
}

/// A head followed by the number of bytes in a counter of `width` bytes, and `extra` more.
Expected<TermHead> counted(const Bytes& bytes, TermType type, std::size_t width, std::size_t extra = 0) {
  if (!bytes.holds(tag_length + width)) {
    return cut_off();
  }
  const std::uint64_t length = tag_length + width + extra + bytes.number(tag_length, width);
  if (!bytes.holds(length)) {
    return cut_off();
  }
  return TermHead{type, static_cast<std::size_t>(length), 0};
}

Expected<TermHead> atom_of(const Bytes& bytes, std::size_t width) {
  auto head = counted(bytes, TermType::atom, width);
  if (head && head->length > tag_length + width + max_atom_bytes) {
    return failure(ErrorCode::malformed, "an atom is longer than 255 characters");
  }
  return head;
}

Expected<TermHead> atom(const Bytes& bytes) {
  if (!bytes.holds(tag_length)) {
    return cut_off();
  }
  switch (static_cast<Tag>(bytes.number(0, tag_length))) {
    case Tag::atom_latin1:
    case Tag::atom_utf8:
      return atom_of(bytes, 2);
    case Tag::small_atom_latin1:
    case Tag::small_atom_utf8:
      return atom_of(bytes, 1);
    default:
      return failure(ErrorCode::malformed, "a node name is not an atom");
  }
}

/// A head followed by the number of terms in a counter of `width` bytes.
Expected<TermHead> nested(const Bytes& bytes, TermType type, std::size_t width, std::uint64_t factor,
                          std::uint64_t extra) {
  if (!bytes.holds(tag_length + width)) {
    return cut_off();
  }
  return TermHead{type, tag_length + width, bytes.number(tag_length, width) * factor + extra};
}

/// pid, port, reference: an atom at `offset`, which the bytes hold, then `body` bytes.
Expected<TermHead> with_node(const Bytes& bytes, TermType type, std::size_t offset, std::size_t body) {
  // Not scan_head(): a pid whose node is a pid whose node is a pid ... would end the stack.
  auto node = atom(Bytes(bytes.from(offset)));
  if (!node) {
    return node;
  }
  const std::size_t length = offset + node->length + body;
  if (!bytes.holds(length)) {
    return cut_off();
  }
  return TermHead{type, length, 0};
}

Expected<TermHead> reference(const Bytes& bytes, std::size_t creation_width) {
  constexpr std::size_t count_width = 2;
  if (!bytes.holds(tag_length + count_width)) {
    return cut_off();
  }
  const std::uint64_t words = bytes.number(tag_length, count_width);
  if (words == 0 || words > Reference::max_words) {
    return failure(ErrorCode::malformed, "a reference has " + std::to_string(words) + " words");
  }
  return with_node(bytes, TermType::reference, tag_length + count_width,
                   creation_width + static_cast<std::size_t>(words) * 4);
}

Expected<TermHead> fun(const Bytes& bytes) {
  constexpr std::size_t size_width = 4;
  if (!bytes.holds(tag_length + size_width)) {
    return cut_off();
  }
  const std::uint64_t size = bytes.number(tag_length, size_width);  // counts itself, not the tag
  if (size < size_width || !bytes.holds(tag_length + size)) {
    return cut_off();
  }
  return TermHead{TermType::fun, static_cast<std::size_t>(tag_length + size), 0};
}

}  // namespace

Expected<TermHead> scan_head(std::span<const char> raw) {
  const Bytes bytes(raw);
  if (raw.empty()) {
    return cut_off();
  }
  const auto tag = static_cast<unsigned char>(raw[0]);
  switch (static_cast<Tag>(tag)) {
    case Tag::small_integer:
      return fixed(bytes, TermType::integer, 1);
    case Tag::integer:
      return fixed(bytes, TermType::integer, 4);
    case Tag::small_big:
      return counted(bytes, TermType::integer, 1, 1);
    case Tag::large_big:
      return counted(bytes, TermType::integer, 4, 1);
    case Tag::new_float:
      return fixed(bytes, TermType::floating, 8);
    case Tag::old_float:
      return fixed(bytes, TermType::floating, 31);
    case Tag::atom_latin1:
    case Tag::atom_utf8:
    case Tag::small_atom_latin1:
    case Tag::small_atom_utf8:
      return atom(bytes);
    case Tag::string:
      return counted(bytes, TermType::string, 2);
    case Tag::binary:
      return counted(bytes, TermType::binary, 4);
    case Tag::bit_binary:
      return counted(bytes, TermType::bits, 4, 1);
    case Tag::nil:
      return fixed(bytes, TermType::nil, 0);
    case Tag::small_tuple:
      return nested(bytes, TermType::tuple, 1, 1, 0);
    case Tag::large_tuple:
      return nested(bytes, TermType::tuple, 4, 1, 0);
    case Tag::list:
      return nested(bytes, TermType::list, 4, 1, 1);
    case Tag::map:
      return nested(bytes, TermType::map, 4, 2, 0);
    case Tag::new_pid:
      return with_node(bytes, TermType::pid, tag_length, 12);
    case Tag::old_pid:
      return with_node(bytes, TermType::pid, tag_length, 9);
    case Tag::v4_port:
      return with_node(bytes, TermType::port, tag_length, 12);
    case Tag::new_port:
      return with_node(bytes, TermType::port, tag_length, 8);
    case Tag::old_port:
      return with_node(bytes, TermType::port, tag_length, 5);
    case Tag::newer_reference:
      return reference(bytes, 4);
    case Tag::new_reference:
      return reference(bytes, 1);
    case Tag::export_fun:
      return fixed(bytes, TermType::fun, 0, 3);
    case Tag::new_fun:
      return fun(bytes);
  }
  return failure(ErrorCode::malformed, "a term has the unknown tag " + std::to_string(tag));
}

Expected<std::size_t> scan_term(std::span<const char> bytes) {
  std::size_t position = 0;
  std::uint64_t pending = 1;
  while (pending > 0) {
    const auto head = scan_head(bytes.subspan(position));
    if (!head) {
      return tl::unexpected(head.error());
    }
    position += head->length;
    pending += head->children;
    --pending;
  }
  return position;
}

}  // namespace rancher_cnode::distribution
