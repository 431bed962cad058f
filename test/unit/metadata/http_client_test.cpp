#include "metadata/http_client.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <string>
#include <thread>

#include "http_reads.hpp"
#include "support/unit/scripted_server.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using metadata::HttpClient;
using testing::contains;
using testing::read;
using testing::ScriptedServer;
using testing::time_of;
using Request = ScriptedServer::Request;
using Peer = ScriptedServer::Peer;

namespace {

/// Bytes that show where one is missing or is duplicated.
std::string patterned(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>('!' + (i * 7 + i / 251) % 90);
  }
  return text;
}

}  // namespace

TEST_CASE("the client requests JSON and returns status and body") {
  std::string head;
  ScriptedServer server([&](const Request& request, Peer& peer) {
    head = request.head;
    peer.answer(404, "no such thing");
  });
  HttpClient client;
  auto answer = client.get({.url = server.url() + "/latest/x"});
  REQUIRE(answer.has_value());
  CHECK(answer->status() == 404);
  CHECK(metadata::read_all(*answer, 100).value() == "no such thing");
  CHECK(contains(head, "Accept: application/json\r\n"));
  CHECK(contains(head, "User-Agent: rancher_cnode\r\n"));
  CHECK(server.targets().at(0) == "/latest/x");
}

TEST_CASE("CA certificates that are no regular file are named, for https alone") {
  const TemporaryDirectory folder;
  const auto fifo = folder.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(200, "x"); });
  HttpClient client({fifo, ""});
  CHECK(read(client, {.url = "https" + server.url().substr(4)}).error() ==
        Error{ErrorCode::failed, "the CA certificates in " + fifo + " cannot be used: not a regular file"});
  CHECK(read(client, {.url = server.url()}).value() == "x");
}

TEST_CASE("an empty body ends at once") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(200, ""); });
  HttpClient client;
  CHECK(read(client, {.url = server.url()}).value().empty());
}

TEST_CASE("a large body arrives whole and in order, however it is sent") {
  const std::string body = patterned(5'000'000);
  ScriptedServer server([&](const Request& request, Peer& peer) {
    if (request.target == "/sized") {
      peer.answer(200, body);
      return;
    }
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (std::size_t at = 0; at < body.size();) {
      const std::string chunk = body.substr(at, 1 + at % 70'000);
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
      peer.send(size + chunk + "\r\n");
      at += chunk.size();
    }
    peer.send("0\r\n\r\n");
  });
  HttpClient client;
  for (const std::string path : {"/sized", "/chunked"}) {
    CAPTURE(path);
    const auto got = read(client, {.url = server.url() + path});
    REQUIRE(got.has_value());
    CHECK((*got == body));
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("the connection is kept between requests") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(200, "x"); });
  HttpClient client;
  for (int i = 0; i < 5; ++i) {
    CHECK(read(client, {.url = server.url()}).has_value());
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("the connections to two alternating servers are kept") {
  ScriptedServer first([](const Request&, Peer& peer) { peer.answer(200, "x"); });
  ScriptedServer second([](const Request&, Peer& peer) { peer.answer(200, "x"); });
  HttpClient client;
  for (int i = 0; i < 3; ++i) {
    for (const auto* server : {&first, &second}) {
      CHECK(read(client, {.url = server->url()}).has_value());
    }
  }
  CHECK(first.connections() == 1);
  CHECK(second.connections() == 1);
}

TEST_CASE("a kept connection that died before a byte came is replaced once") {
  ScriptedServer server([](const Request& request, Peer& peer) {
    if (request.connection == 1 && request.number == 2) {
      return peer.close();
    }
    peer.answer(200, "connection " + std::to_string(request.connection));
  });
  HttpClient client;
  CHECK(read(client, {.url = server.url()}).value() == "connection 1");
  CHECK(read(client, {.url = server.url()}).value() == "connection 2");
  CHECK(server.targets().size() == 3);
}

TEST_CASE("a request that must not be sent again fails with its kept connection") {
  ScriptedServer server([](const Request& request, Peer& peer) {
    if (request.connection == 1 && request.number == 2) {
      return peer.close();
    }
    peer.answer(200, "x");
  });
  HttpClient client;
  CHECK(read(client, {.url = server.url()}).has_value());
  const auto got = read(client, {.url = server.url(), .resend = metadata::Resend::no});
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error() == Error{ErrorCode::unavailable, "connection closed without an answer"});
  CHECK(server.targets().size() == 2);
  CHECK(read(client, {.url = server.url(), .resend = metadata::Resend::no}).has_value());
}

TEST_CASE("a fresh connection that closes without an answer is not retried") {
  ScriptedServer server([](const Request& request, Peer& peer) {
    if (request.connection == 1 && request.number == 1) {
      peer.answer(200, "x");
    } else {
      peer.close();
    }
  });
  HttpClient client;
  CHECK(read(client, {.url = server.url()}).has_value());
  const auto got = read(client, {.url = server.url()});
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error() == Error{ErrorCode::unavailable, "connection closed without an answer"});
  CHECK(server.connections() == 2);
  CHECK(server.targets().size() == 3);
}

