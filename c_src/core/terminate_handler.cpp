#include "rancher_cnode/core/terminate_handler.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>

namespace rancher_cnode {

void install_terminate_handler() {
  // Not a catch in main: the stack must not be unwound, because a pool that has started only some of its
  // threads would wait for them forever.
  std::set_terminate([]() {
    try {
      if (const auto exception = std::current_exception()) {
        std::rethrow_exception(exception);
      }
    } catch (const std::exception& error) {
      std::cerr << "rancher_cnode: fatal error: " << error.what() << '\n';
    }
    std::_Exit(1);
  });
}

}  // namespace rancher_cnode
