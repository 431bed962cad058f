// Writes whole lines to a descriptor whose reader may be slow or gone, and never waits for it. Used by Log.
#pragma once

#include <string_view>

namespace rancher_cnode {

class LineWriter {
 public:
  /// The descriptor stays the caller's and open. It is shared (standard error is the BEAM's too), so its flags
  /// are not touched: a pipe or a terminal is opened a second time, non-blocking, where the system lets us.
  explicit LineWriter(int descriptor);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// False if the line could not be written now, or not all of it. `line` ends in a newline and has at most
  /// PIPE_BUF bytes, so that no other writer's text stands within it.
  [[nodiscard]] bool write(std::string_view line);

 private:
  int shared_;
  int own_;  ///< -1 if there is no second description
  bool torn_ = false;
};

}  // namespace rancher_cnode
