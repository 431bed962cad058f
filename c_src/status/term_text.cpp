#include <algorithm>
#include <array>
#include <charconv>

#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/core/utf8.hpp"
#include "rancher_cnode/status/renderings.hpp"

namespace rancher_cnode::status {
namespace {

std::string json_string(std::string_view text) { return '"' + printable(text) + '"'; }

void write_json(const Value& value, std::string& text) {
  switch (value.kind) {
    case Value::Kind::atom:
      text += value.text == "undefined"                       ? "null"
              : value.text == "true" || value.text == "false" ? value.text
                                                              : json_string(value.text);
      return;
    case Value::Kind::integer:
      text += std::to_string(value.integer);
      return;
    case Value::Kind::text:
      text += json_string(value.text);
      return;
    case Value::Kind::list:
    case Value::Kind::map:
      break;
  }
  const bool map = value.kind == Value::Kind::map;
  text += map ? '{' : '[';
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    text += i == 0 ? "" : ",";
    text += map ? json_string(value.keys[i]) + ":" : "";
    write_json(value.items[i], text);
  }
  text += map ? '}' : ']';
}

std::string escaped(std::uint32_t number) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  return "\\x{" + std::string(digits.data(), end) + "}";
}

bool stands_for_itself(char c, char quote) { return c >= ' ' && c < 0x7f && c != quote && c != '\\'; }

/// Byte by byte, as the bytes of a binary are.
std::string binary_text(std::string_view bytes) {
  std::string text = "<<\"";
  for (const char c : bytes) {
    text += stands_for_itself(c, '"') ? std::string(1, c) : escaped(static_cast<unsigned char>(c));
  }
  return text + "\">>";
}

std::uint32_t code_point(std::string_view character) {
  constexpr std::uint32_t payload = 0x3f;
  const auto lead = static_cast<unsigned char>(character[0]);
  std::uint32_t point = character.size() == 1 ? lead : lead & (0xffU >> (character.size() + 1));
  for (const char c : character.substr(1)) {
    point = (point << 6U) | (static_cast<unsigned char>(c) & payload);
  }
  return point;
}

/// Character by character; a byte that is no UTF-8 is the character of that number.
std::string atom_text(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '@';
  };
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z' && std::ranges::all_of(name, plain)) {
    return std::string(name);
  }
  std::string text = "'";
  while (!name.empty()) {
    const std::string_view character = name.substr(0, std::max<std::size_t>(utf8_length(name), 1));
    text += character.size() == 1 && stands_for_itself(character[0], '\'') ? std::string(character)
                                                                           : escaped(code_point(character));
    name.remove_prefix(character.size());
  }
  return text + "'";
}

void write_erlang(const Value& value, std::size_t indent, std::string& text) {
  switch (value.kind) {
    case Value::Kind::atom:
      text += atom_text(value.text);
      return;
    case Value::Kind::integer:
      text += std::to_string(value.integer);
      return;
    case Value::Kind::text:
      text += binary_text(value.text);
      return;
    case Value::Kind::list:
    case Value::Kind::map:
      break;
  }
  const bool map = value.kind == Value::Kind::map;
  text += map ? "#{" : "[";
  indent += map ? 2 : 1;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    text += i == 0 ? "" : ",\n" + std::string(indent, ' ');
    text += map ? atom_text(value.keys[i]) + " => " : "";
    write_erlang(value.items[i], indent + (map ? 2 : 0), text);
  }
  text += map ? "}" : "]";
}

}  // namespace

std::string as_json(const Report& report) {
  std::string text;
  write_json(report.value, text);
  return text + "\n";
}

std::string as_erlang(const Report& report) {
  std::string text;
  write_erlang(report.value, 0, text);
  return text + ".\n";
}

}  // namespace rancher_cnode::status
