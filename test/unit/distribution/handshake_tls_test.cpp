// The handshake over TLS, with real OpenSSL on both sides.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <fstream>

#include "certificates.hpp"
#include "distribution/tls/tls_session.hpp"
#include "handshake_sides.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

namespace {

Identity with(const Identity& identity, std::optional<TlsSettings> tls) {
  return {identity.name, identity.cookie, identity.creation, std::move(tls)};
}

struct Both {
  HandshakeResult made;
  HandshakeResult taken;
};

Both both(const std::optional<TlsSettings>& client, const std::optional<TlsSettings>& server) {
  initialise_handshakes();
  const HandshakeStop stop;
  const RawListener listener;
  const Identity a = with(alice, client);
  const Identity b = with(bob, server);
  auto out = connecting(a, b.name, listener.port(), stop);
  auto in = accepting(b, listener.accept(), stop);
  auto made = out.get();
  return {std::move(made), in.get()};
}

/// Sends from one established connection to the other.
std::string carried(const EstablishedConnection& from, const EstablishedConnection& to,
                    const std::string& text) {
  REQUIRE(from.tls);
  REQUIRE(to.tls);
  CHECK(from.tls->write(text).status == TlsStatus::done);
  std::string buffer(100, '\0');
  const auto deadline = soon();
  TlsResult got{TlsStatus::wait_readable};
  while (got.status == TlsStatus::wait_readable && Clock::now() < deadline) {
    got = to.tls->read(buffer);
  }
  return buffer.substr(0, got.size);
}

}  // namespace

TEST_CASE("two nodes connect over TLS, and what they send afterwards arrives") {
  const auto [made, taken] = both(tls_with("good"), tls_with("good"));
  REQUIRE(made);
  REQUIRE(taken);
  CHECK(made->peer == "bob@127.0.0.1");
  CHECK(taken->peer == "alice@127.0.0.1");
  CHECK(carried(*made, *taken, "hello") == "hello");
  CHECK(carried(*taken, *made, "good day") == "good day");
  CHECK_FALSE(taken->tls->has_ended());
  made->tls->announce_end();
  const auto deadline = soon();
  while (!taken->tls->has_ended() && Clock::now() < deadline) {
  }
  CHECK(taken->tls->has_ended());
}

TEST_CASE("each version of TLS alone suffices, and two versions do not meet") {
  const TemporaryDirectory folder;
  const std::string files = pair_of_files();
  const auto only = [&](const std::string& version) {
    const std::string options = files + ", {versions, ['" + version + "']}";
    return optfile(folder, version, options, options);
  };
  for (const auto* version : {"tlsv1.2", "tlsv1.3"}) {
    CAPTURE(version);
    CHECK(both(only(version), optfile(folder, "any", files, files)).made);
    CHECK(both(optfile(folder, "any", files, files), only(version)).made);
  }
  const auto [made, taken] = both(only("tlsv1.2"), only("tlsv1.3"));
  REQUIRE_FALSE(made);
  CHECK(made.error().error == Error{ErrorCode::refused, "the peer speaks another version of TLS"});
  CHECK(made.error().stage == HandshakeStage::tls);
}

TEST_CASE("a server with a bad certificate is refused by one clear word") {
  const struct {
    const char* certificate;
    const char* made;
    const char* taken;
  } rows[] = {
      {"expired", "the peer's certificate is expired", "the peer refuses our certificate: expired"},
      {"self_signed", "the peer's certificate is self-signed",
       "the peer refuses our certificate: unknown CA"},
      {"foreign", "the peer's certificate is of another CA", "the peer refuses our certificate: unknown CA"},
      {"other_host", "the peer's certificate is for another host", "the peer refuses our certificate"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.certificate);
    const auto [made, taken] = both(tls_with("good"), tls_with(row.certificate));
    REQUIRE_FALSE(made);
    REQUIRE_FALSE(taken);
    CHECK(made.error().stage == HandshakeStage::tls);
    CHECK(made.error().error == Error{ErrorCode::refused, row.made});
    CHECK(taken.error().error == Error{ErrorCode::refused, row.taken});
  }
}

TEST_CASE("a client with a bad certificate, or none, is refused by one clear word, in each version of TLS") {
  const TemporaryDirectory folder;
  const struct {
    const char* certificate;
    const char* made;
    const char* taken;
  } rows[] = {
      {"expired", "the peer refuses our certificate: expired", "the peer's certificate is expired"},
      {"self_signed", "the peer refuses our certificate: unknown CA",
       "the peer's certificate is self-signed"},
      {"foreign", "the peer refuses our certificate: unknown CA", "the peer's certificate is of another CA"},
  };
  const std::string trusted = "{cacertfile, \"" + certificates() + "ca.pem\"}, {verify, verify_peer}";
  for (const auto* version : {"tlsv1.2", "tlsv1.3"}) {
    CAPTURE(version);
    const std::string one_version = ", {versions, ['" + std::string(version) + "']}";
    for (const auto& row : rows) {
      CAPTURE(row.certificate);
      const auto client =
          optfile(folder, row.certificate, "",
                  "{certfile, \"" + certificates() + row.certificate + ".pem\"}, {keyfile, \"" +
                      certificates() + "key.pem\"}, " + trusted + one_version);
      const auto [made, taken] = both(client, tls_with("good"));
      REQUIRE_FALSE(made);
      REQUIRE_FALSE(taken);
      CHECK(made.error().stage == HandshakeStage::tls);
      CHECK(made.error().error == Error{ErrorCode::refused, row.made});
      CHECK(taken.error().error == Error{ErrorCode::refused, row.taken});
    }
    const auto [made, taken] = both(optfile(folder, "without", "", trusted + one_version), tls_with("good"));
    REQUIRE_FALSE(made);
    REQUIRE_FALSE(taken);
    CHECK(made.error().stage == HandshakeStage::tls);
    CHECK(made.error().error ==
          Error{ErrorCode::refused,
                version == std::string_view("tlsv1.2")
                    ? "the peer refuses our TLS handshake: most likely it requires a certificate of ours"
                    : "the peer requires a certificate of ours: --tls-cert-file"});
    CHECK(taken.error().error == Error{ErrorCode::refused, "the peer sent no certificate"});
  }
}

