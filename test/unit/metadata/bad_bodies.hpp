// Bodies that must never pass as a service.
#pragma once

#include <string>
#include <vector>

namespace rancher_cnode::testing {

struct BadBody {
  std::string what;
  std::string body;
  const char* message;  ///< a part of the error message
};

[[nodiscard]] std::vector<BadBody> bad_bodies();

}  // namespace rancher_cnode::testing
