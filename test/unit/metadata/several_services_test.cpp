// Several services, all services of a stack, and labels: how they are read.
#include <doctest/doctest.h>

#include <atomic>

#include "client.hpp"
#include "fixtures.hpp"
#include "metadata/service_reader.hpp"
#include "support/unit/contains.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::testing;
using membership::Authority;
using membership::ReadScope;
using metadata::MetadataClient;
using metadata::read_service;
using metadata::ServiceBody;

namespace {

constexpr const char* worker = "stacks/shop/services/worker";
constexpr const char* stack = "stacks/shop/services";

WatcherSettings two_services(const ScriptedMetadata& server) {
  WatcherSettings settings = settings_of({server.url()});
  settings.services = {"self/service", worker};
  return settings;
}

std::size_t containers_of(const Observation& observation, std::size_t index) {
  const auto* const service = std::get_if<Service>(&observation.reads.at(index).read);
  return service == nullptr ? 999 : service->containers.size();
}

std::string bad(const std::string& body) {
  const auto service = read_service(body, ServiceBody::list);
  return service ? "" : service.error().message;
}

}  // namespace

TEST_CASE("all services of a real stack are read as one, without name and uuid") {
  const auto service = read_service(fixture("stacks-shop-services.json"), ServiceBody::list);
  REQUIRE(service.has_value());
  CHECK(service->stack_name == "shop");
  CHECK(service->name.empty());
  CHECK(service->uuid.empty());
  CHECK(service->containers.size() == 8);
  CHECK_FALSE(service->has_empty_service);
  const auto emptied = read_service(R"([{"containers":[{}]},{"containers":null}])", ServiceBody::list);
  CHECK(emptied.value().has_empty_service);
  CHECK(read_service(R"([{"containers":[]},{"containers":[{}]}])", ServiceBody::list)
            .value()
            .has_empty_service);
  CHECK_FALSE(read_service(R"({"containers":[]})").value().has_empty_service);
  CHECK(read_service("[]", ServiceBody::list).value().containers.empty());
  CHECK(read_service(R"([{"containers":null},{"containers":[{}]}])", ServiceBody::list)
            .value()
            .containers.size() == 1);
}

TEST_CASE("a list that is none of services is malformed, and so is a list for one service") {
  CHECK(contains(bad(fixture("self-service.json")), "the answer is an object, not a list"));
  CHECK(contains(bad("null"), "the answer is null, not a list"));
  CHECK(contains(bad("[1]"), "an entry of the answer is a number, not an object"));
  CHECK(contains(bad("[[]]"), "an entry of the answer is a list, not an object"));
  CHECK(contains(bad(R"([{"containers":[]},{"name":"a"}])"), "no containers key"));
  CHECK(contains(bad(R"([{"containers":[],"containers":[]}])"), "containers is duplicated"));
  CHECK(contains(bad(R"([{"containers":[]})"), "ends too early"));
  CHECK_FALSE(read_service(fixture("stacks-shop-services.json")).has_value());
}

TEST_CASE("of the labels only those that are asked for are kept") {
  const std::string key = "io.rancher.stack_service.name";
  const auto service = read_service(fixture("self-service.json"), ServiceBody::one, {key, "absent"});
  REQUIRE(service.has_value());
  for (const auto& container : service->containers) {
    REQUIRE(container.labels.size() == 1);
    CHECK(contains(container.labels.at(key), "orker"));
  }
  CHECK(read_service(fixture("self-service.json")).value().containers.front().labels.empty());
}

TEST_CASE("labels that are asked for must be texts, others may be anything") {
  const auto read = [](const std::string& labels) {
    return read_service(R"({"containers":[{"name":"a","labels":)" + labels + R"(,"state":"running"}]})",
                        ServiceBody::one, {"a"});
  };
  for (const auto* good : {"null", "{}", R"({"a":null})", R"({"b":{"a":"x"},"c":[{}],"d":1})"}) {
    CAPTURE(good);
    const auto service = read(good);
    REQUIRE(service.has_value());
    CHECK(service->containers.front().labels.empty());
    CHECK(service->containers.front().state == "running");
  }
  CHECK(read(R"({"b":"y","a":"x"})").value().containers.front().labels.at("a") == "x");
  for (const auto* malformed : {"1", "[]", R"({"a":1})", R"({"a":[]})", R"({"a":{}})"}) {
    CAPTURE(malformed);
    CHECK_FALSE(read(malformed).has_value());
  }
}

