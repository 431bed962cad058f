// How violations are reported, and what is validated beside the table of settings.
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
using config::Environment;
using config::Origin;
using config::Purpose;
using config::RawConfig;
using config::RawValue;

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

TEST_CASE("every violation is reported, in the order of help") {
  RawConfig raw = good();
  raw["once"] = {{"x"}, Origin::flag, ""};
  raw["ip"] = {{"x"}, Origin::flag, ""};
  raw["metadata-url"] = {{"a", "http://b", "c"}, Origin::flag, ""};
  const Environment environment(Variables{{"RELEASE_COOKIE", "-c"}, {"ERL_EPMD_PORT", "x"}});
  const std::vector<std::string> expected{
      std::string("--ip 'x' ") + ip_rule,
      std::string("--metadata-url 'a' ") + url_rule,
      std::string("--metadata-url 'c' ") + url_rule,
      "$ERL_EPMD_PORT 'x' must be a whole number from 1 to 65535",
      "--once 'x' must be on or off",
      "$RELEASE_COOKIE begins with '-': the BEAM takes it for a flag, and makes a cookie of its own"};
  CHECK(config::validate(raw, environment, Purpose::connect).problems == expected);
}

TEST_CASE("a misspelt choice is reported with the one that it may stand for") {
  CHECK(message_for("removal", "imediate") ==
        "--removal 'imediate' must be one of safe|immediate|never; did you mean 'immediate'?");
  CHECK(message_for("log-format", "jsno") ==
        "--log-format 'jsno' must be one of text|json; did you mean 'json'?");
  CHECK(message_for("removal", "x") == "--removal 'x' must be one of safe|immediate|never");
}

TEST_CASE("a bad --basename is named before the names are compared") {
  RawConfig raw = good();
  raw["node-basename"] = {{"rancher_cnode"}, Origin::flag, ""};
  raw["basename"] = {{"a.b"}, Origin::flag, ""};
  CHECK(config::validate(raw, with_cookie, Purpose::connect).problems.front() ==
        std::string("--basename 'a.b' ") + alive_rule);
}

TEST_CASE("neither the peers' name nor a cookie must be set, because the BEAM has both") {
  const RawConfig raw = config::layered({}, {}, {}, Environment(Variables{}));
  const auto validated = config::validate(raw, Environment(Variables{}), Purpose::connect);
  REQUIRE(validated.problems.empty());
  CHECK_FALSE(validated.config.is_complete());
  CHECK(validated.cookie_source == "the BEAM");
  CHECK(config::validate(good(), with_cookie, Purpose::connect).config.is_complete());
}

TEST_CASE("epmd's port is a setting too") {
  for (const auto* text : {"0", "65536", "x", "43 69"}) {
    CAPTURE(text);
    const Environment environment(Variables{{"RELEASE_COOKIE", "c"}, {"ERL_EPMD_PORT", text}});
    CHECK(config::validate(good(), environment, Purpose::connect).problems.front() ==
          "$ERL_EPMD_PORT " + config::shown(text) + " must be a whole number from 1 to 65535");
  }
  for (const auto* text : {"1", "65535"}) {
    CAPTURE(text);
    const Environment environment(Variables{{"RELEASE_COOKIE", "c"}, {"ERL_EPMD_PORT", text}});
    CHECK(config::validate(good(), environment, Purpose::connect).config.epmd_port == std::stoi(text));
  }
}

TEST_CASE("the variables of OpenSSL name the CA certificates") {
  const Environment environment(Variables{{"SSL_CERT_FILE", "/own.pem"}, {"SSL_CERT_DIR", "/own"}});
  const auto validated = config::validate(good(), environment, Purpose::connect);
  CHECK(validated.config.ca_file == "/own.pem");
  CHECK(validated.config.ca_directory == "/own");
}

TEST_CASE("a bad setting is named before a bad port of epmd") {
  RawConfig raw = good();
  raw["ip"] = {{"x"}, Origin::flag, ""};
  const Environment environment(Variables{{"RELEASE_COOKIE", "c"}, {"ERL_EPMD_PORT", "x"}});
  CHECK(config::validate(raw, environment, Purpose::connect).problems.front() ==
        std::string("--ip 'x' ") + ip_rule);
}

