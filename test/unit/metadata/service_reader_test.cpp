#include "metadata/service_reader.hpp"

#include <doctest/doctest.h>

#include <string>

#include "fixtures.hpp"
#include "pieces.hpp"

using namespace rancher_cnode;
using membership::Container;
using membership::Service;
using metadata::read_service;
using testing::fixture;
using testing::Pieces;

namespace {

Service must_read(const std::string& body) {
  auto service = read_service(body);
  REQUIRE_MESSAGE(service.has_value(), (service ? "" : service.error().message));
  return *service;
}

}  // namespace

TEST_CASE("the identity of a service is read from real bodies") {
  struct Row {
    std::string body;
    const char* stack;
    const char* name;
    const char* primary;
    std::size_t containers;
  };
  const Row rows[] = {
      {"self-service.json", "shop", "worker", "worker", 5},
      {"self-service-2015-12-19.json", "Shop", "worker", "worker", 5},
      {"self-service-of-sidekick.json", "shop", "worker-data", "worker", 2},
      {"stacks-shop-services-db.json", "shop", "db", "db", 1},
      {"stacks-shop-services-worker.json", "shop", "worker", "worker", 5},
      {"service-half-joined.json", "shop", "worker", "worker", 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    const Service service = must_read(fixture(row.body));
    CHECK(service.stack_name == row.stack);
    CHECK(service.name == row.name);
    CHECK(service.primary_service_name == row.primary);
    CHECK(service.containers.size() == row.containers);
  }
}

TEST_CASE("every used field of real containers is read") {
  const Service service = must_read(fixture("self-service.json"));
  CHECK(service.uuid == "60dd2ae9-d6aa-522a-9533-3480c3cb26a8");
  REQUIRE(service.containers.size() == 5);

  Container healthy;
  healthy.uuid = "1d02865d-80e9-532d-b87c-e0f54ceb801c";
  healthy.name = "shop-worker-1";
  healthy.primary_ip = "10.42.0.1";
  healthy.ips = {"10.42.0.1"};
  healthy.state = "running";
  healthy.health_state = "healthy";
  CHECK(service.containers[0] == healthy);

  const Container& starting = service.containers[3];
  CHECK(starting.state == "starting");
  CHECK_FALSE(starting.primary_ip.has_value());
  CHECK(starting.ips.empty());
  CHECK(starting.health_state == "initializing");

  const Container& stopped = service.containers[4];
  CHECK(stopped.state == "stopped");
  CHECK_FALSE(stopped.health_state.has_value());
}

TEST_CASE("the container on whose network a sidekick lives is read") {
  const Service service = must_read(fixture("self-service-of-sidekick.json"));
  CHECK_FALSE(service.containers.at(0).primary_ip.has_value());
  CHECK(service.containers.at(0).network_from_container_uuid == "1d02865d-80e9-532d-b87c-e0f54ceb801c");
  CHECK_FALSE(service.containers.at(1).network_from_container_uuid.has_value());
}

TEST_CASE("the result is the same however the body is cut into pieces") {
  const std::string body = fixture("self-service.json");
  const Service whole = must_read(body);
  for (const std::size_t size : {1U, 2U, 3U, 7U, 8U, 9U, 64U, 1'000U, 4'096U}) {
    CAPTURE(size);
    Pieces pieces(body, size);
    const auto service = read_service(pieces);
    REQUIRE(service.has_value());
    CHECK(*service == whole);
  }
}

TEST_CASE("only fields at their exact place are read") {
  const Service service = must_read(R"({
    "labels": {"containers": [{"uuid": "label"}], "name": "label", "uuid": {"name": ["deep"]}},
    "metadata": [{"containers": null, "stack_name": "meta"}],
    "containers": [
      {"labels": {"primary_ip": "1.1.1.1", "uuid": "no", "ips": ["9.9.9.9"]},
       "containers": [{"uuid": "inner"}], "stack_name": "inner",
       "uuid": "yes", "extra": [[{"state": "no"}], "x", 1, -2.5e3, true, null]}],
    "name": "web"})");
  CHECK(service.name == "web");
  CHECK(service.uuid.empty());
  CHECK(service.stack_name.empty());
  REQUIRE(service.containers.size() == 1);
  Container expected;
  expected.uuid = "yes";
  CHECK(service.containers[0] == expected);
}

TEST_CASE("used fields that are null or absent are unknown") {
  const Service service = must_read(R"({"containers":[
    {"uuid":null,"name":null,"primary_ip":null,"ips":null,"state":null,"health_state":null,
     "network_from_container_uuid":null},
    {},
    {"primary_ip":"","health_state":"","network_from_container_uuid":"","ips":[]}],
    "name":null,"stack_name":null,"uuid":null,"primary_service_name":null})");
  REQUIRE(service.containers.size() == 3);
  for (const Container& container : service.containers) {
    CHECK(container == Container{});
  }
  CHECK(service.name.empty());
}

