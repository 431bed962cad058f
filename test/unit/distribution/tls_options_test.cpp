#include "distribution/tls/tls_options.hpp"

#include <doctest/doctest.h>

#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using Names = std::vector<std::string>;

namespace {

/// As in the user's guide of ssl.
constexpr const char* guide =
    R"([{server, [{certfile, "/s.pem"}, {keyfile, "/s.key"}, {password, "secret"}, {depth, 2},
           {secure_renegotiate, true}, {cacertfile, "/ca.pem"}, {verify, verify_peer}, {fail_if_no_peer_cert, true}]},
 {client, [{certfile, <<"/c.pem">>}, {verify, verify_none}, {versions, ['tlsv1.3']}]}].
)";

TlsSettings of_file(std::string path) {
  TlsSettings settings;
  settings.optfile = std::move(path);
  return settings;
}

}  // namespace

TEST_CASE("the file of the user's guide gives both sides") {
  const auto options = tls_options_in(guide);
  REQUIRE(options);
  CHECK(options->server.cert_file == "/s.pem");
  CHECK(options->server.key_file == "/s.key");
  CHECK(options->server.ca_file == "/ca.pem");
  CHECK(options->server.password.reveal() == "secret");
  CHECK(options->server.depth == 2);
  CHECK(options->server.verify == TlsVerify::peer);
  CHECK(options->server.require_certificate == Switch::on);
  CHECK(options->server.tls_1_2 == Switch::on);
  CHECK(options->client.cert_file == "/c.pem");
  CHECK(options->client.verify == TlsVerify::none);
  CHECK(options->client.tls_1_2 == Switch::off);
  CHECK(options->client.tls_1_3 == Switch::on);
  CHECK(options->ignored.empty());
}

TEST_CASE("what cannot be honoured is named, and what does not matter is not") {
  const struct {
    const char* option;
    Names ignored;
  } rows[] = {
      {"{ciphers, [\"AES\"]}", {"client ciphers"}},
      {"{verify_fun, {fun inet_tls_dist:verify_client/3, []}}", {"client verify_fun"}},
      {"{verify, maybe}", {"client verify"}},
      {"{certfile, 7}", {"client certfile"}},
      {"{depth, -1}", {"client depth"}},
      {"{versions, ['tlsv1.1']}", {"client versions"}},
      {"{versions, ['tlsv1.3', 'tlsv1.1']}", {"client versions"}},
      {"{'a\\nb', c}", {"client a\\nb"}},
      {"binary", {"client binary"}},
      {"{secure_renegotiate, true}", {}},
      {"{reuse_sessions, true}", {}},
      {"{depth, 1}, {depth, x}", {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.option);
    const auto options = tls_options_in("[{client, [" + std::string(row.option) + "]}].");
    REQUIRE(options);
    CHECK(options->ignored == row.ignored);
  }
}

TEST_CASE("an option that is not honoured neither opens a door nor closes all") {
  CHECK(tls_options_in("[{client, [{verify, maybe}]}].")->client.verify == TlsVerify::peer);
  const auto options = tls_options_in("[{client, [{versions, ['tlsv1.1']}]}].");
  CHECK(options->client.tls_1_2 == Switch::on);
  CHECK(options->client.tls_1_3 == Switch::on);
}

TEST_CASE("text without options is refused") {
  for (const auto* text :
       {"{server, []}.", "[server].", "[{server, certfile}].", "[{server, [7]}].", "[{server, [], x}]."}) {
    CAPTURE(text);
    const auto options = tls_options_in(text);
    REQUIRE_FALSE(options);
    CHECK(options.error() == Error{ErrorCode::malformed, "must be [{server, [...]}, {client, [...]}]."});
  }
}

TEST_CASE("a client that is not asked verifies if it has CAs") {
  CHECK(tls_options_in("[{client, [{cacertfile, \"ca\"}]}].")->client.verify == TlsVerify::peer);
  CHECK(tls_options_in("[{client, [{cacertfile, \"ca\"}, {verify, verify_none}]}].")->client.verify ==
        TlsVerify::none);
  CHECK(tls_options_in("[{client, [{certfile, \"c\"}]}].")->client.verify == TlsVerify::none);
}

TEST_CASE("the arguments of -ssl_dist_opt give the same as a file") {
  TlsSettings settings;
  settings.beam_arguments = {"server_certfile",
                             "/s.pem",
                             "server_verify",
                             "verify_peer",
                             "server_fail_if_no_peer_cert",
                             "true",
                             "client_certfile",
                             "/c.pem",
                             "client_ciphers",
                             "AES",
                             "other"};
  const auto options = tls_options(settings);
  REQUIRE(options);
  CHECK(options->server.cert_file == "/s.pem");
  CHECK(options->server.verify == TlsVerify::peer);
  CHECK(options->server.require_certificate == Switch::on);
  CHECK(options->client.cert_file == "/c.pem");
  CHECK(options->ignored == Names{"client ciphers"});
}

TEST_CASE("files of the settings mean mutual authentication by default") {
  TlsSettings settings;
  settings.cert_file = "c";
  settings.key_file = "k";
  settings.ca_file = "a";
  settings.optfile = "x";
  for (const auto& verify : {std::optional<TlsVerify>(), std::optional(TlsVerify::peer)}) {
    settings.verify = verify;
    const auto options = tls_options(settings);
    REQUIRE(options);
    CHECK(options->server.verify == TlsVerify::peer);
    CHECK(options->server.require_certificate == Switch::on);
    CHECK(options->client.verify == TlsVerify::peer);
    CHECK(options->client.key_file == "k");
  }
  settings.verify = TlsVerify::none;
  CHECK(tls_options(settings)->server.verify == TlsVerify::none);
  CHECK(tls_options(settings)->server.require_certificate == Switch::off);
  CHECK(tls_options(settings)->client.verify == TlsVerify::none);
}

TEST_CASE("relative paths begin at the folder of the BEAM, and the verification can be overruled") {
  const TemporaryDirectory folder;
  folder.file("opts",
              "[{client, [{certfile, \"c.pem\"}, {cacertfile, \"/ca.pem\"}, {verify, verify_peer}]}].");
  TlsSettings settings = of_file("opts");
  settings.folder = folder.path();
  auto options = tls_options(settings);
  REQUIRE(options);
  CHECK(options->client.cert_file == folder.path() + "/c.pem");
  CHECK(options->client.ca_file == "/ca.pem");
  CHECK(options->client.verify == TlsVerify::peer);
  settings.verify = TlsVerify::none;
  options = tls_options(settings);
  CHECK(options->client.verify == TlsVerify::none);
}

TEST_CASE("a file that cannot be read, or is none, is named") {
  const TemporaryDirectory folder;
  CHECK(tls_options(of_file(folder.path() + "/none")).error() ==
        Error{ErrorCode::unavailable, folder.path() + "/none: no such file"});
  CHECK(tls_options(of_file(folder.path())).error() ==
        Error{ErrorCode::unavailable, folder.path() + ": not a regular file"});
  const auto bad = folder.file("bad", "[{");
  CHECK(tls_options(of_file(bad)).error() ==
        Error{ErrorCode::malformed, bad + ": line 1 is not an Erlang term"});
}
