#include "metadata/metadata_client.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <string>

#include "client.hpp"
#include "fixtures.hpp"
#include "support/unit/contains.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "support/unit/scripted_server.hpp"

using namespace rancher_cnode;
using metadata::MetadataClient;
using testing::client_of;
using testing::contains;
using testing::fixture;
using testing::ScriptedMetadata;
using testing::ScriptedServer;
using testing::service_body;
using testing::url_where_nobody_listens;
using Request = ScriptedServer::Request;
using Peer = ScriptedServer::Peer;

namespace {

std::size_t peak_memory_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stoul(line.substr(6));
    }
  }
  FAIL("no VmHWM");
  return 0;
}

/// The peak begins anew with what is held now (proc(5), clear_refs).
std::size_t peak_memory_kb_from_now() {
  REQUIRE(static_cast<bool>(std::ofstream("/proc/self/clear_refs") << "5" << std::flush));
  return peak_memory_kb();
}

}  // namespace

TEST_CASE("the service is read below the URL and the version") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(200, fixture("self-service.json")); });
  MetadataClient client(
      {.urls = {server.url()}, .version = "2016-07-29", .services = {"stacks/shop/services/worker"}});
  CHECK(client.service().value().containers.size() == 5);
  CHECK(server.targets().at(0) == "/2016-07-29/stacks/shop/services/worker");
  CHECK(client.service_path() == "stacks/shop/services/worker");
}

TEST_CASE("the next URL is tried after the answer of another server") {
  struct Row {
    std::string what;
    ScriptedServer::Script script;
  };
  const Row rows[] = {
      {"closed", [](const Request&, Peer& peer) { peer.close(); }},
      {"hangs", [](const Request&, Peer& peer) { peer.hold(); }},
      {"500", [](const Request&, Peer& peer) { peer.answer(500, "oops"); }},
      {"302", [](const Request&, Peer& peer) { peer.answer(302, ""); }},
      {"404 of another server", [](const Request&, Peer& peer) { peer.answer(404, "404 page not found\n"); }},
      {"403", [](const Request&, Peer& peer) { peer.answer(403, ""); }},
      {"a web page", [](const Request&, Peer& peer) { peer.answer(200, "<html>Welcome</html>"); }},
      {"an empty body", [](const Request&, Peer& peer) { peer.answer(200, ""); }},
      {"another shape", [](const Request&, Peer& peer) { peer.answer(200, R"({"containers":["a"]})"); }},
      {"half a body",
       [](const Request&, Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"containers\":[");
         peer.close();
       }},
  };
  ScriptedServer good([](const Request&, Peer& peer) { peer.answer(200, service_body("web", {1, 2})); });
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScriptedServer bad(row.script);
    MetadataClient client({.urls = {bad.url(), good.url()}, .timeouts = {.answer = Milliseconds(300)}});
    CHECK(client.url() == bad.url());
    const auto service = client.service();
    REQUIRE(service.has_value());
    CHECK(service->containers.size() == 2);
    CHECK(client.url() == good.url());
  }
}

TEST_CASE("the URL that answered last is used until it fails") {
  ScriptedMetadata first;
  ScriptedMetadata second;
  first.put("self/service", service_body("first", {1}));
  second.put("self/service", service_body("second", {1}));
  MetadataClient client = client_of({url_where_nobody_listens(), first.url(), second.url()});
  CHECK(client.service().value().name == "first");
  first.set_down(true);
  CHECK(client.service().value().name == "second");
  first.set_down(false);
  CHECK(client.service().value().name == "second");
  second.set_down(true);
  CHECK(client.service().value().name == "first");
}

TEST_CASE("the client returns to the first earlier URL that answers") {
  ScriptedMetadata first;
  ScriptedMetadata second;
  ScriptedMetadata third;
  for (auto* metadata : {&second, &third}) {
    metadata->put("self/service", service_body("web", {1}));
  }
  first.set_down(true);
  second.set_down(true);
  MetadataClient client = client_of({first.url(), second.url(), third.url()});
  CHECK_FALSE(client.return_to_earlier_url());
  CHECK(client.service().has_value());
  CHECK(client.url() == third.url());
  CHECK_FALSE(client.return_to_earlier_url());
  CHECK(client.url() == third.url());
  second.set_down(false);
  CHECK(client.return_to_earlier_url());
  CHECK(client.url() == second.url());
  first.set_down(false);
  CHECK(client.return_to_earlier_url());  // with a 404 of Rancher's
  CHECK(client.url_index() == 0);
  CHECK_FALSE(client.return_to_earlier_url());
}

