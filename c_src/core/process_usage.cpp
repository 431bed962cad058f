#include "rancher_cnode/core/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

namespace rancher_cnode {
namespace {

std::uint64_t entries_of(const char* directory) {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator each(directory, error), end; !error && each != end;
       each.increment(error)) {
    ++count;
  }
  return count;
}

Milliseconds in_ms(const timeval& time) {
  return std::chrono::duration_cast<Milliseconds>(std::chrono::seconds(time.tv_sec) +
                                                  std::chrono::microseconds(time.tv_usec));
}

}  // namespace

ProcessUsage own_process_usage() {
  ProcessUsage usage;
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (std::ifstream("/proc/self/statm") >> size >> resident) {
    usage.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    usage.cpu = in_ms(used.ru_utime) + in_ms(used.ru_stime);
  }
  // One of them is the one by which they are read.
  const std::uint64_t open = entries_of("/proc/self/fd");
  usage.descriptors = open == 0 ? 0 : open - 1;
  usage.threads = entries_of("/proc/self/task");
  return usage;
}

}  // namespace rancher_cnode
