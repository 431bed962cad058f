// Our name in the local epmd: made, held, watched, and made again for as long as this object lives. Used by
// cnode.
//
// epmd keeps a name for as long as the connection that registered it stays open, so the connection *is* the
// registration. Spoken by us on the loop and not by ei_publish, which blocks, forgets its descriptor and
// hides why epmd says no. A registration counts once it has lasted: after one that ended sooner, the next is not
// announced before that, and registering is tried ever less often, down to once in 10 s. Source: ERTS user's guide, "EPMD Protocol": ALIVE2_REQ, ALIVE2_RESP, ALIVE2_X_RESP.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/error.hpp"

namespace rancher_cnode::distribution {

enum class RegistrationState {
  unavailable,  ///< epmd does not answer (yet)
  name_taken,   ///< epmd answers no: another node holds the name
  registered,
  lost,  ///< was registered, epmd closed that, and no registration has lasted since
};
[[nodiscard]] std::string_view to_string(RegistrationState state);

class EpmdRegistration {
 public:
  struct Pacing {
    Milliseconds first_retry{50};     ///< after no answer; doubles with each
    Milliseconds last_retry{500};     ///< up to this
    Milliseconds taken_retry{2'000};  ///< after a refusal, for each of which epmd writes a line of its own
    Milliseconds last_early_retry{
        10'000};                  ///< after registrations that ended before they lasted; doubles up to this
    Milliseconds lasting{5'000};  ///< a registration that lasted so long counts
    /// Connect and answer; epmd is on this host, so only a stopped one is slower.
    Milliseconds answer_limit{2'000};
  };
  struct Settings {
    std::string alive;
    std::uint16_t listen_port = 0;
    std::uint16_t epmd_port = 4369;
    Pacing pacing{};
  };
  /// Called on the loop at every change of state, with the reason (empty for registered).
  using OnChange = std::function<void(RegistrationState, const std::string& reason)>;

  EpmdRegistration(boost::asio::io_context& loop, Settings settings, OnChange on_change);
  ~EpmdRegistration();
  EpmdRegistration(const EpmdRegistration&) = delete;
  EpmdRegistration& operator=(const EpmdRegistration&) = delete;

  void start();
  /// Gives the name back: epmd sees the connection close.
  void stop();
  [[nodiscard]] RegistrationState state() const;

 private:
  class Loop;
  std::shared_ptr<Loop> loop_;
};

}  // namespace rancher_cnode::distribution
