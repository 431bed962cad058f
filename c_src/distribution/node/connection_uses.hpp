// Who uses the connections of a node: what is made for a while may have become another's by its end, so that
// only the last user's end closes it. Used by cnode. On the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/connections.hpp"

namespace rancher_cnode::distribution {

class ConnectionUses {
 public:
  /// `unused` is called when the last use of a peer ends; it must not begin one.
  explicit ConnectionUses(std::function<void(const NodeName& peer)> unused);

  /// May outlive this object; its end is nobody's concern then.
  [[nodiscard]] ConnectionUse begin(const NodeName& peer);

 private:
  struct State {
    std::function<void(const NodeName&)> unused;
    std::map<NodeName, std::weak_ptr<const void>> uses;  ///< none has expired
  };
  std::shared_ptr<State> state_;
};

}  // namespace rancher_cnode::distribution
