#include "cli/vm_args.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

namespace rancher_cnode::cli {
using namespace config;

namespace {

std::string replaced(std::string_view text, const Environment& environment) {
  std::string out;
  while (true) {
    const auto begin = text.find("${");
    const auto end = begin == std::string_view::npos ? begin : text.find('}', begin);
    if (end == std::string_view::npos) {
      return out.append(text);
    }
    const auto inside = text.substr(begin + 2, end - begin - 2);
    const auto dash = inside.find(":-");
    const auto fallback = dash == std::string_view::npos ? std::string_view() : inside.substr(dash + 2);
    out.append(text.substr(0, begin));
    out.append(environment.get(inside.substr(0, dash)).value_or(std::string(fallback)));
    text.remove_prefix(end + 1);
  }
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// A quote ends at the end of its line, and a backslash inside it is a plain character: erlexec's rules, not the shell's.
std::vector<std::string> words_of(std::string_view text) {
  enum class State { between, word, escaped, quoted, comment };
  std::vector<std::string> words;
  std::string word;
  State state = State::between;
  char quote = 0;
  const auto end_word = [&](State next) {
    if (state != State::between && state != State::comment) {
      words.push_back(std::exchange(word, ""));
    }
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
      if (state == State::escaped) {
        state = State::word;
      }
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

/// All lists of values that follow `flag`. Arguments after -extra belong to the application.
std::vector<std::vector<std::string>> values_of(std::string_view flag,
                                                const std::vector<std::string>& words) {
  std::vector<std::vector<std::string>> values;
  bool wanted = false;
  for (const auto& word : words) {
    if (word == "-extra") {
      break;
    }
    if (is_flag(word)) {
      wanted = word == flag;
      if (wanted) {
        values.emplace_back();
      }
    } else if (wanted) {
      values.back().push_back(word);
    }
  }
  return values;
}

/// `-setcookie NODE COOKIE` is for another node; when there are several, the BEAM takes none.
std::optional<std::string> cookie_of(std::vector<std::vector<std::string>> values) {
  std::erase_if(values, [](const auto& value) { return value.size() == 2; });
  if (values.size() != 1 || values.front().size() != 1) {
    return std::nullopt;
  }
  return values.front().front();
}

std::optional<std::string> value_of(std::string_view flag, const std::vector<std::string>& words) {
  const auto values = values_of(flag, words);
  if (flag == "-setcookie") {
    return cookie_of(values);
  }
  const auto first = std::ranges::find_if(values, [](const auto& value) { return !value.empty(); });
  return first == values.end() ? std::nullopt : std::optional(first->front());
}

Expected<std::string> text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  // Up to a NUL, which such a file does not contain; iterators would throw on a read error.
  std::getline(file, text, '\0');
  if (!file.is_open() || file.bad()) {
    return failure(ErrorCode::bad_setting, path + " cannot be read");
  }
  return text;
}

/// Replaces each -args_file by the words of the file. The depth is bounded, because a file may include itself.
Expected<std::vector<std::string>> with_files(const std::vector<std::string>& words, int depth) {
  constexpr int max_depth = 8;
  std::vector<std::string> all;
  for (auto word = words.begin(); word != words.end() && *word != "-extra"; ++word) {
    if (*word != "-args_file" || std::next(word) == words.end()) {
      all.push_back(*word);
      continue;
    }
    const auto& path = *++word;
    if (depth == max_depth) {
      return failure(ErrorCode::bad_setting, path + " is nested too deeply");
    }
    auto text = text_of(path);
    if (!text) {
      return tl::unexpected<Error>(text.error());
    }
    auto nested = with_files(words_of(*text), depth + 1);
    if (!nested) {
      return nested;
    }
    all.insert(all.end(), nested->begin(), nested->end());
    // As erlexec does, so that what follows the file is not a value of its last flag.
    all.emplace_back("--");
  }
  return all;
}

}  // namespace

std::optional<std::string> vm_arg(std::string_view text, std::string_view flag,
                                  const Environment& environment) {
  return value_of(flag, words_of(replaced(text, environment)));
}

Expected<std::optional<std::string>> vm_arg_of_file(const std::string& path, std::string_view flag,
                                                    const Environment& environment) {
  const auto text = text_of(path);
  if (!text) {
    return tl::unexpected<Error>(text.error());
  }
  const auto words = with_files(words_of(replaced(*text, environment)), 0);
  if (!words) {
    return tl::unexpected<Error>(words.error());
  }
  return value_of(flag, *words);
}

}  // namespace rancher_cnode::cli
