// Any text as a --config file, as the environment's variables and as a cookie file. What is valid must,
// printed and read again, be valid and print the same.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/texts.hpp"
#include "config/cookie.hpp"
#include "fuzz.hpp"
#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/config/raw_config.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/config/validation.hpp"

using namespace rancher_cnode;

namespace {

const config::Environment no_variables{config::Environment::Variables{}};

/// Lines NAME=VALUE; each names one of our variables without the prefix.
config::Environment variables(std::string_view text) {
  config::Environment::Variables all;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) {
      continue;
    }
    all.insert_or_assign(std::string(config::variable_prefix) + std::string(line.substr(0, equals)),
                         std::string(line.substr(equals + 1)));
  }
  return config::Environment(std::move(all));
}

void require_one_line(const std::string& text) { fuzz::require(text.find('\n') == std::string::npos); }

void require_one_line_each(const std::vector<std::string>& problems) {
  for (const auto& problem : problems) {
    require_one_line(problem);
  }
}

/// Nothing if a setting is invalid. A cookie is not looked for: the path of its file would be any path of
/// this machine.
std::optional<std::string> printed(const config::RawConfig& raw, const config::Environment& environment) {
  const auto valid = config::validate(raw, environment, config::Purpose::ask_address);
  require_one_line_each(valid.problems);
  return valid.problems.empty() ? std::optional(cli::config_text(raw, valid)) : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes(data, size);
  const std::string_view text(bytes.data(), bytes.size());

  if (const auto cookie = parse_cookie_file(text); !cookie) {
    require_one_line(cookie.error().message);
  }

  const auto environment = variables(text);
  for (const auto& warning : config::unknown_variables(environment)) {
    require_one_line(warning);
  }
  static_cast<void>(
      printed(config::layered({}, config::from_environment(environment), {}, environment), environment));

  const auto file = config::parse_config_file(text, "fuzz.toml");
  require_one_line_each(file.problems);
  const auto first = printed(config::layered({}, {}, file.settings, no_variables), no_variables);
  if (!first) {
    return 0;
  }
  const auto again = config::parse_config_file(*first, "fuzz.toml");
  fuzz::require(again.problems.empty());
  fuzz::require(printed(config::layered({}, {}, again.settings, no_variables), no_variables).has_value());
  return 0;
}
