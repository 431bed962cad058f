// The answer of one read of the metadata service about a Rancher service. Values only.
// Made by metadata/service_reader, read by membership/eligibility and membership/membership.
//
// Field meanings: Rancher 1.x metadata, version 2016-07-29 (rancher-metadata v0.10.4).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace rancher_cnode::membership {

/// One container of the service as in the metadata; not validated.
struct Container {
  std::string uuid;  ///< the only key; may be empty in a broken answer
  std::string name;
  std::optional<std::string> primary_ip;    ///< null and "" both mean: none yet
  std::vector<std::string> ips;             ///< [primary_ip, ...] or []
  std::string state;                        ///< running, starting, stopping, ...; "" if absent
  std::optional<std::string> health_state;  ///< nothing without a health check
  /// Set if it uses another container's network.
  std::optional<std::string> network_from_container_uuid;
  std::map<std::string, std::string> labels = {};  ///< those that the settings ask for
  bool selected = true;                            ///< false: its labels are not those of the settings

  friend bool operator==(const Container&, const Container&) = default;
};

/// The service, or all services of a stack, without name and uuid then. Containers that are null or empty
/// make an incomplete answer: it may add, never remove.
struct Service {
  std::string name;
  std::string stack_name;
  std::string uuid;
  std::string primary_service_name;   ///< differs from name in a sidekick's pseudo-service; may be ""
  bool has_empty_service = false;     ///< one of several: perhaps it has lost its containers for a while
  std::vector<Container> containers;  ///< empty for null and []; an absent field makes the read a failed one

  friend bool operator==(const Service&, const Service&) = default;
};

/// Failure, timeout, 404, or unexpected shape. Changes nothing but the age of what is known.
struct FailedRead {
  std::string reason;  ///< in words, for people
  friend bool operator==(const FailedRead&, const FailedRead&) = default;
};

/// What an answer may do, by its source.
enum class Authority {
  full,
  may_only_add,  ///< from a source that may be stale: what it lacks is not evidence
};

/// One answer about the service: good or unknown.
using Read = std::variant<Service, FailedRead>;

/// How the service was read. A read by `self` that lacks our own container is incomplete.
enum class ReadScope { self, named };

/// The answer about one service of a round.
struct ServiceRead {
  Read read;
  ReadScope scope = ReadScope::self;  ///< self also when read by name instead
  std::string path;                   ///< of the settings
};

}  // namespace rancher_cnode::membership
