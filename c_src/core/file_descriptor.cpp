#include "rancher_cnode/core/file_descriptor.hpp"

#include <unistd.h>

namespace rancher_cnode {

void FileDescriptor::reset() {
  if (valid()) {
    ::close(release());
  }
}

}  // namespace rancher_cnode
