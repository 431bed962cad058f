// How long the service reader takes for a big service, and whether its memory grows with the body.
//
// usage: parse_bench [containers=10000] [repeats=15]
//
// The body is made piece by piece while it is parsed, so no body ever stands in memory and the peak resident
// size of a run is the reader's own; each memory figure comes from a child process of its own. Time is that of
// the parse with a body that was made before. On a machine that has other work, the processor's own time is
// the one that counts.
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "metadata/service_reader.hpp"

namespace {

using rancher_cnode::Expected;
using rancher_cnode::metadata::ByteSource;
using rancher_cnode::metadata::read_service;

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// One container as rancher-metadata 0.10.4 writes it, 1,060 bytes long; `padding` lengthens a label.
std::string container(int index, std::size_t padding) {
  const std::string number = std::to_string(100'000 + index);
  const std::string ip = "10." + std::to_string(42 + index / 65'025) + "." +
                         std::to_string(index / 255 % 255) + "." + std::to_string(1 + index % 254);
  return R"({"create_index":)" + number +
         R"(,"dns":["169.254.169.250"],"dns_search":["shop.rancher.internal",)" +
         R"("rancher.internal"],"external_id":"9f901a1c1a585998965e3d545c2146699f901a1c1a585998965e3d545c)" +
         number + R"(","health_check":null,"health_check_hosts":[],"health_state":"healthy","host_uuid":)" +
         R"("c65a8665-127b-527d-b758-f51c95c38b09","hostname":"Shop-worker-)" + number + R"(","ips":[")" +
         ip + R"("],"labels":{"io.rancher.cni.network":"ipsec","io.rancher.container.uuid":)" +
         R"("1d02865d-80e9-532d-b87c-e0f54c)" + number + R"(","io.rancher.stack.name":"Shop","padding":")" +
         std::string(padding, 'x') +
         R"("},"links":null,"memory_reservation":null,"metadata_kind":"container",)" +
         R"("milli_cpu_reservation":null,"name":"shop-worker-)" + number +
         R"(","network_from_container_uuid":null,"network_uuid":"a4f04102-5729-5179-88b1-ff4b94748bde",)" +
         R"("ports":[],"primary_ip":")" + ip + R"(","primary_mac_address":"02:00:00:00:00:01",)" +
         R"("service_index":"1","service_name":"worker","stack_name":"shop","start_count":1,)" +
         R"("state":"running","system":false,"uuid":"1d02865d-80e9-532d-b87c-e0f54c)" + number + R"("})";
}

/// A whole body in pieces of one container each.
class MadeBody final : public ByteSource {
 public:
  MadeBody(int containers, std::size_t padding) : containers_(containers), padding_(padding) {}

  Expected<std::string_view> next() override {
    if (made_ > containers_) {
      return std::string_view();
    }
    if (made_ == containers_) {
      piece_ = R"(],"name":"worker","primary_service_name":"worker","stack_name":"shop","uuid":"60dd2ae9"})";
    } else {
      piece_ = (made_ == 0 ? R"({"containers":[)" : ",") + container(made_, padding_);
    }
    ++made_;
    bytes_ += piece_.size();
    return std::string_view(piece_);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  int containers_;
  std::size_t padding_;
  int made_ = 0;
  std::size_t bytes_ = 0;
  std::string piece_;
};

/// A body in memory, given out in pieces as libcurl would.
class Pieces final : public ByteSource {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}
  Expected<std::string_view> next() override {
    const std::string_view piece = rest_.substr(0, 16'384);
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view rest_;
};

std::size_t must_have(const Expected<rancher_cnode::membership::Service>& service, int containers) {
  if (!service || service->containers.size() != static_cast<std::size_t>(containers)) {
    std::fprintf(stderr, "parse failed: %s\n", service ? "wrong count" : service.error().message.c_str());
    std::exit(1);
  }
  return service->containers.size();
}

void measure_time(int containers, std::size_t padding, int repeats) {
  std::string body;
  MadeBody made(containers, padding);
  for (auto piece = made.next(); piece && !piece->empty(); piece = made.next()) {
    body += *piece;
  }

  std::vector<double> times;
  std::vector<double> cpu_times;
  for (int i = 0; i < repeats; ++i) {
    Pieces pieces(body);
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = cpu_ms();
    const auto service = read_service(pieces);
    cpu_times.push_back(cpu_ms() - cpu_begin);
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    must_have(service, containers);
  }
  const auto [shortest, longest] = std::minmax_element(times.begin(), times.end());
  std::printf(
      "time    containers=%d body_mb=%.1f median_ms=%.1f min_ms=%.1f max_ms=%.1f median_cpu_ms=%.1f "
      "repeats=%d\n",
      containers, static_cast<double>(body.size()) / 1e6, median(times), *shortest, *longest,
      median(cpu_times), repeats);
}

void measure_memory(int containers, std::size_t padding) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    MadeBody body(containers, padding);
    const auto service = read_service(body);
    must_have(service, containers);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("memory  containers=%d body_mb=%.1f peak_rss_mb=%.1f kept_mb=%.1f\n", containers,
                static_cast<double>(body.bytes()) / 1e6, static_cast<double>(usage.ru_maxrss) / 1e3,
                static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd) / 1e6);
    std::fflush(stdout);
    std::_Exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    std::exit(1);
  }
}

int argument(int argc, char** argv, int position, int fallback) {
  if (argc <= position) {
    return fallback;
  }
  const std::string_view text = argv[position];
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) {
    std::fprintf(stderr, "usage: parse_bench [containers] [repeats]\n");
    std::exit(2);
  }
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const int containers = argument(argc, argv, 1, 10'000);
  const int repeats = argument(argc, argv, 2, 15);
  // Memory first: a child starts with the pages of its parent.
  constexpr std::array<std::size_t, 3> paddings{90, 90 + 1'060, 90 + 3 * 1'060};
  for (const std::size_t padding : paddings) {
    measure_memory(containers, padding);
  }
  measure_time(containers, paddings.front(), repeats);
  return 0;
}
