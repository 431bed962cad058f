#include "cli/commands/patient_connect.hpp"

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>

namespace rancher_cnode::cli {
namespace asio = boost::asio;
using boost::system::error_code;
using distribution::ConnectFailure;
using OnConnected = distribution::Connections::OnConnected;

namespace {

constexpr Milliseconds connect_interval{300};
constexpr int most_retries = 5;

/// It still has a connection from this name, which another command has made.
bool is_busy(const ConnectFailure& failed) {
  return failed.error.code == ErrorCode::unavailable && failed.stage != "epmd" && failed.stage != "connect";
}

void try_to_connect(asio::io_context& loop, distribution::CNode& node, const NodeName& beam, int retries,
                    OnConnected done) {
  node.connect(beam, [&loop, &node, beam, retries, done = std::move(done)](const auto& connected) {
    if (connected || retries == 0 || !is_busy(connected.error())) {
      done(connected);
      return;
    }
    auto timer = std::make_shared<asio::steady_timer>(loop, connect_interval);
    timer->async_wait([timer, &loop, &node, beam, retries, done](const error_code& cancelled) {
      if (!cancelled) {
        try_to_connect(loop, node, beam, retries - 1, done);
      }
    });
  });
}

}  // namespace

void connect_patiently(asio::io_context& loop, distribution::CNode& node, const NodeName& beam,
                       OnConnected done) {
  try_to_connect(loop, node, beam, most_retries, std::move(done));
}

}  // namespace rancher_cnode::cli
