// Looks for the BEAM of this container, and for the next one when it has ended. Used by Agent. On the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/host/beam_distribution.hpp"
#include "rancher_cnode/host/process_table.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::agent {

/// What is not set is that of the BEAM.
struct FoundBeam {
  NodeName name;
  Cookie cookie;
  std::uint16_t epmd_port = 0;
  std::optional<std::uint16_t> dist_port{};  ///< without epmd
  host::Distribution distribution{};
};

class Discovery {
 public:
  struct Handlers {
    std::function<void(const FoundBeam&)> found;  ///< each time another BEAM, or the same again, has started
    std::function<void()> ended;  ///< none runs any more, and nothing will start one; until stop()
  };

  /// A BEAM that was started, or a cookie file that it made, is noticed within this time.
  static constexpr Milliseconds interval{500};
  /// A BEAM that cannot be used is reported if it has been there for this long; one that migrates a database
  /// ends before.
  static constexpr Milliseconds report_delay{10'000};
  /// How long the end of the last BEAM must last until `ended`, and how long the first one has to appear: a
  /// command that has started a daemon has ended by then, and one that has not leaves us behind for nothing.
  static constexpr Milliseconds end_delay{3'000};
  static constexpr Milliseconds first_start_limit{5'000};

  /// What is given by reference must outlive it.
  Discovery(Timers& timers, const Config& config, const Log& log, host::ProcessTable processes,
            Handlers handlers);

  void start(Ipv4Address own);
  /// Reports the BEAM that runs as found again, with the cookie that it has now. Nothing before start().
  void look_again();
  void stop() { timer_.reset(); }

  /// Why there is no BEAM yet, in words; empty if it has not looked.
  [[nodiscard]] const std::string& absence() const { return noticed_; }

 private:
  void look();
  void look_for_one();
  void take(const host::Beam& beam);
  void report_absence(const std::string& text);
  void report(LogLevel level, const std::string& text);
  void check_end();
  [[nodiscard]] Expected<host::BeamCookie> cookie_for(const host::Beam& beam) const;

  Timers& timers_;
  const Config& config_;
  const Log& log_;
  host::ProcessTable processes_;
  Handlers handlers_;
  std::optional<Ipv4Address> own_;
  std::optional<host::Beam> current_;
  std::string noticed_;  ///< what is wrong with those that run
  TimePoint noticed_since_;
  bool reported_ = false;
  TimePoint alive_until_;  ///< when a BEAM, or what will start one, was last seen
  bool seen_ = false;
  Timers::Pending timer_;
};

}  // namespace rancher_cnode::agent
