#include "rancher_cnode/config/raw_config.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>
#include <utility>

#include "rancher_cnode/config/messages.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/config/suggestion.hpp"
#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/core/regular_file.hpp"

namespace rancher_cnode::config {
namespace {

constexpr std::size_t max_file_size = 1'048'576;  // 1 MiB

/// Variables with our prefix that are not settings.
constexpr std::array<std::string_view, 2> other_variables{"RANCHER_CNODE_CONFIG", "RANCHER_CNODE_COOKIE"};

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    std::string part(text.substr(from, comma - from));
    parts.push_back(CLI::detail::trim(part));
    from = comma + 1;
  }
  return parts;
}

RawValue from_text(const Setting& setting, std::string_view text, Origin origin, std::string place) {
  auto texts = setting.shape == Shape::list ? split_at_commas(text) : std::vector{std::string(text)};
  return RawValue{std::move(texts), origin, std::move(place)};
}

std::string bad_file(const std::string& path, const std::string& what) {
  return "--config " + shown(path) + ": " + what;
}

FileSettings unreadable(const std::string& path, const std::string& what) {
  return {{}, {bad_file(path, what)}};
}

Expected<std::vector<CLI::ConfigItem>> items_of(std::string_view text) {
  try {
    std::istringstream stream{std::string(text)};
    return CLI::ConfigTOML().from_config(stream);
  } catch (const std::exception& error) {
    return failure(ErrorCode::bad_setting,
                   "is not valid TOML or INI: " + printable(error.what(), longest_shown));
  }
}

/// The line of an unknown name, with the name if it looks like one: --config may name a file that contains a
/// secret, and then any word of it may be the secret.
std::string unknown_name(std::string_view text, const std::string& name) {
  constexpr std::size_t longest_name = 24;
  std::size_t number = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::string_view line = text.substr(from, text.find('\n', from) - from);
    from += line.size() + 1;
    ++number;
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || line.starts_with(';') ||
        line.substr(0, equals).find(name) == std::string_view::npos) {
      continue;
    }
    const bool like_a_name =
        equals != std::string_view::npos && name.size() <= longest_name &&
        std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '_'; });
    return (like_a_name ? " " + shown(name) : std::string()) + " in line " + std::to_string(number) +
           (like_a_name ? did_you_mean(name, setting_names()) : "");
  }
  return "";
}

/// Returns what is wrong with the item; "" if it was added.
std::string add(RawConfig& settings, const CLI::ConfigItem& item, std::string_view text,
                const std::string& path) {
  // CLI11 marks the begin and end of a [section] by items named ++ and --.
  if (!item.parents.empty()) {
    return "has a section" + unknown_name(text, item.parents.front()) + "; sections are not allowed";
  }
  const Setting* setting = find_setting(item.name);
  if (setting == nullptr && item.name == "cookie") {
    return "contains a cookie; use 'cookie-file' instead";
  }
  if (setting == nullptr) {
    return "unknown setting" + unknown_name(text, item.name);
  }
  if (item.inputs.empty() || (setting->shape != Shape::list && item.inputs.size() > 1)) {
    return "'" + item.name + "' must have one value; quote it if it contains blanks or commas";
  }
  const auto [_, added] = settings.emplace(item.name, RawValue{item.inputs, Origin::file, shown(path)});
  return added ? "" : "'" + item.name + "' is set twice";
}

}  // namespace

FileSettings parse_config_file(std::string_view text, const std::string& path) {
  const auto items = items_of(text);
  if (!items) {
    return unreadable(path, items.error().message);
  }
  FileSettings file;
  for (const auto& item : *items) {
    const auto problem = add(file.settings, item, text, path);
    // Every item of a section has the same one.
    if (!problem.empty() && (file.problems.empty() || file.problems.back() != bad_file(path, problem))) {
      file.problems.push_back(bad_file(path, problem));
    }
  }
  return file;
}

FileSettings read_config_file(const std::string& path) {
  const auto text = read_file(path, max_file_size);
  return text ? parse_config_file(*text, path) : unreadable(path, text.error().message);
}

RawConfig from_environment(const Environment& environment) {
  RawConfig raw;
  for (const Setting& setting : settings()) {
    const std::string variable = variable_of(setting.name);
    if (const auto text = environment.get(variable)) {
      raw.emplace(setting.name, from_text(setting, *text, Origin::environment, "$" + variable));
    }
  }
  return raw;
}

RawConfig layered(RawConfig flags, RawConfig environment, RawConfig file, const Environment& variables) {
  RawConfig raw = std::move(flags);
  raw.merge(environment);
  raw.merge(file);
  if (const auto text = variables.get("CONTAINER_IP")) {
    raw.emplace("ip", RawValue{{*text}, Origin::environment, "$CONTAINER_IP"});
  }
  for (const Setting& setting : settings()) {
    if (setting.fallback.empty()) {
      continue;
    }
    raw.emplace(setting.name, from_text(setting, setting.fallback, Origin::fallback, ""));
  }
  return raw;
}

std::vector<std::string> unknown_variables(const Environment& environment) {
  std::vector<std::string> known(other_variables.begin(), other_variables.end());
  std::ranges::transform(settings(), std::back_inserter(known),
                         [](const Setting& setting) { return variable_of(setting.name); });
  for (std::string& name : known) {
    name.erase(0, variable_prefix.size());
  }
  std::vector<std::string> sentences;
  for (const std::string& name : environment.names_with_prefix(variable_prefix)) {
    const std::string rest = name.substr(variable_prefix.size());
    if (std::ranges::find(known, rest) == known.end()) {
      sentences.push_back("$" + printable(name, longest_shown) + " is not a setting" +
                          did_you_mean(rest, known, variable_prefix));
    }
  }
  return sentences;
}

}  // namespace rancher_cnode::config
