// Writes whole lines to a descriptor whose reader may be slow or gone, without blocking. Used by Log.
#pragma once

#include <string_view>

#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode {

class LineWriter {
 public:
  /// The descriptor is owned by the caller and must stay open. It is shared (standard error also belongs to
  /// the BEAM), so its flags are not changed: a pipe or a terminal is opened a second time, non-blocking, if
  /// the system allows it.
  explicit LineWriter(int descriptor);

  /// False if the line could not be written now, or not all of it. `line` ends in a newline and has at most
  /// PIPE_BUF bytes, so that no other writer's text can split it.
  [[nodiscard]] bool write(std::string_view line);

 private:
  int shared_;
  FileDescriptor own_;  ///< none if there is no second description
  bool torn_ = false;
};

}  // namespace rancher_cnode
