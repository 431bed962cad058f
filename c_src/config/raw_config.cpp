#include "rancher_cnode/config/raw_config.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode::config {
namespace {

constexpr std::size_t max_file_size = 1'048'576;  // 1 MiB

/// Variables with our prefix that are not settings.
constexpr std::array<std::string_view, 2> other_variables{"RANCHER_CNODE_CONFIG", "RANCHER_CNODE_COOKIE"};

/// Of a value that a message repeats.
constexpr std::size_t longest_shown = 120;

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

tl::unexpected<Error> bad_file(const std::string& path, const std::string& what) {
  return failure(ErrorCode::bad_setting, "--config " + shown(path) + ": " + what);
}

Expected<std::vector<CLI::ConfigItem>> items_of(std::string_view text, const std::string& path) {
  try {
    std::istringstream stream{std::string(text)};
    return CLI::ConfigTOML().from_config(stream);
  } catch (const std::exception& error) {
    return bad_file(path, "is not valid TOML or INI: " + printable(error.what(), longest_shown));
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
    return (like_a_name ? " " + shown(name) : std::string()) + " in line " + std::to_string(number);
  }
  return "";
}

}  // namespace

Expected<RawConfig> parse_config_file(std::string_view text, const std::string& path) {
  const auto items = items_of(text, path);
  if (!items) {
    return tl::unexpected<Error>(items.error());
  }
  RawConfig raw;
  for (const auto& item : *items) {
    // CLI11 marks the begin and end of a [section] by items named ++ and --.
    if (!item.parents.empty()) {
      return bad_file(
          path, "has a section" + unknown_name(text, item.parents.front()) + "; sections are not allowed");
    }
    const Setting* setting = find_setting(item.name);
    if (setting == nullptr && item.name == "cookie") {
      return bad_file(path, "contains a cookie; use 'cookie-file' instead");
    }
    if (setting == nullptr) {
      return bad_file(path, "unknown setting" + unknown_name(text, item.name));
    }
    if (item.inputs.empty() || (setting->shape != Shape::list && item.inputs.size() > 1)) {
      return bad_file(path,
                      "'" + item.name + "' must have one value; quote it if it contains blanks or commas");
    }
    const auto [_, added] = raw.emplace(item.name, RawValue{item.inputs, Origin::file, shown(path)});
    if (!added) {
      return bad_file(path, "'" + item.name + "' is set twice");
    }
  }
  return raw;
}

Expected<RawConfig> read_config_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return bad_file(path, "is a directory");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return bad_file(path, "cannot be opened");
  }
  std::string text(max_file_size + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) {
    return bad_file(path, "cannot be read");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_file_size) {
    return bad_file(path, "is larger than 1 MiB");
  }
  return parse_config_file(text, path);
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
  std::vector<std::string> sentences;
  for (const std::string& name : environment.names_with_prefix(variable_prefix)) {
    const bool known =
        std::ranges::find(other_variables, name) != other_variables.end() ||
        std::ranges::any_of(settings(), [&name](const Setting& s) { return variable_of(s.name) == name; });
    if (!known) {
      sentences.push_back("$" + printable(name, longest_shown) + " is not a setting");
    }
  }
  return sentences;
}

std::string shown(std::string_view text) { return "'" + printable(text, longest_shown) + "'"; }

Error violation(std::string_view name, const RawValue& value, std::string_view rule) {
  std::string message = flag_of(name) + " " + shown(value.texts.front());
  if (!value.place.empty()) {
    message += " (from " + value.place + ")";
  }
  message.append(" ").append(rule);
  return Error{ErrorCode::bad_setting, std::move(message)};
}

}  // namespace rancher_cnode::config
