#include "status/counter_help.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace rancher_cnode::status {
namespace {

struct Help {
  std::string_view name;
  std::string_view text;
};

constexpr std::array counters{
    Help{"connections_accepted", "Connections that other nodes have made to the C-node."},
    Help{"connections_made", "Connections that the C-node has made to BEAMs."},
    Help{"connections_lost", "Connections of the C-node that have ended."},
    Help{"handshakes_failed", "Failed handshakes of the C-node, both directions."},
    Help{"inbound_refused", "Connections to the C-node that it refused, by limit or name."},
    Help{"messages_dropped",
         "Messages for a process that the C-node does not have, or that it does not understand."},
    Help{"controls_ignored", "Control messages of the distribution that a C-node does not serve."},
};

constexpr std::array target_counters{
    Help{"lists", "Calls that ask this BEAM for the list of its connections."},
    Help{"lists_failed", "Calls that ask this BEAM for the list of its connections and failed."},
    Help{"probes",
         "Peers looked up before this BEAM dials them: in their epmd, or without epmd at their "
         "distribution port."},
    Help{"probes_failed", "Peers looked up that were not found."},
    Help{"inspections", "Lost peers that were inspected before this BEAM dialled them again."},
    Help{"dials", "Calls that ask this BEAM to connect to a peer."},
    Help{"dials_failed", "Calls that ask this BEAM to connect to a peer, after which it was not connected."},
    Help{"connections_gained",
         "Connections between this BEAM and a member that appeared, whoever made them."},
    Help{"connections_lost", "Connections between this BEAM and a member that disappeared."},
    Help{"disconnects",
         "Calls that disconnect a departed peer from this BEAM, or this BEAM from all others."},
    Help{"disconnects_failed",
         "Calls that disconnect a departed peer from this BEAM, or this BEAM from all others, and failed."},
};

std::string find(std::span<const Help> all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &Help::name);
  return found == all.end() ? "The counter " + std::string(name) + " of the status."
                            : std::string(found->text);
}

}  // namespace

std::string help_of_counter(std::string_view name) { return find(counters, name); }

std::string help_of_target_counter(std::string_view name) { return find(target_counters, name); }

}  // namespace rancher_cnode::status