TEST_CASE("a message is one line of printable characters, however odd or long the value") {
  const auto message = message_for("ip", "\x1b[31m\n" + std::string(10'000, 'x') + "\xff");
  CHECK(message.size() < 400);
  for (const char c : message) {
    CHECK((c >= ' ' && c <= '~'));
  }
}

TEST_CASE("a service manager is taken from its variables, if they are for this process") {
  const auto config = [](Variables variables) {
    variables.emplace("RELEASE_COOKIE", "c");
    return config::validate(good(), Environment(std::move(variables)), Purpose::connect).config;
  };
  CHECK(config({}).notify_socket == "");
  CHECK(config({{"NOTIFY_SOCKET", "/run/n"}}).notify_socket == "/run/n");
  CHECK(config({{"NOTIFY_SOCKET", "@n"}}).notify_socket == "@n");
  CHECK(config({{"NOTIFY_SOCKET", "vsock:2:1"}}).notify_socket == "");
  CHECK(config({{"WATCHDOG_USEC", "30000000"}}).notify_watchdog == Milliseconds(30'000));
  CHECK(
      config({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", std::to_string(::getpid())}}).notify_watchdog);
  CHECK_FALSE(config({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "1"}}).notify_watchdog);
  CHECK_FALSE(config({{"WATCHDOG_USEC", "soon"}}).notify_watchdog);
}

TEST_CASE("the settings of TLS are taken together or refused together") {
  const auto validated = [](std::initializer_list<std::pair<const char*, const char*>> given) {
    RawConfig raw = good();
    for (const auto& [name, text] : given) {
      raw[name] = RawValue{{text}, Origin::flag, ""};
    }
    return config::validate(raw, with_cookie, Purpose::connect);
  };
  const auto whole = validated({{"proto-dist", "inet_tls"},
                                {"tls-cert-file", "c"},
                                {"tls-key-file", "k"},
                                {"tls-ca-file", "a"},
                                {"tls-verify", "peer"}});
  REQUIRE(whole.problems.empty());
  const auto tls = whole.config.distribution_tls();
  REQUIRE(tls);
  CHECK(tls->cert_file == "c");
  CHECK(tls->key_file == "k");
  CHECK(tls->ca_file == "a");
  CHECK(tls->verify == TlsVerify::peer);
  CHECK(validated({{"tls-cert-file", "c"}, {"tls-verify", "none"}}).problems.empty());
  CHECK_FALSE(validated({{"proto-dist", "inet_tcp"}}).config.distribution_tls());
  CHECK_FALSE(validated({}).config.distribution_tls());
  CHECK(
      validated({{"tls-cert-file", "c"}, {"tls-ca-file", "a"}, {"ssl-dist-optfile", "o"}}).problems ==
      std::vector<std::string>{"--tls-cert-file 'c' takes the place of --ssl-dist-optfile: set one of them"});
  for (const char* const name : {"ssl-dist-optfile", "tls-cert-file", "tls-key-file", "tls-ca-file"}) {
    CAPTURE(name);
    CHECK(validated({{name, "a#b"}}).problems.size() == 1);
  }
  CHECK(validated({{"tls-cert-file", "a#b"}, {"tls-key-file", "k"}, {"tls-ca-file", "a"}}).problems.size() ==
        1);
}

TEST_CASE("the grace of readiness needs the peers that it is for, and these the listener") {
  const auto validated = [](std::initializer_list<std::pair<const char*, const char*>> given) {
    RawConfig raw = good();
    for (const auto& [name, text] : given) {
      raw[name] = RawValue{{text}, Origin::environment, ""};
    }
    return config::validate(raw, with_cookie, Purpose::connect);
  };
  CHECK_FALSE(validated({}).config.ready_grace);
  for (const auto& [text, grace] : {std::pair("0", Milliseconds(0)), {"1d", std::chrono::hours(24)}}) {
    const auto both = validated({{"http-listen", "9100"}, {"ready-peers", "2"}, {"ready-grace", text}});
    CHECK(both.problems == std::vector<std::string>());
    CHECK(both.config.ready_grace == grace);
  }
  // Whoever writes 0 has decided so.
  CHECK(validated({{"ready-peers", "0"}, {"ready-grace", "1m"}}).problems.empty());
  // A value that was refused is not missing, and needs nothing.
  CHECK(validated({{"ready-peers", "-1"}, {"ready-grace", "1m"}}).problems.size() == 1);
  CHECK(validated({{"ready-peers", "2"}, {"http-listen", "0"}}).problems.size() == 1);
  CHECK(validated({{"ready-grace", "2d"}}).problems.size() == 1);
}

TEST_CASE(
    "a distribution port stands alone: without epmd nothing is started, and nobody finds a port to connect "
    "to") {
  const auto problems = [](const char* name, const char* value) {
    RawConfig raw = good();
    raw["dist-port"] = RawValue{{"6789"}, Origin::flag, ""};
    raw[name] = RawValue{{value}, Origin::flag, ""};
    return config::validate(raw, with_cookie, Purpose::connect).problems;
  };
  using Problems = std::vector<std::string>;
  CHECK(problems("probe", "off").empty());
  CHECK(problems("start-epmd", "off").empty());
  CHECK(problems("listen-port", "0").empty());
  const Problems refused{
      "--dist-port '6789' must not be set with --start-epmd or --listen-port: without epmd this node neither "
      "registers "
      "nor listens"};
  CHECK(problems("start-epmd", "on") == refused);
  CHECK(problems("listen-port", "9000") == refused);
  RawConfig raw = good();
  CHECK_FALSE(config::validate(raw, with_cookie, Purpose::connect).config.dist_port);
  raw["dist-port"] = RawValue{{"6789"}, Origin::flag, ""};
  CHECK(config::validate(raw, with_cookie, Purpose::connect).config.dist_port == 6789);
}
