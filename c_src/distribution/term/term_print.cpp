// printed(): any bytes as text of bounded length. Depth and length are both limited, so hostile terms cost
// nothing.
#include <algorithm>
#include <cstdint>
#include <string>

#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::distribution {
namespace {

constexpr int max_depth = 16;
constexpr std::string_view malformed_text = "<<malformed>>";

std::string_view view(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

bool is_text(std::span<const char> bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) < ' ' && byte != '\n' && byte != '\t') || byte == '\x7f';
  });
}

class Printer {
 public:
  explicit Printer(std::size_t limit) : limit_(limit) {}

  /// False once nothing more should be printed: the limit is reached or the bytes are broken.
  bool term(TermReader& reader, int depth) {
    const auto type = reader.peek();
    if (!type) {
      return put(malformed_text) && false;
    }
    switch (*type) {
      case TermType::atom:
        return atom(reader);
      case TermType::integer:
        return integer(reader);
      case TermType::binary:
        return binary(reader);
      case TermType::tuple: {
        const auto arity = *reader.tuple();
        return put("{") && terms(reader, arity, depth) && put("}");
      }
      case TermType::list: {
        const auto length = *reader.list();
        return put("[") && terms(reader, length, depth) && tail(reader, depth) && put("]");
      }
      case TermType::nil:
        return reader.nil() && put("[]");
      case TermType::pid:
        return pid(reader);
      case TermType::string:
        return string(reader);
      case TermType::floating:
      case TermType::map:
      case TermType::reference:
      case TermType::port:
      case TermType::fun:
      case TermType::bits:
        return reader.skip() ? put("...") : put(malformed_text) && false;
    }
    return false;
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  bool put(std::string_view piece) {
    if (text_.size() + piece.size() > limit_) {
      text_.append(beginning_of(piece, limit_ - text_.size())).append("...");
      return false;
    }
    text_.append(piece);
    return true;
  }

  bool atom(TermReader& reader) {
    const auto name = reader.atom();
    return put(name ? printable(*name) : std::string(malformed_text)) && name.has_value();
  }

  bool integer(TermReader& reader) {
    const auto value = reader.integer();
    return value ? put(std::to_string(*value)) : reader.skip() && put("<<big>>");
  }

  bool pid(TermReader& reader) {
    const auto value = reader.pid();
    return value ? put("<" + printable(value->node) + "." + std::to_string(value->id) + ">")
                 : put(malformed_text) && false;
  }

  bool binary(TermReader& reader) {
    constexpr std::size_t header = 5;
    const auto bytes = reader.skip()->subspan(header);
    return is_text(bytes) ? put("<<\"") && put(printable(view(bytes))) && put("\">>")
                          : put("<<" + std::to_string(bytes.size()) + " bytes>>");
  }

  /// STRING_EXT: a list of bytes, most often text.
  bool string(TermReader& reader) {
    constexpr std::size_t header = 3;
    const auto bytes = reader.skip()->subspan(header);
    if (is_text(bytes)) {
      return put("\"") && put(printable(view(bytes))) && put("\"");
    }
    std::string_view before = "[";
    for (const char byte : bytes) {
      if (!put(before) || !put(std::to_string(static_cast<unsigned char>(byte)))) {
        return false;
      }
      before = ",";
    }
    return put("]");
  }

  bool terms(TermReader& reader, std::uint32_t count, int depth) {
    if (depth >= max_depth) {
      return put("...") && false;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      if ((i > 0 && !put(",")) || !term(reader, depth + 1)) {
        return false;
      }
    }
    return true;
  }

  bool tail(TermReader& reader, int depth) { return reader.nil() || (put("|") && term(reader, depth + 1)); }

  std::size_t limit_;
  std::string text_;
};

}  // namespace

std::string printed(std::span<const char> bytes, std::size_t limit) {
  Printer printer(limit);
  TermReader reader(bytes);
  printer.term(reader, 0);
  return printer.take();
}

}  // namespace rancher_cnode::distribution
