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
  const std::string skipped =
      "msg=\"listed containers without a usable address are not peers\" service=a/b reason=";
  const std::string unlisted =
      "msg=\"no container that the metadata lists has our address: check --service, and that the address is "
      "the one that 'rancher_cnode ip' prints\" ";
  const std::string delayed =
      "; none departs that has been missing for less than --mass-removal-delay\" service=a/b ";
  const struct {
    membership::MembershipFact fact;
    std::string line;
  } rows[] = {
      {fact::PeerListed{peer, "self/service"},
       "info event=peer_listed msg=\"it belongs to the service\" peer=myapp@10.42.0.2 "
       "service=self/service"},
      {fact::PeerHeld{peer, "state is stopped"},
       "info event=peer_held msg=\"it is not dialled for now; connections to it stay\" peer=myapp@10.42.0.2 "
       "reason=\"state is stopped\""},
      {fact::PeerReleased{peer},
       "info event=peer_released msg=\"it may be dialled again\" peer=myapp@10.42.0.2"},
      {fact::PeerDeparted{peer},
       "info event=peer_departed msg=\"it is no longer in the service; it is not dialled\" "
       "peer=myapp@10.42.0.2"},
      {fact::PeerForgotten{peer},
       "info event=peer_forgotten msg=\"it is no peer any more; connections to it stay\" "
       "peer=myapp@10.42.0.2"},
      {fact::ServiceRemoved{"self/service"},
       "info event=service_removed msg=\"its peers are forgotten; connections stay\" service=self/service"},
      {fact::ServiceAdded{"self/service"},
       "info event=service_added msg=\"its containers become peers\" service=self/service"},
      {fact::OwnMembershipChanged{OwnMembership::unknown, OwnMembership::listed},
       "info event=own_container_listed msg=\"the metadata lists our own container\""},
      {fact::OwnMembershipChanged{OwnMembership::listed, OwnMembership::missing},
       "warning event=own_container_missing msg=\"the metadata no longer lists our own container; nothing is "
       "dialled\""},
      {fact::OwnMembershipChanged{OwnMembership::missing, OwnMembership::removed},
       "warning event=own_container_removed msg=\"our own container is no longer in the service; its BEAM is "
       "disconnected from the cluster\""},
      {fact::OwnUnlisted{"self/service", "10.42.9.9", 7, {"web-1: 10.42.0.1", "web-2: 10.42.0.2"}},
       "warning event=own_container_unlisted " + unlisted +
           "service=self/service address=10.42.9.9 listed=\"web-1: 10.42.0.1, web-2: 10.42.0.2 and 5 more\""},
      {fact::OwnUnlisted{"self/service", "10.42.9.9"},
       "warning event=own_container_unlisted " + unlisted +
           "service=self/service address=10.42.9.9 listed=nothing"},
      {fact::OwnUnlisted{"self/service", "10.42.9.9", 0, {}, "10.42.0.7"},
       "warning event=own_container_unlisted " + unlisted +
           "service=self/service address=10.42.9.9 metadata_address=10.42.0.7 listed=nothing"},
      {fact::ContainersSkipped{DropReason::no_address, {2, "web-1"}, "a/b"},
       "info event=containers_skipped " + skipped + "no_address count=2 example=web-1"},
      {fact::ContainersSkipped{DropReason::not_ipv4, {1, "web-1"}, "a/b"},
       "warning event=containers_skipped " + skipped + "not_ipv4 count=1 example=web-1"},
      {fact::ContainersSkipped{DropReason::not_a_host, {1, "web-1"}, "a/b"},
       "warning event=containers_skipped " + skipped + "not_a_host count=1 example=web-1"},
      {fact::ContainersSkipped{DropReason::duplicate, {1, "web-1"}, "a/b"}, ""},
      {fact::ContainersSkipped{DropReason::unselected, {1, "web-1"}, "a/b"}, ""},
      {fact::ContainersSkipped{DropReason::duplicate, {0, ""}, "a/b"}, ""},
      {fact::ContainersSkipped{DropReason::not_ipv4, {0, ""}, "a/b"},
       "info event=containers_usable msg=\"no listed container is skipped for this reason any more\" "
       "service=a/b reason=not_ipv4"},
      {fact::MassRemovalGuard{MassRemovalGuardView{3, 4, {}, {peer}}, "a/b", Milliseconds(60'000)},
       "warning event=mass_removal_guard_on msg=\"more than half of the peers are missing from the metadata, "
       "or "
       "were lost" +
           delayed + "peers=\"myapp@10.42.0.2 and 2 more\" missing=3 known=4 left_ms=60000"},
      {fact::MassRemovalGuard{MassRemovalGuardView{1, 3, {}, {peer}}, "a/b", Milliseconds(50'000)},
       "warning event=mass_removal_guard_on msg=\"a service lists no containers, perhaps only for a while" +
           delayed + "peers=myapp@10.42.0.2 missing=1 known=3 left_ms=50000"},
      {fact::MassRemovalGuard{{}, "a/b"},
       "info event=mass_removal_guard_off msg=\"the missing peers are back or have departed\" service=a/b"},
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
