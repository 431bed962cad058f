#include "watch_journal.hpp"

#include <utility>

namespace rancher_cnode::metadata {
namespace {

/// Two messages that differ only in numbers (a byte offset) tell of the same thing.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

}  // namespace

void WatchJournal::read_good(TimePoint now, GoodRead read) {
  if (read.containers == 0) {
    return read_empty(now, read);
  }
  const bool only_adds = read.authority == membership::Authority::may_only_add;
  std::string at = read.url + " " + read.path + (only_adds ? " only adds" : "");
  if (at == good_at_) {
    return;
  }
  good_at_ = std::move(at);
  bad_reads_.well_again();
  const auto bad_for =
      bad_since_ ? std::chrono::duration_cast<Milliseconds>(now - *bad_since_) : Milliseconds::zero();
  bad_since_.reset();
  if (read.by_name) {
    log_.warning("own_container_unknown",
                 "metadata no longer knows this container; reading the service by its name",
                 {{"url", read.url}, {"path", read.path}, {"containers", read.containers}});
    return;
  }
  log_.info("metadata_available",
            only_adds
                ? "an earlier URL does not answer; this one may be stale and only adds peers, until it has "
                  "been read for --mass-removal-delay"
                : "",
            {{"url", read.url},
             {"path", read.path},
             {"version", read.version},
             {"containers", read.containers},
             {"unavailable_ms", bad_for.count()}});
}

/// Empty and null alike: half a snapshot, or a service that is scaled to nothing. The next full list is news.
void WatchJournal::read_empty(TimePoint now, const GoodRead& read) {
  if (!bad_since_) {
    bad_since_ = now;
  }
  good_at_.clear();
  if (!bad_reads_.is_news("empty")) {
    return;
  }
  log_.warning("service_empty", "the metadata lists no containers; what is known stays",
               {{"url", read.url}, {"path", read.path}, {"version", read.version}});
}

void WatchJournal::read_bad(TimePoint now, const std::string& url, const char* stage, const Error& error) {
  if (!bad_since_) {
    bad_since_ = now;
  }
  good_at_.clear();
  if (!bad_reads_.is_news(without_numbers(error.message))) {
    return;
  }
  log_.warning("metadata_unavailable", "the metadata told nothing; what is known stays; trying again",
               {{"url", url}, {"stage", stage}, {"error", to_string(error.code)}, {"reason", error.message}});
}

void WatchJournal::address_found(Ipv4Address address, const std::string& url) {
  no_address_.well_again();
  log_.info("own_address_found", "", {{"address", address.to_string()}, {"url", url}});
}

void WatchJournal::address_elsewhere(Ipv4Address address, const std::string& url) {
  if (!no_address_.is_news("elsewhere " + address.to_string())) {
    return;
  }
  log_.warning("own_address_mismatched",
               "no interface here has the address that metadata gives for this container; asking again",
               {{"address", address.to_string()}, {"url", url}});
}

void WatchJournal::address_unknown(const Error& error) {
  if (!no_address_.is_news(without_numbers(error.message))) {
    return;
  }
  log_.warning("own_address_unknown", "metadata did not tell this container's address; trying again",
               {{"error", to_string(error.code)}, {"reason", error.message}});
}

void WatchJournal::polls_plainly(const std::string& url, const std::string& why,
                                 Milliseconds polling_interval) {
  log_.warning("long_poll_abandoned", "the metadata service does not long-poll; polling",
               {{"url", url}, {"reason", why}, {"polling_interval_ms", polling_interval.count()}});
}

void WatchJournal::watches_again(const std::string& url) {
  log_.info("long_poll_resumed", "the metadata service long-polls again", {{"url", url}});
}

void WatchJournal::failed(const char* what) {
  log_.error("metadata_watcher_failed", "a round of the metadata watcher failed; trying again",
             {{"reason", what}});
}

}  // namespace rancher_cnode::metadata
