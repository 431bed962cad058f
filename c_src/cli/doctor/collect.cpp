#include "cli/doctor/collect.hpp"

#include <utility>

#include "rancher_cnode/distribution/handshake.hpp"

namespace rancher_cnode::cli::doctor {

Facts collect(const Config& config, std::vector<SettingInEffect> settings, std::vector<std::string> warnings,
              TimePoint deadline, const Log& log) {
  Facts facts;
  facts.config = config;
  facts.settings = std::move(settings);
  facts.warnings = std::move(warnings);
  distribution::initialise_handshakes();
  // Half of the time is for the nodes, which are asked once the metadata has named them.
  const auto now = Clock::now();
  collect_metadata(facts, now + (deadline - now) / 2);
  collect_here(facts);
  if (facts.address) {
    collect_nodes(facts, deadline, log);
  }
  return facts;
}

}  // namespace rancher_cnode::cli::doctor
