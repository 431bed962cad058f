#include "rancher_cnode/config/validation.hpp"

#include <array>
#include <span>
#include <utility>

#include "config/cookie.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/core/node_name.hpp"

namespace rancher_cnode::config {
namespace {

template <class T>
using Choice = std::pair<std::string_view, T>;

/// Reads the settings one by one and keeps the first violation.
class Reader {
 public:
  explicit Reader(const RawConfig& raw) : raw_(raw) {}

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  /// The setting's text if it was given or has a default, and there was no violation so far.
  [[nodiscard]] const std::string* text(std::string_view name) const {
    const auto found = raw_.find(name);
    return error_ || found == raw_.end() ? nullptr : &found->second.texts.front();
  }

  void fail(std::string_view name, std::string_view rule) {
    if (!error_) {
      error_ = violation(name, raw_.find(name)->second, rule);
    }
  }

  void fail(std::string message) {
    if (!error_) {
      error_ = Error{ErrorCode::bad_setting, std::move(message)};
    }
  }

  /// Converts the text into target; if convert returns nothing, the rule is violated. An absent setting leaves
  /// target unchanged.
  template <class Target, class Convert>
  void read(std::string_view name, Target& target, Convert convert, std::string_view rule) {
    const std::string* const given = text(name);
    if (given == nullptr) {
      return;
    }
    if (auto converted = convert(*given)) {
      target = *std::move(converted);
    } else {
      fail(name, rule);
    }
  }

  /// Text that has a rule but needs no conversion.
  template <class Rule>
  void read_text(std::string_view name, std::string& target, Rule holds, std::string_view rule) {
    read(
        name, target, [&](const std::string& t) { return holds(t) ? std::optional(t) : std::nullopt; }, rule);
  }

