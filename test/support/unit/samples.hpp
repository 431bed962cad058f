// Short words for the values that the tests of membership speak of: container n is web-n at 10.42.0.n.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "rancher_cnode/membership/membership.hpp"

namespace rancher_cnode::membership::samples {

inline TimePoint at(Milliseconds since_start) { return TimePoint(std::chrono::hours(1)) + since_start; }
inline TimePoint at_seconds(int seconds) { return at(std::chrono::seconds(seconds)); }

inline Ipv4Address address(int number) {
  return Ipv4Address(0x0a2a0000U + static_cast<std::uint32_t>(number));
}
inline NodeName node(int number) { return NodeName::of("myapp", address(number)); }

inline std::set<NodeName> nodes(std::initializer_list<int> numbers) {
  std::set<NodeName> result;
  for (const int number : numbers) {
    result.insert(node(number));
  }
  return result;
}

inline Container container(int number, std::string state = "running") {
  Container result;
  result.uuid = "uuid-" + std::to_string(number);
  result.name = "web-" + std::to_string(number);
  result.primary_ip = address(number).to_string();
  result.ips = {*result.primary_ip};
  result.state = std::move(state);
  return result;
}

inline Container without_address(Container container) {
  container.primary_ip.reset();
  container.ips.clear();
  return container;
}

inline Service service(std::vector<Container> containers) {
  Service result;
  result.name = "web";
  result.containers = std::move(containers);
  return result;
}

inline Service running(std::initializer_list<int> numbers) {
  Service result = service({});
  for (const int number : numbers) {
    result.containers.push_back(container(number));
  }
  return result;
}

/// Our own container is number 1.
inline MembershipSettings settings(RemovalPolicy removal = RemovalPolicy::safe) {
  MembershipSettings result;
  result.node_basename = "myapp";
  result.own_address = address(1);
  result.removal = removal;
  return result;
}

/// A membership that has seen 1 (ourselves) to 5 in one whole read at second 0.
inline Membership five(RemovalPolicy removal = RemovalPolicy::safe, ReadScope scope = ReadScope::self) {
  Membership result(settings(removal));
  result.observe(at_seconds(0), scope, running({1, 2, 3, 4, 5}));
  return result;
}

/// Reads once a second from `first` to `last`, both included.
inline void read_every_second(Membership& membership, int first, int last, ReadScope scope,
                              const Read& read) {
  for (int second = first; second <= last; ++second) {
    membership.observe(at_seconds(second), scope, read);
  }
}

}  // namespace rancher_cnode::membership::samples