TEST_CASE("a 404 is an answer, and the next URL is not tried") {
  ScriptedMetadata first;
  ScriptedMetadata second;
  second.put("self/service", service_body("second", {1}));
  MetadataClient client = client_of({first.url(), second.url()});
  const auto service = client.service();
  REQUIRE_FALSE(service.has_value());
  CHECK(service.error().code == ErrorCode::not_found);
  CHECK(service.error().message == first.url() +
                                       ": 404 at /latest/self/service: not joined yet, standalone or "
                                       "host-network container");
  CHECK(second.targets().empty());
}

TEST_CASE("a URL that answers 404 is tried first from then on") {
  ScriptedMetadata server;
  MetadataClient client = client_of({url_where_nobody_listens(), server.url()});
  CHECK(client.service().error().code == ErrorCode::not_found);
  CHECK(client.url() == server.url());
}

TEST_CASE("the connection is kept when the answer is an error") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(404, fixture("not-found.json")); });
  MetadataClient client = client_of({server.url()});
  for (int i = 0; i < 3; ++i) {
    CHECK(client.service().error().code == ErrorCode::not_found);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("the reason of every URL that was tried is reported") {
  ScriptedServer broken([](const Request&, Peer& peer) { peer.answer(503, ""); });
  const std::string nobody = url_where_nobody_listens();
  MetadataClient client = client_of({nobody, broken.url()});
  const auto service = client.service();
  REQUIRE_FALSE(service.has_value());
  CHECK(service.error() ==
        Error{ErrorCode::unavailable, nobody + ": connection refused; " + broken.url() +
                                          ": 503 at /latest/self/service: the server failed"});
}

TEST_CASE("an invalid body is reported with its URL and byte offset") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(200, R"({"containers":5})"); });
  MetadataClient client = client_of({server.url()});
  const auto service = client.service();
  REQUIRE_FALSE(service.has_value());
  CHECK(service.error() ==
        Error{ErrorCode::malformed, server.url() + ": /latest/self/service: byte 15: containers is "
                                                   "a number, not a list or null"});
}

