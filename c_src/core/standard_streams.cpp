#include "rancher_cnode/core/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode {

void open_missing_standard_streams() {
  FileDescriptor descriptor(::open("/dev/null", O_RDWR));
  while (descriptor.valid() && descriptor.get() <= STDERR_FILENO) {
    static_cast<void>(descriptor.release());  // it stays open for good
    descriptor = FileDescriptor(::open("/dev/null", O_RDWR));
  }
}

}  // namespace rancher_cnode
