#include "metadata/not_found_answer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "fixtures.hpp"

using namespace rancher_cnode;
using metadata::is_not_found_answer;

TEST_CASE("Rancher's 404 is distinguished from all others") {
  const struct {
    std::string body;
    bool is_ranchers;
  } rows[] = {
      {testing::fixture("not-found.json"), true},
      {R"( { "type" : "error", "code" : 404, "message" : "Not found", "status": 404 } )", true},
      {R"({"code":404,"message":"Not found","type":"error"} x)", false},
      {R"({"code":"404","message":"Not found","type":"error"})", false},
      {R"({"code":404.5,"message":"Not found","type":"error"})", false},
      {R"({"code":403,"message":"Not found","type":"error"})", false},
      {R"({"code":404,"message":"page not found","type":"error"})", false},
      {R"({"code":404,"message":"Not found","type":"page"})", false},
      {R"({"code":404,"message":"Not found"})", false},
      {R"({"message":"Not found","type":"error"})", false},
      {R"([{"code":404,"message":"Not found","type":"error"}])", false},
      {R"({"code":404,"message":"Not fou)", false},
      {"404 page not found\n", false},
      {"<html><body>404 Not Found</body></html>", false},
      {"{}", false},
      {"", false},
      {std::string(200, '['), false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    CHECK(is_not_found_answer(row.body) == row.is_ranchers);
  }
}
