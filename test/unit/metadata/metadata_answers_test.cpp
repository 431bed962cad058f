// What the short answers of the metadata service mean, and those that it should not give.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>

#include "client.hpp"
#include "fixtures.hpp"
#include "metadata/metadata_client.hpp"
#include "support/unit/contains.hpp"
#include "support/unit/scripted_server.hpp"

using namespace rancher_cnode;
using metadata::GiveUp;
using metadata::MetadataClient;
using testing::client_of;
using testing::contains;
using testing::fixture;
using testing::ScriptedServer;
using Request = ScriptedServer::Request;
using Peer = ScriptedServer::Peer;

TEST_CASE("the version is read as plain text in any encoding") {
  struct Row {
    std::string body;
    std::optional<std::string> version;  ///< nothing: malformed
  };
  const Row rows[] = {
      {fixture("version.json"), "900bb384-995a-4daf-969b-3a7fe0e2baac"},
      {"\"v1\"\r\n", "v1"},
      {"v1\n", "v1"},
      {"", {}},
      {"null", {}},
      {"\"\"", {}},
      {"\"", {}},
      {"\"a b\"", {}},
      {"\"a\\n\"", {}},
      {"{\"version\":1}", {}},
      {"<html>", {}},
      {"v\x7f", {}},
      {"v\xc3\xbc", {}},
      {"a\"b", {}},
      {"a\\b", {}},
      {"<b", {}},
      {"{", {}},
      {std::string(256, 'v'), std::string(256, 'v')},
      {std::string(257, 'v'), {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    ScriptedServer server([&](const Request&, Peer& peer) { peer.answer(200, row.body); });
    MetadataClient client = client_of({server.url()});
    const auto version = client.version();
    CHECK((version ? std::optional(*version) : std::nullopt) == row.version);
  }
}

TEST_CASE("a wait has the bare version and whole seconds") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(200, "\"next\""); });
  MetadataClient client = client_of({server.url()});
  CHECK(client.wait_for_change("a b/c-1", Milliseconds(1'200), Milliseconds(2'000), {}).value() == "next");
  CHECK(server.targets().at(0) == "/latest/version?wait=true&value=a%20b%2Fc-1&maxWait=2");
  CHECK(client.wait_for_change("x", Milliseconds(10), Milliseconds(2'000), {}).has_value());
  CHECK(server.targets().at(1) == "/latest/version?wait=true&value=x&maxWait=1");
  // 0 would mean 60 to the server.
  CHECK(client.wait_for_change("x", Milliseconds(0), Milliseconds(2'000), {}).has_value());
  CHECK(server.targets().at(2) == "/latest/version?wait=true&value=x&maxWait=1");
}

TEST_CASE("only characters that need an escape in a query are escaped") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(200, "\"next\""); });
  MetadataClient client = client_of({server.url()});
  CHECK(client.wait_for_change("AZaz09-._~", Milliseconds(1'000), Milliseconds(2'000), {}).has_value());
  CHECK(server.targets().at(0) == "/latest/version?wait=true&value=AZaz09-._~&maxWait=1");
  CHECK(client.wait_for_change("@[`{/:\xff", Milliseconds(1'000), Milliseconds(2'000), {}).has_value());
  CHECK(server.targets().at(1) == "/latest/version?wait=true&value=%40%5B%60%7B%2F%3A%FF&maxWait=1");
}

TEST_CASE("a failed wait reports why") {
  struct Row {
    int status;
    std::string body;
    Error error;
  };
  const Row rows[] = {
      {404,
       fixture("not-found.json"),
       {ErrorCode::not_found,
        "404 at /latest/version: nothing is loaded yet, or --metadata-url or --metadata-version is wrong"}},
      {503, "", {ErrorCode::unavailable, "503 at /latest/version: the server failed"}},
      {200, "", {ErrorCode::malformed, "/latest/version: the version is empty"}},
      {200, "null", {ErrorCode::malformed, "/latest/version: the version is empty"}},
      {200, "<html>", {ErrorCode::malformed, "the answer is not plain text"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    ScriptedServer server([&](const Request&, Peer& peer) { peer.answer(row.status, row.body); });
    MetadataClient client = client_of({server.url()});
    CHECK(client.wait_for_change("x", Milliseconds(1'000), Milliseconds(2'000), {}).error() ==
          row.error.within(server.url()));
  }
}

TEST_CASE("a wait has its own deadline and its own cancellation") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.hold(); });
  MetadataClient client({.urls = {server.url()}, .timeouts = {.answer = Milliseconds(60'000)}},
                        [] { return true; });
  const auto wait = [&](GiveUp give_up) {
    return client.wait_for_change("x", Milliseconds(1'000), Milliseconds(200), std::move(give_up))
        .error()
        .code;
  };
  CHECK(wait({}) == ErrorCode::timeout);
  CHECK(wait([] { return true; }) == ErrorCode::cancelled);
}

TEST_CASE("the own address is returned, or the reason why there is none") {
  struct Row {
    int status;
    std::string body;
    std::string address;
    ErrorCode code;
  };
  const Row rows[] = {
      {200, fixture("self-container-primary_ip.json"), "10.42.0.2", {}},
      {200, "10.42.0.2", "10.42.0.2", {}},
      {200, "null", "", ErrorCode::not_found},
      {200, "\"\"", "", ErrorCode::not_found},
      {200, "\"", "", ErrorCode::malformed},
      {404, fixture("not-found.json"), "", ErrorCode::not_found},
      {200, "\"10.42.0\"", "", ErrorCode::malformed},
      {200, "\"127.0.0.1\"", "", ErrorCode::malformed},
      {200, "\"0.0.0.0\"", "", ErrorCode::malformed},
      {200, "\"fd00::1\"", "", ErrorCode::malformed},
      {200, "{}", "", ErrorCode::malformed},
      {500, "", "", ErrorCode::unavailable},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    ScriptedServer server([&](const Request&, Peer& peer) { peer.answer(row.status, row.body); });
    MetadataClient client = client_of({server.url()});
    const auto address = client.own_address();
    if (row.address.empty()) {
      REQUIRE_FALSE(address.has_value());
      CHECK(address.error().code == row.code);
      CHECK(contains(address.error().message, server.url()));
    } else {
      REQUIRE(address.has_value());
      CHECK(address->to_string() == row.address);
    }
    CHECK(server.targets().at(0) == "/latest/self/container/primary_ip");
  }
}

TEST_CASE("a 404 for the version means that nothing is loaded") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(404, fixture("not-found.json")); });
  MetadataClient client = client_of({server.url()});
  CHECK(contains(client.version().error().message, "404 at /latest/version: nothing is loaded yet"));
}

TEST_CASE("a status is judged at its bounds") {
  struct Row {
    int status;
    ErrorCode code;
    const char* said;
  };
  const Row rows[] = {
      {299, ErrorCode::malformed, "not an answer of the metadata service"},
      {300, ErrorCode::malformed, "redirects are not followed"},
      {399, ErrorCode::malformed, "redirects are not followed"},
      {400, ErrorCode::malformed, "not an answer of the metadata service"},
      {499, ErrorCode::malformed, "not an answer of the metadata service"},
      {500, ErrorCode::unavailable, "the server failed"},
      {501, ErrorCode::unavailable, "the server failed"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status);
    ScriptedServer server([&](const Request&, Peer& peer) { peer.answer(row.status, "x"); });
    CHECK(client_of({server.url()}).version().error() ==
          Error{row.code,
                server.url() + ": " + std::to_string(row.status) + " at /latest/version: " + row.said});
  }
}

TEST_CASE("a 404 is explained by its path") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(404, fixture("not-found.json")); });
  const auto said = [&](const char* service) {
    return client_of({server.url()}, service).service().error().message;
  };
  CHECK(said("self/service").ends_with(": not joined yet, standalone or host-network container"));
  CHECK(said("stacks/shop/services/web").ends_with(": no such service, or not loaded yet"));
  CHECK(client_of({server.url()})
            .own_address()
            .error()
            .message.ends_with(": address not known yet, or host-network container"));
}
