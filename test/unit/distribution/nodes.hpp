// Nodes on one loop, with a stand-in for epmd, and the events they reported.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "bytes.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "support/unit/epmd_stand_in.hpp"
#include "support/unit/loopback.hpp"

namespace rancher_cnode::distribution::test {

class Lines final : public Log::Sink {
 public:
  void line(std::string_view text) override { all.emplace_back(text.substr(text.find(' ') + 1)); }
  std::vector<std::string> all;
};

inline NodeName name(const std::string& text) { return *NodeName::parse(text); }

/// One node with its events and log lines. Several share a loop and an epmd.
struct Node {
  Node(boost::asio::io_context& its_loop, const EpmdStandIn& epmd, const std::string& node,
       const std::function<void(CNode::Settings&)>& change = {})
      : loop(its_loop) {
    initialise_handshakes();
    CNode::Settings settings{
        .name = name(node), .cookie = Cookie("secret"), .listen_ports = {}, .timing = {}};
    settings.ports.epmd_port = epmd.port();
    settings.lookup_limit = patience;
    if (change) {
      change(settings);
    }
    cnode.emplace(loop, settings,
                  CNode::Handlers{[this](const NodeName& peer) {
                                    events.push_back("up " + peer.str());
                                    if (on_event) {
                                      on_event();
                                    }
                                  },
                                  [this](const NodeName& peer, const Error& why) {
                                    events.push_back("down " + peer.str() + ": " + why.message);
                                    if (on_event) {
                                      on_event();
                                    }
                                  },
                                  [this](RegistrationState state, const std::string& /*reason*/) {
                                    registrations.push_back(std::string(to_string(state)));
                                  }},
                  log);
  }

  void start() {
    REQUIRE(cnode->start());
    run_until(loop, "the registration",
              [this] { return cnode->registration() == RegistrationState::registered; });
  }

  void wait_for(const std::string& event) {
    run_until(loop, event.c_str(),
              [&] { return std::find(events.begin(), events.end(), event) != events.end(); });
  }

  tl::expected<void, ConnectFailure> connect(const std::string& peer) {
    std::optional<tl::expected<void, ConnectFailure>> result;
    cnode->connect(name(peer), [&](tl::expected<void, ConnectFailure> end) { result = std::move(end); });
    run_until(loop, "the connection or its failure", [&] { return result.has_value(); });
    return *result;
  }

  CallResult request(const std::string& peer, const std::string& process, const TermBytes& request) {
    std::optional<CallResult> result;
    cnode->request(name(peer), process, request, patience, [&](CallResult end) { result = std::move(end); });
    run_until(loop, "the reply", [&] { return result.has_value(); });
    return *result;
  }

  boost::asio::io_context& loop;
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  Log log{LogLevel::debug, LogFormat::text, lines};
  std::vector<std::string> events;
  std::vector<std::string> registrations;
  std::function<void()> on_event;
  std::optional<CNode> cnode;
};

struct TwoNodes {
  explicit TwoNodes(const std::function<void(CNode::Settings&)>& change = {})
      : b(loop, epmd, "b@127.0.0.1", change) {
    a.start();
    b.start();
  }
  ~TwoNodes() {
    a.cnode->stop();
    b.cnode->stop();
    run_for(loop, Milliseconds(1));
  }
  boost::asio::io_context loop;
  EpmdStandIn epmd{loop};
  Node a{loop, epmd, "a@127.0.0.1"};
  Node b;
};

inline TermBytes is_auth() { return TermWriter().tuple(2).atom("is_auth").atom("a@127.0.0.1").take(); }

}  // namespace rancher_cnode::distribution::test
