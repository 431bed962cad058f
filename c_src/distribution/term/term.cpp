#include "rancher_cnode/distribution/term.hpp"

#include <ei.h>

#include <algorithm>
#include <limits>

#include "distribution/big_endian.hpp"
#include "distribution/term/atom_text.hpp"
#include "distribution/term/term_scan.hpp"

namespace rancher_cnode::distribution {
namespace {

/// Big-endian numbers one after the other, in bytes that were measured before.
class Numbers {
 public:
  explicit Numbers(std::span<const char> bytes) : bytes_(bytes) {}

  /// Of 4 bytes.
  std::uint32_t next() {
    const auto four = Numbers(bytes_.first(4)).last();
    bytes_ = bytes_.subspan(4);
    return four;
  }
  /// Of all that is left: 4 bytes, or 1 in what was written before OTP 23.
  [[nodiscard]] std::uint32_t last() const { return static_cast<std::uint32_t>(big_endian(bytes_)); }

 private:
  std::span<const char> bytes_;
};

tl::unexpected<Error> expected_term(std::string_view what) {
  return failure(ErrorCode::malformed, "expected " + std::string(what));
}

/// The head of the next term, if it has one of the given types.
Expected<TermHead> head_of(std::span<const char> bytes, std::initializer_list<TermType> types,
                           std::string_view what) {
  auto head = scan_head(bytes);
  if (!head) {
    return head;
  }
  if (std::find(types.begin(), types.end(), head->type) == types.end()) {
    return expected_term(what);
  }
  return head;
}

}  // namespace

template <class Encode>
TermWriter& TermWriter::put(Encode encode) {
  int size = 0;
  encode(nullptr, &size);
  int index = static_cast<int>(bytes_.size());
  bytes_.resize(bytes_.size() + static_cast<std::size_t>(size));
  encode(bytes_.data(), &index);
  return *this;
}

TermWriter& TermWriter::version() {
  return put([](char* buffer, int* index) { ei_encode_version(buffer, index); });
}

TermWriter& TermWriter::atom(std::string_view utf8) {
  return put([&](char* buffer, int* index) {
    ei_encode_atom_len_as(buffer, index, utf8.data(), static_cast<int>(utf8.size()), ERLANG_UTF8,
                          ERLANG_UTF8);
  });
}

TermWriter& TermWriter::boolean(bool value) { return atom(value ? "true" : "false"); }

TermWriter& TermWriter::integer(std::int64_t value) {
  return put([=](char* buffer, int* index) { ei_encode_longlong(buffer, index, value); });
}

TermWriter& TermWriter::binary(std::string_view bytes) {
  return put([&](char* buffer, int* index) {
    ei_encode_binary(buffer, index, bytes.data(), static_cast<long>(bytes.size()));
  });
}

TermWriter& TermWriter::tuple(std::size_t arity) {
  return put(
      [=](char* buffer, int* index) { ei_encode_tuple_header(buffer, index, static_cast<int>(arity)); });
}

TermWriter& TermWriter::list(std::size_t length) {
  if (length == 0) {
    return *this;  // ei would write nil here, and the caller writes it too
  }
  return put(
      [=](char* buffer, int* index) { ei_encode_list_header(buffer, index, static_cast<int>(length)); });
}

TermWriter& TermWriter::nil() {
  return put([](char* buffer, int* index) { ei_encode_empty_list(buffer, index); });
}

TermWriter& TermWriter::map(std::size_t pairs) {
  return put([=](char* buffer, int* index) { ei_encode_map_header(buffer, index, static_cast<int>(pairs)); });
}

// Not ei's encoders: they take a node's name as a C string, which ends at its first NUL.
TermWriter& TermWriter::pid(const Pid& value) {
  bytes_.push_back(static_cast<char>(ERL_NEW_PID_EXT));
  return atom(value.node).numbers(std::array{value.id, value.serial, value.creation});
}

TermWriter& TermWriter::reference(const Reference& value) {
  bytes_.push_back(static_cast<char>(ERL_NEWER_REFERENCE_EXT));
  bytes_.push_back('\0');
  bytes_.push_back(static_cast<char>(value.word_count));
  atom(value.node).numbers({&value.creation, 1});
  return numbers(std::span(value.words).first(value.word_count));
}

TermWriter& TermWriter::numbers(std::span<const std::uint32_t> values) {
  for (const std::uint32_t value : values) {
    append_big_endian(bytes_, sizeof(value), value);
  }
  return *this;
}

TermWriter& TermWriter::raw(std::span<const char> terms) {
  bytes_.insert(bytes_.end(), terms.begin(), terms.end());
  return *this;
}

Expected<void> TermReader::version() {
  constexpr unsigned char version_number = 131;
  if (at_end() || static_cast<unsigned char>(bytes_[position_]) != version_number) {
    return expected_term("the version byte 131");
  }
  ++position_;
  return {};
}

Expected<TermType> TermReader::peek() const {
  return scan_head(rest()).map([](const TermHead& head) { return head.type; });
}

Expected<std::string> TermReader::atom() {
  const auto head = head_of(rest(), {TermType::atom}, "an atom");
  if (!head) {
    return tl::unexpected(head.error());
  }
  auto text = atom_text(rest().first(head->length));
  if (text) {
    position_ += head->length;
  }
  return text;
}

Expected<std::int64_t> TermReader::integer() {
  const auto head = head_of(rest(), {TermType::integer}, "an integer");
  if (!head) {
    return tl::unexpected(head.error());
  }
  long long value = 0;
  int index = 0;
  if (ei_decode_longlong(rest().data(), &index, &value) < 0) {
    return expected_term("an integer of at most 64 bits");
  }
  position_ += head->length;
  return value;
}

Expected<std::string> TermReader::binary() {
  constexpr std::size_t header = 5;
  const auto head = head_of(rest(), {TermType::binary}, "a binary");
  if (!head) {
    return tl::unexpected(head.error());
  }
  const auto body = rest().subspan(header, head->length - header);
  position_ += head->length;
  return std::string(body.begin(), body.end());
}

Expected<std::uint32_t> TermReader::tuple() {
  const auto head = head_of(rest(), {TermType::tuple}, "a tuple");
  if (!head) {
    return tl::unexpected(head.error());
  }
  position_ += head->length;
  return static_cast<std::uint32_t>(head->children);
}

Expected<std::uint32_t> TermReader::list() {
  const auto head = head_of(rest(), {TermType::list, TermType::nil}, "a list");
  if (!head) {
    return tl::unexpected(head.error());
  }
  position_ += head->length;
  return head->type == TermType::nil ? 0U : static_cast<std::uint32_t>(head->children - 1);
}

Expected<void> TermReader::nil() {
  const auto head = head_of(rest(), {TermType::nil}, "the end of a list");
  if (!head) {
    return tl::unexpected(head.error());
  }
  position_ += head->length;
  return {};
}

Expected<std::uint32_t> TermReader::map() {
  const auto head = head_of(rest(), {TermType::map}, "a map");
  if (!head) {
    return tl::unexpected(head.error());
  }
  position_ += head->length;
  return static_cast<std::uint32_t>(head->children / 2);
}

Expected<Pid> TermReader::pid() {
  const auto head = head_of(rest(), {TermType::pid}, "a pid");
  if (!head) {
    return tl::unexpected(head.error());
  }
  TermReader parts(rest().subspan(tag_length, head->length - tag_length));
  auto node = parts.atom();
  if (!node) {
    return tl::unexpected(node.error().within("the node of a pid"));
  }
  Numbers numbers(parts.rest());
  position_ += head->length;
  // Braces keep the order of the reads.
  return Pid{std::move(*node), numbers.next(), numbers.next(), numbers.last()};
}

Expected<Reference> TermReader::reference() {
  const auto head = head_of(rest(), {TermType::reference}, "a reference");
  if (!head) {
    return tl::unexpected(head.error());
  }
  constexpr std::size_t count_length = 2;
  const auto words =
      static_cast<unsigned char>(rest()[tag_length + 1]);  // at most max_words, as the scan has checked
  TermReader parts(rest().subspan(tag_length + count_length, head->length - tag_length - count_length));
  auto node = parts.atom();
  if (!node) {
    return tl::unexpected(node.error().within("the node of a reference"));
  }
  Reference result{std::move(*node), 0, words, {}};
  const auto after_node = parts.rest();
  const std::size_t creation_length = after_node.size() - std::size_t{4} * words;
  result.creation = Numbers(after_node.first(creation_length)).last();
  Numbers numbers(after_node.subspan(creation_length));
  std::generate_n(result.words.begin(), words, [&numbers] { return numbers.next(); });
  position_ += head->length;
  return result;
}

Expected<std::span<const char>> TermReader::skip() {
  const auto length = scan_term(rest());
  if (!length) {
    return tl::unexpected(length.error());
  }
  const auto term = rest().first(*length);
  position_ += *length;
  return term;
}

bool TermReader::accept_atom(std::string_view name) {
  TermReader ahead = *this;
  const auto found = ahead.atom();
  if (!found || *found != name) {
    return false;
  }
  *this = ahead;
  return true;
}

bool TermReader::accept_tuple(std::uint32_t arity) {
  TermReader ahead = *this;
  const auto found = ahead.tuple();
  if (!found || *found != arity) {
    return false;
  }
  *this = ahead;
  return true;
}

}  // namespace rancher_cnode::distribution
