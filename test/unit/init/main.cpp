// The cases of init; with the word `cnode` first, this program is the C-node that they start.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <string_view>

#include "unit/init/stand_in.hpp"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == rancher_cnode::init::test::stand_in_word) {
    return rancher_cnode::init::test::stand_in(argc, argv);
  }
  return doctest::Context(argc, argv).run();
}
