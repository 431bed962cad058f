// The C-node once its own name, its BEAM's name and the cookie are known: carries reads into the membership,
// what is desired to the targets, and answers who asks. Used by Agent. On the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/discovery.hpp"
#include "agent/mesh_query.hpp"
#include "agent/program.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::agent {

/// What the node reports and asks for. All are called on the loop, and none during the constructor.
struct NodeOwner {
  std::function<void()> listening;        ///< from now on it takes observations; once
  std::function<void()> read_again;       ///< the metadata, soon
  std::function<void()> ask_own_address;  ///< of the metadata, soon, for the next observation
  /// These paths from now on, soon.
  std::function<void(std::vector<std::string>)> read_services;
  std::function<void()> synced;  ///< the initial sync is done; may be called again
};

class Node {
 public:
  /// Precondition: config.is_complete(), and it has an ip. `beam` is the target with --targets local. What is
  /// given by reference must outlive it.
  Node(boost::asio::io_context& loop, Timers& timers, Config config, NodeName beam, Program program,
       const Log& log, NodeOwner owner);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Starts to listen, and retries until that succeeds. Nothing else starts before.
  void start();
  /// Nothing runs after it.
  void stop();

  /// Precondition: it listens.
  void observed(const metadata::Observation& observation);

  [[nodiscard]] status::Snapshot snapshot() const;
  /// As MeshQuery::ask; once this is destroyed, `done` is not called any more.
  void ask_mesh(MeshQuery::Done done);
  /// Reads the metadata and makes waiting peers due, as the request `refresh` does.
  void refresh();

  /// Whether it was made for this BEAM, whose cookie may be another one: name, port of epmd or of the
  /// distribution, protocol and TLS options.
  [[nodiscard]] bool is_for(const FoundBeam& beam) const;
  /// For all connections that are made from now on.
  void use_cookie(const Cookie& cookie);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rancher_cnode::agent
