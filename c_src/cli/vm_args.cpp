#include "rancher_cnode/cli/vm_args.hpp"

#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

namespace rancher_cnode::cli {
namespace {

std::string replaced(std::string_view text, const Environment& environment) {
  std::string out;
  while (true) {
    const auto begin = text.find("${");
    const auto end = begin == std::string_view::npos ? begin : text.find('}', begin);
    if (end == std::string_view::npos) return out.append(text);
    const auto inside = text.substr(begin + 2, end - begin - 2);
    const auto dash = inside.find(":-");
    const auto fallback = dash == std::string_view::npos ? std::string_view() : inside.substr(dash + 2);
    out.append(text.substr(0, begin));
    out.append(environment.get(inside.substr(0, dash)).value_or(std::string(fallback)));
    text.remove_prefix(end + 1);
  }
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// A quote ends with its line, and a backslash in it is a plain character: erlexec's rules, not the shell's.
std::vector<std::string> words_of(std::string_view text) {
  enum class State { between, word, escaped, quoted, comment };
  std::vector<std::string> words;
  std::string word;
  State state = State::between;
  char quote = 0;
  const auto end_word = [&](State next) {
    if (state != State::between && state != State::comment) words.push_back(std::exchange(word, ""));
    state = next;
  };
  for (const char c : text) {
    const bool plain = state == State::between || state == State::word;
    if (c == '\n' || (plain && is_blank(c))) {
      end_word(State::between);
    } else if (state == State::comment) {
      continue;
    } else if (state == State::quoted && c == quote) {
      state = State::word;
    } else if (state == State::quoted || state == State::escaped) {
      word += c;
      if (state == State::escaped) state = State::word;
    } else if (c == '#') {
      end_word(State::comment);
    } else if (c == '\'' || c == '"') {
      state = State::quoted;
      quote = c;
    } else if (c == '\\') {
      state = State::escaped;
    } else {
      word += c;
      state = State::word;
    }
  }
  end_word(State::between);
  return words;
}

bool is_flag(std::string_view word) { return word.starts_with('-') || word.starts_with('+'); }

}  // namespace

std::optional<std::string> vm_arg(std::string_view text, std::string_view flag,
                                  const Environment& environment) {
  const auto words = words_of(replaced(text, environment));
  // What stands behind -extra is the application's.
  for (std::size_t at = 0; at + 1 < words.size() && words[at] != "-extra"; ++at) {
    if (words[at] == flag && !is_flag(words[at + 1])) return words[at + 1];
  }
  return std::nullopt;
}

Expected<std::optional<std::string>> vm_arg_of_file(const std::string& path, std::string_view flag,
                                                    const Environment& environment) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) return failure(ErrorCode::bad_setting, path + " cannot be read");
  return vm_arg(text, flag, environment);
}

}  // namespace rancher_cnode::cli
