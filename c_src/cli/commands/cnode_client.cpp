#include "cli/commands/cnode_client.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "cli/commands/beam_client.hpp"
#include "cli/commands/patient_connect.hpp"
#include "cli/doctor/answers.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/status/status_server.hpp"

namespace rancher_cnode::cli {
using distribution::CallResult;
using distribution::OnCallResult;
using distribution::TermBytes;
using distribution::TermWriter;

namespace {

Config at_address(Config config, Ipv4Address own) {
  config.ip = own;
  return config;
}

/// A BEAM keeps names for ever, so for it they are few; yet one that waits for long is not to keep another
/// one out. Not derived from --basename, which may already have the maximum length.
distribution::CNode::Settings settings(const Config& config, const std::optional<EpmdlessBeam>& beam) {
  constexpr pid_t names_for_beam = 16;
  const std::string alive =
      beam ? std::string(BeamClient::alive_name) + "_" + std::to_string(::getpid() % names_for_beam)
           : "rancher_cnode_ask_" + std::to_string(::getpid());
  distribution::CNode::Settings settings{.name = NodeName::of(alive, *config.ip),
                                         .cookie = config.cookie,
                                         .listen_ports = {},
                                         .ports = agent::port_source(config),
                                         .handshake_threads = {.outgoing = 1, .incoming = 0},
                                         .timing = {}};
  settings.ports.dist_port = beam ? std::optional(beam->dist_port) : std::nullopt;
  return settings;
}

}  // namespace

CnodeClient::CnodeClient(const Config& config, Ipv4Address own, const Log& log)
    : config_(at_address(config, own)),
      log_(log),
      work_(loop_.get_executor()),
      cnode_(NodeName::of(config.basename, own)) {}

void CnodeClient::ask(std::span<const char> request, Milliseconds limit, OnCallResult done) {
  const auto cookie = container_cookie(config_);
  if (!cookie) {
    done(tl::unexpected<Error>(cookie.error()));
    return;
  }
  const auto beam = epmdless_beam(config_, *config_.ip);
  if (!node_ || beam != beam_) {
    beam_ = beam;
    node_.emplace(loop_, settings(config_, beam_), distribution::CNode::Handlers{}, log_);
  }
  node_->set_cookie(*cookie);
  node_->set_tls(container_tls(config_));
  const auto connected = [this, limit, bytes = TermBytes(request.begin(), request.end()),
                          done = std::move(done)](const auto& result) {
    if (!result) {
      done(tl::unexpected<Error>(result.error().error));
    } else if (beam_) {
      request_through_beam(bytes, limit, done);
    } else {
      node_->request(cnode_, status::StatusServer::process_name, bytes, limit, done);
    }
  };
  if (beam_) {
    connect_patiently(loop_, *node_, beam_->node, connected);
  } else {
    node_->connect(cnode_, connected);
  }
}

/// Only a C-node that is connected: without a connection the BEAM would dial its own port for it, wait for 7
/// s, and log an error.
void CnodeClient::request_through_beam(const TermBytes& request, Milliseconds limit,
                                       const OnCallResult& done) {
  const NodeName beam = beam_->node;
  node_->call(beam, {"erlang", "nodes"}, TermWriter().list(1).atom("hidden").nil().take(), limit,
              [this, beam, request, limit, done](const CallResult& hidden) {
                if (!hidden) {
                  done(tl::unexpected<Error>(hidden.error()));
                  return;
                }
                const auto nodes = doctor::atoms_in(*hidden);
                if (std::ranges::find(nodes, cnode_.str()) == nodes.end()) {
                  done(failure(ErrorCode::not_found, "it is not connected to " + beam.str() +
                                                         ", through which alone it is reached without epmd"));
                  return;
                }
                TermWriter arguments;
                arguments.list(3).tuple(2).atom(status::StatusServer::process_name).atom(cnode_.str());
                arguments.raw(request).integer(limit.count()).nil();
                node_->call(beam, {"gen_server", "call"}, arguments.take(), limit, done);
              });
}

}  // namespace rancher_cnode::cli
