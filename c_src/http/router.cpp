#include "http/router.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>
#include <ctime>
#include <string_view>
#include <utility>

#include "http/host_header.hpp"

namespace rancher_cnode::http {
namespace beast_http = boost::beast::http;

namespace {

constexpr unsigned unknown_path = 404;
constexpr unsigned method_not_allowed = 405;
constexpr unsigned content_too_large = 413;
constexpr unsigned misdirected_request = 421;
constexpr unsigned http_1_1 = 11;

/// RFC 9110, 5.6.7.
std::string date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::string head_of(unsigned status, const Route& kind, std::size_t length, AfterResponse after) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head += std::string(beast_http::obsolete_reason(static_cast<beast_http::status>(status)));
  head += "\r\nDate: " + date();
  head += "\r\nContent-Type: " + kind.content_type;
  head += "\r\nContent-Length: " + std::to_string(length);
  head += "\r\nContent-Security-Policy: " + kind.content_security_policy;
  head += "\r\nX-Content-Type-Options: nosniff";
  head += "\r\nCross-Origin-Resource-Policy: same-origin";
  head += "\r\nReferrer-Policy: no-referrer";
  head += "\r\nCache-Control: no-store";
  head += status == method_not_allowed ? "\r\nAllow: GET, HEAD" : "";
  head += after == AfterResponse::close ? "\r\nConnection: close" : "\r\nConnection: keep-alive";
  return head + "\r\n\r\n";
}

Response plain(unsigned status, const std::string& text, AfterResponse after) {
  const Route kind{.path = {}, .content_type = "text/plain; charset=utf-8", .answer = {}};
  return {head_of(status, kind, text.size() + 1, after), std::make_shared<const std::string>(text + "\n"),
          after};
}

Response refused(const Request& request, unsigned status, const std::string& why, AfterResponse after) {
  Response response = plain(status, why, after);
  if (request.method() == beast_http::verb::head) {
    response.body = nullptr;
  }
  return response;
}

bool announces_body(const Request& request) {
  const auto length = request.find(beast_http::field::content_length);
  return request.count(beast_http::field::transfer_encoding) > 0 ||
         (length != request.end() && length->value() != "0");
}

/// RFC 9112, 3.2: exactly one, but none in HTTP/1.0.
bool has_right_number_of_hosts(const Request& request) {
  const auto hosts = request.count(beast_http::field::host);
  return hosts == 1 || (hosts == 0 && request.version() < http_1_1);
}

}  // namespace

Response refusal(unsigned status, const std::string& why) { return plain(status, why, AfterResponse::close); }

Router::Router(Timers& timers, std::vector<Route> routes) : timers_(timers) {
  for (Route& route : routes) {
    all_.push_back({.route = std::move(route), .status = 0, .body = nullptr, .expiry = nullptr});
  }
}

Response Router::respond(const Request& request) {
  const auto after = request.keep_alive() ? AfterResponse::next_request : AfterResponse::close;
  if (announces_body(request)) {
    // The body stays unread, so that nothing can follow on this connection.
    return refused(request, content_too_large, "requests must have no body", AfterResponse::close);
  }
  if (!has_right_number_of_hosts(request)) {
    return refused(request, bad_request, "a request must have one Host", AfterResponse::close);
  }
  if (const auto host = request[beast_http::field::host];
      request.count(beast_http::field::host) > 0 && !is_local_host({host.data(), host.size()})) {
    return refused(request, misdirected_request,
                   "use the address of this container, or a name that is not in public DNS", after);
  }
  if (request.method() != beast_http::verb::get && request.method() != beast_http::verb::head) {
    return refused(request, method_not_allowed, "only GET and HEAD are served", after);
  }
  const std::string_view target(request.target().data(), request.target().size());
  const auto kept = std::ranges::find(all_, target.substr(0, target.find('?')),
                                      [](const Kept& each) { return std::string_view(each.route.path); });
  if (kept == all_.end()) {
    return refused(request, unknown_path, not_found(), after);
  }
  compute(*kept);
  Response response{head_of(kept->status, kept->route, kept->body->size(), after), kept->body, after};
  if (request.method() == beast_http::verb::head) {
    response.body = nullptr;
  }
  return response;
}

void Router::compute(Kept& kept) {
  if (kept.body == nullptr) {
    Answer answer = kept.route.answer();
    kept.status = answer.status;
    kept.body = std::make_shared<const std::string>(std::move(answer.body));
    kept.expiry = timers_.call_after(Server::answer_lifetime, [&kept]() { kept.body = nullptr; });
  }
}

std::string Router::not_found() const {
  std::string text = "not found; the paths are:";
  for (const Kept& kept : all_) {
    text += " " + kept.route.path;
  }
  return text;
}

}  // namespace rancher_cnode::http
