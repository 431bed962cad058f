#include "rancher_cnode/distribution/peer_port.hpp"

#include <boost/asio/error.hpp>
#include <utility>

#include "distribution/timed_connection.hpp"
#include "rancher_cnode/distribution/epmd.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;

asio::awaitable<Expected<std::uint16_t>> reach_port(Ipv4Address host, std::uint16_t port,
                                                    Milliseconds limit) {
  const auto connection = co_await connect_within(host, port, limit);
  if (!connection->error) {
    co_return port;
  }
  const std::string its_port = "its distribution port " + std::to_string(port);
  if (connection->late) {
    co_return failure(ErrorCode::timeout, its_port + " does not answer");
  }
  if (connection->error == asio::error::connection_refused) {
    co_return failure(ErrorCode::not_found, "nobody listens on " + its_port);
  }
  co_return failure(ErrorCode::unavailable, its_port + " cannot be reached: " + connection->error.message());
}

asio::awaitable<Expected<std::uint16_t>> peer_port(Ipv4Address host, std::string alive, PortSource source,
                                                   Milliseconds limit) {
  if (source.dist_port) {
    co_return co_await reach_port(host, *source.dist_port, limit);
  }
  co_return co_await epmd_port(host, source.epmd_port, std::move(alive), limit);
}

ConnectFailure lookup_failure(PortSource source, Error error) {
  return {source.dist_port ? "connect" : "epmd", std::move(error), source.dist_port.value_or(0)};
}

}  // namespace rancher_cnode::distribution
