#include "distribution/tls/erlang_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace rancher_cnode::distribution {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@';
}

/// What opens a block that `end` closes. A fun without parentheses after it is a reference.
constexpr auto block_words = std::to_array<std::string_view>({"begin", "case", "if", "receive", "try"});

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text), size_(text.size()) {}

  Expected<TextTerm> read() {
    auto term = value(0);
    if (!term || !accept(".") || !at_end()) {
      return failure(ErrorCode::malformed, "line " + std::to_string(line()) + " is not an Erlang term");
    }
    return *std::move(term);
  }

 private:
  using Result = std::optional<TextTerm>;

  [[nodiscard]] std::size_t line() const {
    const std::string_view read(rest_.data() - (size_ - rest_.size()), size_ - rest_.size());
    return 1 + static_cast<std::size_t>(std::ranges::count(read, '\n'));
  }

  void skip_blanks() {
    while (!rest_.empty()) {
      if (rest_.front() == '%') {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (static_cast<unsigned char>(rest_.front()) <= ' ') {
        rest_.remove_prefix(1);
      } else {
        return;
      }
    }
  }

  bool at_end() {
    skip_blanks();
    return rest_.empty();
  }

  bool starts_with(std::string_view token) {
    skip_blanks();
    return rest_.starts_with(token);
  }

  bool accept(std::string_view token) {
    const bool found = starts_with(token);
    rest_.remove_prefix(found ? token.size() : 0);
    return found;
  }

  std::string_view word() {
    skip_blanks();
    const auto end = std::ranges::find_if_not(rest_, is_word);
    const auto found = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(found.size());
    return found;
  }

  /// Escapes other than these stand for the character after the backslash, octal and hexadecimal ones too: no
  /// path has them.
  static char unescaped(char c) {
    switch (c) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 's':
        return ' ';
      default:
        return c;
    }
  }

  std::optional<std::string> quoted(char quote) {
    if (!accept(std::string_view(&quote, 1))) {
      return std::nullopt;
    }
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) {
        return text;
      }
      if (c == '\\') {
        if (rest_.empty()) {
          return std::nullopt;
        }
        text += unescaped(rest_.front());
        rest_.remove_prefix(1);
      } else {
        text += c;
      }
    }
    return std::nullopt;
  }

  Result value(std::size_t depth) {
    skip_blanks();
    if (rest_.empty() || depth >= max_erlang_text_depth) {
      return std::nullopt;
    }
    const char c = rest_.front();
    if (c == '"') {
      return string();
    }
    if (c == '{') {
      return sequence(TextTermKind::tuple, "{", "}", depth);
    }
    if (c == '[') {
      return sequence(TextTermKind::list, "[", "]", depth);
    }
    if (c == '#') {
      return sequence(TextTermKind::map, "#{", "}", depth);
    }
    if (accept("<<")) {
      Result bytes = starts_with("\"") ? string() : Result(TextTerm{TextTermKind::string});
      static_cast<void>(accept("/utf8"));
      return accept(">>") ? std::move(bytes) : std::nullopt;
    }
    if (c == '$') {
      return character();
    }
    if (is_digit(c) || c == '-') {
      return number();
    }
    return named(depth);
  }

  /// Adjacent strings are one.
  Result string() {
    TextTerm term{TextTermKind::string};
    while (starts_with("\"")) {
      const auto part = quoted('"');
      if (!part) {
        return std::nullopt;
      }
      term.text += *part;
    }
    return term;
  }

  Result sequence(TextTermKind kind, std::string_view open, std::string_view close, std::size_t depth) {
    if (!accept(open)) {
      return std::nullopt;
    }
    TextTerm term{kind};
    if (accept(close)) {
      return term;
    }
    do {
      auto element = value(depth + 1);
      if (!element) {
        return std::nullopt;
      }
      term.elements.push_back(*std::move(element));
    } while (accept(",") || (kind == TextTermKind::map && accept("=>")) ||
             (kind == TextTermKind::list && accept("|")));
    return accept(close) ? Result(std::move(term)) : std::nullopt;
  }

  Result character() {
    rest_.remove_prefix(1);
    if (rest_.starts_with('\\')) {
      rest_.remove_prefix(1);
    }
    if (rest_.empty()) {
      return std::nullopt;
    }
    TextTerm term{TextTermKind::number, std::to_string(static_cast<unsigned char>(rest_.front()))};
    rest_.remove_prefix(1);
    return term;
  }

  Result number() {
    TextTerm term{TextTermKind::number};
    if (accept("-")) {
      term.text = "-";
    }
    term.text += word();
    for (const char inner : {'#', '.'}) {
      if (rest_.size() > 1 && rest_[0] == inner && is_word(rest_[1])) {
        rest_.remove_prefix(1);
        (term.text += inner) += word();
      }
    }
    return term.text.size() > (term.text.starts_with('-') ? 1U : 0U) ? Result(term) : std::nullopt;
  }

  /// An atom, a fun or a call: Module:Function(Arguments).
  Result named(std::size_t depth) {
    const bool is_quoted = starts_with("'");
    const auto quoted_name = is_quoted ? quoted('\'') : std::nullopt;
    const auto bare_name = is_quoted ? std::string_view() : word();
    const bool is_variable = !bare_name.empty() && bare_name.front() >= 'A' && bare_name.front() <= '_';
    if ((is_quoted ? !quoted_name : bare_name.empty()) || is_variable) {
      return std::nullopt;
    }
    if (bare_name == "fun") {
      return starts_with("(") ? block() : reference();
    }
    if (accept(":")) {
      const bool is_call = (starts_with("'") ? quoted('\'').has_value() : !word().empty()) &&
                           sequence(TextTermKind::tuple, "(", ")", depth);
      return is_call ? Result(TextTerm{}) : std::nullopt;
    }
    return TextTerm{TextTermKind::atom, quoted_name.value_or(std::string(bare_name))};
  }

  /// fun Module:Function/Arity, after the first word
  Result reference() {
    const auto part = [this]() { return starts_with("'") ? quoted('\'').has_value() : !word().empty(); };
    const bool whole = part() && accept(":") && part() && accept("/") && part();
    return whole ? Result(TextTerm{}) : std::nullopt;
  }

  /// fun (Arguments) -> ... end, after the first word
  Result block() {
    for (std::size_t open = 1; open > 0;) {
      skip_blanks();
      if (rest_.empty()) {
        return std::nullopt;
      }
      if (rest_.front() == '"' || rest_.front() == '\'') {
        if (!quoted(rest_.front())) {
          return std::nullopt;
        }
        continue;
      }
      if (rest_.front() == '$') {
        if (!character()) {
          return std::nullopt;
        }
        continue;
      }
      const auto token = word();
      if (token.empty()) {
        rest_.remove_prefix(1);
      } else if (token == "end") {
        --open;
      } else if (std::ranges::find(block_words, token) != block_words.end() ||
                 (token == "fun" && starts_with("("))) {
        ++open;
      }
    }
    return TextTerm{};
  }

  std::string_view rest_;
  std::size_t size_;
};

}  // namespace

Expected<TextTerm> read_erlang_text(std::string_view text) {
  if (text.size() > max_erlang_text) {
    return failure(ErrorCode::too_large, "larger than " + std::to_string(max_erlang_text) + " bytes");
  }
  return Parser(text).read();
}

}  // namespace rancher_cnode::distribution
