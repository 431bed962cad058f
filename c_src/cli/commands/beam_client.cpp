#include "cli/commands/beam_client.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <string>
#include <utility>

#include "cli/commands/patient_connect.hpp"
#include "rancher_cnode/distribution/peer_port.hpp"

namespace rancher_cnode::cli {
namespace asio = boost::asio;
using distribution::ConnectFailure;
using OnConnected = distribution::Connections::OnConnected;

namespace {

/// Of one lookup, one connection, one call. A healthy node needs milliseconds.
constexpr Milliseconds step_limit{2'000};

distribution::CNode::Settings node_settings(const BeamClient::Settings& settings) {
  return {.name = NodeName::of(BeamClient::alive_name, settings.own),
          .cookie = settings.cookie,
          .listen_ports = {},
          .ports = settings.ports,
          .handshake_limit = step_limit,
          .handshake_threads = {.outgoing = settings.concurrent_handshakes, .incoming = 0},
          .tls = settings.tls,
          .timing = {}};
}

using Connected = tl::expected<void, ConnectFailure>;

asio::awaitable<Connected> probed(NodeName node, distribution::PortSource ports, Milliseconds limit) {
  const auto address = node.address().value_or(Ipv4Address());
  const auto port = co_await distribution::peer_port(address, std::string(node.alive()), ports, limit);
  if (!port) {
    co_return tl::unexpected(distribution::lookup_failure(ports, port.error()));
  }
  if (!ports.dist_port) {  // else that was the connection
    const auto reached = co_await distribution::reach_port(address, *port, limit);
    if (!reached) {
      co_return tl::unexpected(ConnectFailure{"connect", reached.error(), *port});
    }
  }
  co_return Connected();
}

}  // namespace

BeamClient::BeamClient(const Settings& settings, const Log& log)
    : work_(loop_.get_executor()),
      deadline_(settings.deadline),
      ports_(settings.ports),
      node_(loop_, node_settings(settings), {}, log) {}

template <class... Arguments>
std::function<void(Arguments...)> BeamClient::counted(std::function<void(Arguments...)> done) {
  ++pending_;
  return [this, done = std::move(done)](Arguments... arguments) {
    done(arguments...);
    if (--pending_ == 0) {
      loop_.stop();
    }
  };
}

Milliseconds BeamClient::left() const {
  return std::clamp(std::chrono::duration_cast<Milliseconds>(deadline_ - Clock::now()), Milliseconds(1),
                    step_limit);
}

void BeamClient::connect(const NodeName& node, OnConnected done) {
  connect_patiently(loop_, node_, node, counted(std::move(done)));
}

void BeamClient::call(const NodeName& node, const ModuleFunction& what,
                      const distribution::TermBytes& arguments, distribution::OnCallResult done) {
  node_.call(node, what, arguments, left(), counted(std::move(done)));
}

void BeamClient::probe(const NodeName& node, OnConnected done) {
  asio::co_spawn(
      loop_, probed(node, ports_, left()),
      [done = counted(std::move(done))](const std::exception_ptr& failed, const Connected& result) {
        if (failed) {
          std::rethrow_exception(failed);
        }
        done(result);
      });
}

void BeamClient::run() {
  if (pending_ > 0) {
    loop_.restart();
    loop_.run_until(deadline_);
  }
}

}  // namespace rancher_cnode::cli
