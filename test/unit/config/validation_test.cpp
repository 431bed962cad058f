#include "rancher_cnode/config/validation.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"

namespace {

using namespace rancher_cnode;
using config::Environment;
using Variables = Environment::Variables;
using config::Origin;
using config::Purpose;
using config::RawConfig;
using config::RawValue;

const Environment with_cookie(Variables{{"RELEASE_COOKIE", "c"}});

RawConfig good() {
  RawConfig flags{{"node-basename", RawValue{{"myapp"}, Origin::flag, ""}}};
  return config::layered(std::move(flags), {}, {}, with_cookie);
}

std::string message_for(const std::string& name, RawValue value) {
  RawConfig raw = good();
  raw[name] = std::move(value);
  const auto validated = config::validate(raw, with_cookie, Purpose::connect);
  return validated ? "accepted" : validated.error().message;
}

std::string message_for(const std::string& name, const std::string& text) {
  return message_for(name, RawValue{{text}, Origin::flag, ""});
}

constexpr auto alive_rule = "must be 1 to 239 characters of [0-9A-Za-z_-]";
constexpr auto ip_rule =
    "must be an IPv4 address of a host: not 0.x, loopback, multicast, reserved or broadcast";
constexpr auto path_rule = "must be a path without control characters, quotes, backslash and #";
constexpr auto program_rule = "must be a program without control characters, quotes, backslash and #";
constexpr auto url_rule =
    "must be http://HOST[:PORT][/PATH], https://... or file:///PATH, without credentials, query, fragment, "
    "'//' and "
    "'..'";
constexpr auto version_rule =
    "must be one path component of [A-Za-z0-9._-], and not 2015-07-25, which contains no addresses";
constexpr auto service_rule =
    "must be a path like self/service or stacks/STACK/services/SERVICE, of [A-Za-z0-9._-] and single "
    "slashes, none "
    "outside";
constexpr auto call_rule =
    "must be MODULE:FUNCTION, each 1 to 255 printable characters without blanks and quotes";
constexpr auto port_rule = "must be 0, a port from 1 to 65535, or a range of them like 9100-9105";
constexpr auto day_rule = "must be a whole number from 0 to 86400000";

}  // namespace

