// A metadata service on loopback that answers what a test has put there, and long-polls well or badly.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "support/unit/scripted_server.hpp"

namespace rancher_cnode::testing {

class ScriptedMetadata {
 public:
  /// What a wait does.
  enum class Waits {
    well,        ///< answers when the version differs, or after maxWait
    not_at_all,  ///< answers at once, as servers before v0.6.2
    for_ever,    ///< never answers, as servers before v0.8.11
    storm,       ///< answers at once, with a new version each time
  };

  ScriptedMetadata();

  /// `path` is below /latest/, e.g. self/service.
  void put(const std::string& path, std::string body);
  void remove(const std::string& path);
  /// Draws a new version, which ends waits.
  std::string reload();
  /// Does both as one change.
  std::string reload_with(const std::string& path, std::string body);
  void set_waits(Waits waits);
  /// While down, every connection closes without an answer, waits too.
  void set_down(bool down);

  [[nodiscard]] std::string url() const { return server_.url(); }
  [[nodiscard]] std::vector<std::string> targets() const { return server_.targets(); }
  /// How many requests had this path below /latest/, whatever the query.
  [[nodiscard]] std::size_t count(std::string_view path) const;
  [[nodiscard]] std::size_t waits() const;
  bool await_waits(std::size_t count);
  bool await_requests(std::size_t count) { return server_.await_requests(count); }
  bool await_target(std::string_view part) { return server_.await_target(part); }

 private:
  void answer(const ScriptedServer::Request& request, ScriptedServer::Peer& peer);
  bool wait(std::string_view value, std::string_view max_wait, ScriptedServer::Peer& peer);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> bodies_;
  int reloads_ = 1;
  Waits waits_ = Waits::well;
  bool down_ = false;
  bool ending_ = false;

  /// Ends waits before the server joins their threads.
  struct Ender {
    ScriptedMetadata& metadata;
    ~Ender();
  };
  ScriptedServer server_;
  Ender ender_{*this};
};

/// A service's body with one container for each last byte of 10.42.0.x.
[[nodiscard]] std::string service_body(std::string_view name, std::initializer_list<int> hosts);

}  // namespace rancher_cnode::testing
