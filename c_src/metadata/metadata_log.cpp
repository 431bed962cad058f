#include "metadata/metadata_log.hpp"

#include <utility>

namespace rancher_cnode::metadata {
namespace {

/// Messages that differ only in numbers (a byte offset) report the same fault.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

}  // namespace

void MetadataLog::read_succeeded(TimePoint now, SuccessfulRead read) {
  if (read.containers == 0) {
    return read_empty(now, read);
  }
  const bool only_adds = read.authority == membership::Authority::may_only_add;
  std::string at = read.url + " " + read.path + (only_adds ? " only adds" : "");
  if (at == last_read_at_) {
    return;
  }
  last_read_at_ = std::move(at);
  read_failures_.reset();
  const auto failing_for =
      failing_since_ ? std::chrono::duration_cast<Milliseconds>(now - *failing_since_) : Milliseconds::zero();
  failing_since_.reset();
  if (read.by_name) {
    log_.warning("own_container_unknown",
                 "the metadata no longer knows this container; reading the service by name",
                 {{"url", read.url}, {"path", read.path}, {"containers", read.containers}});
    return;
  }
  log_.info("metadata_available",
            only_adds
                ? "an earlier URL does not answer; this one may be stale and only adds peers until it has "
                  "answered for --mass-removal-delay"
                : "",
            {{"url", read.url},
             {"path", read.path},
             {"version", read.version},
             {"containers", read.containers},
             {"unavailable_ms", failing_for.count()}});
}

/// For an empty list and null: half a snapshot, or a service scaled to 0. The next non-empty list is logged again.
void MetadataLog::read_empty(TimePoint now, const SuccessfulRead& read) {
  if (!failing_since_) {
    failing_since_ = now;
  }
  last_read_at_.clear();
  if (!read_failures_.first_occurrence("empty")) {
    return;
  }
  log_.warning("service_empty", "the metadata lists no containers; keeping the current peers",
               {{"url", read.url}, {"path", read.path}, {"version", read.version}});
}

void MetadataLog::read_failed(TimePoint now, const std::string& url, const char* stage, const Error& error) {
  if (!failing_since_) {
    failing_since_ = now;
  }
  last_read_at_.clear();
  if (!read_failures_.first_occurrence(without_numbers(error.message))) {
    return;
  }
  log_.warning("metadata_unavailable", "cannot read metadata; keeping the current peers; retrying",
               {{"url", url}, {"stage", stage}, {"error", to_string(error.code)}, {"reason", error.message}});
}

void MetadataLog::address_found(Ipv4Address address, const std::string& url) {
  address_failures_.reset();
  log_.info("own_address_found", "", {{"address", address.to_string()}, {"url", url}});
}

void MetadataLog::address_mismatched(Ipv4Address address, const std::string& url) {
  if (!address_failures_.first_occurrence("mismatched " + address.to_string())) {
    return;
  }
  log_.warning("own_address_mismatched",
               "no interface of this container has the address from the metadata; retrying",
               {{"address", address.to_string()}, {"url", url}});
}

void MetadataLog::address_unknown(const Error& error) {
  if (!address_failures_.first_occurrence(without_numbers(error.message))) {
    return;
  }
  log_.warning("own_address_unknown", "the metadata does not contain the address of this container; retrying",
               {{"error", to_string(error.code)}, {"reason", error.message}});
}

void MetadataLog::long_poll_abandoned(const std::string& url, const std::string& why,
                                      Milliseconds polling_interval) {
  log_.warning("long_poll_abandoned", "long-polling does not work; polling",
               {{"url", url}, {"reason", why}, {"polling_interval_ms", polling_interval.count()}});
}

void MetadataLog::long_poll_resumed(const std::string& url) {
  log_.info("long_poll_resumed", "long-polling works again", {{"url", url}});
}

void MetadataLog::failed(const char* what) {
  log_.error("metadata_watcher_failed", "a round of the metadata watcher failed; retrying",
             {{"reason", what}});
}

}  // namespace rancher_cnode::metadata