TEST_CASE("every bad setting is named with its value and its rule") {
  const struct {
    const char* name;
    std::string text;
    const char* rule;
  } rows[] = {
      {"node-basename", "", alive_rule},
      {"node-basename", "my app", alive_rule},
      {"node-basename", "myapp@10.42.0.7", alive_rule},
      {"node-basename", "remsh-rancher_cnode",
       "must differ from --basename, because both register with the same epmd"},
      {"basename", "a.b", alive_rule},
      {"ip", "", ip_rule},
      {"ip", "localhost", ip_rule},
      {"ip", "127.0.0.1", ip_rule},
      {"ip", "0.0.0.0", ip_rule},
      {"ip", "224.0.0.1", ip_rule},
      {"ip", "255.255.255.255", ip_rule},
      {"ip", "10.42.0.7/16", ip_rule},
      {"ip", "10.42.0.7 10.42.0.8", ip_rule},
      {"cookie-file", "", path_rule},
      {"cookie-file", "a\nb", path_rule},
      {"cookie-file", "a#b", path_rule},
      {"cookie-file", "a\x1f", path_rule},
      {"cookie-file", "a\x7f", path_rule},
      {"cookie-file", "a\\b", path_rule},
      {"cookie-file", std::string(4097, 'a'), path_rule},
      {"targets", "some", "must be one of local|all"},
      {"metadata-url", "", url_rule},
      {"metadata-url", "rancher-metadata", url_rule},
      {"metadata-url", "ftp://a", url_rule},
      {"metadata-url", "gopher://a", url_rule},
      {"metadata-url", "http://", url_rule},
      {"metadata-url", "http:///x", url_rule},
      {"metadata-url", "http://a?x=1", url_rule},
      {"metadata-url", "http://a/#x", url_rule},
      {"metadata-url", "http://a b", url_rule},
      {"metadata-url", "http://a:0", url_rule},
      {"metadata-url", "http://a:70000", url_rule},
      {"metadata-url", "http://a:65536", url_rule},
      {"metadata-url", "http://:80", url_rule},
      {"metadata-url", "http://a:", url_rule},
      {"metadata-url", "http://a//b", url_rule},
      {"metadata-url", "http://a/../b", url_rule},
      {"metadata-url", "http://a/./b", url_rule},
      {"metadata-url", "http://" + std::string(2042, 'a'), url_rule},
      {"metadata-url", "file://host/x", url_rule},
      {"metadata-url", "file://", url_rule},
      {"metadata-version", "", version_rule},
      {"metadata-version", "a/b", version_rule},
      {"metadata-version", "..", version_rule},
      {"metadata-version", "2015-07-25", version_rule},
      {"service", "", service_rule},
      {"service", "/self/service", service_rule},
      {"service", "self/service/", service_rule},
      {"service", "self//service", service_rule},
      {"service", "self/../service", service_rule},
      {"service", "./self", service_rule},
      {"service", "self/service?x", service_rule},
      {"service", "self/ser vice", service_rule},
      {"watch", "maybe", "must be one of on|off"},
      {"polling-interval", "249", "must be a whole number from 250 to 3600000"},
      {"polling-interval", "3600001", "must be a whole number from 250 to 3600000"},
      {"polling-interval", "5s", "must be a whole number from 250 to 3600000"},
      {"polling-interval", "5000.5", "must be a whole number from 250 to 3600000"},
      {"polling-interval", "-5000", "must be a whole number from 250 to 3600000"},
      {"polling-interval", "+5000", "must be a whole number from 250 to 3600000"},
      {"polling-interval", " 5000", "must be a whole number from 250 to 3600000"},
      {"polling-interval", "0x1000", "must be a whole number from 250 to 3600000"},
      {"polling-interval", "99999999999999999999999", "must be a whole number from 250 to 3600000"},
      {"removal", "sometimes", "must be one of safe|immediate|never"},
      {"removal-delay", "-1", day_rule},
      {"removal-delay", "86400001", day_rule},
      {"mass-removal-delay", "", day_rule},
      {"mass-removal-delay", "86400001", day_rule},
      {"health", "good", "must be one of any|passing"},
      {"max-dials", "0", "must be a whole number from 1 to 1024"},
      {"max-dials", "1025", "must be a whole number from 1 to 1024"},
      {"probe", "on", "must be one of epmd|off"},
      {"connect", "net_kernel", call_rule},
      {"connect", ":connect", call_rule},
      {"connect", "net_kernel:", call_rule},
      {"connect", "a:b:c", call_rule},
      {"connect", "net kernel:connect", call_rule},
      {"connect", "'net':connect", call_rule},
      {"connect", "a\"b:c", call_rule},
      {"connect", "a`b:c", call_rule},
      {"connect", "a\\b:c", call_rule},
      {"connect", "a#b:c", call_rule},
      {"connect", "a,b:c", call_rule},
      {"disconnect", "x", call_rule},
      {"disconnect", std::string(256, 'm') + ":f", call_rule},
      {"list-nodes", "m:" + std::string(256, 'f'), call_rule},
      {"listen-port", "-1", port_rule},
      {"listen-port", "65536", port_rule},
      {"listen-port", "9105-9100", port_rule},
      {"listen-port", "0-10", port_rule},
      {"listen-port", "65535-65536", port_rule},
      {"listen-port", "1-2-3", port_rule},
      {"listen-port", "1-", port_rule},
      {"max-connections", "0", "must be a whole number from 1 to 10000"},
      {"max-connections", "10001", "must be a whole number from 1 to 10000"},
      {"start-epmd", "yes", "must be on or off"},
      {"epmd", "", program_rule},
      {"epmd", "ep\"md", program_rule},
      {"log-level", "loud", "must be one of debug|info|warning|error"},
      {"log-level", "INFO", "must be one of debug|info|warning|error"},
      {"log-format", "xml", "must be one of text|json"},
      {"watch-pid", "0", "must be a whole number from 1 to 4194304"},
      {"watch-pid", "$$", "must be a whole number from 1 to 4194304"},
      {"watch-pid", "4194305", "must be a whole number from 1 to 4194304"},
      {"exit-on-eof", "1", "must be on or off"},
      {"once", "twice", "must be on or off"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.text);
    CHECK(message_for(row.name, row.text) ==
          config::flag_of(row.name) + " " + config::shown(row.text) + " " + row.rule);
  }
}

