// What a client that sends too much, too slowly or too often can cost.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "rancher_cnode/http/server.hpp"
#include "served.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::http::test;
using http::Server;

TEST_CASE("a request whose head is too large is refused") {
  Served served;
  const std::string begin = "GET /count HTTP/1.1\r\nHost: a\r\nX: ";
  const auto of_size = [&](std::size_t size) {
    return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
  };
  CHECK(ask(served, of_size(Server::max_head_bytes)).body == "1");
  for (const auto& request : {of_size(Server::max_head_bytes + 1), begin + std::string(1'000'000, 'x'),
                              "GET /" + std::string(1'000'000, 'x')}) {
    const auto client = served.connect();
    const Reply reply = exchange(served, client, request);
    CHECK(reply.status_line() == "HTTP/1.1 431 Request Header Fields Too Large");
    CHECK(reply.body == "a request head must have at most 8192 bytes\n");
    served.timers.advance(Server::close_limit);
    await_close(served, client);
  }
}

TEST_CASE("a request whose head grows line by line is refused") {
  Served served;
  const auto client = served.connect();
  raw_send(client, "GET /count HTTP/1.1\r\n");
  for (std::size_t sent = 0; sent < 2 * Server::max_head_bytes; sent += 6) {
    raw_send(client, "A: b\r\n");
    served.settle();
  }
  CHECK(receive(served, client).status_line() == "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE("a client that sends nothing, or half a request, is closed after the time for one") {
  for (const std::string sent : {"", "G", "GET /count HTTP/1.1\r\nHost: a\r\n"}) {
    CAPTURE(sent);
    Served served;
    const auto client = served.connect();
    raw_send(client, sent);
    served.settle();
    served.timers.advance(Server::read_limit - Milliseconds(1));
    CHECK(is_open(served, client));
    served.timers.advance(Milliseconds(1));
    await_close(served, client);
    CHECK(served.timers.idle());
  }
}

TEST_CASE("a request that comes byte by byte has the time for one in all") {
  Served served;
  const auto client = served.connect();
  for (const char c : std::string_view("GET /")) {
    raw_send(client, std::string(1, c));
    served.settle();
    CHECK(is_open(served, client));
    served.timers.advance(Server::read_limit / 5);
  }
  await_close(served, client);
}

TEST_CASE("an idle connection is kept for a while") {
  Served served;
  const auto client = served.connect();
  CHECK(exchange(served, client, get_count).body == "1");
  served.timers.advance(Server::idle_limit - Milliseconds(1));
  CHECK(exchange(served, client, get_count).body == "2");
  served.timers.advance(Server::idle_limit);
  await_close(served, client);
}

TEST_CASE("the next request of a kept connection has the time for one from its first byte") {
  Served served;
  const auto client = served.connect();
  CHECK(exchange(served, client, get_count).body == "1");
  raw_send(client, "GET");
  run_until(served.loop, "the beginning of the request", [&] {
    served.timers.advance(Server::read_limit / 100);
    return !is_open(served, client);
  });
  CHECK(served.timers.now() < TimePoint(Server::idle_limit));
}

TEST_CASE(
    "a client that does not read its answer is closed after the time for that; others are served meanwhile") {
  Served served;
  const auto client = served.connect();
  raw_send(client, request_for("/large"));
  served.settle();
  CHECK(ask(served, get_count).body == "1");
  served.settle();
  served.timers.advance(Server::write_limit - Milliseconds(1));
  CHECK_FALSE(served.timers.idle());  // its deadline is still to come
  served.timers.advance(Milliseconds(1));
  CHECK(served.timers.idle());
  Received received;
  run_until(served.loop, "the server's close", [&] {
    received.take(client);
    return received.closed;
  });
  CHECK(received.bytes.size() < Served::large);
}

TEST_CASE("a client that does not close after the last answer is closed") {
  Served served;
  const auto client = served.connect();
  CHECK(exchange(served, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").body ==
        "requests must have no body\n");
  served.settle();
  raw_send(client, "still");
  served.settle();
  CHECK_FALSE(served.timers.idle());
  served.timers.advance(Server::close_limit);
  CHECK(served.timers.idle());
}

TEST_CASE("the connection that was inactive for the longest time makes room for a new one") {
  Served served;
  std::vector<FileDescriptor> clients;
  for (std::size_t i = 0; i < Server::max_connections; ++i) {
    clients.push_back(served.connect());
  }
  CHECK(exchange(served, clients[0], get_count).body == "1");
  CHECK(exchange(served, clients[0], get_count).body == "1");
  const auto one_more = served.connect();
  await_close(served, clients[1]);
  CHECK(is_open(served, clients[0]));
  CHECK(is_open(served, clients[2]));
  CHECK(exchange(served, one_more, get_count).body == "1");
}

TEST_CASE("a thousand clients that send nothing delay nobody, and are bounded") {
  Served served;
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 1'000; ++i) {
    silent.push_back(served.connect());
    if (i % 100 == 0) {
      CHECK(ask(served, request_for("/count")).status_line() == "HTTP/1.1 200 OK");
    }
  }
  std::size_t open = 0;
  for (const auto& client : silent) {
    open += is_open(served, client) ? 1 : 0;
  }
  CHECK(open <= Server::max_connections);
  CHECK(open >= Server::max_connections - 1);
}

TEST_CASE("a lack of descriptors is waited out, and reported when it begins and when it is over") {
  Served served;
  const auto client = raw_connect(served.reserved.number());
  {
    const distribution::test::NoDescriptors none;
    served.settle();
    served.timers.advance(Server::accept_again * 2);
    served.settle();
  }
  CHECK(served.accepting == std::vector<std::string>{"Too many open files"});
  served.timers.advance(Server::accept_again);
  CHECK(exchange(served, client, get_count).body == "1");
  CHECK(served.accepting == std::vector<std::string>{"Too many open files", ""});
}

TEST_CASE("after stop every connection is closed and no route is asked") {
  Served served;
  const auto asking = served.connect();
  const auto idle = served.connect();
  raw_send(asking, get_count);
  served.server.stop();
  await_close(served, asking);
  await_close(served, idle);
  CHECK(served.asked == 0);
  CHECK(served.timers.idle());
}
