// Connects a command's node to a BEAM under one of the few names that commands have there: if another command
// is connected under it at this moment, it waits until that has gone. Used by beam_client and cnode_client.
#pragma once

#include <boost/asio/io_context.hpp>

#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/cnode.hpp"

namespace rancher_cnode::cli {

/// `node` runs on `loop`. `done` runs once, or never if the loop ends before.
void connect_patiently(boost::asio::io_context& loop, distribution::CNode& node, const NodeName& beam,
                       distribution::Connections::OnConnected done);

}  // namespace rancher_cnode::cli
