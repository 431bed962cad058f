#include "rancher_cnode/log/terminate_handler.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>

#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode {
namespace {

void print(LogFormat format, const char* reason) {
  if (format == LogFormat::text) {
    std::cerr << "rancher_cnode: fatal error: " << reason << '\n';
  } else {
    Log(LogLevel::error, format).error("fatal_error", reason);
  }
}

/// Not a catch in main: the stack must not be unwound, because a pool that has started only some of its
/// threads would wait for them forever.
template <LogFormat format>
[[noreturn]] void terminate() {
  try {
    if (const auto exception = std::current_exception()) {
      std::rethrow_exception(exception);
    }
  } catch (const std::exception& error) {
    try {
      print(format, error.what());
    } catch (const std::exception&) {  // no memory for the line either
    }
  }
  std::_Exit(1);
}

}  // namespace

void install_terminate_handler(LogFormat format) {
  std::set_terminate(format == LogFormat::json ? &terminate<LogFormat::json> : &terminate<LogFormat::text>);
}

}  // namespace rancher_cnode
