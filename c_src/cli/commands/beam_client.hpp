// Asks BEAMs, as a hidden node with a loop of its own. Used by the commands doctor and plan.
//
// Its name is the same each time, because a BEAM keeps the name of every node that has connected to it as an
// atom for ever; and it begins with remsh, which the libraries ignore that distribute work to nodes. It
// neither listens nor registers its name. If two run at the same time, the second one waits until the first
// has gone.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <string_view>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

class BeamClient {
 public:
  static constexpr std::string_view alive_name = "remsh-rancher_cnode_ask";

  struct Settings {
    Ipv4Address own;
    Cookie cookie;
    std::optional<TlsSettings> tls;  ///< nothing: plain TCP
    distribution::PortSource ports;
    std::size_t concurrent_handshakes;
    TimePoint deadline;
  };

  /// `log` must outlive it.
  BeamClient(const Settings& settings, const Log& log);
  BeamClient(const BeamClient&) = delete;
  BeamClient& operator=(const BeamClient&) = delete;

  /// `done` runs during run(), or never if that ends before.
  void connect(const NodeName& node, distribution::Connections::OnConnected done);
  /// `arguments` is one encoded list. Over the connection, by rpc's server `rex`.
  void call(const NodeName& node, const ModuleFunction& what, const distribution::TermBytes& arguments,
            distribution::OnCallResult done);
  /// Only the epmd of the node is asked, where there is one, and its port is connected; no byte is sent
  /// there.
  void probe(const NodeName& node, distribution::Connections::OnConnected done);
  void disconnect(const NodeName& node) { node_.disconnect(node); }

  /// Until everything that was started is done, or the deadline.
  void run();

 private:
  /// Counts `done` as work to be waited for.
  template <class... Arguments>
  std::function<void(Arguments...)> counted(std::function<void(Arguments...)> done);
  [[nodiscard]] Milliseconds left() const;

  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  TimePoint deadline_;
  const distribution::PortSource ports_;
  std::size_t pending_ = 0;
  distribution::CNode node_;
};

}  // namespace rancher_cnode::cli
