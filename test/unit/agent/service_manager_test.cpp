// What a service manager receives, at a socket in the file system and at an abstract one.
#include "agent/service_manager.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "rancher_cnode/core/file_descriptor.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using agent::ServiceManager;

namespace {

struct Manager {
  explicit Manager(const std::string& name) : socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un bound{};
    bound.sun_family = AF_UNIX;
    std::memcpy(bound.sun_path, name.data(), name.size());
    bound.sun_path[0] = name.front() == '@' ? '\0' : name.front();
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&bound), size) == 0);
    config.notify_socket = name;
  }
  std::string next() const {
    std::array<char, 1024> text{};
    const auto size = ::recv(socket.get(), text.data(), text.size(), 0);
    return size < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
  }
  FileDescriptor socket;
  Config config;
};

status::Report report_with(std::uint64_t connected) {
  status::Report report;
  report.targets = {
      {.node = "a@10.42.0.2", .state = "connected", .reason = {}, .since = {}, .connected = connected}};
  report.metadata.last_authoritative = Milliseconds(1);
  return report;
}

}  // namespace

TEST_CASE(
    "a service manager is notified once that the node is ready, of each change of the verdict, and of the "
    "end") {
  const TemporaryDirectory directory;
  for (const auto& name : {directory.path() + "/notify", "@rancher_cnode_" + std::to_string(::getpid())}) {
    CAPTURE(name);
    const Manager manager(name);
    ServiceManager service(manager.config);
    CHECK(service.is_there());
    service.ready();
    service.ready();
    service.status(report_with(1));
    service.status(report_with(1));
    service.status(report_with(2));
    service.status({});
    service.alive();
    service.stopping();
    for (const auto* expected :
         {"READY=1", "STATUS=WHOLE, 1 of 1 dialable peers connected",
          "STATUS=WHOLE, 2 of 2 dialable peers connected",
          "STATUS=NOT DRIVING, 0 of 0 dialable peers connected; no BEAM is known yet", "STOPPING=1", ""}) {
      CHECK(manager.next() == expected);
    }
  }
}

TEST_CASE("the watchdog of a service manager hears of the loop twice in its limit") {
  Manager manager("@rancher_cnode_watchdog_" + std::to_string(::getpid()));
  CHECK(ServiceManager(manager.config).interval() == Milliseconds(1'000));
  manager.config.notify_watchdog = Milliseconds(500);
  const ServiceManager service(manager.config);
  CHECK(service.interval() == Milliseconds(250));
  service.alive();
  CHECK(manager.next() == "WATCHDOG=1");
}

TEST_CASE("a service manager that takes nothing does not block, and none is none") {
  const Manager manager("@rancher_cnode_full_" + std::to_string(::getpid()));
  ServiceManager service(manager.config);
  for (int i = 0; i < 10'000; ++i) {
    service.stopping();
  }
  CHECK(manager.next() == "STOPPING=1");
  ServiceManager none{Config()};
  CHECK_FALSE(none.is_there());
  none.ready();
}
