// What the metadata watcher has found before there is a node to take it. Used by Agent.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::agent {

class PendingObservation {
 public:
  /// A failed read does not replace a successful one.
  void keep(metadata::Observation observation, TimePoint now) {
    own_address_failure_ = observation.own_address_failure;
    if (!observation_ || observation.has_service() || !observation_->has_service()) {
      observation_ = std::move(observation);
      since_ = now;
    }
  }

  [[nodiscard]] std::optional<metadata::Observation> take() {
    return std::exchange(observation_, std::nullopt);
  }

  /// What is known without a membership, for which the own address and the BEAM are missing.
  [[nodiscard]] status::MetadataSnapshot snapshot() const {
    status::MetadataSnapshot metadata;
    if (observation_) {
      metadata.url = observation_->url;
      metadata.version = observation_->version;
      metadata.view.last_failure = observation_->failure();
      (metadata.view.last_failure.empty() ? metadata.view.last_answer : metadata.view.last_failed) = since_;
    }
    return metadata;
  }

  /// In words, of the latest read.
  [[nodiscard]] std::string why_own_address_is_unknown() const {
    return "the own address is not known yet" +
           (own_address_failure_.empty() ? "" : ": " + own_address_failure_) + "; --ip sets it";
  }

 private:
  std::optional<metadata::Observation> observation_;
  TimePoint since_;
  std::string own_address_failure_;
};

}  // namespace rancher_cnode::agent
