#include "rancher_cnode/core/error.hpp"

#include <doctest/doctest.h>

using rancher_cnode::Error;
using rancher_cnode::ErrorCode;
using rancher_cnode::Expected;

TEST_CASE("context is put before the message and the code stays") {
  const Error error{ErrorCode::timeout, "no answer within 1000 ms"};
  const Error longer = error.within("GET /latest/version").within("metadata");
  CHECK(longer.code == ErrorCode::timeout);
  CHECK(longer.message == "metadata: GET /latest/version: no answer within 1000 ms");
  CHECK(error.message == "no answer within 1000 ms");
}

TEST_CASE("a failure becomes the error of an expected value") {
  const Expected<int> result = rancher_cnode::failure(ErrorCode::not_found, "gone");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error() == Error{ErrorCode::not_found, "gone"});
}

TEST_CASE("every code has its own name in snake case") {
  CHECK(to_string(ErrorCode::bad_setting) == "bad_setting");
  CHECK(to_string(ErrorCode::unavailable) == "unavailable");
  CHECK(to_string(ErrorCode::timeout) == "timeout");
  CHECK(to_string(ErrorCode::not_found) == "not_found");
  CHECK(to_string(ErrorCode::refused) == "refused");
  CHECK(to_string(ErrorCode::malformed) == "malformed");
  CHECK(to_string(ErrorCode::too_large) == "too_large");
  CHECK(to_string(ErrorCode::cancelled) == "cancelled");
  CHECK(to_string(ErrorCode::failed) == "failed");
}
