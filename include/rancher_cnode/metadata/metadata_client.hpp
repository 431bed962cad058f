// What is asked of the Rancher metadata service: the service, the own container's address, the metadata
// version, and a wait for the version to change. Used by metadata_watcher, on its thread, except wake().
//
// Base URLs. They are tried in the given order, the one that answered last first. A request goes on to the
// next one when there was no answer (name, connect, time-out, lost connection) or none that the metadata
// service gives (status 5xx, a redirect, a body of an odd shape). Rancher's own 404 is an answer, and ends the
// round: both usual URLs lead to the same server, which says 404 while a container joins, and asking it again by its
// address would only delay the next attempt, by a second of connect time-out where that address leads
// nowhere. Any other server's 404 is none: rancher-metadata may lead anywhere where DNS has a wildcard entry.
//
// `self` that goes away. Once self/service was read well and then answers 404 (the own container was removed,
// or the server restarted), the same service is asked for by name, stacks/<stack>/services/<name>, and taken
// if its uuid is the one remembered. It then lacks the own container, which makes it a partial read (see
// membership/membership): so a C-node learns that its container is gone while its service lives on.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/membership/service.hpp"
#include "rancher_cnode/metadata/http_client.hpp"

namespace rancher_cnode::metadata {

struct ClientSettings {
  std::vector<std::string> urls;         ///< at least one; no trailing slash
  std::string version = "latest";        ///< path component
  std::string service = "self/service";  ///< path below the version, without outer slashes
  Timeouts timeouts = {};                ///< of each base URL
  /// Of the name of the base URL that is tried last, or alone: with a first name server that is dead, the
  /// resolver needs 5 s by default.
  Milliseconds last_lookup{7'000};
};

/// True if the path asks for the caller's own service, so that its own container belongs in the answer.
[[nodiscard]] bool asks_for_self(std::string_view service_path);

class MetadataClient {
 public:
  /// `give_up` ends any request; see GiveUp.
  explicit MetadataClient(ClientSettings settings, GiveUp give_up = {});

  // Failures of all requests: those of HttpClient::get and FileSource; not_found for Rancher's 404; unavailable for a
  // status of 5xx; malformed for any other answer that the metadata service does not give. The message names
  // the URL, and all URLs with their reasons when several were tried (the code is then the first one's).

  /// The service of the settings, or by name as described above.
  [[nodiscard]] Expected<membership::Service> service();

  /// self/container/primary_ip. not_found while metadata knows no address of this container; malformed if it
  /// is no address that a host can have.
  [[nodiscard]] Expected<Ipv4Address> own_address();

  /// The metadata version: a bare text, new at every reload.
  [[nodiscard]] Expected<std::string> version();

  /// Waits for a version other than `known` and returns the version that stands then, which is `known` again
  /// when nothing changed for about `max_wait` (whole seconds, rounded up; the server may take 5 s longer).
  /// Asks only the base URL that answered last, and never twice: a connection that died may have been that of
  /// a server that has restarted, and one that has loaded nothing yet would keep the wait until its end.
  /// `deadline` bounds the answer on our side; `give_up` takes the place of the client's own.
  [[nodiscard]] Expected<std::string> wait_for_change(const std::string& known, Milliseconds max_wait,
                                                      Milliseconds deadline, GiveUp give_up);

  /// While a later base URL is in use: goes back to the first of the earlier ones that answers, with the
  /// service or Rancher's 404. True if one did. Takes a few seconds for each that does not.
  bool return_to_earlier_url();

  /// The base URL that answered last; the first one before that.
  [[nodiscard]] const std::string& url() const { return settings_.urls[current_]; }
  /// Its place in the list.
  [[nodiscard]] std::size_t url_index() const { return current_; }
  /// The path of the last good service read, below the version.
  [[nodiscard]] const std::string& service_path() const { return service_path_; }

  /// Makes a request that is under way ask its give_up at once. Any thread.
  void wake() noexcept { http_.wake(); }

 private:
  /// What self/service said it was, when it was last read well.
  struct Remembered {
    std::string path;
    std::string uuid;
  };

  template <class Value, class Read>
  Expected<Value> ask(std::string_view path, const Read& read);
  template <class Value, class Read>
  Expected<Value> ask_at(const std::string& url, std::string_view path, const Timeouts& timeouts,
                         const Read& read);
  [[nodiscard]] std::string path_of(std::string_view path) const;
  Expected<membership::Service> service_by_name(const Error& self_error);
  void remember(const membership::Service& service);

  ClientSettings settings_;
  GiveUp give_up_;
  HttpClient http_;
  std::size_t current_ = 0;
  std::string service_path_;
  std::optional<Remembered> remembered_;
};

}  // namespace rancher_cnode::metadata
