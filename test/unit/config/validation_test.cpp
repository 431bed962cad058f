// The rule of every setting.
#include <doctest/doctest.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/config/messages.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "raw_settings.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::config::test;
using config::Origin;
using config::Purpose;
using config::RawConfig;
using config::RawValue;

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
      {"service", "self/service=", service_rule},
      {"service", "self/service=a.b", service_rule},
      {"service", "=worker", service_rule},
      {"service", "/self/service", service_rule},
      {"service", "self/service/", service_rule},
      {"service", "self//service", service_rule},
      {"service", "self/../service", service_rule},
      {"service", "./self", service_rule},
      {"service", "self/service?x", service_rule},
      {"service", "self/ser vice", service_rule},
      {"watch", "maybe", "must be one of on|off"},
      {"polling-interval", "249", hour_rule},
      {"polling-interval", "3600001", hour_rule},
      {"polling-interval", "5x", hour_rule},
      {"polling-interval", "61m", hour_rule},
      {"polling-interval", "249ms", hour_rule},
      {"polling-interval", "5000.5", hour_rule},
      {"polling-interval", "-5000", hour_rule},
      {"polling-interval", "+5000", hour_rule},
      {"polling-interval", " 5000", hour_rule},
      {"polling-interval", "0x1000", hour_rule},
      {"polling-interval", "99999999999999999999999", hour_rule},
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
      {"dist-port", "0", "must be a whole number from 1 to 65535"},
      {"dist-port", "65536", "must be a whole number from 1 to 65535"},
      {"start-epmd", "yes", "must be on or off"},
      {"proto-dist", "tls", "must be one of inet_tcp|inet_tls"},
      {"ssl-dist-optfile", "", path_rule},
      {"tls-cert-file", "a#b", path_rule},
      {"tls-cert-file", "a", "needs --tls-ca-file, unless --tls-verify is none"},
      {"tls-key-file", "", path_rule},
      {"tls-key-file", "a", "needs --tls-cert-file"},
      {"tls-ca-file", "", path_rule},
      {"tls-ca-file", "a", "needs --tls-cert-file"},
      {"tls-verify", "client", "must be one of peer|none"},
      {"epmd", "", program_rule},
      {"epmd", "ep\"md", program_rule},
      {"http-listen", "", http_rule},
      {"http-listen", "0", http_rule},
      {"http-listen", "65536", http_rule},
      {"http-listen", ":9100", http_rule},
      {"http-listen", "10.42.0.7", http_rule},
      {"http-listen", "10.42.0.7:", http_rule},
      {"http-listen", "localhost:9100", http_rule},
      {"http-listen", "[::]:9100", http_rule},
      {"http-listen", "10.42.0.7:9100:1", http_rule},
      {"ready-peers", "-1", "must be a whole number from 0 to 10000"},
      {"ready-peers", "10001", "must be a whole number from 0 to 10000"},
      {"ready-grace", "", day_rule},
      {"ready-grace", "-1", day_rule},
      {"ready-grace", "86400001", day_rule},
      {"ready-grace", "1m", "needs --ready-peers"},
      {"ready-peers", "1", "needs --http-listen, where /readyz is"},
      {"log-level", "loud", "must be one of debug|info|warning|error"},
      {"log-level", "INFO", "must be one of debug|info|warning|error"},
      {"log-format", "xml", "must be one of text|json"},
      {"startup-grace", "-1", day_rule},
      {"startup-grace", "86400001", day_rule},
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
      {"polling-interval", "250ms"},
      {"polling-interval", "1h"},
      {"removal-delay", "1d"},
      {"removal-delay", "0"},
      {"removal-delay", "86400000"},
      {"mass-removal-delay", "0"},
      {"mass-removal-delay", "86400000"},
      {"startup-grace", "0"},
      {"startup-grace", "86400000"},
      {"max-dials", "1"},
      {"max-dials", "1024"},
      {"connect", std::string(255, 'm') + ":" + std::string(255, 'f')},
      {"connect", "!~:~!"},
      {"listen-port", "0"},
      {"listen-port", "1"},
      {"listen-port", "65535"},
      {"listen-port", "1-65535"},
      {"listen-port", "9100-9100"},
      {"dist-port", "1"},
      {"dist-port", "65535"},
      {"max-connections", "1"},
      {"max-connections", "10000"},
      {"proto-dist", "inet_tls"},
      {"ssl-dist-optfile", "/etc/ssl_dist.conf"},
      {"tls-verify", "none"},
      {"http-listen", "1"},
      {"http-listen", "0.0.0.0:65535"},
      {"ready-peers", "0"},
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
    CHECK(validated.problems == std::vector<std::string>());
  }
}

TEST_CASE("every word of a choice has its own meaning") {
  const auto config = [](const char* name, const char* word) {
    RawConfig raw = good();
    raw[name] = RawValue{{word}, Origin::flag, ""};
    return config::validate(raw, with_cookie, Purpose::connect).config;
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