TEST_CASE("without verification any certificate will do") {
  auto client = tls_with("self_signed");
  auto server = tls_with("expired");
  client.verify = server.verify = TlsVerify::none;
  const auto [made, taken] = both(client, server);
  CHECK(made);
  CHECK(taken);
}

TEST_CASE("TLS against plain text, and plain text against TLS, are named on our side") {
  const auto [secured, plain] = both(tls_with("good"), std::nullopt);
  REQUIRE_FALSE(plain);
  CHECK(plain.error().error ==
        Error{ErrorCode::malformed, "the peer speaks TLS; this node does not: --proto-dist inet_tls"});
  REQUIRE_FALSE(secured);
  CHECK(secured.error().stage == HandshakeStage::tls);

  const auto [without, with_it] = both(std::nullopt, tls_with("good"));
  REQUIRE_FALSE(with_it);
  CHECK(with_it.error().stage == HandshakeStage::tls);
  CHECK(with_it.error().error == Error{ErrorCode::refused, "the peer does not speak TLS"});
  REQUIRE_FALSE(without);

  const HandshakeStop stop;
  const RawListener silent;
  const Identity a = with(alice, tls_with("good"));
  auto out = connecting(a, bob.name, silent.port(), stop, Milliseconds(1'000));
  const auto held = silent.accept();
  const auto timed_out = out.get();
  REQUIRE_FALSE(timed_out);
  CHECK(timed_out.error().error ==
        Error{ErrorCode::timeout, "no answer in time at stage tls: the peer does not speak TLS, or hangs"});

  // What an Erlang node with TLS answers to plain text: an alert.
  CHECK(peer_result(hexed("15030300020250")).error().error ==
        Error{ErrorCode::malformed, "the peer speaks TLS; this node does not: --proto-dist inet_tls"});
}

TEST_CASE("a different cookie is refused over TLS as well") {
  initialise_handshakes();
  const HandshakeStop stop;
  const RawListener listener;
  const Identity a = with(alice, tls_with("good"));
  const Identity b = with(mallory, tls_with("good"));
  auto out = connecting(a, b.name, listener.port(), stop);
  auto in = accepting(b, listener.accept(), stop);
  const auto made = out.get();
  REQUIRE_FALSE(made);
  REQUIRE_FALSE(in.get());
  CHECK(made.error().stage == HandshakeStage::challenge_ack);
}

TEST_CASE("a handshake over TLS ends at the stop and at its deadline, however slowly the peer sends") {
  const Identity a = with(alice, tls_with("good"));
  HandshakeStop stop;
  auto [inbound, accepted] = raw_pair();
  auto running = accepting(a, std::move(accepted), stop);
  raw_send(inbound, hexed("1603"));
  stop.request();
  CHECK(running.get().error().error.code == ErrorCode::cancelled);

  const auto begun = Clock::now();
  CHECK(inbound_result("").error().error.code == ErrorCode::refused);
  const HandshakeStop none;
  auto [slow, taken] = raw_pair();
  auto late = accepting(a, std::move(taken), none, Milliseconds(300));
  raw_send(slow, hexed("160301"));
  CHECK(late.get().error().error.code == ErrorCode::timeout);
  CHECK(Clock::now() - begun < Milliseconds(300) + busy_machine);
}

TEST_CASE("certificates are read anew for each connection") {
  const TemporaryDirectory folder;
  const auto copy = [&](const std::string& certificate) {
    std::ifstream from(certificates() + certificate + ".pem");
    return folder.file("cert.pem", {std::istreambuf_iterator<char>(from), {}});
  };
  auto server = tls_with("good");
  server.cert_file = copy("expired");
  CHECK_FALSE(both(tls_with("good"), server).made);
  copy("good");
  CHECK(both(tls_with("good"), server).made);
}

TEST_CASE("files that cannot be used are named, and the peer is left alone") {
  auto settings = tls_with("none");
  const HandshakeStop stop;
  const RawListener listener;
  const Identity a = with(alice, settings);
  const auto made = connecting(a, bob.name, listener.port(), stop).get();
  REQUIRE_FALSE(made);
  CHECK(made.error().stage == HandshakeStage::tls);
  CHECK(made.error().error.code == ErrorCode::unavailable);
  CHECK(made.error().error.message.find("certificate in " + settings.cert_file) != std::string::npos);
}
