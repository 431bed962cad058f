// Command lines for cases: made of words, or copied from real BEAMs.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace rancher_cnode::host::test {

using Words = std::vector<std::string_view>;

/// Arguments as in /proc/PID/cmdline, each with its NUL.
inline std::string cmdline(const Words& arguments) {
  std::string text;
  for (const auto argument : arguments) {
    text.append(argument).push_back('\0');
  }
  return text;
}

/// As erlexec starts the emulator for `erl ARGUMENTS`, with HOME=/home/app.
inline std::string beam_cmdline(const Words& arguments) {
  return cmdline({"/usr/lib/erlang/erts-13.1.5/bin/beam.smp", "-K", "true", "--", "-root", "/usr/lib/erlang",
                  "-bindir", "/usr/lib/erlang/erts-13.1.5/bin", "-progname", "erl", "--", "-home",
                  "/home/app", "--"}) +
         cmdline(arguments);
}

/// A file of test/support/command_lines.
inline std::string real_cmdline(const std::string& name) {
  std::ifstream file(std::string(RANCHER_CNODE_COMMAND_LINES) + '/' + name, std::ios::binary);
  if (!file) {
    throw std::runtime_error("no command line " + name);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace rancher_cnode::host::test
