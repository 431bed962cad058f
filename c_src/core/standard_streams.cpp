#include "rancher_cnode/core/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace rancher_cnode {

void open_missing_standard_streams() {
  int descriptor = 0;
  do {
    descriptor = ::open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor < STDERR_FILENO);
  if (descriptor > STDERR_FILENO) {
    ::close(descriptor);
  }
}

}  // namespace rancher_cnode
