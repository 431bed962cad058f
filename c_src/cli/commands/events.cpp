#include "cli/commands/events.hpp"

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

#include "cli/commands/failure.hpp"
#include "cli/commands/status.hpp"
#include "rancher_cnode/distribution/term.hpp"
#include "rancher_cnode/status/events_term.hpp"

namespace rancher_cnode::cli {
namespace {

using std::chrono::system_clock;

constexpr std::chrono::seconds polling_interval{1};

Expected<Log::Recent> ask(const Config& config, Milliseconds timeout, std::uint64_t after_id) {
  // Anything that the log could add would be in the way.
  const Log log(LogLevel::error, config.log_format);
  distribution::TermWriter request;
  request.tuple(3).atom("events").integer(static_cast<std::int64_t>(after_id)).integer(status::max_events);
  const auto answer = container_answer(config, request.take(), timeout, log);
  if (!answer) {
    return tl::unexpected<Error>(answer.error());
  }
  auto recent = status::read_events(answer->term);
  return recent ? std::move(recent) : tl::unexpected<Error>(recent.error().within(answer->cnode));
}

/// Prints each event once.
class Printer {
 public:
  Printer(const Config& config, const EventsWanted& wanted)
      : config_(config),
        format_(wanted.format),
        peer_(wanted.peer),
        from_(wanted.since ? system_clock::now() - *wanted.since : system_clock::time_point::min()) {}

  [[nodiscard]] std::uint64_t last_id() const { return last_id_; }

  /// Whether this was the end of what there is now.
  bool print(const Log::Recent& recent) {
    if (std::exchange(instance_, recent.instance) != recent.instance && last_id_ > 0) {
      if (!std::exchange(waits_, false)) {
        print_notice(config_, "the C-node has started again");
      }
      last_id_ = 0;
      return false;
    }
    waits_ = false;
    for (const LoggedEvent& event : recent.events) {
      last_id_ = event.id;
      if (event.time >= from_ && (peer_.empty() || event.text("peer") == peer_)) {
        std::cout << log_line(format_, event) << '\n';
      }
    }
    std::cout << std::flush;
    return recent.events.size() < static_cast<std::size_t>(status::max_events);
  }

  void failed(const Error& error) {
    if (!std::exchange(waits_, true)) {
      print_notice(config_, error.message + "; waiting for it");
    }
  }

 private:
  const Config& config_;
  const LogFormat format_;
  const std::string peer_;
  const system_clock::time_point from_;
  std::int64_t instance_ = 0;
  std::uint64_t last_id_ = 0;
  bool waits_ = false;
};

}  // namespace

int print_events(const Config& config, const EventsWanted& wanted) {
  Printer printer(config, wanted);
  bool answered = false;
  while (std::cout) {
    const auto recent = ask(config, wanted.timeout, printer.last_id());
    if (!recent && (!answered || wanted.follow == Follow::off)) {
      print_failure(config, recent.error().message);
      return 1;
    }
    answered = true;
    if (!recent) {
      printer.failed(recent.error());
    } else if (!printer.print(*recent)) {
      continue;
    } else if (wanted.follow == Follow::off) {
      return 0;
    }
    std::this_thread::sleep_for(polling_interval);
  }
  return 0;
}

}  // namespace rancher_cnode::cli
