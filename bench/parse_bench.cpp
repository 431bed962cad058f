// How long the service reader takes for a big service, and whether its memory grows with the body.
//
// `memory`: the body is made piece by piece while it is parsed, so no body ever stands in memory and the peak
// resident size of a run is the reader's own; each figure comes from a child process of its own. The argument
// is the length of a label, which makes bodies of 10, 21 and 42 MB. `time`: that of the parse with a body
// that was made before, 15 times. `Time` and `CPU` are means; on a machine that has other work, the
// processor's own time is the one that counts.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "metadata/service_reader.hpp"
#include "service_body.hpp"

namespace {

using namespace rancher_cnode_bench;
using rancher_cnode::Expected;
using rancher_cnode::metadata::ByteSource;
using rancher_cnode::metadata::read_service;

constexpr int containers = 10'000;
/// A whole body in pieces of one container each.
class MadeBody final : public ByteSource {
 public:
  explicit MadeBody(std::size_t padding) : padding_(padding) {}

  Expected<std::string_view> next() override {
    if (made_ > containers) {
      return std::string_view();
    }
    if (made_ == containers) {
      piece_ = R"(],"name":"worker","primary_service_name":"worker","stack_name":"shop","uuid":"60dd2ae9"})";
    } else {
      piece_ = (made_ == 0 ? R"({"containers":[)" : ",") + container_json(made_, padding_);
    }
    ++made_;
    bytes_ += piece_.size();
    return std::string_view(piece_);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
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

bool is_whole(const Expected<rancher_cnode::membership::Service>& service) {
  return service && service->containers.size() == static_cast<std::size_t>(containers);
}

void time(benchmark::State& state) {
  std::string body;
  MadeBody made(usual_label);
  for (auto piece = made.next(); piece && !piece->empty(); piece = made.next()) {
    body += *piece;
  }
  for (const auto run : state) {
    (void)run;
    Pieces pieces(body);
    if (!is_whole(read_service(pieces))) {
      state.SkipWithError("the body is not read whole");
      break;
    }
  }
  state.counters["body_mb"] = static_cast<double>(body.size()) / 1e6;
  state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * state.iterations());
}

struct Memory {
  double body_mb;
  double peak_rss_mb;
  double kept_mb;
};

/// In the child.
[[noreturn]] void read_and_report(std::size_t label, int to) {
  MadeBody body(label);
  const auto service = read_service(body);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const Memory memory{static_cast<double>(body.bytes()) / 1e6, static_cast<double>(usage.ru_maxrss) / 1e3,
                      static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd) / 1e6};
  const bool done = is_whole(service) && ::write(to, &memory, sizeof(memory)) == sizeof(memory);
  std::_Exit(done ? 0 : 1);
}

void memory(benchmark::State& state) {
  for (const auto run : state) {
    (void)run;
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
      state.SkipWithError("no pipe");
      break;
    }
    const pid_t child = ::fork();
    if (child == 0) {
      read_and_report(static_cast<std::size_t>(state.range(0)), ends[1]);
    }
    ::close(ends[1]);
    Memory memory{};
    const bool read = ::read(ends[0], &memory, sizeof(memory)) == sizeof(memory);
    ::close(ends[0]);
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0 || !read) {
      state.SkipWithError("the body is not read whole");
      break;
    }
    state.counters["body_mb"] = memory.body_mb;
    state.counters["peak_rss_mb"] = memory.peak_rss_mb;
    state.counters["kept_mb"] = memory.kept_mb;
  }
}

// Memory first: a child starts with the pages of its parent.
BENCHMARK(memory)
    ->Arg(usual_label)
    ->Arg(usual_label + container_length)
    ->Arg(usual_label + 3 * container_length)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(time)->Iterations(15)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
