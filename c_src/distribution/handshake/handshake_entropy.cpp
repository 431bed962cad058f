// What ei needs before the first handshake.
#include <ei.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rancher_cnode/distribution/handshake.hpp"

// ei draws its challenges from the clock, the process id and gethostid(). The C library's gethostid() asks
// DNS for the host's own name, which may block a pool's thread for seconds; neither the deadline nor a stop
// can shorten that. This one takes precedence at link time, is cheap, and makes challenges unpredictable.
extern "C" long gethostid() {
  long bits = 0;
  if (::getentropy(&bits, sizeof(bits)) != 0) {
    return 0;
  }
  return bits;
}

namespace rancher_cnode::distribution {

void initialise_handshakes() {
  // ei keeps a table with a place for every descriptor that may be opened, and writes to all of it at once:
  // 8 bytes for each 32, so 256 MiB under a limit of 2^30, which a container may well have inherited.
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur > max_descriptors) {
    descriptors.rlim_cur = max_descriptors;
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
  }
  ei_init();
}

}  // namespace rancher_cnode::distribution
