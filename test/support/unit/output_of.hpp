// Runs a program of the system from a unit, for formats that only their own readers judge.
#pragma once

#include <doctest/doctest.h>
#include <stdio.h>

#include <string>

namespace test_support {

/// What the command of the shell prints. It must end with 0.
inline std::string output_of(const std::string& command) {
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c = ::fgetc(pipe); c != EOF; c = ::fgetc(pipe)) {
    text += static_cast<char>(c);
  }
  const int status = ::pclose(pipe);
  CHECK_MESSAGE(status == 0, command, ": ", text);
  return text;
}

}  // namespace test_support
