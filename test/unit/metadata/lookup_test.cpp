// How long a name may take, and what of a request's time it does not count for.
#include <doctest/doctest.h>

#include <string>

#include "metadata/metadata_client.hpp"
#include "slow_resolver.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "support/unit/scripted_server.hpp"
#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::testing;
using metadata::HttpClient;
using metadata::HttpRequest;
using metadata::MetadataClient;
using Request = ScriptedServer::Request;
using Peer = ScriptedServer::Peer;

namespace {

/// The server's URL by a name that takes so long to look up.
std::string by_name(const std::string& url, int ms) {
  return "http://" + std::to_string(ms) + ".slow.test" + url.substr(url.rfind(':'));
}

Error error_of(HttpRequest request) {
  const auto answer = HttpClient().get(std::move(request));
  return answer ? Error{ErrorCode::failed, "an answer"} : answer.error();
}

}  // namespace

TEST_CASE("a lookup has its own timeout, and an abandoned one is not awaited") {
  constexpr Milliseconds an_hour{3'600'000};
  CHECK(error_of({.url = "http://3600000.slow.test/",
                  .timeouts = {.lookup = Milliseconds(200), .connect = an_hour, .answer = an_hour}}) ==
        Error{ErrorCode::timeout, "the name server does not answer within 200 ms"});
}

TEST_CASE("the connect timeout starts when the name is resolved") {
  const FullListener listener;
  const TimePoint begin = Clock::now();
  CHECK(error_of({.url = by_name(listener.url(), 600),
                  .timeouts = {.lookup = Milliseconds(20'000), .connect = Milliseconds(500)}}) ==
        Error{ErrorCode::timeout, "no connection within 500 ms"});
  CHECK(since(begin) >= Milliseconds(1'100));
}

TEST_CASE("the answer timeout starts when the request is sent") {
  ScriptedServer server([](const Request&, Peer& peer) {
    if (peer.pass(Milliseconds(700))) {
      peer.answer(200, "x");
    }
  });
  HttpClient client;
  const auto answer =
      client.get({.url = by_name(server.url(), 2'000),
                  .timeouts = {.lookup = Milliseconds(20'000), .answer = Milliseconds(2'500)}});
  CHECK(answer.has_value());
}

TEST_CASE("an address is cached for the next connection") {
  ScriptedServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    peer.close();
  });
  HttpClient client;
  const int before = slow_lookups();
  for (int i = 0; i < 2; ++i) {
    CHECK(client.get({.url = by_name(server.url(), 0)}).has_value());
  }
  CHECK(server.connections() == 2);
  CHECK(slow_lookups() == before + 1);
}

TEST_CASE("only the last or only URL has the longer lookup timeout") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  const auto client = [](std::vector<std::string> urls, int lookup, int last_lookup) {
    return MetadataClient({.urls = std::move(urls),
                           .timeouts = {.lookup = Milliseconds(lookup)},
                           .last_lookup = Milliseconds(last_lookup)});
  };
  const std::string slow = by_name(server.url(), 400);
  CHECK(client({slow}, 100, 20'000).service().has_value());
  CHECK(client({url_where_nobody_listens(), slow}, 100, 20'000).service().has_value());
  // A time that is longer anyway stays.
  CHECK(client({slow}, 20'000, 100).service().has_value());

  auto first = client({by_name(server.url(), 10'000), server.url()}, 100, 20'000);
  CHECK(first.service().has_value());
  CHECK(first.url() == server.url());
}
