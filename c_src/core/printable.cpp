#include "rancher_cnode/core/printable.hpp"

#include "rancher_cnode/core/utf8.hpp"

namespace rancher_cnode {
namespace {

/// The code of a control character at the start of text, -1 if it is another one of `length` bytes.
int control_code(std::string_view text, std::size_t length) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (length == 1) {
    return lead < 0x20 || lead == 0x7f ? lead : -1;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  return length == 2 && lead == 0xc2 && second < 0xa0 ? second : -1;
}

void append_control(std::string& out, int code) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (code) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += digits[static_cast<std::size_t>(code) >> 4U];
      out += digits[static_cast<std::size_t>(code) & 15U];
  }
}

enum class Quotes { kept, escaped };

std::string one_line(std::string_view text, std::size_t longest, Quotes quotes) {
  std::string out;
  std::string_view rest = beginning_of(text, longest);
  while (!rest.empty()) {
    const std::size_t length = utf8_length(rest);
    if (length == 0) {
      out += "\\ufffd";
      rest.remove_prefix(1);
      continue;
    }
    if (const int control = control_code(rest, length); control >= 0) {
      append_control(out, control);
    } else {
      if (quotes == Quotes::escaped && (rest.front() == '"' || rest.front() == '\\')) {
        out += '\\';
      }
      out += rest.substr(0, length);
    }
    rest.remove_prefix(length);
  }
  if (text.size() > longest) {
    out += "...";
  }
  return out;
}

}  // namespace

std::string_view beginning_of(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) {
    return text;
  }
  constexpr std::size_t most_continuations = 3;
  std::size_t end = longest;
  while (end > 0 && longest - end < most_continuations &&
         (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end);
}

std::string printable(std::string_view text, std::size_t longest) {
  return one_line(text, longest, Quotes::escaped);
}

std::string readable(std::string_view text, std::size_t longest) {
  return one_line(text, longest, Quotes::kept);
}

}  // namespace rancher_cnode
