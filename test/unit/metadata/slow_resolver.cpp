#include "slow_resolver.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace {

std::atomic<int> lookups = 0;

}  // namespace

namespace rancher_cnode::testing {

int slow_lookups() { return lookups; }

}  // namespace rancher_cnode::testing

// Takes the place of the C library's for the whole program, libcurl included.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name == nullptr || !std::string_view(name).ends_with(".slow.test")) {
    return real(name, service, hints, result);
  }
  ++lookups;
  std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(name)));
  return real("127.0.0.1", service, hints, result);
}
