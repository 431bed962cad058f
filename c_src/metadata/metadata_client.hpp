// The requests to the Rancher metadata service: the service, the address of this container, the metadata
// version, and a wait for a new version. Used by metadata_watcher, on its thread, except wake().
//
// Base URLs. They are tried in the given order, the one that answered last first. A request goes on to the
// next URL if there was no answer (name, connect, timeout, lost connection) or an answer that the metadata
// service does not give (status 5xx, a redirect, a body of another format). Rancher's own 404 is an answer
// and ends the round: both usual URLs lead to the same server, which returns 404 while a container joins, and
// a request to its address would only delay the next attempt, by a connect timeout of a second if that
// address is not reachable. A 404 of any other server is not an answer: rancher-metadata may lead anywhere if
// DNS has a wildcard entry.
//
// Loss of `self`. If self/service was read and later returns 404 (this container was removed, or the server
// restarted), the same service is requested by name, stacks/<stack>/services/<name>, and accepted if its uuid
// is the same. It then lacks this container, which makes the read incomplete (see membership/membership): so
// a C-node learns that its container was removed while its service still exists.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metadata/http_client.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::metadata {

struct ClientSettings {
  std::vector<std::string> urls;                         ///< at least one; no trailing slash
  std::string version = "latest";                        ///< path component
  std::vector<std::string> services = {"self/service"};  ///< paths below the version; at least one
  std::vector<std::string> label_keys = {};              ///< of the labels that are read
  TrustedCertificates trusted = {};  ///< for https; what it does not name is that of the system
  Timeouts timeouts = {};            ///< of each base URL
  /// Lookup timeout of the last or only base URL: if the first name server is dead, the resolver needs 5 s by
  /// default.
  Milliseconds last_lookup{7'000};
};

/// What a request for this path has returned.
[[nodiscard]] membership::ServiceRead as_read(std::string_view path, Expected<membership::Service> service);

class MetadataClient {
 public:
  /// `give_up` cancels any request; see GiveUp.
  explicit MetadataClient(ClientSettings settings, GiveUp give_up = {});

  /// From now on.
  void set_services(std::vector<std::string> services) { settings_.services = std::move(services); }

  // Failures of all requests: those of HttpClient::get and FileSource; not_found for Rancher's 404;
  // unavailable for a status of 5xx; malformed for any other answer that the metadata service does not give.
  // The message contains the URL, and all URLs with their reasons when several were tried (the code is then
  // that of the first one).

  /// One of the settings, or by name as described above.
  [[nodiscard]] Expected<membership::Service> service(std::size_t index = 0);

  /// self/container/primary_ip. not_found while the metadata has no address of this container; malformed if
  /// it is not a host address.
  [[nodiscard]] Expected<Ipv4Address> own_address();

  /// The metadata version: a plain text, new at every reload.
  [[nodiscard]] Expected<std::string> version();

  /// Waits for a version other than `known` and returns the current version, which is `known` again if
  /// nothing changed for about `max_wait` (whole seconds, rounded up; the server may take 5 s longer). Asks
  /// only the base URL that answered last, and only once: a lost connection may mean that the server has
  /// restarted, and a server that has loaded nothing yet would hold the request until its end.
  /// `deadline` bounds the answer on our side; `give_up` replaces the client's own.
  [[nodiscard]] Expected<std::string> wait_for_change(const std::string& known, Milliseconds max_wait,
                                                      Milliseconds deadline, GiveUp give_up);

  /// While a later base URL is in use: returns to the first earlier one that answers with the service or
  /// Rancher's 404. True if one did. Takes a few seconds for each that does not.
  bool return_to_earlier_url();

  /// The base URL that answered last; the first one before that.
  [[nodiscard]] const std::string& url() const { return settings_.urls[current_]; }
  /// Its index in the list.
  [[nodiscard]] std::size_t url_index() const { return current_; }
  /// The path of the last successful service read, below the version.
  [[nodiscard]] const std::string& service_path() const { return service_path_; }

  /// Makes a running request ask its give_up at once. Any thread.
  void wake() noexcept { http_.wake(); }

 private:
  /// The identity of what a path with self led to at its last successful read.
  struct Remembered {
    std::string path;
    std::string uuid;  ///< "" of a stack
  };

  template <class Value, class Read>
  Expected<Value> ask(std::string_view path, const Read& read);
  template <class Value, class Read>
  Expected<Value> ask_at(const std::string& url, std::string_view path, const Timeouts& timeouts,
                         const Read& read);
  [[nodiscard]] std::string path_of(std::string_view path) const;
  [[nodiscard]] Expected<membership::Service> read(ByteSource& body, std::string_view path) const;
  Expected<membership::Service> service_by_name(const Remembered& remembered, const Error& self_error);
  void remember(const std::string& path, const membership::Service& service);

  ClientSettings settings_;
  GiveUp give_up_;
  HttpClient http_;
  std::size_t current_ = 0;
  std::string service_path_;
  std::map<std::string, Remembered> remembered_;  ///< by path of the settings
};

}  // namespace rancher_cnode::metadata