TEST_CASE("a stack whose self is gone is read by name") {
  ScriptedMetadata server;
  MetadataClient client = client_of({server.url()}, "self/stack/services");
  server.put("self/stack/services", fixture("stacks-shop-services.json"));
  server.put(stack, fixture("stacks-shop-services.json"));
  CHECK(client.service().has_value());
  server.remove("self/stack/services");
  CHECK(client.service().has_value());
  CHECK(client.service_path() == stack);
}

TEST_CASE("one round reads each service, in their order and with its own scope") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1, 2}));
  server.put(worker, service_body("worker", {3, 4, 5}));
  Watched watched(two_services(server));
  const Observation observation = watched.next();
  REQUIRE(observation.reads.size() == 2);
  CHECK(containers_of(observation, 0) == 2);
  CHECK(containers_of(observation, 1) == 3);
  CHECK(observation.reads[0].scope == ReadScope::self);
  CHECK(observation.reads[1].scope == ReadScope::named);
  CHECK(observation.authority == Authority::full);
  CHECK(server.await_waits(1));
  CHECK(watched.lines("event=metadata_available") == 2);
}

TEST_CASE("a service that does not exist leaves the other as it is, and is read again soon") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1, 2}));
  Watched watched(two_services(server));
  const Observation observation = watched.next();
  CHECK(containers_of(observation, 0) == 2);
  CHECK(std::holds_alternative<FailedRead>(observation.reads.at(1).read));
  CHECK(contains(observation.failure(), "404 at /latest/stacks/shop/services/worker"));
  CHECK(observation.has_service());
  CHECK(observation.url == server.url());
  server.put(worker, service_body("worker", {3}));
  const auto later = watched.next_that([](const Observation& o) { return containers_of(o, 1) == 1; });
  CHECK(later.failure().empty());
  CHECK(watched.lines("event=metadata_unavailable") == 1);
}

TEST_CASE("services are of one version of the metadata, or may only add") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1, 2}));
  server.put(worker, service_body("worker", {3}));
  WatcherSettings settings = two_services(server);
  SUBCASE("while nothing changes") {
    Watched watched(settings);
    CHECK(watched.next().authority == Authority::full);
    CHECK(server.count(worker) == 1);
    CHECK(server.count("version") >= 2);
  }
  SUBCASE("where the server draws a version for each request") {
    std::atomic<int> version = 0;
    ScriptedServer restless([&version](const ScriptedServer::Request& request, ScriptedServer::Peer& peer) {
      const bool asked = contains(request.target, "/version");
      peer.answer(200, asked ? "\"v" + std::to_string(++version) + "\"" : service_body("web", {1, 2}));
    });
    settings.urls = {restless.url()};
    Watched watched(settings);
    const auto observation = watched.next();
    CHECK(observation.authority == Authority::may_only_add);
    CHECK(observation.has_service());
    // The version before the last read: a wait for another one ends at once.
    CHECK(observation.version == "v3");
  }
}

TEST_CASE("services that are set are read at once, during a wait, by one request to wait at a time") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1, 2}));
  server.put(worker, service_body("worker", {3, 4, 5}));
  Watched watched(settings_of({server.url()}));
  CHECK(watched.next().reads.size() == 1);
  REQUIRE(server.await_waits(1));
  watched.watcher.set_services({worker, "self/service"});
  const Observation both = watched.next();
  REQUIRE(both.reads.size() == 2);
  CHECK(both.reads[0].path == worker);
  CHECK(containers_of(both, 0) == 3);
  CHECK(containers_of(both, 1) == 2);
  CHECK(both.authority == Authority::full);
  REQUIRE(server.await_waits(2));
  watched.watcher.set_services({worker});
  const Observation one = watched.next();
  REQUIRE(one.reads.size() == 1);
  CHECK(one.reads[0].path == worker);
  CHECK(server.count("self/service") == 2);
}

TEST_CASE("a service that was taken away no longer stands for the failures of the others") {
  ScriptedMetadata server;
  Watched watched(two_services(server));
  CHECK(std::holds_alternative<FailedRead>(watched.next().reads.at(1).read));
  const auto failures = watched.lines("event=metadata_unavailable");
  watched.watcher.set_services({worker});
  watched.next_that([](const Observation& o) { return o.reads.size() == 1; });
  watched.watcher.set_services({"self/service", worker});
  watched.next_that([](const Observation& o) { return o.reads.size() == 2; });
  CHECK(watched.lines("event=metadata_unavailable") == failures + 1);
}
