#include "agent/state_file.hpp"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

namespace rancher_cnode::agent {

/// Shared with its thread, which may outlive the StateFile if the disk hangs.
class StateFile::Disk : public std::enable_shared_from_this<Disk> {
 public:
  Disk(std::string path, const Log& log) : path_(std::move(path)), log_(log) {}

  void run(Milliseconds now, boost::asio::any_io_executor loop, Loaded loaded) {
    std::thread([self = shared_from_this(), now, loop = std::move(loop), loaded = std::move(loaded)]() {
      self->load(now, loop, loaded);
      self->write_until_stopped();
    }).detach();
  }

  void write(metadata::StoredMembers members) {
    const std::scoped_lock lock(mutex_);
    next_ = std::move(members);
    changed_.notify_all();
  }

  /// Waits for what is to be written; afterwards nothing is logged any more.
  void stop() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, patience, [this]() { return ended_; });
    stopped_ = true;
  }

 private:
  void load(Milliseconds now, const boost::asio::any_io_executor& loop, const Loaded& loaded) {
    auto members = metadata::read_stored_members(path_);
    std::string why;
    if (members) {
      // A clock that was set may make it older, or younger than nothing.
      const auto age = Milliseconds(std::abs((now - members->saved_unix).count()));
      if (age > max_age) {
        why = "it was written " +
              std::to_string(std::chrono::duration_cast<std::chrono::hours>(age).count()) + " hours ago";
      }
    } else if (members.error().code != ErrorCode::not_found) {
      why = members.error().message;
    }
    const std::scoped_lock lock(mutex_);
    if (stopped_) {
      return;
    }
    if (!why.empty()) {
      log_.warning("state_file_ignored", "no members are known before the metadata can be read",
                   {{"file", path_}, {"reason", why}});
    }
    boost::asio::post(
        loop,
        [loaded, found = members && why.empty() ? *members : metadata::StoredMembers()]() { loaded(found); });
  }

  void write_until_stopped() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this]() { return next_ || stopping_; });
      if (!next_) {
        break;
      }
      const auto members = *std::exchange(next_, std::nullopt);
      lock.unlock();
      const auto written = metadata::write_stored_members(path_, members);
      lock.lock();
      if (stopped_) {
        break;
      }
      report(written);
    }
    ended_ = true;
    changed_.notify_all();
  }

  void report(const Expected<void>& written) {
    const std::string failure = written ? "" : written.error().message;
    const std::string before = std::exchange(last_failure_, failure);
    if (!written && before != failure) {
      log_.warning("state_file_failed", "the members cannot be kept; trying again when they change",
                   {{"file", path_}, {"reason", failure}});
    } else if (written && !before.empty()) {
      log_.info("state_file_written", "the members can be kept again", {{"file", path_}});
    }
  }

  const std::string path_;
  const Log& log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<metadata::StoredMembers> next_;
  std::string last_failure_;
  bool stopping_ = false;
  bool stopped_ = false;  ///< the log may be gone
  bool ended_ = false;
};

StateFile::StateFile(std::string path, UnixTime unix_time, const Log& log,
                     const boost::asio::any_io_executor& loop, Loaded loaded)
    : unix_time_(std::move(unix_time)) {
  if (!path.empty()) {
    disk_ = std::make_shared<Disk>(std::move(path), log);
    disk_->run(unix_time_(), loop, std::move(loaded));
  }
}

StateFile::~StateFile() {
  if (disk_) {
    disk_->stop();
  }
}

void StateFile::save(std::vector<metadata::StoredService> services) {
  const auto now = unix_time_();
  const bool fresh = saved_ && now >= saved_->saved_unix && now - saved_->saved_unix < rewrite_interval;
  if (!disk_ || (fresh && saved_->services == services)) {
    return;
  }
  saved_ = metadata::StoredMembers{now, std::move(services)};
  disk_->write(*saved_);
}

}  // namespace rancher_cnode::agent
