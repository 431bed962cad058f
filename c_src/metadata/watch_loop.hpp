// What a MetadataWatcher's thread does: rounds of reading and waiting until it is stopped.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "rancher_cnode/metadata/metadata_client.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "rancher_cnode/metadata/watch_pacing.hpp"
#include "url_authority.hpp"
#include "watch_journal.hpp"

namespace rancher_cnode::metadata {

class WatchLoop {
 public:
  WatchLoop(WatcherSettings settings, MetadataWatcher::Handlers handlers, const Log& log);

  /// On the watcher's thread, until stop().
  void run();
  /// Any thread.
  void refresh();
  void stop();

 private:
  /// What ends a rest before its time.
  enum class EndedBy { stop, stop_or_refresh };

  void round(const std::optional<std::string>& changed);
  [[nodiscard]] bool went_back_to_earlier_url();
  void look_for_own_address();
  void read(const std::optional<std::string>& changed);
  void hand_over_good(membership::Service service);
  void hand_over_bad(const char* stage, const Error& error);
  void hand_over(Observation observation);

  std::optional<std::string> wait_for_next();
  std::optional<std::string> long_poll(Milliseconds delay);
  [[nodiscard]] bool watches() const;
  [[nodiscard]] Milliseconds poll_interval() const;
  bool gives_up_watching(const std::string& why);
  void note_waiting();
  void note_not_waiting(const std::string& why);

  void rest(Duration duration, EndedBy ended_by);
  void interrupt(std::atomic<bool>& flag);

  const WatcherSettings settings_;
  const MetadataWatcher::Handlers handlers_;
  WatchJournal journal_;
  MetadataClient client_;
  RereadBudget budget_;
  UrlAuthority authority_;
  TimePoint try_earlier_at_{};  ///< while a later base URL is in use

  std::string version_;                 ///< as of the last read; "" if not known
  std::optional<Error> version_error_;  ///< why not
  bool address_wanted_;
  bool good_ = false;      ///< the last read was
  unsigned failures_ = 0;  ///< rounds in a row that were not all well
  TimePoint round_ended_ = TimePoint::min();

  bool long_polls_ = true;      ///< as far as seen
  unsigned failed_waits_ = 0;   ///< in a row, while reads are good
  TimePoint watch_again_at_{};  ///< when it is tried again while long_polls_ is false

  std::mutex mutex_;  ///< guards nothing but the hand-over of the two flags to a rest
  std::condition_variable wake_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> refresh_ = false;
};

}  // namespace rancher_cnode::metadata
