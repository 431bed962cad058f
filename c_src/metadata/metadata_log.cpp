#include "metadata/metadata_log.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::metadata {
namespace {

/// Messages that differ only in numbers (a byte offset) report the same fault.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

/// As long as the metadata service, its name or this container is only coming up.
bool is_not_yet(const Error& error) {
  return error.code == ErrorCode::not_found || error.code == ErrorCode::unavailable;
}

}  // namespace

void MetadataLog::keep_only(const std::vector<std::string>& services) {
  std::erase_if(services_, [&services](const auto& entry) {
    return std::ranges::find(services, entry.first) == services.end();
  });
}

void MetadataLog::read_succeeded(TimePoint now, SuccessfulRead read) {
  OfService& state = services_[read.service];
  if (read.containers == 0) {
    return read_empty(now, state, read);
  }
  const bool only_adds = read.authority == membership::Authority::may_only_add;
  std::string at = read.url + " " + read.path + (only_adds ? " only adds" : "");
  if (at == state.last_read_at) {
    return;
  }
  state.last_read_at = std::move(at);
  state.last_failure.clear();
  const auto failing_for = state.failing_since
                               ? std::chrono::duration_cast<Milliseconds>(now - *state.failing_since)
                               : Milliseconds::zero();
  state.failing_since.reset();
  if (read.path != read.service) {
    log_.warning(
        "own_container_unknown", "the metadata no longer knows this container; reading the service by name",
        {{"service", read.service}, {"url", read.url}, {"path", read.path}, {"containers", read.containers}});
    return;
  }
  log_.info("metadata_available",
            only_adds
                ? "an earlier URL does not answer; this one may be stale and only adds peers until it has "
                  "answered for --mass-removal-delay"
                : "",
            {{"service", read.service},
             {"url", read.url},
             {"path", read.path},
             {"version", read.version},
             {"containers", read.containers},
             {"unavailable_ms", failing_for.count()}});
}

/// For an empty list and null: half a snapshot, or a service scaled to 0. The next non-empty list is logged
/// again.
void MetadataLog::read_empty(TimePoint now, OfService& state, const SuccessfulRead& read) {
  if (!state.failing_since) {
    state.failing_since = now;
  }
  state.last_read_at.clear();
  if (std::exchange(state.last_failure, "empty") == "empty") {
    return;
  }
  log_.warning(
      "service_empty", "the metadata lists no containers; keeping the current peers",
      {{"service", read.service}, {"url", read.url}, {"path", read.path}, {"version", read.version}});
}

void MetadataLog::read_failed(TimePoint now, const std::string& service, const std::string& url,
                              const char* stage, const Error& error) {
  OfService& state = services_[service];
  if (!state.failing_since) {
    state.failing_since = now;
  }
  state.last_read_at.clear();
  const auto failure = without_numbers(error.message);
  if (std::exchange(state.last_failure, failure) != failure) {
    state.logged = false;
  }
  // What several have in common is logged once, and again when that one has recovered.
  const bool known = std::ranges::any_of(services_, [&failure](const auto& entry) {
    return entry.second.logged && entry.second.last_failure == failure;
  });
  if (known) {
    return;
  }
  state.logged = true;
  constexpr auto message = "cannot read metadata; keeping the current peers; retrying";
  const Log::Fields fields{{"service", service},
                           {"url", url},
                           {"stage", stage},
                           {"error", to_string(error.code)},
                           {"reason", error.message}};
  if (is_not_yet(error)) {
    log_.not_yet("metadata_unavailable", message, fields);
  } else {
    log_.warning("metadata_unavailable", message, fields);
  }
}

void MetadataLog::address_found(Ipv4Address address, const std::string& url) {
  last_address_failure_.clear();
  log_.info("own_address_found", "", {{"address", address.to_string()}, {"url", url}});
}

void MetadataLog::address_mismatched(Ipv4Address address, const std::string& url) {
  const auto failure = "mismatched " + address.to_string();
  if (std::exchange(last_address_failure_, failure) == failure) {
    return;
  }
  log_.warning("own_address_mismatched",
               "no interface of this container has the address from the metadata; retrying",
               {{"address", address.to_string()}, {"url", url}});
}

void MetadataLog::address_unknown(const Error& error) {
  const auto failure = without_numbers(error.message);
  if (std::exchange(last_address_failure_, failure) == failure) {
    return;
  }
  log_.not_yet("own_address_unknown", "the metadata does not contain the address of this container; retrying",
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
