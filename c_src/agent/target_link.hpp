// Our link to one BEAM: looks for the BEAM until it is there, and tells in the log and in status how it
// stands. Used by Target. On the loop.
//
// A BEAM that refuses us, or ends each link at once, is tried ever less often, because each attempt may cost a line
// in the application's own log. Meanwhile its epmd and our cookie's file are looked at, which costs none: once its
// port or our cookie is another, the next attempt follows at once. The log tells ends of links once for each code
// of error, until a link has lasted: then it is well again, and told as linked.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "cookie_watch.hpp"
#include "look_pacing.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/log.hpp"
#include "rancher_cnode/node_name.hpp"
#include "rancher_cnode/status/snapshot.hpp"
#include "timers.hpp"

namespace rancher_cnode::agent {

class TargetLink : public std::enable_shared_from_this<TargetLink> {
 public:
  using State = status::TargetSnapshot::State;

  struct Handlers {
    std::function<void()> up;
    std::function<void()> down;
    std::function<void()> not_found;  ///< it was looked for in vain
  };

  /// `cnode`, `timers`, `cookie` and `log` must outlive stop().
  TargetLink(distribution::Connections& cnode, Timers& timers, CookieWatch& cookie, const Log& log,
             NodeName name, Handlers handlers);

  void start();
  /// No handler runs after it.
  void stop();

  /// What the C-node tells of the link.
  void link_up();
  void link_down(const Error& why);
  /// Something has changed outside: a BEAM that is absent is looked for now, and the delays start over. At
  /// most once in 5 s. One that refuses us, or ends each link at once, is not: the change is none of its own.
  void hurry();
  /// What the last call over the link came to; `trouble` is empty if it was answered.
  void answered(const std::string& trouble);

  [[nodiscard]] bool up() const { return up_; }
  /// Neither linked nor being called at this moment: a link cannot come of what we have begun.
  [[nodiscard]] bool away() const { return !up_ && !looking_; }
  /// It was looked for in vain since the last link, or that ended early, or it is linked and does not answer.
  [[nodiscard]] bool failing() const { return failing_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }  ///< empty if it is well
  [[nodiscard]] const std::string& stage() const { return stage_; }    ///< of the last look in vain, or empty
  [[nodiscard]] TimePoint since() const { return since_; }             ///< of the link, or of its absence

 private:
  void look();
  void look_after(Milliseconds delay);
  void retry_after(Milliseconds delay, std::uint16_t port);
  void watch();
  void look_for_change();
  void port_found(const Expected<std::uint16_t>& port);
  void changed();
  void settle_later();
  void settle();
  void tell_linked();
  void not_found(const distribution::ConnectFailure& failed);
  void warn_not_responding(const std::string& reason) const;

  distribution::Connections& cnode_;
  Timers& timers_;
  CookieWatch& cookie_;
  const Log& log_;
  const NodeName name_;
  Handlers handlers_;
  const Whereabouts where_;
  LookPacing pacing_;
  Timers::Pending timer_;             ///< linked: until the link has lasted; else until the next look
  TimePoint next_look_;               ///< while it refuses us
  std::uint16_t refused_port_ = 0;    ///< of the process that refuses us; 0 if not known
  std::uint64_t cookie_changes_ = 0;  ///< as of the last look
  std::uint64_t looks_ = 0;
  bool refusing_ = false;  ///< since the last look
  TimePoint looking_since_;
  TimePoint since_;
  State state_ = State::awaited;
  std::string reason_;
  std::string stage_;
  std::string told_;               ///< the kind of look in vain that the log told last
  std::set<ErrorCode> told_ends_;  ///< why links ended early, as far as the log told
  bool failing_ = false;
  bool looking_ = false;
  bool up_ = false;
  bool settled_ = false;  ///< linked, and the link has lasted
  bool stopped_ = false;
};

}  // namespace rancher_cnode::agent
