#include "cli/commands/cnode_client.hpp"

#include <unistd.h>

#include <string>
#include <utility>

#include "cli/commands/container_names.hpp"
#include "rancher_cnode/status/status_server.hpp"

namespace rancher_cnode::cli {
namespace {

Config at_address(Config config, Ipv4Address own) {
  config.ip = own;
  return config;
}

distribution::CNode::Settings settings(const Config& config, Ipv4Address own) {
  // Not derived from --basename, which may already have the maximum length.
  return {.name = NodeName::of("rancher_cnode_ask_" + std::to_string(::getpid()), own),
          .cookie = config.cookie,
          .listen_ports = {},
          .epmd_port = config.epmd_port,
          .handshake_threads = {.outgoing = 1, .incoming = 0},
          .timing = {}};
}

}  // namespace

CnodeClient::CnodeClient(const Config& config, Ipv4Address own, const Log& log)
    : config_(at_address(config, own)),
      work_(loop_.get_executor()),
      cnode_(NodeName::of(config.basename, own)),
      node_(loop_, settings(config, own), {}, log) {}

void CnodeClient::ask(std::span<const char> request, Milliseconds limit, distribution::OnCallResult done) {
  const auto cookie = container_cookie(config_);
  if (!cookie) {
    done(tl::unexpected<Error>(cookie.error()));
    return;
  }
  node_.set_cookie(*cookie);
  node_.connect(cnode_, [this, limit, bytes = std::vector<char>(request.begin(), request.end()),
                         done = std::move(done)](const auto& connected) {
    if (connected) {
      node_.request(cnode_, status::StatusServer::process_name, bytes, limit, done);
    } else {
      done(tl::unexpected<Error>(connected.error().error));
    }
  });
}

}  // namespace rancher_cnode::cli
