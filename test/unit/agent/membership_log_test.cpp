#include "agent/membership_log.hpp"

#include <doctest/doctest.h>

#include "support/unit/log_lines.hpp"

using namespace rancher_cnode;
using membership::DropReason;
using membership::MassRemovalGuardView;
using membership::OwnMembership;
namespace fact = membership::fact;

TEST_CASE("each fact about the membership is one line, unless nobody needs to hear of it") {
  const NodeName peer = *NodeName::parse("myapp@10.42.0.2");
  const std::string skipped = "msg=\"listed containers without a usable address make no peers\" reason=";
  const struct {
    membership::MembershipFact fact;
    std::string line;
  } rows[] = {
      {fact::PeerListed{peer},
       "info event=peer_listed msg=\"it belongs to the service\" peer=myapp@10.42.0.2"},
      {fact::PeerHeld{peer, "state is stopped"},
       "info event=peer_held msg=\"it is not dialled for now; connections to it stay\" peer=myapp@10.42.0.2 "
       "reason=\"state is stopped\""},
      {fact::PeerReleased{peer},
       "info event=peer_released msg=\"nothing holds it any longer\" peer=myapp@10.42.0.2"},
      {fact::PeerDeparted{peer},
       "info event=peer_departed msg=\"it is no longer in the service; it is not dialled\" "
       "peer=myapp@10.42.0.2"},
      {fact::PeerForgotten{peer}, ""},
      {fact::OwnMembershipChanged{OwnMembership::unknown, OwnMembership::listed},
       "info event=own_container_listed msg=\"the metadata lists our own container\""},
      {fact::OwnMembershipChanged{OwnMembership::listed, OwnMembership::missing},
       "warning event=own_container_missing msg=\"the metadata no longer lists our own container; nothing is "
       "dialled\""},
      {fact::OwnMembershipChanged{OwnMembership::missing, OwnMembership::removed},
       "warning event=own_container_removed msg=\"our own container is no longer in the service; its BEAM is "
       "disconnected from the cluster\""},
      {fact::OwnUnlisted{},
       "warning event=own_container_unlisted msg=\"the metadata has not listed our own container: is --ip "
       "right?\""},
      {fact::ContainersSkipped{DropReason::no_address, {2, "web-1"}},
       "info event=containers_skipped " + skipped + "no_address count=2 example=web-1"},
      {fact::ContainersSkipped{DropReason::not_ipv4, {1, "web-1"}},
       "warning event=containers_skipped " + skipped + "not_ipv4 count=1 example=web-1"},
      {fact::ContainersSkipped{DropReason::not_a_host, {1, "web-1"}},
       "warning event=containers_skipped " + skipped + "not_a_host count=1 example=web-1"},
      {fact::ContainersSkipped{DropReason::duplicate, {1, "web-1"}}, ""},
      {fact::MassRemovalGuard{MassRemovalGuardView{3, 4, {}}},
       "warning event=mass_removal_guard_on msg=\"more than half of the peers are missing from the metadata; "
       "none departs until it has been missing for --mass-removal-delay\" missing=3 known=4"},
      {fact::MassRemovalGuard{},
       "info event=mass_removal_guard_off msg=\"the missing peers are back or have departed\""},
  };
  for (const auto& row : rows) {
    const auto lines = std::make_shared<LogLines>();
    const Log log{LogLevel::info, LogFormat::text, lines};
    agent::MembershipLog(log).write({row.fact});
    std::string logged;
    for (const auto& line : lines->all()) {
      logged += line.substr(line.find(' ') + 1);
    }
    CHECK(logged == row.line);
  }
}
