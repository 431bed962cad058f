// The connections of a node as a case wants them: attempts and calls are kept until the case ends them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "distribution/node/connection_uses.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent::test {

inline NodeName node(const std::string& name) { return *NodeName::parse(name); }

class FakeConnections final : public distribution::Connections {
 public:
  struct Call {
    std::string text;  ///< "module:function(arguments) on peer"
    Milliseconds limit;
    distribution::OnCallResult done;
  };

  static constexpr std::size_t whole = 4'000;  ///< more than any call here has as text

  explicit FakeConnections(const std::string& name) : name_(node(name)) {}

  [[nodiscard]] const NodeName& name() const override { return name_; }
  [[nodiscard]] bool connected(const NodeName& peer) const override { return connected_peers.contains(peer); }
  void connect(const NodeName& peer, OnConnected done) override {
    attempts.push_back(peer.str());
    open_attempts_.push_back(std::move(done));
  }
  void look_up(const NodeName& peer, OnPort done) override {
    lookups.push_back(peer.str());
    open_lookups_.push_back(std::move(done));
  }
  void set_cookie(const Cookie&) override { ++cookies; }
  [[nodiscard]] distribution::ConnectionUse use(const NodeName& peer) override { return uses_.begin(peer); }
  void call(const NodeName& peer, const ModuleFunction& what, std::span<const char> arguments,
            Milliseconds limit, distribution::OnCallResult done) override {
    calls.push_back({what.module + ":" + what.function + "(" + distribution::printed(arguments, whole) +
                         ") on " + peer.str(),
                     limit, std::move(done)});
  }

  /// Ends the attempt that has been open longest.
  void fail_attempt(const std::string& stage, ErrorCode code, const std::string& message) {
    end_attempt(tl::unexpected(distribution::ConnectFailure{stage, {code, message}}));
  }
  void end_attempt(tl::expected<void, distribution::ConnectFailure> result) {
    REQUIRE_FALSE(open_attempts_.empty());
    const auto done = std::move(open_attempts_.front());
    open_attempts_.pop_front();
    done(std::move(result));
  }

  [[nodiscard]] bool looks_up() const { return !open_lookups_.empty(); }
  /// Answers the lookup that has been open longest.
  void answer_lookup(const Expected<std::uint16_t>& port) {
    REQUIRE_FALSE(open_lookups_.empty());
    const auto done = std::move(open_lookups_.front());
    open_lookups_.pop_front();
    done(port);
  }

  /// The call that has been open longest; it is the case's from now on.
  Call take_call() {
    REQUIRE_FALSE(calls.empty());
    Call call = std::move(calls.front());
    calls.pop_front();
    return call;
  }
  /// Answers the open call of this text, of several the oldest.
  void answer(const std::string& text, const distribution::CallResult& result) {
    const auto found = std::ranges::find(calls, text, &Call::text);
    std::string open;
    for (const auto& call : calls) {
      open += "\n  " + call.text;
    }
    REQUIRE_MESSAGE(found != calls.end(), "no call ", text, "; open are:", open);
    const auto done = std::move(found->done);
    calls.erase(found);
    done(result);
  }

  std::set<NodeName> connected_peers;
  std::vector<std::string> attempts;      ///< all there were
  std::deque<Call> calls;                 ///< those that are open
  std::vector<std::string> disconnected;  ///< whose last use has ended
  std::vector<std::string> lookups;       ///< all there were
  int cookies = 0;                        ///< as often as a cookie was set

 private:
  NodeName name_;
  distribution::ConnectionUses uses_{[this](const NodeName& peer) { disconnected.push_back(peer.str()); }};
  std::deque<OnConnected> open_attempts_;
  std::deque<OnPort> open_lookups_;
};

inline distribution::TermBytes atom(std::string_view name) {
  return distribution::TermWriter().atom(name).take();
}

/// A list of atoms.
inline distribution::TermBytes atoms(const std::vector<std::string>& names) {
  distribution::TermWriter list;
  if (!names.empty()) {
    list.list(names.size());
  }
  for (const auto& name : names) {
    list.atom(name);
  }
  return list.nil().take();
}

}  // namespace rancher_cnode::agent::test
