#include "rancher_cnode/core/interfaces.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <memory>

namespace rancher_cnode {

bool is_on_an_interface(Ipv4Address address) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return true;
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    const auto* const socket = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
    if (ntohl(socket->sin_addr.s_addr) == address.bits()) {
      return true;
    }
  }
  return false;
}

}  // namespace rancher_cnode
