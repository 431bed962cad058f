#include "last_words.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>

namespace rancher_cnode {

void end_in_one_line_on_exceptions() {
  // Not a catch in main: nothing must be unwound, as a pool that has got a part of its threads would wait for
  // them for ever.
  std::set_terminate([]() {
    try {
      if (const auto exception = std::current_exception()) {
        std::rethrow_exception(exception);
      }
    } catch (const std::exception& error) {
      std::cerr << "rancher_cnode: cannot go on: " << error.what() << '\n';
    }
    std::_Exit(1);
  });
}

}  // namespace rancher_cnode
