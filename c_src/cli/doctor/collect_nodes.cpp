#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <utility>

#include "cli/commands/beam_client.hpp"
#include "cli/commands/container_names.hpp"
#include "cli/commands/status.hpp"
#include "cli/doctor/answers.hpp"
#include "cli/doctor/collect.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/distribution/epmd.hpp"
#include "rancher_cnode/distribution/tls_warnings.hpp"
#include "rancher_cnode/membership/memberships.hpp"

namespace rancher_cnode::cli::doctor {
namespace asio = boost::asio;
using distribution::CallResult;
using distribution::TermBytes;
using distribution::TermWriter;

namespace {

constexpr Milliseconds own_epmd_limit{1'000};
constexpr Milliseconds cnode_limit{1'500};
constexpr std::size_t most_handshakes = 32;

Milliseconds at_most(Milliseconds limit, TimePoint deadline) {
  return std::clamp(std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()), Milliseconds(1),
                    limit);
}

void ask_epmd(Facts& facts, TimePoint deadline) {
  asio::io_context loop;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        facts.epmd.names = co_await distribution::epmd_names(*facts.address, facts.epmd.port,
                                                             at_most(own_epmd_limit, deadline));
      },
      asio::detached);
  loop.run();
}

/// Without epmd: the C-node that is connected to the BEAM.
void ask_connected_cnode(Facts& facts, TimePoint deadline, const Log& log) {
  if (facts.cookie.error) {
    return;
  }
  const auto report = container_report(completed(facts), at_most(cnode_limit, deadline), log);
  if (report) {
    facts.holder.kind = HolderFacts::Kind::cnode;
    facts.holder.version = report->version;
  } else if (report.error().code == ErrorCode::not_found) {
    facts.holder.kind = HolderFacts::Kind::nobody;
  }
}

void ask_holder(Facts& facts, TimePoint deadline, const Log& log) {
  if (facts.epmd.dist_port) {
    ask_connected_cnode(facts, deadline, log);
    return;
  }
  if (!facts.epmd.names) {
    return;
  }
  const auto& names = *facts.epmd.names;
  if (std::ranges::find(names, facts.config.basename) == names.end()) {
    facts.holder.kind = HolderFacts::Kind::nobody;
  } else if (!facts.cookie.error) {
    const auto report = container_report(completed(facts), at_most(cnode_limit, deadline), log);
    facts.holder.kind = report ? HolderFacts::Kind::cnode : HolderFacts::Kind::other;
    facts.holder.version = report ? report->version : "";
    facts.holder.error = report ? "" : report.error().message;
  }
}

TermBytes no_arguments() { return TermWriter().nil().take(); }
TermBytes atoms(std::initializer_list<std::string_view> names) {
  TermWriter list;
  list.list(names.size());
  for (const auto name : names) {
    list.atom(name);
  }
  return list.nil().take();
}

/// What is asked of every BEAM.
void ask_settings(BeamClient& client, const NodeName& node, BeamAnswers& answers) {
  client.call(node, {"erlang", "system_info"}, atoms({"otp_release"}), [&answers](const CallResult& result) {
    if (result) {
      answers.otp_release = release_in(*result);
    }
  });
  client.call(node, {"application", "get_env"}, atoms({"kernel", "prevent_overlapping_partitions"}),
              [&answers](const CallResult& result) {
                if (result) {
                  answers.prevent_overlapping_partitions = setting_in(*result);
                }
              });
  client.call(node, {"net_kernel", "get_net_ticktime"}, no_arguments(), [&answers](const CallResult& result) {
    if (result) {
      answers.net_ticktime = ticktime_in(*result);
    }
  });
}

/// Whether libcluster's own strategy runs. All modules of a release are loaded when it starts, so there only
/// the configuration counts; it is asked only where libcluster runs, which has these atoms.
void ask_strategy(BeamClient& client, BeamFacts& beam) {
  const auto& name = *beam.name;
  if (std::ranges::find(*beam.applications, "libcluster") == beam.applications->end()) {
    beam.rancher_strategy = false;
    return;
  }
  client.call(name, {"application", "get_env"}, atoms({"libcluster", "topologies"}),
              [&](const CallResult& configured) {
                if (configured && contains_atom(*configured, rancher_strategy)) {
                  beam.rancher_strategy = true;
                  return;
                }
                client.call(name, {"code", "get_mode"}, no_arguments(), [&](const CallResult& mode) {
                  if (!mode || contains_atom(*mode, "embedded")) {
                    return;
                  }
                  client.call(name, {"code", "all_loaded"}, no_arguments(), [&](const CallResult& loaded) {
                    beam.rancher_strategy = loaded && contains_atom(*loaded, rancher_strategy);
                  });
                });
              });
}

void ask_beam(BeamClient& client, BeamFacts& beam) {
  const auto& name = *beam.name;
  ask_settings(client, name, beam.answers);
  client.call(name, {"erlang", "nodes"}, atoms({"connected"}), [&beam](const CallResult& result) {
    if (result) {
      beam.connected = atoms_in(*result);
    }
  });
  client.call(name, {"application", "which_applications"}, no_arguments(), [&](const CallResult& result) {
    if (result) {
      beam.applications = applications_in(*result);
      ask_strategy(client, beam);
    }
  });
}

void find_peers(Facts& facts) {
  const auto* url = facts.read_url();
  const Config config = completed(facts);
  if (url == nullptr || config.node_basename.empty()) {
    return;
  }
  membership::Memberships memberships(agent::membership_settings(config, *facts.address), config.labels);
  memberships.observe(Clock::now(), url->answers.reads);
  for (auto& view : memberships.member_views()) {
    if (view.node.host() == facts.address->to_string()) {
      continue;
    }
    if (view.state == membership::MemberState::dialable) {
      facts.peers.push_back({.node = std::move(view.node), .connection = {}, .answers = {}});
    } else {
      ++facts.held;
    }
  }
}

/// A peer gets our handshake only if the own BEAM has confirmed the cookie: each refusal is a line in a log.
void ask_peers(BeamClient& client, Facts& facts) {
  for (auto& peer : facts.peers) {
    if (facts.beam_is_connected()) {
      client.connect(peer.node, [&client, &peer](const auto& connected) {
        peer.connection = connected;
        if (connected) {
          ask_settings(client, peer.node, peer.answers);
        }
      });
    } else {
      client.probe(peer.node, [&peer](const auto& connected) { peer.connection = connected; });
    }
  }
}

}  // namespace

void collect_nodes(Facts& facts, TimePoint deadline, const Log& log) {
  if (!facts.epmd.dist_port) {
    ask_epmd(facts, deadline);
  }
  ask_holder(facts, deadline, log);
  find_peers(facts);
  const auto tls = container_tls(completed(facts));
  if (tls) {
    facts.tls_warnings = distribution::tls_warnings(*tls, facts.address->to_string());
  }
  const std::size_t handshakes = std::clamp<std::size_t>(facts.peers.size(), 1, most_handshakes);
  BeamClient client({.own = *facts.address,
                     .cookie = facts.config.cookie,
                     .tls = tls,
                     .ports = agent::port_source(completed(facts)),
                     .concurrent_handshakes = handshakes,
                     .deadline = deadline},
                    log);
  if ((facts.epmd.names || facts.epmd.dist_port) && facts.beam.name && !facts.cookie.error) {
    client.connect(*facts.beam.name, [&](const auto& connected) {
      facts.beam.connection = connected;
      if (connected) {
        ask_beam(client, facts.beam);
      }
    });
    client.run();
  }
  ask_peers(client, facts);
  client.run();
}

}  // namespace rancher_cnode::cli::doctor
