// What init starts as the C-node here: it writes to a journal that it was started, and ends or stays as it is
// asked to.
//
//   unit_init cnode JOURNAL stays|ends [STATUS [TIMES]] ... flag that init adds
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::init::test {

constexpr std::string_view stand_in_word = "cnode";

/// One line, at once: several processes write.
inline void journal(const std::string& file, const std::string& line) {
  std::ofstream(file, std::ios::app) << line + "\n" << std::flush;
}

inline std::vector<std::string> journal_lines(const std::string& file, std::string_view first_word) {
  std::vector<std::string> found;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(first_word)) {
      found.push_back(line);
    }
  }
  return found;
}

/// Monotonic milliseconds, the same for all processes.
inline std::int64_t now_ms() {
  return std::chrono::duration_cast<Milliseconds>(Clock::now().time_since_epoch()).count();
}

/// For main. Ends with the given status the first so many times, and after that stays until its standard
/// input closes.
inline int stand_in(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  const std::string& file = arguments[2];
  const int status = std::atoi(arguments[3].c_str());
  const std::size_t times = std::strtoul(arguments[4].c_str(), nullptr, 10);
  const char* const address = std::getenv("CONTAINER_IP");
  journal(file, "started " + std::to_string(::getpid()) + " at " + std::to_string(now_ms()) + " by " +
                    arguments.back() + " address " + (address == nullptr ? "none" : address));
  if (journal_lines(file, "started").size() <= times) {
    return status;
  }
  char nothing = 0;
  while (::read(STDIN_FILENO, &nothing, 1) > 0) {
  }
  if (arguments.back() == "--exit-with-beam") {
    ::pause();
  }
  journal(file, "standard input closed");
  return 0;
}

}  // namespace rancher_cnode::init::test