TEST_CASE("a body beyond 32 MiB is refused without being stored") {
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  ScriptedServer server([&](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (peer.send(chunk)) {
      continue;
    }
  });
  MetadataClient client({.urls = {server.url()}, .timeouts = {.answer = Milliseconds(60'000)}});
  const std::size_t before = peak_memory_kb_from_now();
  const auto service = client.service();
  REQUIRE_FALSE(service.has_value());
  CHECK(service.error() ==
        Error{ErrorCode::too_large, server.url() + ": the answer is larger than 33554432 bytes"});
#ifdef RANCHER_CNODE_SANITIZED
  (void)before;  // a sanitizer keeps what was freed
#else
  CHECK(peak_memory_kb() - before < 8'000);
#endif
}

TEST_CASE("the service is read by its name once self is gone") {
  ScriptedMetadata server;
  MetadataClient client = client_of({server.url()});
  server.put("stacks/shop/services/web", service_body("web", {2}));
  CHECK(client.service().error().code == ErrorCode::not_found);

  server.put("self/service", service_body("web", {1, 2}));
  CHECK(client.service().value().containers.size() == 2);
  server.remove("self/service");
  CHECK(client.service().value().containers.size() == 1);
  CHECK(client.service_path() == "stacks/shop/services/web");

  server.put("self/service", service_body("web", {1, 2}));
  CHECK(client.service().value().containers.size() == 2);
  CHECK(client.service_path() == "self/service");
}

TEST_CASE("the names in the path of a service are escaped") {
  ScriptedMetadata server;
  MetadataClient client = client_of({server.url()});
  server.put("self/service", R"({"containers":[],"name":"a/b","stack_name":"my shop","uuid":"u"})");
  server.put("stacks/my%20shop/services/a%2Fb",
             R"({"containers":[],"name":"a/b","stack_name":"my shop","uuid":"u"})");
  CHECK(client.service().has_value());
  server.remove("self/service");
  CHECK(client.service().has_value());
}

TEST_CASE("a service without a name or a stack is not read by name") {
  for (const char* body : {R"({"containers":[],"name":"web"})", R"({"containers":[],"stack_name":"shop"})"}) {
    CAPTURE(body);
    ScriptedMetadata server;
    MetadataClient client = client_of({server.url()});
    server.put("self/service", body);
    CHECK(client.service().has_value());
    server.remove("self/service");
    CHECK(client.service().error().code == ErrorCode::not_found);
    CHECK(server.targets().size() == 2);
  }
}

TEST_CASE("a service is read by its name only when self answers 404") {
  std::atomic<int> status = 200;
  ScriptedServer server([&](const Request& request, Peer& peer) {
    const bool self = contains(request.target, "self/service");
    const int answer = self ? status.load() : 200;
    peer.answer(answer, answer == 404 ? fixture("not-found.json") : service_body("web", {1}));
  });
  MetadataClient client = client_of({server.url()});
  CHECK(client.service().has_value());
  status = 503;
  CHECK(client.service().error().code == ErrorCode::unavailable);
  status = 404;
  CHECK(client.service().has_value());
}

TEST_CASE("a cancelled request tries no other URL") {
  // A file is read without asking whether to give up.
  const std::string directory = std::string(RANCHER_CNODE_FIXTURES) + "/metadata";
  MetadataClient next_url({.urls = {"http://127.0.0.1:1", "file://" + directory},
                           .version = ".",
                           .services = {"self-service.json"}},
                          [] { return true; });
  CHECK(next_url.service().error().code == ErrorCode::cancelled);

  // Nor is a service whose self is gone taken for one that is not known by its name.
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  MetadataClient by_name({.urls = {server.url()}},
                         [&] { return server.count("stacks/shop/services/web") > 0; });
  CHECK(by_name.service().has_value());
  server.remove("self/service");
  server.put("stacks/shop/services/web", service_body("web", {1}));
  const auto given_up = by_name.service();
  if (!given_up) {
    CHECK(given_up.error().code == ErrorCode::cancelled);
  }
}

TEST_CASE("the read fails when the service by name is gone too, or is another one") {
  ScriptedMetadata server;
  MetadataClient client = client_of({server.url()});
  server.put("self/service", service_body("web", {1}));
  CHECK(client.service().has_value());
  server.remove("self/service");
  const auto gone = client.service();
  REQUIRE_FALSE(gone.has_value());
  CHECK(gone.error().code == ErrorCode::not_found);
  CHECK(contains(gone.error().message, "404 at /latest/self/service"));
  CHECK(contains(gone.error().message, "404 at /latest/stacks/shop/services/web"));

  std::string other = service_body("web", {7});
  other.replace(other.find("uuid-of-web"), 11, "another-one");
  server.put("stacks/shop/services/web", other);
  const auto another = client.service();
  REQUIRE_FALSE(another.has_value());
  CHECK(contains(another.error().message, "/latest/stacks/shop/services/web is a different service"));
}

TEST_CASE("a sidekick whose self is gone reads the sidekicks, and not the main service") {
  ScriptedMetadata server;
  MetadataClient client = client_of({server.url()});
  server.put("self/service", fixture("self-service-of-sidekick.json"));
  server.put("stacks/shop/services/worker", fixture("stacks-shop-services-worker.json"));
  server.put("stacks/shop/services/worker-data", fixture("self-service-of-sidekick.json"));
  CHECK(client.service().value().name == "worker-data");
  server.remove("self/service");
  CHECK(client.service().value().name == "worker-data");
}

TEST_CASE("a service requested by name is not read elsewhere") {
  ScriptedMetadata server;
  MetadataClient client = client_of({server.url()}, "stacks/shop/services/db");
  server.put("stacks/shop/services/db", service_body("web", {1}));
  server.put("stacks/shop/services/web", service_body("web", {1}));
  CHECK(client.service().has_value());
  server.remove("stacks/shop/services/db");
  CHECK(client.service().error().code == ErrorCode::not_found);
}
