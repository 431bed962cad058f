// What a request gets. Limits are in server_limits_test.
#include "rancher_cnode/http/server.hpp"

#include <doctest/doctest.h>

#include <regex>
#include <string>

#include "served.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::http::test;

TEST_CASE("a GET gets the answer of its route, with the headers that protect a browser") {
  Served served;
  const Reply reply = ask(served, get_count);
  CHECK(reply.status_line() == "HTTP/1.1 200 OK");
  CHECK(reply.body == "1");
  for (const auto* line :
       {"Content-Type: text/plain; charset=utf-8", "Content-Length: 1", "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store", "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy: same-origin", "Referrer-Policy: no-referrer",
        "Connection: keep-alive"}) {
    CAPTURE(line);
    CHECK(reply.has(line));
  }
  CHECK(std::regex_search(reply.head, std::regex("\r\nDate: [A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} "
                                                 "\\d\\d:\\d\\d:\\d\\d GMT\r\n")));
  CHECK(reply.head.find("Access-Control") == std::string::npos);
  CHECK(reply.head.find("Server:") == std::string::npos);
}

TEST_CASE("the status and the security policy are those of the route") {
  Served served;
  served.status = 503;
  CHECK(ask(served, get_count).status_line() == "HTTP/1.1 503 Service Unavailable");
  CHECK(ask(served, request_for("/large")).has("Content-Security-Policy: default-src 'self'"));
}

TEST_CASE("a HEAD gets the head of the GET and no body") {
  Served served;
  const auto client = served.connect();
  const Reply head =
      exchange(served, client, "HEAD /large HTTP/1.1\r\nHost: localhost\r\n\r\n", Body::absent);
  CHECK(head.has("Content-Length: " + std::to_string(Served::large)));
  CHECK(head.body.empty());
  CHECK(exchange(served, client, get_count).body == "1");
}

TEST_CASE("what is refused gets its status and a reason") {
  const struct {
    const char* request;
    const char* status;
    const char* body;
  } rows[] = {
      {"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 Not Found",
       "not found; the paths are: /count /large\n"},
      {"GET /count/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 Not Found",
       "not found; the paths are: /count /large\n"},
      {"GET //count HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 Not Found",
       "not found; the paths are: /count /large\n"},
      {"POST /count HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed",
       "only GET and HEAD are served\n"},
      {"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed",
       "only GET and HEAD are served\n"},
      {"BREW /count HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed",
       "only GET and HEAD are served\n"},
      {"GET /count HTTP/1.1\r\n\r\n", "400 Bad Request", "a request must have one Host\n"},
      {"GET /count HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request",
       "a request must have one Host\n"},
      {"GET /count HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421 Misdirected Request",
       "use the address of this container, or a name that is not in public DNS\n"},
      {"GET /count HTTP/1.1\r\nHost:\r\n\r\n", "421 Misdirected Request",
       "use the address of this container, or a name that is not in public DNS\n"},
      {"GET /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "413 Payload Too Large",
       "requests must have no body\n"},
      {"POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "413 Payload Too Large",
       "requests must have no body\n"},
      {"GET /count HTTP/2.0\r\nHost: a\r\n\r\n", "400 Bad Request",
       "this is not an HTTP/1 request: bad version\n"},
      {"\x16\x03\x01\r\n\r\n", "400 Bad Request", "this is not an HTTP/1 request: bad method\n"},
      {"GET /count HTTP/1.1\r\nHost: a\r\nbad field\r\n\r\n", "400 Bad Request",
       "this is not an HTTP/1 request: bad field\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.request);
    Served served;
    const Reply reply = ask(served, row.request);
    CHECK(reply.status_line() == "HTTP/1.1 " + std::string(row.status));
    CHECK(reply.body == row.body);
    CHECK(reply.has("Allow: GET, HEAD") == (reply.status_line().find(" 405 ") != std::string::npos));
    CHECK(reply.has("X-Content-Type-Options: nosniff"));
    CHECK(served.asked == 0);
  }
}

TEST_CASE("a query is ignored") {
  Served served;
  CHECK(ask(served, request_for("/count?x=/large")).body == "1");
}

TEST_CASE("HTTP/1.0 needs no Host, and its connection is closed after the answer") {
  Served served;
  const auto client = served.connect();
  const Reply reply = exchange(served, client, "GET /count HTTP/1.0\r\n\r\n");
  CHECK(reply.body == "1");
  CHECK(reply.has("Connection: close"));
  await_close(served, client);
}

TEST_CASE("a connection is closed after the answer if the client asks for that") {
  Served served;
  const auto client = served.connect();
  CHECK(exchange(served, client, "GET /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").body == "1");
  await_close(served, client);
}

TEST_CASE("requests that are sent together are answered in their order") {
  Served served;
  const auto client = served.connect();
  raw_send(client, request_for("/count") + request_for("/none") +
                       "GET /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  Received received;
  run_until(served.loop, "three responses and the close", [&] {
    received.take(client);
    return received.closed;
  });
  const std::regex order(
      "^HTTP/1.1 200 OK[^]*\r\n\r\n1HTTP/1.1 404 Not Found[^]*\r\n\r\nnot found[^]*\nHTTP/1.1 200 "
      "OK[^]*\r\n\r\n1$");
  CHECK(std::regex_match(received.bytes, order));
}

TEST_CASE("an answer is computed once for all who ask within its lifetime") {
  Served served;
  const auto client = served.connect();
  CHECK(exchange(served, client, get_count).body == "1");
  served.timers.advance(http::Server::answer_lifetime - Milliseconds(1));
  CHECK(exchange(served, client, get_count).body == "1");
  CHECK(ask(served, get_count).body == "1");
  served.timers.advance(Milliseconds(1));
  CHECK(exchange(served, client, get_count).body == "2");
}
