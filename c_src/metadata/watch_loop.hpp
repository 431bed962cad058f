// The loop of a MetadataWatcher's thread: rounds of reading and waiting until it is stopped.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "metadata/long_poll_policy.hpp"
#include "metadata/metadata_client.hpp"
#include "metadata/metadata_log.hpp"
#include "metadata/url_authority.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "rancher_cnode/metadata/watch_clock.hpp"
#include "rancher_cnode/metadata/watch_pacing.hpp"

namespace rancher_cnode::metadata {

class WatchLoop {
 public:
  WatchLoop(WatcherSettings settings, MetadataWatcher::Handlers handlers, const Log& log,
            std::shared_ptr<WatchClock> clock);

  /// On the watcher's thread, until stop().
  void run();
  /// Any thread.
  void refresh();
  void set_services(std::vector<std::string> services);
  void ask_own_address();
  void stop();

 private:
  /// What ends a pause early.
  enum class EndedBy { stop, stop_or_refresh };

  void round(const std::optional<std::string>& changed);
  void take_services();
  [[nodiscard]] bool went_back_to_earlier_url();
  void find_own_address();
  void read(const std::optional<std::string>& changed);
  [[nodiscard]] std::vector<membership::ServiceRead> read_services();
  void note_read(std::size_t index, const membership::Service& service);
  void note_failure(std::size_t index, const Error& error);
  void publish_failure(const Error& of_version);
  void publish(Observation observation);

  std::optional<std::string> wait_for_next();
  std::optional<std::string> long_poll(Milliseconds delay);
  [[nodiscard]] bool watches() const;
  [[nodiscard]] Milliseconds poll_interval() const;
  /// `why` is used for an abandoned long-poll.
  void report(LongPollPolicy::Change change, const std::string& why);

  void rest(Duration duration, EndedBy ended_by);
  void interrupt(std::atomic<bool>& flag);

  const WatcherSettings settings_;
  std::vector<std::string> services_;  ///< that are read now
  const MetadataWatcher::Handlers handlers_;
  const std::shared_ptr<WatchClock> clock_;
  MetadataLog log_;
  MetadataClient client_;
  RereadBudget budget_;
  LongPollPolicy long_poll_policy_;
  UrlAuthority authority_;
  membership::Authority granted_ = membership::Authority::full;  ///< to the URL of the running round
  TimePoint try_earlier_at_{};                                   ///< while a later base URL is in use

  std::string version_;                 ///< as of the last read; "" if not known
  std::optional<Error> version_error_;  ///< why it is not known
  bool address_wanted_;
  std::string address_failure_;  ///< of the last request; empty once it is known
  bool asked_ = false;           ///< for the address, in this round
  std::optional<Ipv4Address> asked_address_;
  bool succeeded_ = false;  ///< every read of the last round
  bool waitable_ = false;   ///< and each was answered, if only by a 404
  unsigned failures_ = 0;   ///< failed rounds in a row
  TimePoint round_ended_ = TimePoint::min();

  std::mutex mutex_;  ///< guards only the hand-over of these, and of the two flags to a pause
  std::optional<std::vector<std::string>> next_services_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> refresh_ = false;
  std::atomic<bool> asking_ = false;  ///< for the address, until an observation has the answer
};

}  // namespace rancher_cnode::metadata
