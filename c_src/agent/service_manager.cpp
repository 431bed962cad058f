#include "agent/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "rancher_cnode/core/file_descriptor.hpp"
#include "rancher_cnode/status/verdict.hpp"

namespace rancher_cnode::agent {

ServiceManager::ServiceManager(const Config& config)
    : socket_(config.notify_socket), watchdog_(config.notify_watchdog) {}

Milliseconds ServiceManager::interval() const {
  constexpr Milliseconds longest{1'000};
  return watchdog_ ? std::clamp(*watchdog_ / 2, Milliseconds(10), longest) : longest;
}

void ServiceManager::alive() const {
  if (watchdog_) {
    send("WATCHDOG=1");
  }
}

void ServiceManager::ready() {
  if (!std::exchange(ready_, true)) {
    send("READY=1");
  }
}

void ServiceManager::status(const status::Report& report) {
  std::string line = status::in_words(status::verdict_on(report));
  if (const auto why = status::shortfall(report); !why.empty()) {
    line += "; " + why;
  }
  if (std::exchange(sent_status_, line) != line) {
    send("STATUS=" + line);
  }
}

void ServiceManager::stopping() const { send("STOPPING=1"); }

void ServiceManager::send(std::string_view text) const {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof to.sun_path) {
    return;
  }
  std::memcpy(to.sun_path, socket_.data(), socket_.size());
  if (to.sun_path[0] == '@') {
    to.sun_path[0] = '\0';  // an abstract name (unix(7))
  }
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const FileDescriptor descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  static_cast<void>(::sendto(descriptor.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&to), size));
}

}  // namespace rancher_cnode::agent
