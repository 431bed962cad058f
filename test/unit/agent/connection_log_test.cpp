#include "agent/connection_log.hpp"

#include <doctest/doctest.h>

#include "support/unit/log_lines.hpp"

using namespace rancher_cnode;
using reconciler::ConnectionFact;
using reconciler::Departure;
using reconciler::DisconnectOutcome;
namespace fact = reconciler::fact;

namespace {

const NodeName local_target = *NodeName::parse("myapp@10.42.0.1");
const NodeName local_peer = *NodeName::parse("myapp@10.42.0.2");

struct Logged {
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines};
  agent::ConnectionLog connections{log, local_target};

  /// What is logged, without the time.
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const auto& line : lines->all()) {
      texts.push_back(line.substr(line.find(' ') + 1));
    }
    return texts;
  }
};

}  // namespace

TEST_CASE("each fact about connections is one line, unless nobody needs to hear of it") {
  const std::string both = " target=myapp@10.42.0.1 peer=myapp@10.42.0.2";
  const std::string left =
      "connected msg=\"it is left connected; to remove it from the cluster, stop its container\"";
  const struct {
    ConnectionFact fact;
    std::string line;
  } rows[] = {
      {fact::Connected{local_peer, {}}, "info event=peer_connected" + both},
      {fact::Connected{local_peer, Milliseconds(20)}, "info event=peer_connected" + both + " took_ms=20"},
      {fact::Lost{local_peer, true, "why"}, "warning event=peer_lost msg=\"why\"" + both},
      {fact::Lost{local_peer, false, "why"}, ""},
      {fact::Forgotten{local_peer}, ""},
      {fact::AttemptFailed{local_peer, "the dial failed"},
       "warning event=peer_unreachable msg=\"the dial failed\"" + both},
      {fact::Refreshed{local_peer},
       "info event=peer_refreshed msg=\"it was away and still held a connection that the BEAM had lost; it "
       "closed its connections\"" +
           both},
      {fact::Completed{3, 2},
       "info event=cluster_completed msg=\"every dialable peer is connected\" target=myapp@10.42.0.1 "
       "peers=3 held=2"},
      {fact::Departed{local_peer, Departure::disconnected, {}},
       "info event=departed_peer_disconnected msg=\"the BEAM is no longer connected to it\"" + both},
      {fact::Departed{local_peer, Departure::still_connected, "why"},
       "warning event=departed_peer_" + left + both + " reason=why"},
      {fact::Departed{local_target, Departure::disconnected, {}},
       "info event=departed_target_disconnected msg=\"it is no longer connected to any node of the service\" "
       "target=myapp@10.42.0.1"},
      {fact::Departed{local_target, Departure::still_connected, "why"},
       "warning event=departed_target_" + left + " target=myapp@10.42.0.1 reason=why"},
  };
  for (const auto& row : rows) {
    Logged logged;
    logged.connections.write({row.fact});
    const auto expected = row.line.empty() ? std::vector<std::string>{} : std::vector{row.line};
    CHECK(logged.texts() == expected);
  }
}

TEST_CASE("a disconnect is logged as information if it was made, else as a warning, and not if withdrawn") {
  const struct {
    DisconnectOutcome outcome;
    std::string level;
    std::string word;
  } rows[] = {{DisconnectOutcome::done, "info", "done"},
              {DisconnectOutcome::claimed, "warning", "claimed"},
              {DisconnectOutcome::unreachable, "warning", "unreachable"},
              {DisconnectOutcome::unsupported, "warning", "unsupported"},
              {DisconnectOutcome::failed, "warning", "failed"}};
  for (const auto& row : rows) {
    Logged logged;
    logged.connections.disconnect_requested(local_peer, row.outcome, "how");
    CHECK(logged.texts() ==
          std::vector{
              row.level +
              " event=disconnect_requested msg=\"how\" target=myapp@10.42.0.1 peer=myapp@10.42.0.2 outcome=" +
              row.word});
  }
  Logged logged;
  logged.connections.disconnect_requested(local_peer, DisconnectOutcome::withdrawn, "");
  CHECK(logged.texts().empty());
}

TEST_CASE("a peer that is absent is normal during a start, one that refuses is not") {
  Logged logged;
  logged.log.set_startup_grace(std::chrono::hours(1));
  logged.log.begin_grace();
  const std::vector<ConnectionFact> facts{
      fact::AttemptFailed{local_peer, "the peer's epmd does not answer", true},
      fact::AttemptFailed{local_peer, "the dial failed"}};
  logged.connections.write(facts);
  const std::string both = " target=myapp@10.42.0.1 peer=myapp@10.42.0.2";
  CHECK(logged.texts() ==
        std::vector<std::string>{"info event=peer_unreachable msg=\"the peer's epmd does not answer\"" + both,
                                 "warning event=peer_unreachable msg=\"the dial failed\"" + both});
}
