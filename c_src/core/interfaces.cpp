#include "rancher_cnode/core/interfaces.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

namespace rancher_cnode {

Expected<std::vector<Ipv4Address>> interface_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return failure(ErrorCode::failed, "the system does not list the network interfaces");
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::vector<Ipv4Address> addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr != nullptr && entry->ifa_addr->sa_family == AF_INET) {
      const auto* const socket = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      addresses.emplace_back(ntohl(socket->sin_addr.s_addr));
    }
  }
  return addresses;
}

bool is_on_an_interface(Ipv4Address address) {
  const auto addresses = interface_addresses();
  return !addresses || std::ranges::find(*addresses, address) != addresses->end();
}

}  // namespace rancher_cnode
