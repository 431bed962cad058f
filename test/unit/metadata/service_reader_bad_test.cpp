// What must never pass as a service: each gives a clear error, none crashes.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>

#include "bad_bodies.hpp"
#include "fixtures.hpp"
#include "metadata/service_reader.hpp"
#include "pieces.hpp"
#include "support/unit/contains.hpp"

using namespace rancher_cnode;
using metadata::read_service;
using testing::contains;
using testing::fixture;
using testing::Pieces;

TEST_CASE("a bad body is reported with what is wrong in it") {
  for (const auto& row : testing::bad_bodies()) {
    CAPTURE(row.what);
    for (const std::size_t size : {1U, 5U, 1U << 20U}) {
      CAPTURE(size);
      Pieces pieces(row.body, size);
      const auto service = read_service(pieces);
      REQUIRE_FALSE(service.has_value());
      CHECK(service.error().code == ErrorCode::malformed);
      CAPTURE(service.error().message);
      CHECK(contains(service.error().message, row.message));
    }
  }
}

TEST_CASE("every truncated real body is refused") {
  for (const char* name :
       {"self-service.json", "self-service-of-sidekick.json", "service-half-joined.json"}) {
    CAPTURE(name);
    std::string body = fixture(name);
    while (body.ends_with('\n')) {
      body.pop_back();
    }
    REQUIRE(read_service(body).has_value());
    for (std::size_t size = 0; size < body.size(); ++size) {
      const auto service = read_service(std::string_view(body).substr(0, size));
      REQUIRE_MESSAGE(!service.has_value(), size);
      CHECK(service.error().code == ErrorCode::malformed);
      CHECK(contains(service.error().message, size == 0 ? "empty" : "the body ends too early"));
    }
  }
}

TEST_CASE("the error of a failing source is returned wherever it fails") {
  const std::string body = fixture("service-half-joined.json");
  const Error lost{ErrorCode::unavailable, "connection closed in the middle of the answer"};
  for (std::size_t size = 0; size <= body.size(); ++size) {
    Pieces pieces(std::string_view(body).substr(0, size), 100, lost);
    const auto service = read_service(pieces);
    REQUIRE_MESSAGE(!service.has_value(), size);
    CHECK(service.error() == lost);
  }
}

TEST_CASE("a damaged body does not crash the reader") {
  const std::string body = fixture("self-service.json");
  const unsigned first_seed = 20'240'101;
  for (unsigned seed = first_seed; seed < first_seed + 2'000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string damaged = body;
    const auto position = [&] { return random() % damaged.size(); };
    for (unsigned change = 0; change <= seed % 4; ++change) {
      switch (random() % 3) {
        case 0:
          damaged[position()] = static_cast<char>(random());
          break;
        case 1:
          damaged.erase(position(), random() % 20);
          break;
        default:
          damaged.insert(position(), damaged.substr(position(), random() % 50));
          break;
      }
    }
    const auto service = read_service(damaged);
    if (!service) {
      CHECK_FALSE(service.error().message.empty());
    }
  }
}
