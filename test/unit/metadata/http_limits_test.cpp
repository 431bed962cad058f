// How long and how large an answer may be.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "http_reads.hpp"
#include "pieces.hpp"
#include "support/unit/scripted_server.hpp"

using namespace rancher_cnode;
using metadata::HttpClient;
using testing::read;
using testing::ScriptedServer;
using testing::time_of;
using Request = ScriptedServer::Request;
using Peer = ScriptedServer::Peer;

namespace {

/// A limit that ends no case.
constexpr Milliseconds an_hour{3'600'000};

}  // namespace

TEST_CASE("a connection that replaces a dead one gets no more time than is left") {
  ScriptedServer server([&](const Request& request, Peer& peer) {
    if (request.connection == 1 && request.number == 1) {
      peer.answer(200, "x");
    } else if (request.connection == 1) {
      peer.pass(Milliseconds(1'500));
      peer.close();
    } else if (peer.pass(Milliseconds(2'000))) {
      // In time for a request of its own, and too late for what is left.
      peer.answer(200, "x");
    }
  });
  HttpClient client;
  CHECK(read(client, {.url = server.url()}).has_value());
  const auto got = read(client, {.url = server.url(), .timeouts = {.answer = Milliseconds(3'000)}});
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().code == ErrorCode::timeout);
  CHECK(server.connections() == 2);
}

TEST_CASE("a server that hangs or drips ends at the deadline") {
  struct Row {
    std::string what;
    ScriptedServer::Script script;
    const char* message;
  };
  const Row rows[] = {
      {"hang", [](const Request&, Peer& peer) { peer.hold(); }, "connected, but no answer within 300 ms"},
      {"hang in the body",
       [](const Request&, Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
         peer.hold();
       },
       "the answer did not end within 300 ms"},
      {"drip",
       [](const Request&, Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
         while (peer.send("x") && peer.pass(Milliseconds(20))) {
           continue;
         }
       },
       "the answer did not end within 300 ms"},
  };
  // What a lookup and a connection may take does not count once the request is sent.
  const metadata::Timeouts timeouts{an_hour, an_hour, Milliseconds(300)};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server(row.script);
    HttpClient client;
    Expected<std::string> got;
    const auto took = time_of([&] { got = read(client, {.url = server.url(), .timeouts = timeouts}); });
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error() == Error{ErrorCode::timeout, row.message});
    CHECK(took >= Milliseconds(290));
  }
}

TEST_CASE("a body or head that is too large is refused") {
  ScriptedServer server([](const Request& request, Peer& peer) {
    if (request.target == "/head") {
      peer.send("HTTP/1.1 200 OK\r\n");
      while (peer.send("X-Padding: " + std::string(1'000, 'x') + "\r\n")) {
        continue;
      }
    } else if (request.target == "/endless") {
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      while (peer.send("400\r\n" + std::string(1'024, 'x') + "\r\n")) {
        continue;
      }
    } else {
      peer.answer(200, std::string(100'000, 'x'));
    }
  });
  HttpClient client;
  for (const std::string path : {"/sized", "/endless"}) {
    CAPTURE(path);
    const auto got = read(client, {.url = server.url() + path, .body_limit = 99'999});
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error() == Error{ErrorCode::too_large, "the answer is larger than 99999 bytes"});
  }
  CHECK(read(client, {.url = server.url(), .body_limit = 100'000}).has_value());
  const auto head = read(client, {.url = server.url() + "/head"});
  REQUIRE_FALSE(head.has_value());
  CHECK(head.error() == Error{ErrorCode::too_large, "the headers are larger than 65536 bytes"});
}

TEST_CASE("a head of 64 KiB is accepted, and one of a byte more is refused") {
  const auto head_of_size = [](std::size_t size) {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
    for (std::size_t line = 1'000; head.size() + 2 < size; head += "\r\n") {
      head += "X:" + std::string(std::min(line, size - head.size() - 2) - 4, 'x');
      if (size - head.size() < 1'010) {
        line = size;
      }
    }
    return head + "\r\n";
  };
  ScriptedServer server([&](const Request& request, Peer& peer) {
    const bool more = request.target == "/more";
    peer.send(head_of_size(more ? 65'537 : 65'536) + (request.target == "/cut" ? "x" : "xx"));
    if (request.target == "/cut") {
      peer.close();
    }
  });
  HttpClient client;
  CHECK(read(client, {.url = server.url() + "/just"}).value_or("none") == "xx");
  CHECK(read(client, {.url = server.url() + "/more"}).error().code == ErrorCode::too_large);
  // A failure that has nothing to do with its size is no failure of its size.
  CHECK(read(client, {.url = server.url() + "/cut"}).error().code == ErrorCode::unavailable);
}

TEST_CASE("read_all refuses more than its limit") {
  metadata::MemorySource fits("12345");
  CHECK(metadata::read_all(fits, 5).value() == "12345");
  metadata::MemorySource too_long("12345");
  CHECK(metadata::read_all(too_long, 4).error().code == ErrorCode::too_large);
  testing::Pieces in_pieces("12345", 2);
  CHECK(metadata::read_all(in_pieces, 5).value() == "12345");
  testing::Pieces too_long_in_pieces("12345", 2);
  CHECK(metadata::read_all(too_long_in_pieces, 4).error().code == ErrorCode::too_large);
}

TEST_CASE("a name that does not resolve is reported within the lookup timeout") {
  HttpClient client;
  const auto got =
      read(client, {.url = "http://rancher-metadata.invalid/x",
                    .timeouts = {.lookup = Milliseconds(500), .connect = an_hour, .answer = an_hour}});
  REQUIRE_FALSE(got.has_value());
  CAPTURE(got.error().message);
  // With a name server that does not answer it is a time-out instead.
  CHECK((got.error().message == "the name does not resolve" ||
         got.error().message == "the name server does not answer within 500 ms"));
}

TEST_CASE("an address that swallows packets ends at the connect timeout") {
  const testing::FullListener listener;
  HttpClient client;
  Expected<std::string> got;
  const auto took = time_of([&] {
    got = read(client, {.url = listener.url(),
                        .timeouts = {.lookup = an_hour, .connect = Milliseconds(300), .answer = an_hour}});
  });
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error() == Error{ErrorCode::timeout, "no connection within 300 ms"});
  CHECK(took >= Milliseconds(290));
}
