#include "cli/commands/failure.hpp"

#include <iostream>

#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

void print_failure(const Config& config, const std::string& reason) {
  if (config.log_format == LogFormat::text) {
    std::cerr << reason << '\n';
  } else {
    Log(LogLevel::error, config.log_format).error("command_failed", reason);
  }
}

void print_notice(const Config& config, const std::string& text) {
  if (config.log_format == LogFormat::text) {
    std::cerr << text << '\n';
  } else {
    Log(LogLevel::info, config.log_format).info("command_notice", text);
  }
}

}  // namespace rancher_cnode::cli
