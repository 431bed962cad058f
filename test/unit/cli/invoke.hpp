// A command line as main gets it.
#pragma once

#include <utility>
#include <vector>

#include "cli/command_line.hpp"

namespace rancher_cnode::cli::test {

using config::Environment;
using Variables = Environment::Variables;

inline const Variables with_cookie{{"RANCHER_CNODE_COOKIE", "s3cret-cookie"}};

inline Invocation invoke(std::vector<const char*> arguments, Variables variables = with_cookie) {
  arguments.insert(arguments.begin(), "rancher_cnode");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(),
                            Environment(std::move(variables)));
}

}  // namespace rancher_cnode::cli::test
