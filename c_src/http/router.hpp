// Finds the response to a request. Used by Server. On the loop.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/http/server.hpp"

namespace rancher_cnode::http {

/// Its header fields; a body is never read.
using Request = boost::beast::http::request<boost::beast::http::empty_body>;

inline constexpr unsigned bad_request = 400;

enum class AfterResponse { next_request, close };

struct Response {
  std::string head;
  std::shared_ptr<const std::string> body;  ///< null to HEAD
  AfterResponse after = AfterResponse::close;
};

/// To what is no request, or one that is not served; the connection is closed after it.
[[nodiscard]] Response refusal(unsigned status, const std::string& why);

class Router {
 public:
  Router(Timers& timers, std::vector<Route> routes);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  [[nodiscard]] Response respond(const Request& request);

 private:
  struct Kept {
    Route route;
    unsigned status = 0;
    std::shared_ptr<const std::string> body;  ///< null unless it was computed within answer_lifetime
    Timers::Pending expiry;
  };
  void compute(Kept& kept);
  [[nodiscard]] std::string not_found() const;

  Timers& timers_;
  std::vector<Kept> all_;
};

}  // namespace rancher_cnode::http
