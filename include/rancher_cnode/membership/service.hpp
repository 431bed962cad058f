// What one read of the metadata service said about a Rancher service. Values only.
// Made by metadata/service_reader, read by membership/eligibility and membership/membership.
//
// Field meanings: Rancher 1.x metadata, version 2016-07-29 (rancher-metadata v0.10.4).
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace rancher_cnode::membership {

/// One container of the service, as the metadata said it: nothing here is validated yet.
struct Container {
  std::string uuid;  ///< the only key; may be empty in a broken answer
  std::string name;
  std::optional<std::string> primary_ip;    ///< null and "" both mean: none yet
  std::vector<std::string> ips;             ///< [primary_ip, ...] or []
  std::string state;                        ///< running, starting, stopping, ...; "" if absent
  std::optional<std::string> health_state;  ///< nothing without a health check
  std::optional<std::string>
      network_from_container_uuid;  ///< set when it lives on another container's network

  friend bool operator==(const Container&, const Container&) = default;
};

/// How the containers field stood. Null and empty are both partial answers: they may add, never remove.
struct Service {
  std::string name;
  std::string stack_name;
  std::string uuid;
  std::string primary_service_name;   ///< differs from name in a sidekick's pseudo-service; may be ""
  std::vector<Container> containers;  ///< empty for null and []; an absent field makes the read unknown

  friend bool operator==(const Service&, const Service&) = default;
};

/// A read that told nothing: failure, timeout, 404, odd shape. Changes nothing but the age of what is known.
struct FailedRead {
  std::string reason;  ///< in words, for people
  friend bool operator==(const FailedRead&, const FailedRead&) = default;
};

/// What a good read may do, by where it came from.
enum class Authority {
  full,
  may_only_add,  ///< from a source that may be stale: what it lacks is no evidence
};

/// One answer about the service: good or unknown.
using Read = std::variant<Service, FailedRead>;

}  // namespace rancher_cnode::membership
