// Bodies that the real metadata service answered.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace rancher_cnode::testing {

inline std::string fixture(const std::string& name) {
  std::ifstream file(std::string(RANCHER_CNODE_FIXTURES) + "/metadata/" + name, std::ios::binary);
  if (!file) {
    throw std::runtime_error("no fixture " + name);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace rancher_cnode::testing