TEST_CASE("a truncated body is an error") {
  for (const std::string head : {"Content-Length: 100", "Transfer-Encoding: chunked"}) {
    CAPTURE(head);
    ScriptedServer server([&](const Request&, Peer& peer) {
      peer.send("HTTP/1.1 200 OK\r\n" + head + "\r\n\r\n5\r\nhello\r\n");
      peer.close();
    });
    HttpClient client;
    const auto got = read(client, {.url = server.url()});
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error() == Error{ErrorCode::unavailable, "connection closed in the middle of the answer"});
  }
}

TEST_CASE("redirects are answers, and are not followed") {
  ScriptedServer elsewhere([](const Request&, Peer& peer) { peer.answer(200, "{}"); });
  ScriptedServer server([&](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 301 Moved\r\nLocation: " + elsewhere.url() + "/\r\nContent-Length: 0\r\n\r\n");
  });
  HttpClient client;
  auto answer = client.get({.url = server.url()});
  REQUIRE(answer.has_value());
  CHECK(answer->status() == 301);
  CHECK(elsewhere.connections() == 0);
}

TEST_CASE("a missing answer is reported with its reason") {
  ScriptedServer not_http([](const Request&, Peer& peer) {
    peer.send("220 mail.example.com ESMTP\r\n");
    peer.close();
  });
  struct Row {
    std::string url;
    Error error;
  };
  const Row rows[] = {
      {testing::url_where_nobody_listens(), {ErrorCode::unavailable, "connection refused"}},
      {"http://255.255.255.255/x", {ErrorCode::unavailable, "no route to the host"}},
      {"http://[::1]:1/x", {ErrorCode::unavailable, "no connection"}},
      {not_http.url(), {ErrorCode::malformed, "the answer is not HTTP"}},
      {"ftp://127.0.0.1/x", {ErrorCode::bad_setting, "only http and https are supported"}},
      {"gopher://127.0.0.1/x", {ErrorCode::bad_setting, "only http and https are supported"}},
      {"http://", {ErrorCode::bad_setting, "not a URL"}},
      {"file:///etc/hostname", {ErrorCode::bad_setting, "only http and https are supported"}},
  };
  HttpClient client;
  for (const Row& row : rows) {
    CAPTURE(row.url);
    const auto got = read(client, {.url = row.url});
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error() == row.error);
  }
}

TEST_CASE("HTTPS is supported, and its handshake counts towards the connect timeout") {
  // Waits for the end of a request's head, which no TLS client sends.
  ScriptedServer silent([](const Request&, Peer& peer) { peer.close(); });
  // Where it has no certificates at all, libcurl gives up before the handshake.
  HttpClient client({std::string(RANCHER_CNODE_FIXTURES) + "/ca.pem", ""});
  const auto got =
      read(client, {.url = "https" + silent.url().substr(4), .timeouts = {.connect = Milliseconds(300)}});
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().code == ErrorCode::timeout);
  CHECK(silent.connections() == 1);
}

TEST_CASE("proxies from the environment are not used") {
  ScriptedServer server([](const Request&, Peer& peer) { peer.answer(200, "direct"); });
  ::setenv("http_proxy", testing::url_where_nobody_listens().c_str(), 1);
  HttpClient client;
  CHECK(read(client, {.url = server.url()}).value_or("through the proxy") == "direct");
  ::unsetenv("http_proxy");
}

TEST_CASE("a request is cancelled at once from another thread") {
  struct Row {
    std::string what;
    ScriptedServer::Script script;
  };
  const Row rows[] = {
      {"before the answer", [](const Request&, Peer& peer) { peer.hold(); }},
      {"in the body",
       [](const Request&, Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
         peer.hold();
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server(row.script);
    HttpClient client;
    std::atomic<bool> given_up = false;
    Expected<std::string> got;
    std::thread reader([&] {
      got = read(client, {.url = server.url(), .timeouts = {.answer = Milliseconds(60'000)}, .give_up = [&] {
                            return given_up.load();
                          }});
    });
    CHECK(server.await_requests(1));
    const auto took = time_of([&] {
      given_up = true;
      client.wake();
      reader.join();
    });
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code == ErrorCode::cancelled);
    // Less than the 5 s after which give_up would be asked anyway.
    CHECK(took < Milliseconds(4'000));
  }
}

TEST_CASE("all but unreserved characters are percent-encoded") {
  using namespace std::string_view_literals;
  const struct {
    std::string_view text;
    const char* escaped;
  } rows[] = {
      {"", ""},
      {"AZaz09-._~", "AZaz09-._~"},
      {"a/b?c=d&e f#g%h+i", "a%2Fb%3Fc%3Dd%26e%20f%23g%25h%2Bi"},
      {"\xc3\xbc\n", "%C3%BC%0A"},
      {"a\0b"sv, "a%00b"},
      {"whole"sv.substr(0, 2), "wh"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.escaped);
    CHECK(metadata::url_escaped(row.text) == row.escaped);
  }
}
