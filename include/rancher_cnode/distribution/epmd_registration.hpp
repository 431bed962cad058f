// Registers our name in the local epmd, keeps the registration, and renews it when it is lost. Used by cnode.
//
// epmd keeps a name for as long as the connection that registered it stays open, so the connection *is* the
// registration. Implemented here on the loop, not by ei_publish, which blocks, drops its descriptor and hides
// why epmd refuses. A registration is stable once it has lasted for stable_after: after one that ended
// sooner, the next is not reported before that, and the retry delay grows up to 10 s. Source: ERTS user's
// guide, "EPMD Protocol": ALIVE2_REQ, ALIVE2_RESP, ALIVE2_X_RESP.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::distribution {

enum class RegistrationState {
  unavailable,  ///< epmd does not answer (yet)
  name_taken,   ///< epmd refuses: another node has registered the name
  registered,
  lost,      ///< epmd closed the registration, and no stable one has followed
  not_used,  ///< there is no epmd
};
[[nodiscard]] std::string_view to_string(RegistrationState state);

class EpmdRegistration {
 public:
  struct Pace {
    Milliseconds first_retry{50};     ///< after no answer; doubled each time
    Milliseconds last_retry{500};     ///< upper limit
    Milliseconds taken_retry{2'000};  ///< after a refusal; epmd logs each one
    Milliseconds last_early_retry{
        10'000};                       ///< upper limit after registrations that ended before they were stable
    Milliseconds stable_after{5'000};  ///< a registration that has lasted this long is stable
    /// For connecting and the answer; epmd is on this host, so only a stopped one takes longer.
    Milliseconds answer_limit{2'000};
  };
  struct Settings {
    std::string alive;
    std::uint16_t listen_port = 0;
    std::uint16_t epmd_port = 4369;
    Pace pace{};
  };
  /// Called on the loop at every state change, with the reason (empty for registered).
  using OnChange = std::function<void(RegistrationState, const std::string& reason)>;

  EpmdRegistration(boost::asio::io_context& loop, Settings settings, OnChange on_change);
  ~EpmdRegistration();
  EpmdRegistration(const EpmdRegistration&) = delete;
  EpmdRegistration& operator=(const EpmdRegistration&) = delete;

  void start();
  /// Unregisters the name by closing the connection to epmd.
  void stop();
  [[nodiscard]] RegistrationState state() const;

 private:
  class Loop;
  std::shared_ptr<Loop> loop_;
};

}  // namespace rancher_cnode::distribution