  template <class Target>
  void read_number(std::string_view name, Target& target, std::uint64_t least, std::uint64_t most) {
    const auto convert = [least, most](const std::string& t) -> std::optional<Target> {
      const auto number = number_between(t, least, most);
      return number ? std::optional(Target(*number)) : std::nullopt;
    };
    read(name, target, convert,
         "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }

  template <class Target>
  void read_choice(std::string_view name, Target& target, std::initializer_list<Choice<Target>> choices) {
    const auto convert = [choices](const std::string& t) -> std::optional<Target> {
      for (const auto& [word, meaning] : choices) {
        if (t == word) {
          return meaning;
        }
      }
      return std::nullopt;
    };
    read(name, target, convert, "must be one of " + std::string(find_setting(name)->argument));
  }

  void read_switch(std::string_view name, Switch& target) {
    read(name, target, on_or_off, "must be on or off");
  }

 private:
  const RawConfig& raw_;
  std::optional<Error> error_;
};

constexpr std::uint64_t one_hour_ms = 3'600'000;
constexpr std::uint64_t one_day_ms = 24 * one_hour_ms;

void read_names(Reader& reader, Config& config) {
  constexpr auto alive_rule = "must be 1 to 239 characters of [0-9A-Za-z_-]";
  reader.read_text("node-basename", config.node_basename, NodeName::is_alive_name, alive_rule);
  reader.read_text("basename", config.basename, NodeName::is_alive_name, alive_rule);
  if (config.basename == config.node_basename) {
    reader.fail("node-basename", "must differ from --basename, because both register with the same epmd");
  }
  const auto address = [](const std::string& text) {
    const auto parsed = Ipv4Address::parse(text);
    return parsed && parsed->is_host() ? std::optional(*parsed) : std::nullopt;
  };
  reader.read("ip", config.ip, address,
              "must be an IPv4 address of a host: not 0.x, loopback, multicast, reserved or broadcast");
  std::string cookie_file;
  reader.read_text("cookie-file", cookie_file, is_plain_text,
                   "must be a path without control characters, quotes, backslash and #");
  reader.read_choice("targets", config.targets, {{"local", TargetScope::local}, {"all", TargetScope::all}});
}

void read_urls(Reader& reader, Config& config, const RawValue& given) {
  for (const std::string& text : given.texts) {
    if (auto url = base_url(text)) {
      config.metadata_urls.push_back(*std::move(url));
      continue;
    }
    // The part before an @ may be a password: it is not repeated.
    const std::string repeated = text.find('@') == std::string::npos ? text : "(with an @)";
    reader.fail(
        violation("metadata-url", RawValue{{repeated}, given.origin, given.place},
                  "must be http://HOST[:PORT][/PATH], https://... or file:///PATH, without credentials, "
                  "query, fragment, '//' and '..'")
            .message);
  }
}

void read_metadata(Reader& reader, Config& config, const RawConfig& raw) {
  if (const auto urls = raw.find("metadata-url"); urls != raw.end()) {
    read_urls(reader, config, urls->second);
  }
  // Version 2015-07-25 lists containers by name only, without addresses.
  reader.read_text(
      "metadata-version", config.metadata_version,
      [](std::string_view text) { return is_path_component(text) && text != "2015-07-25"; },
      "must be one path component of [A-Za-z0-9._-], and not 2015-07-25, which contains no addresses");
  reader.read_text(
      "service", config.service, is_relative_path,
      "must be a path like self/service or stacks/STACK/services/SERVICE, of [A-Za-z0-9._-] and single "
      "slashes, none outside");
  reader.read_choice("watch", config.watch, {{"on", WatchMode::on}, {"off", WatchMode::off}});
  reader.read_number("polling-interval", config.polling_interval, 250, one_hour_ms);
}

void read_membership(Reader& reader, Config& config) {
  reader.read_choice("removal", config.removal,
                     {{"safe", RemovalPolicy::safe},
                      {"immediate", RemovalPolicy::immediate},
                      {"never", RemovalPolicy::never}});
  reader.read_number("removal-delay", config.removal_delay, 0, one_day_ms);
  reader.read_number("mass-removal-delay", config.mass_removal_delay, 0, one_day_ms);
  reader.read_choice("health", config.health,
                     {{"any", HealthPolicy::any}, {"passing", HealthPolicy::passing}});
}

void read_dialling(Reader& reader, Config& config) {
  constexpr auto call_rule =
      "must be MODULE:FUNCTION, each 1 to 255 printable characters without blanks and quotes";
  reader.read_number("max-dials", config.max_dials, 1, 1024);
  reader.read_choice("probe", config.probe, {{"epmd", ProbeMode::epmd}, {"off", ProbeMode::off}});
  reader.read("connect", config.connect, module_function, call_rule);
  reader.read("disconnect", config.disconnect, module_function, call_rule);
  reader.read("list-nodes", config.list_nodes, module_function, call_rule);
}

void read_listening(Reader& reader, Config& config, const Environment& environment) {
  reader.read("listen-port", config.listen_ports, port_range,
              "must be 0, a port from 1 to 65535, or a range of them like 9100-9105");
  reader.read_number("max-connections", config.max_connections, 1, 10'000);
  reader.read_switch("start-epmd", config.start_epmd);
  reader.read_text("epmd", config.epmd, is_plain_text,
                   "must be a program without control characters, quotes, backslash and #");
  if (const auto text = environment.get("ERL_EPMD_PORT")) {
    if (const auto port = number_between(*text, 1, 65535)) {
      config.epmd_port = static_cast<std::uint16_t>(*port);
    } else {
      reader.fail("$ERL_EPMD_PORT " + shown(*text) + " must be a whole number from 1 to 65535");
    }
  }
}

void read_log_and_life(Reader& reader, Config& config) {
  reader.read_choice("log-level", config.log_level,
                     {{"debug", LogLevel::debug},
                      {"info", LogLevel::info},
                      {"warning", LogLevel::warning},
                      {"error", LogLevel::error}});
  reader.read_choice("log-format", config.log_format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
  // The kernel's own limit of pid_max on 64-bit machines.
  constexpr std::uint64_t largest_pid = 4'194'304;
  pid_t pid = 0;
  reader.read_number("watch-pid", pid, 1, largest_pid);
  if (pid != 0) {
    config.watch_pid = pid;
  }
  reader.read_switch("exit-on-eof", config.exit_on_eof);
  reader.read_switch("exit-with-beam", config.exit_with_beam);
  reader.read_switch("once", config.once);
}

}  // namespace

Expected<Validated> validate(const RawConfig& raw, const Environment& environment, Purpose purpose) {
  Reader reader(raw);
  Validated validated;
  read_names(reader, validated.config);
  read_metadata(reader, validated.config, raw);
  read_membership(reader, validated.config);
  read_dialling(reader, validated.config);
  read_listening(reader, validated.config, environment);
  read_log_and_life(reader, validated.config);
  if (const auto& error = reader.error()) {
    return tl::unexpected<Error>(*error);
  }
  if (purpose == Purpose::ask_address) {
    return validated;
  }

  const std::string* const file = reader.text("cookie-file");
  auto cookie = find_cookie(file == nullptr ? std::nullopt : std::optional(*file), environment);
  if (!cookie) {
    return tl::unexpected<Error>(cookie.error());
  }
  validated.config.cookie = std::move(cookie->cookie);
  validated.config.cookie_origin = cookie->origin;
  validated.config.cookie_path = std::move(cookie->path);
  validated.cookie_source = std::move(cookie->source);
  if (cookie->origin == CookieOrigin::fallback && !validated.config.cookie.empty()) {
    validated.cookie_source = "the BEAM, else " + validated.cookie_source;
  }
  return validated;
}

}  // namespace rancher_cnode::config
