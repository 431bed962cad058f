#include "rancher_cnode/core/process_usage.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <future>
#include <thread>
#include <vector>

#include "rancher_cnode/core/file_descriptor.hpp"

using namespace rancher_cnode;

TEST_CASE("the usage of this process counts its descriptors, threads, memory and processor time") {
  std::thread([] {}).join();  // a sanitizer makes a thread of its own beside the first one
  const auto before = own_process_usage();
  CHECK(before.threads >= 1);
  CHECK(before.descriptors >= 3);
  std::vector<FileDescriptor> more;
  for (int i = 0; i < 5; ++i) {
    more.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  std::promise<void> end;
  std::thread thread([&] { end.get_future().wait(); });
  const std::vector<char> memory(20'000'000, 'x');
  CHECK(memory.back() == 'x');
  auto after = own_process_usage();
  while (after.cpu <= before.cpu + Milliseconds(10)) {
    after = own_process_usage();
  }
  end.set_value();
  thread.join();
  CHECK(after.threads == before.threads + 1);
  CHECK(after.descriptors == before.descriptors + 5);
  CHECK(after.resident_bytes > before.resident_bytes + 15'000'000);
  CHECK(after.resident_bytes < 10'000'000'000);
}
