#include "rancher_cnode/config/rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <utility>

#include "rancher_cnode/config/suggestion.hpp"
#include "rancher_cnode/core/node_name.hpp"

namespace rancher_cnode::config {
namespace {

constexpr bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

constexpr bool is_component_character(char c) {
  return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
}

constexpr std::string_view milliseconds = "ms";

/// From the longest to the shortest.
constexpr std::array<std::pair<std::string_view, Milliseconds>, 5> units{{{"d", std::chrono::hours(24)},
                                                                          {"h", std::chrono::hours(1)},
                                                                          {"m", std::chrono::minutes(1)},
                                                                          {"s", std::chrono::seconds(1)},
                                                                          {milliseconds, Milliseconds(1)}}};

bool is_atom_text(std::string_view text) {
  constexpr std::size_t longest_atom = 255;
  constexpr std::string_view unwanted = R"("'`\#,:)";
  return !text.empty() && text.size() <= longest_atom && std::ranges::all_of(text, [unwanted](char c) {
    return c > ' ' && c <= '~' && unwanted.find(c) == std::string_view::npos;
  });
}

bool is_label_text(std::string_view text) {
  constexpr std::size_t longest = 255;
  constexpr std::string_view unwanted = R"("'`\#,=)";
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, [unwanted](char c) {
    return c > ' ' && c <= '~' && unwanted.find(c) == std::string_view::npos;
  });
}

/// Whether rule holds for every part of text between two slashes.
template <class Rule>
bool every_component(std::string_view text, Rule rule) {
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t slash = std::min(text.find('/', from), text.size());
    if (!rule(text.substr(from, slash - from))) {
      return false;
    }
    from = slash + 1;
  }
  return true;
}

/// As is_path_component, and also percent signs and tildes.
bool is_url_component(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         std::ranges::all_of(text, [](char c) { return is_component_character(c) || c == '%' || c == '~'; });
}

/// Host name or IPv4 address, with an optional port.
bool is_authority(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && !number_between(text.substr(colon + 1), 1, 65535)) {
    return false;
  }
  const std::string_view host = text.substr(0, colon);
  return !host.empty() && std::ranges::all_of(host, is_component_character);
}

}  // namespace

std::optional<std::uint64_t> number_between(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    return std::nullopt;
  }
  return number;
}

std::optional<Milliseconds> duration_between(std::string_view text, Milliseconds least, Milliseconds most) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit = text.substr(digits);
  for (const auto& [name, length] : units) {
    if (unit == name || (unit.empty() && name == milliseconds)) {
      // Nothing that is a multiple of the unit and more than most.
      const auto count = number_between(text.substr(0, digits), 0, static_cast<std::uint64_t>(most / length));
      const auto duration = length * static_cast<std::int64_t>(count.value_or(0));
      return count && duration >= least ? std::optional(duration) : std::nullopt;
    }
  }
  return std::nullopt;
}

std::string duration_text(Milliseconds duration) {
  for (const auto& [name, length] : units) {
    if (duration.count() != 0 && duration % length == Milliseconds::zero()) {
      return std::to_string(duration / length) + std::string(name);
    }
  }
  return "0";
}

std::string duration_range(Milliseconds least, Milliseconds most) {
  return duration_text(least) + " to " + duration_text(most);
}

std::string duration_rule(Milliseconds least, Milliseconds most) {
  return "must be a duration from " + duration_range(least, most) +
         ", as 500ms, 10s, 2m, 8h or 1d; a plain number is in milliseconds";
}

std::vector<std::string> choices_of(std::string_view argument) {
  std::istringstream words{std::string(argument)};
  std::vector<std::string> choices;
  for (std::string word; std::getline(words, word, '|');) {
    choices.push_back(word);
  }
  return choices;
}

std::string choice_rule(std::string_view text, std::string_view choices) {
  return "must be one of " + std::string(choices) + did_you_mean(text, choices_of(choices));
}

std::optional<Switch> on_or_off(std::string_view text) {
  if (text == "on" || text == "true") {
    return Switch::on;
  }
  if (text == "off" || text == "false") {
    return Switch::off;
  }
  return std::nullopt;
}

std::optional<ModuleFunction> module_function(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view module = text.substr(0, colon);
  const std::string_view function = text.substr(colon + 1);
  if (!is_atom_text(module) || !is_atom_text(function)) {
    return std::nullopt;
  }
  return ModuleFunction{std::string(module), std::string(function)};
}

std::optional<PortRange> port_range(std::string_view text) {
  if (text == "0") {
    return PortRange{};
  }
  const std::size_t dash = text.find('-');
  const auto first = number_between(text.substr(0, dash), 1, 65535);
  if (!first) {
    return std::nullopt;
  }
  const auto last =
      dash == std::string_view::npos ? first : number_between(text.substr(dash + 1), *first, 65535);
  if (!last) {
    return std::nullopt;
  }
  return PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::optional<HttpEndpoint> http_endpoint(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto address =
      colon == std::string_view::npos ? Ipv4Address() : Ipv4Address::parse(text.substr(0, colon));
  const auto port = number_between(colon == std::string_view::npos ? text : text.substr(colon + 1), 1, 65535);
  if (!address || !port) {
    return std::nullopt;
  }
  return HttpEndpoint{*address, static_cast<std::uint16_t>(*port)};
}

bool is_path_component(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && std::ranges::all_of(text, is_component_character);
}

bool is_relative_path(std::string_view text) { return every_component(text, is_path_component); }

std::optional<PeerService> peer_service(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view path = text.substr(0, equals);
  const std::string_view basename = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  if (!is_relative_path(path) || (equals != std::string_view::npos && !NodeName::is_alive_name(basename))) {
    return std::nullopt;
  }
  return PeerService{std::string(path), std::string(basename)};
}

std::optional<LabelRule> label_rule(std::string_view text) {
  const std::size_t equals = text.find('=');
  std::string_view key = text.substr(0, equals);
  LabelRule rule;
  if (equals != std::string_view::npos) {
    rule.test = key.ends_with('!') ? LabelRule::Test::not_equal : LabelRule::Test::equal;
    rule.value = text.substr(equals + 1);
    if (rule.test == LabelRule::Test::not_equal) {
      key.remove_suffix(1);
    } else if (rule.value == "self") {
      rule = {.key = {}, .test = LabelRule::Test::same, .value = {}};
    }
  }
  rule.key = key;
  const bool has_value = rule.test == LabelRule::Test::equal || rule.test == LabelRule::Test::not_equal;
  return is_label_text(rule.key) && (!has_value || is_label_text(rule.value)) ? std::optional(rule)
                                                                              : std::nullopt;
}

std::optional<std::string> base_url(std::string_view text) {
  constexpr std::size_t longest_url = 2048;
  if (text.size() > longest_url) {
    return std::nullopt;
  }
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view scheme = text.substr(0, scheme_end);
  std::string_view rest = text.substr(scheme_end + 3);
  while (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  const std::string_view path = rest.substr(slash);
  if (!path.empty() && !every_component(path.substr(1), is_url_component)) {
    return std::nullopt;
  }
  const bool web = (scheme == "http" || scheme == "https") && is_authority(authority);
  const bool file = scheme == "file" && authority.empty() && !path.empty();
  if (!web && !file) {
    return std::nullopt;
  }
  return std::string(scheme) + "://" + std::string(rest);
}

bool is_plain_text(std::string_view text) {
  constexpr std::size_t longest = 4096;
  return !text.empty() && text.size() <= longest && std::ranges::none_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20) || c == 0x7f || c == '"' || c == '\\' || c == '#';
  });
}

}  // namespace rancher_cnode::config
