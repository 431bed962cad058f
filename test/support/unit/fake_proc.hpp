// A folder in place of /proc. For the units of host/ and of the agent.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "rancher_cnode/host/process_table.hpp"
#include "support/unit/temporary_file.hpp"
#include "unit/host/command_lines.hpp"

namespace rancher_cnode::host::test {
namespace fs = std::filesystem;

/// A folder in place of /proc.
class FakeProc {
 public:
  struct Process {
    std::string comm = "beam.smp";
    std::string cmdline = beam_cmdline({"-name", "app@10.42.0.2", "-setcookie", "x"});
    int start = 100;
    int parent = 1;
    char state = 'S';
  };

  void add(const std::string& pid, const Process& process) {
    fs::create_directories(folder_.path() + "/" + pid);
    folder_.file(pid + "/comm", process.comm + "\n");
    folder_.file(pid + "/cmdline", process.cmdline);
    folder_.file(pid + "/stat", pid + " (" + process.comm + ") " + process.state + " " +
                                    std::to_string(process.parent) + " 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " +
                                    std::to_string(process.start) + " 0 0");
  }
  void file(const std::string& name, const std::string& text) const { folder_.file(name, text); }
  void remove(const std::string& name) const { fs::remove_all(folder_.path() + "/" + name); }
  [[nodiscard]] std::string path() const { return folder_.path(); }
  [[nodiscard]] ProcessTable table() const { return ProcessTable(folder_.path()); }
  [[nodiscard]] std::vector<pid_t> pids() const {
    std::vector<pid_t> all;
    for (const auto& beam : table().beams()) {
      all.push_back(beam.pid);
    }
    return all;
  }

 private:
  TemporaryDirectory folder_;
};

}  // namespace rancher_cnode::host::test
