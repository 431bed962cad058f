#include "rancher_cnode/distribution/term.hpp"

#include <ei.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "term_scan.hpp"

namespace rancher_cnode::distribution {
namespace {

constexpr std::size_t max_atom_characters = 255;

tl::unexpected<Error> expected_term(std::string_view what) {
  return failure(ErrorCode::malformed, "expected " + std::string(what));
}

void copy_node(char (&to)[MAXATOMLEN_UTF8], const std::string& from) {
  const std::size_t length = std::min(from.size(), sizeof(to) - 1);
  std::memcpy(to, from.data(), length);
  to[length] = '\0';
}

/// The head of the next term, if it has one of the given types.
Expected<TermHead> head_of(std::span<const char> bytes, std::initializer_list<TermType> types,
                           std::string_view what) {
  const auto head = scan_head(bytes);
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

TermWriter& TermWriter::floating(double value) {
  return put([=](char* buffer, int* index) { ei_encode_double(buffer, index, value); });
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

TermWriter& TermWriter::pid(const Pid& value) {
  erlang_pid pid{};
  copy_node(pid.node, value.node);
  pid.num = value.id;
  pid.serial = value.serial;
  pid.creation = value.creation;
  return put([&](char* buffer, int* index) { ei_encode_pid(buffer, index, &pid); });
}

TermWriter& TermWriter::reference(const Reference& value) {
  erlang_ref ref{};
  copy_node(ref.node, value.node);
  ref.creation = value.creation;
  ref.len = static_cast<int>(value.word_count);
  std::copy(value.words.begin(), value.words.end(), ref.n);
  return put([&](char* buffer, int* index) { ei_encode_ref(buffer, index, &ref); });
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
  // Not ei's decoder: it ends an atom at its first NUL, so 'ok\0more' would read as 'ok'.
  const char tag = rest().front();
  const std::size_t header = tag == ERL_SMALL_ATOM_EXT || tag == ERL_SMALL_ATOM_UTF8_EXT ? 2 : 3;
  const bool latin1 = tag == ERL_ATOM_EXT || tag == ERL_SMALL_ATOM_EXT;
  std::string text;
  std::size_t characters = 0;
  for (const char c : rest().subspan(header, head->length - header)) {
    const auto byte = static_cast<unsigned char>(c);
    if (latin1 && byte >= 0x80) {
      text += {static_cast<char>(0xc0U | (byte >> 6U)), static_cast<char>(0x80U | (byte & 0x3fU))};
    } else {
      text += c;
    }
    characters += latin1 || (byte & 0xc0U) != 0x80U ? 1 : 0;
  }
  if (characters > max_atom_characters) {
    return expected_term("an atom of at most 255 characters");
  }
  position_ += head->length;
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
  erlang_pid pid{};
  int index = 0;
  if (ei_decode_pid(rest().data(), &index, &pid) < 0) {
    return expected_term("a pid");
  }
  position_ += head->length;
  return Pid{pid.node, pid.num, pid.serial, pid.creation};
}

Expected<Reference> TermReader::reference() {
  const auto head = head_of(rest(), {TermType::reference}, "a reference");
  if (!head) {
    return tl::unexpected(head.error());
  }
  erlang_ref ref{};
  int index = 0;
  if (ei_decode_ref(rest().data(), &index, &ref) < 0 || ref.len < 1 ||
      ref.len > static_cast<int>(Reference::max_words)) {
    return expected_term("a reference");
  }
  position_ += head->length;
  Reference result{ref.node, ref.creation, static_cast<std::uint32_t>(ref.len), {}};
  std::copy_n(ref.n, ref.len, result.words.begin());
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
