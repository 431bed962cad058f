#include "rancher_cnode/config/validation.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include "config/cookie.hpp"
#include "config/setting_reader.hpp"
#include "rancher_cnode/config/messages.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/core/node_name.hpp"

namespace rancher_cnode::config {
namespace {

constexpr std::size_t most_urls = 64;
constexpr std::size_t most_services = 64;
constexpr std::size_t most_labels = 16;
constexpr Milliseconds one_day = std::chrono::hours(24);

void read_names(SettingReader& reader, Config& config) {
  constexpr auto alive_rule = "must be 1 to 239 characters of [0-9A-Za-z_-]";
  reader.read_text("node-basename", config.node_basename, NodeName::is_alive_name, alive_rule);
  reader.read_text("basename", config.basename, NodeName::is_alive_name, alive_rule);
  if (reader.problems().empty() && config.basename == config.node_basename) {
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

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Names are lower case in version latest, whatever they were in Rancher.
void read_services(SettingReader& reader, Config& config) {
  reader.read_list(
      "service", config.services, peer_service,
      "must be a path like self/service, stacks/STACK/services/SERVICE or stacks/STACK/services, of "
      "[A-Za-z0-9._-] and single slashes, none outside; with =BASENAME for BEAMs of another name",
      most_services);
  std::set<std::string> known;
  for (auto& service : config.services) {
    if (config.metadata_version == "latest") {
      std::ranges::transform(service.path, service.path.begin(), lower_case);
    }
    if (!known.insert(service.text()).second) {
      reader.fail("service", "must name each service once with each BASENAME: " + service.text());
    }
  }
}

void read_metadata(SettingReader& reader, Config& config) {
  reader.read_list(
      "metadata-url", config.metadata_urls, base_url,
      "must be http://HOST[:PORT][/PATH], https://... or file:///PATH, without credentials, query, "
      "fragment, '//' and '..'",
      most_urls);
  // Version 2015-07-25 lists containers by name only, without addresses.
  reader.read_text(
      "metadata-version", config.metadata_version,
      [](std::string_view text) { return is_path_component(text) && text != "2015-07-25"; },
      "must be one path component of [A-Za-z0-9._-], and not 2015-07-25, which contains no addresses");
  read_services(reader, config);
  reader.read_list(
      "label", config.labels, label_rule,
      "must be KEY, KEY=VALUE, KEY!=VALUE or KEY=self, of printable characters without blanks, quotes, "
      "backslash and #",
      most_labels);
  reader.read_choice("watch", config.watch, {{"on", WatchMode::on}, {"off", WatchMode::off}});
  reader.read_duration("polling-interval", config.polling_interval, Milliseconds(250), std::chrono::hours(1));
}

void read_membership(SettingReader& reader, Config& config) {
  reader.read_choice("removal", config.removal,
                     {{"safe", RemovalPolicy::safe},
                      {"immediate", RemovalPolicy::immediate},
                      {"never", RemovalPolicy::never}});
  reader.read_duration("removal-delay", config.removal_delay, Milliseconds(0), one_day);
  reader.read_duration("mass-removal-delay", config.mass_removal_delay, Milliseconds(0), one_day);
  reader.read_text(
      "state-file", config.state_file,
      [](const std::string& t) { return is_plain_text(t) && t.starts_with('/'); },
      "must be an absolute path without control characters, quotes, backslash and #");
  if (!config.state_file.empty() && !config.labels.empty()) {
    reader.fail("state-file", "must not be set with --label: the file does not know whose labels fit");
  }
  reader.read_choice("health", config.health,
                     {{"any", HealthPolicy::any}, {"passing", HealthPolicy::passing}});
}

void read_dialling(SettingReader& reader, Config& config) {
  constexpr auto call_rule =
      "must be MODULE:FUNCTION, each 1 to 255 printable characters without blanks and quotes";
  reader.read_number("max-dials", config.max_dials, 1, 1024);
  reader.read_choice("probe", config.probe, {{"epmd", ProbeMode::epmd}, {"off", ProbeMode::off}});
  reader.read("connect", config.connect, module_function, call_rule);
  reader.read("disconnect", config.disconnect, module_function, call_rule);
  reader.read("list-nodes", config.list_nodes, module_function, call_rule);
}

void read_listening(SettingReader& reader, Config& config, const Environment& environment) {
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
  reader.read_number("dist-port", config.dist_port, 1, 65535);
  if (config.dist_port && (config.start_epmd == Switch::on || config.listen_ports.first != 0)) {
    reader.fail("dist-port",
                "must not be set with --start-epmd or --listen-port: without epmd this node neither "
                "registers nor listens");
  }
}

void read_tls(SettingReader& reader, Config& config) {
  constexpr auto path_rule = "must be a path without control characters, quotes, backslash and #";
  TlsSettings& tls = config.tls;
  reader.read_choice("proto-dist", config.proto_dist,
                     {{"inet_tcp", ProtoDist::inet_tcp}, {"inet_tls", ProtoDist::inet_tls}});
  reader.read_text("ssl-dist-optfile", tls.optfile, is_plain_text, path_rule);
  reader.read_text("tls-cert-file", tls.cert_file, is_plain_text, path_rule);
  reader.read_text("tls-key-file", tls.key_file, is_plain_text, path_rule);
  reader.read_text("tls-ca-file", tls.ca_file, is_plain_text, path_rule);
  reader.read_choice("tls-verify", tls.verify, {{"peer", TlsVerify::peer}, {"none", TlsVerify::none}});
  const auto given = [&reader](std::string_view name) { return reader.text(name) != nullptr; };
  // A value that was refused is not missing, and needs nothing.
  for (const auto& [name, path] : {std::pair("tls-key-file", &tls.key_file), {"tls-ca-file", &tls.ca_file}}) {
    if (!path->empty() && !given("tls-cert-file")) {
      reader.fail(name, "needs --tls-cert-file");
    }
  }
  if (tls.cert_file.empty()) {
    return;
  }
  if (given("ssl-dist-optfile")) {
    reader.fail("tls-cert-file", "takes the place of --ssl-dist-optfile: set one of them");
  } else if (!given("tls-ca-file") && tls.verify != TlsVerify::none) {
    reader.fail("tls-cert-file", "needs --tls-ca-file, unless --tls-verify is none");
  }
}

void read_monitoring(SettingReader& reader, Config& config) {
  reader.read("http-listen", config.http_listen, http_endpoint,
              "must be a port from 1 to 65535, or an IPv4 address and a port like 127.0.0.1:9100");
  reader.read_number("ready-peers", config.ready_peers, 0, 10'000);
  reader.read_duration("ready-grace", config.ready_grace, Milliseconds(0), one_day);
  if (config.ready_grace && !reader.given("ready-peers")) {
    reader.fail("ready-grace", "needs --ready-peers");
  }
  if (config.ready_peers > 0 && !reader.given("http-listen")) {
    reader.fail("ready-peers", "needs --http-listen, where /readyz is");
  }
}

/// Of sd_notify(3). What is invalid is the service manager's matter: it counts as unset.
void read_service_manager(Config& config, const Environment& environment) {
  const std::string socket = environment.get("NOTIFY_SOCKET").value_or("");
  config.notify_socket = socket.starts_with('/') || socket.starts_with('@') ? socket : "";
  const auto pid = environment.get("WATCHDOG_PID");
  const auto limit = number_between(environment.get("WATCHDOG_USEC").value_or(""), 1, INT64_MAX);
  if (limit && (!pid || *pid == std::to_string(::getpid()))) {
    config.notify_watchdog = Milliseconds(*limit / 1'000);
  }
}

void read_log_and_life(SettingReader& reader, Config& config) {
  reader.read_choice("log-level", config.log_level,
                     {{"debug", LogLevel::debug},
                      {"info", LogLevel::info},
                      {"warning", LogLevel::warning},
                      {"error", LogLevel::error}});
  reader.read_choice("log-format", config.log_format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
  reader.read_duration("startup-grace", config.startup_grace, Milliseconds(0), one_day);
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

Validated validate(const RawConfig& raw, const Environment& environment, Purpose purpose) {
  SettingReader reader(raw);
  Validated validated;
  read_names(reader, validated.config);
  read_metadata(reader, validated.config);
  validated.config.ca_file = environment.get("SSL_CERT_FILE").value_or("");
  validated.config.ca_directory = environment.get("SSL_CERT_DIR").value_or("");
  read_membership(reader, validated.config);
  read_dialling(reader, validated.config);
  read_listening(reader, validated.config, environment);
  read_tls(reader, validated.config);
  read_monitoring(reader, validated.config);
  read_log_and_life(reader, validated.config);
  read_service_manager(validated.config, environment);
  validated.problems = reader.problems();
  const std::string* const file = reader.text("cookie-file");
  if (purpose == Purpose::ask_address || (file != nullptr && !is_plain_text(*file))) {
    return validated;
  }

  auto cookie = find_cookie(file == nullptr ? std::nullopt : std::optional(*file), environment);
  if (!cookie) {
    validated.problems.push_back(cookie.error().message);
    return validated;
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

Expected<std::vector<PeerService>> peer_services(std::vector<std::string> texts,
                                                 const std::string& metadata_version) {
  if (texts.empty()) {
    return failure(ErrorCode::bad_setting, "--service must be given at least once");
  }
  const RawConfig raw{{"service", RawValue{std::move(texts), Origin::flag, ""}}};
  SettingReader reader(raw);
  Config config;
  config.metadata_version = metadata_version;
  read_services(reader, config);
  std::string problems;
  for (const auto& problem : reader.problems()) {
    problems += (problems.empty() ? "" : "\n") + problem;
  }
  if (!problems.empty()) {
    return failure(ErrorCode::bad_setting, std::move(problems));
  }
  return std::move(config.services);
}

}  // namespace rancher_cnode::config
