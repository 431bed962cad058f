// Where the parts of one reconciler draw the ids of their actions from.
#pragma once

#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::reconciler {

class ActionIds {
 public:
  ActionId take() { return next_++; }

  /// The least id that is not drawn yet. An answer with a lower id may have been made before what happens
  /// now.
  [[nodiscard]] ActionId next() const { return next_; }

 private:
  ActionId next_ = 1;  // 0 stands for "none"
};

}  // namespace rancher_cnode::reconciler
