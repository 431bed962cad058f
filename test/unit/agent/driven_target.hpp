// One driven BEAM with a target of its own.
#pragma once

#include <doctest/doctest.h>

#include "agent/target.hpp"
#include "driven.hpp"

namespace rancher_cnode::agent::test {

inline constexpr const char* peer = "b@127.0.0.1";
inline constexpr const char* other_peer = "c@127.0.0.1";
inline const Error timeout{ErrorCode::timeout, "no answer in time"};

struct Driven : Surroundings {
  explicit Driven(const std::function<void(Config&)>& change = {}) {
    if (change) {
      change(config);
    }
    target = std::make_shared<Target>(InlineExecutor(loop), node, timers, config, cookie, durations, log,
                                      agent::test::node(own_target), [this] { ++changes; });
    target->start();
  }
  ~Driven() { target->stop(); }

  void list(const Texts& connected) { Surroundings::list(own_target, connected); }
  void dial(const std::string& whom, const char* result = "true") {
    Surroundings::dial(own_target, whom, result);
  }
  /// Connected, and it has listed what it is connected to.
  void connected(const std::shared_ptr<membership::Desired>& wanted, const Texts& list_of_target = {}) {
    target->desired_changed(wanted);
    target->node_up();
    list(list_of_target);
  }
  [[nodiscard]] Texts calls() const {
    Texts texts;
    for (const auto& call : node.calls) {
      texts.push_back(call.text);
    }
    return texts;
  }

  std::shared_ptr<Target> target;
};

}  // namespace rancher_cnode::agent::test