TEST_CASE("the least and the greatest value of a rule are valid") {
  const struct {
    const char* name;
    std::string text;
  } rows[] = {
      {"cookie-file", std::string(4096, 'a')},
      {"cookie-file", "a b"},
      {"metadata-url", "http://" + std::string(2041, 'a')},
      {"metadata-url", "http://a:1"},
      {"metadata-url", "http://a:65535"},
      {"polling-interval", "250"},
      {"polling-interval", "3600000"},
      {"removal-delay", "0"},
      {"removal-delay", "86400000"},
      {"mass-removal-delay", "0"},
      {"mass-removal-delay", "86400000"},
      {"max-dials", "1"},
      {"max-dials", "1024"},
      {"connect", std::string(255, 'm') + ":" + std::string(255, 'f')},
      {"connect", "!~:~!"},
      {"listen-port", "0"},
      {"listen-port", "1"},
      {"listen-port", "65535"},
      {"listen-port", "1-65535"},
      {"listen-port", "9100-9100"},
      {"max-connections", "1"},
      {"max-connections", "10000"},
      {"watch-pid", "1"},
      {"watch-pid", "4194304"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.text);
    // A file of that name need not be there for its setting to be good.
    RawConfig raw = good();
    raw[row.name] = RawValue{{row.text}, Origin::flag, ""};
    const auto validated = config::validate(raw, with_cookie, Purpose::ask_address);
    CHECK_MESSAGE(validated.has_value(), (validated ? "" : validated.error().message));
  }
}

TEST_CASE("every word of a choice has its own meaning") {
  const auto config = [](const char* name, const char* word) {
    RawConfig raw = good();
    raw[name] = RawValue{{word}, Origin::flag, ""};
    return config::validate(raw, with_cookie, Purpose::connect)->config;
  };
  CHECK(config("targets", "local").targets == TargetScope::local);
  CHECK(config("targets", "all").targets == TargetScope::all);
  CHECK(config("watch", "on").watch == WatchMode::on);
  CHECK(config("watch", "off").watch == WatchMode::off);
  CHECK(config("removal", "safe").removal == RemovalPolicy::safe);
  CHECK(config("removal", "immediate").removal == RemovalPolicy::immediate);
  CHECK(config("removal", "never").removal == RemovalPolicy::never);
  CHECK(config("health", "any").health == HealthPolicy::any);
  CHECK(config("health", "passing").health == HealthPolicy::passing);
  CHECK(config("probe", "epmd").probe == ProbeMode::epmd);
  CHECK(config("probe", "off").probe == ProbeMode::off);
  CHECK(config("log-level", "debug").log_level == LogLevel::debug);
  CHECK(config("log-level", "info").log_level == LogLevel::info);
  CHECK(config("log-level", "warning").log_level == LogLevel::warning);
  CHECK(config("log-level", "error").log_level == LogLevel::error);
  CHECK(config("log-format", "text").log_format == LogFormat::text);
  CHECK(config("log-format", "json").log_format == LogFormat::json);
}

TEST_CASE("the table of bad settings is complete") {
  // A setting whose rule is missing would take this text, which keeps no rule.
  for (const auto& setting : config::settings()) {
    CAPTURE(setting.name);
    CHECK(message_for(std::string(setting.name), "\x01\"#").find(config::flag_of(setting.name)) == 0);
  }
}

