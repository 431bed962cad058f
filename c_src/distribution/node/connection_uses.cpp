#include "distribution/node/connection_uses.hpp"

#include <utility>

namespace rancher_cnode::distribution {

ConnectionUses::ConnectionUses(std::function<void(const NodeName&)> unused)
    : state_(std::make_shared<State>(std::move(unused))) {}

ConnectionUse ConnectionUses::begin(const NodeName& peer) {
  auto& kept = state_->uses[peer];
  if (auto use = kept.lock()) {
    return use;
  }
  const auto end = [weak = std::weak_ptr(state_), peer](const void* /*state*/) {
    if (const auto state = weak.lock()) {
      state->uses.erase(peer);
      state->unused(peer);
    }
  };
  ConnectionUse use(state_.get(), end);  // not null, or it would count as none
  kept = use;
  return use;
}

}  // namespace rancher_cnode::distribution