TEST_CASE("a null at each position is accepted, or reported with its place") {
  const std::string whole =
      R"({"containers":[{"uuid":"1","name":"2","primary_ip":"3","ips":["4"],"state":"5","health_state":"6",)"
      R"("network_from_container_uuid":"7","labels":{"x":"8"}},{}],)"
      R"("name":"9","stack_name":"10","uuid":"11","primary_service_name":"12","links":["13"]})";
  const std::string containers = whole.substr(14, whole.find("}],") + 2 - 14);
  struct Row {
    std::string value;    ///< that null takes the place of
    const char* problem;  ///< nullptr: good
    bool (*forgotten)(const Service&);
  };
  const Row rows[] = {
      {R"("1")", nullptr, [](const Service& s) { return s.containers[0].uuid.empty(); }},
      {R"("2")", nullptr, [](const Service& s) { return s.containers[0].name.empty(); }},
      {R"("3")", nullptr, [](const Service& s) { return !s.containers[0].primary_ip; }},
      {R"(["4"])", nullptr, [](const Service& s) { return s.containers[0].ips.empty(); }},
      {R"("4")", "containers[0].ips[0] is null, not a string", {}},
      {R"("5")", nullptr, [](const Service& s) { return s.containers[0].state.empty(); }},
      {R"("6")", nullptr, [](const Service& s) { return !s.containers[0].health_state; }},
      {R"("7")", nullptr, [](const Service& s) { return !s.containers[0].network_from_container_uuid; }},
      {R"("8")", nullptr, [](const Service& s) { return s.containers.size() == 2; }},
      {R"({"x":"8"})", nullptr, [](const Service& s) { return s.containers.size() == 2; }},
      {"{}", "containers[1] is null, not an object", {}},
      {R"("9")", nullptr, [](const Service& s) { return s.name.empty(); }},
      {R"("10")", nullptr, [](const Service& s) { return s.stack_name.empty(); }},
      {R"("11")", nullptr, [](const Service& s) { return s.uuid.empty(); }},
      {R"("12")", nullptr, [](const Service& s) { return s.primary_service_name.empty(); }},
      {R"("13")", nullptr, [](const Service& s) { return s.name == "9"; }},
      {R"(["13"])", nullptr, [](const Service& s) { return s.name == "9"; }},
      {containers, nullptr, [](const Service& s) { return s.containers.empty() && s.name == "9"; }},
      {whole, "the answer is null, not an object", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    std::string body = whole;
    body.replace(body.find(row.value), row.value.size(), "null");
    const auto service = read_service(body);
    if (row.problem == nullptr) {
      REQUIRE_MESSAGE(service.has_value(), (service ? "" : service.error().message));
      CHECK(row.forgotten(*service));
    } else {
      REQUIRE_FALSE(service.has_value());
      CHECK(service.error().message.ends_with(row.problem));
    }
  }
}

TEST_CASE("null and empty containers are accepted") {
  CHECK(must_read(R"({"containers":null,"name":"web"})").containers.empty());
  CHECK(must_read(R"({"containers":[],"name":"web"})").containers.empty());
}

TEST_CASE("strings are unescaped as Go writes them, across pieces too") {
  const std::string body = R"({"containers":[],"name":"a\u003cb \u0026 \"c\" \\ \u00e9 \ud83d\ude00)"
                           "\xc3\xa9\xe2\x82\xac"
                           R"( end"})";
  const std::string expected = "a<b & \"c\" \\ \xc3\xa9 \xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac end";
  for (std::size_t size = 1; size <= body.size(); ++size) {
    CAPTURE(size);
    Pieces pieces(body, size);
    const auto service = read_service(pieces);
    REQUIRE(service.has_value());
    CHECK(service->name == expected);
  }
}

TEST_CASE("unused strings of any length are skipped") {
  const std::string huge(3U << 20U, 'x');
  const std::string body = R"({"description":")" + huge + R"(","containers":[{"labels":{"a":")" + huge +
                           R"("},"uuid":"u","environment":")" + huge + R"("}],"name":"web"})";
  Pieces pieces(body, 16'384);
  const auto service = read_service(pieces);
  REQUIRE(service.has_value());
  CHECK(service->name == "web");
  CHECK(service->containers.at(0).uuid == "u");
}

TEST_CASE("used strings are read up to the limit") {
  const std::string longest(metadata::max_json_text, 'n');
  CHECK(must_read(R"({"containers":null,"name":")" + longest + R"("})").name == longest);
}

TEST_CASE("containers and ips are read up to their limits") {
  std::string body = R"({"containers":[{"ips":[")";
  for (std::size_t i = 1; i < metadata::max_ips; ++i) {
    body += R"(","10.42.0.1)";
  }
  body += R"("]})";
  for (std::size_t i = 1; i < metadata::max_containers; ++i) {
    body += ",{}";
  }
  const Service service = must_read(body + "]}");
  CHECK(service.containers.size() == metadata::max_containers);
  CHECK(service.containers[0].ips.size() == metadata::max_ips);
}

TEST_CASE("characters next to the surrogates are accepted") {
  CHECK(must_read(R"({"containers":[],"name":"\ud7ff\ue000"})").name == "\xed\x9f\xbf\xee\x80\x80");
  CHECK(must_read(R"({"containers":[],"x":"\udc00","name":"web"})").name == "web");
}

TEST_CASE("unused values may be nested up to the limit") {
  const std::size_t levels = metadata::max_json_depth - 4;
  const std::string nested = std::string(levels, '[') + std::string(levels, ']');
  CHECK(must_read(R"({"containers":[{"labels":)" + nested + R"(}]})").containers.size() == 1);
}

TEST_CASE("white space around the answer is accepted") {
  CHECK(must_read(" \r\n\t{\"containers\" :\n null , \"name\" : \"web\" }\n\n").name == "web");
}