TEST_CASE("a violation reports the source of the value") {
  CHECK(message_for("max-dials", {{"x"}, Origin::environment, "$RANCHER_CNODE_MAX_DIALS"}) ==
        "--max-dials 'x' (from $RANCHER_CNODE_MAX_DIALS) must be a whole number from 1 to 1024");
  CHECK(message_for("max-dials", {{"x"}, Origin::file, "'/etc/c.toml'"}) ==
        "--max-dials 'x' (from '/etc/c.toml') must be a whole number from 1 to 1024");
  CHECK(message_for("ip", {{"::1"}, Origin::environment, "$CONTAINER_IP"}) ==
        std::string("--ip '::1' (from $CONTAINER_IP) ") + ip_rule);
}

TEST_CASE("when there are several URLs the bad one is named") {
  CHECK(message_for("metadata-url",
                    {{"http://a", "b", "c"}, Origin::environment, "$RANCHER_CNODE_METADATA_URL"}) ==
        std::string("--metadata-url 'b' (from $RANCHER_CNODE_METADATA_URL) ") + url_rule);
}

TEST_CASE("a password in a URL is refused and not repeated") {
  const auto message = message_for("metadata-url", "http://user:hush@host");
  CHECK(message == std::string("--metadata-url '(with an @)' ") + url_rule);
}

TEST_CASE("the first violation in the order of help is reported") {
  RawConfig raw = good();
  raw["once"] = {{"x"}, Origin::flag, ""};
  raw["ip"] = {{"x"}, Origin::flag, ""};
  raw["probe"] = {{"x"}, Origin::flag, ""};
  CHECK(config::validate(raw, with_cookie, Purpose::connect).error().message ==
        std::string("--ip 'x' ") + ip_rule);
}

TEST_CASE("a bad --basename is named before the names are compared") {
  RawConfig raw = good();
  raw["node-basename"] = {{"rancher_cnode"}, Origin::flag, ""};
  raw["basename"] = {{"a.b"}, Origin::flag, ""};
  CHECK(config::validate(raw, with_cookie, Purpose::connect).error().message ==
        std::string("--basename 'a.b' ") + alive_rule);
}

TEST_CASE("neither the peers' name nor a cookie must be set, because the BEAM has both") {
  const RawConfig raw = config::layered({}, {}, {}, Environment(Variables{}));
  const auto validated = config::validate(raw, Environment(Variables{}), Purpose::connect);
  REQUIRE(validated.has_value());
  CHECK_FALSE(validated->config.is_complete());
  CHECK(validated->cookie_source == "the BEAM");
  CHECK(config::validate(good(), with_cookie, Purpose::connect)->config.is_complete());
}

TEST_CASE("epmd's port is a setting too") {
  for (const auto* text : {"0", "65536", "x", "43 69"}) {
    CAPTURE(text);
    const Environment environment(Variables{{"RELEASE_COOKIE", "c"}, {"ERL_EPMD_PORT", text}});
    CHECK(config::validate(good(), environment, Purpose::connect).error().message ==
          "$ERL_EPMD_PORT " + config::shown(text) + " must be a whole number from 1 to 65535");
  }
  for (const auto* text : {"1", "65535"}) {
    CAPTURE(text);
    const Environment environment(Variables{{"RELEASE_COOKIE", "c"}, {"ERL_EPMD_PORT", text}});
    CHECK(config::validate(good(), environment, Purpose::connect)->config.epmd_port == std::stoi(text));
  }
}

TEST_CASE("a bad setting is named before a bad port of epmd") {
  RawConfig raw = good();
  raw["ip"] = {{"x"}, Origin::flag, ""};
  const Environment environment(Variables{{"RELEASE_COOKIE", "c"}, {"ERL_EPMD_PORT", "x"}});
  CHECK(config::validate(raw, environment, Purpose::connect).error().message ==
        std::string("--ip 'x' ") + ip_rule);
}

TEST_CASE("a message is one line of printable characters, however odd or long the value") {
  const auto message = message_for("ip", "\x1b[31m\n" + std::string(10'000, 'x') + "\xff");
  CHECK(message.size() < 400);
  for (const char c : message) {
    CHECK((c >= ' ' && c <= '~'));
  }
}
