// --state-file: the last members on disk, for a start while the metadata cannot be read. Used by Node, on the
// loop; the file is read and written on a thread of its own, because a disk may hang.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/metadata/stored_members.hpp"

namespace rancher_cnode::agent {

class StateFile {
 public:
  /// Members that were not confirmed for longer are not used.
  static constexpr Milliseconds max_age = std::chrono::hours(24);
  /// The same members are written again this often, so that their age is about that of the last answer.
  static constexpr Milliseconds rewrite_interval = std::chrono::minutes(10);
  /// What is being written gets this long when the C-node stops.
  static constexpr Milliseconds patience{1'000};

  using UnixTime = std::function<Milliseconds()>;
  /// Empty services: nothing that can be used.
  using Loaded = std::function<void(metadata::StoredMembers)>;

  /// `path` empty: there is no file. `unix_time` is the present time after 1970-01-01 UTC. `loaded` is called
  /// once, by `loop`; why a file cannot be used is logged, unless it is not there. `log` must outlive this.
  StateFile(std::string path, UnixTime unix_time, const Log& log, const boost::asio::any_io_executor& loop,
            Loaded loaded);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  /// Writes them if they have changed, or were written long ago. While a disk hangs, only the last ones wait.
  void save(std::vector<metadata::StoredService> services);

 private:
  class Disk;

  const UnixTime unix_time_;
  std::optional<metadata::StoredMembers> saved_;
  std::shared_ptr<Disk> disk_;  ///< null without a file
};

}  // namespace rancher_cnode::agent
