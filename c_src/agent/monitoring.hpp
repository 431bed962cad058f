// The HTTP listener of the program: its port, its paths, and what each returns. Used by Agent, one object a
// life. On the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/mesh_query.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/http/listening_port.hpp"
#include "rancher_cnode/http/server.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/status/mesh.hpp"
#include "rancher_cnode/status/report.hpp"
#include "rancher_cnode/status/snapshot.hpp"
#include "rancher_cnode/status/verdict.hpp"

namespace rancher_cnode::agent {

class Monitoring {
 public:
  struct Source {
    std::function<status::Snapshot()> snapshot;
    std::function<void(MeshQuery::Done)> ask_mesh;  ///< never calls back if nobody can ask
  };

  /// What is given by reference must outlive it.
  Monitoring(boost::asio::io_context& loop, Timers& timers, http::ListeningPort& port,
             status::ReadyDemands ready_demands, Source source, const Log& log);

  /// Listens, and retries until that succeeds.
  void start();
  /// Nothing is answered after it.
  void stop();

 private:
  enum class Reload { never, regularly };

  void log_accepting(const std::string& failure) const;
  [[nodiscard]] std::vector<http::Route> routes();
  [[nodiscard]] std::string page(status::Report report, Reload reload);

  Timers& timers_;
  http::ListeningPort& port_;
  const status::ReadyDemands ready_demands_;
  const Source source_;
  const Log& log_;
  std::string logged_failure_;        ///< why it does not listen, as logged last
  std::optional<status::Mesh> mesh_;  ///< as the members answered last, for the page
  TimePoint mesh_at_;
  Timers::Pending retry_;
  http::Server server_;
};

}  // namespace rancher_cnode::agent
