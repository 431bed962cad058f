#include "cli/doctor/checks.hpp"

#include <algorithm>
#include <array>

namespace rancher_cnode::cli::doctor {
namespace {

/// What a check needs comes before it.
constexpr auto all_checks = std::to_array<Check>({
    {"settings", settings},
    {"cookie", cookie},
    {"cookie-file", cookie_file},
    {"own-address", own_address},
    {"metadata-names", metadata_names},
    {"metadata", metadata_answer},
    {"metadata-fallback", metadata_fallback},
    {"metadata-address", metadata_address},
    {"service", service},
    {"long-poll", long_poll},
    {"epmd", epmd},
    {"node-name", node_name},
    {"listen-port", listen_port},
    {"beam", beam},
    {"beam-protocol", beam_protocol},
    {"beam-epmd-port", beam_epmd_port},
    {"beam-connection", beam_connection},
    {"beam-basename", beam_basename},
    {"otp-release", otp_release},
    {"overlapping-partitions", overlapping_partitions},
    {"hazards", hazards},
    {"peer-epmd", peer_epmd},
    {"peer-port", peer_port},
    {"peer-handshake", peer_handshake},
    {"net-ticktime", net_ticktime},
});

const UrlFacts* first_url(const Facts& facts, bool (*holds)(const metadata::UrlAnswers&)) {
  const auto found =
      std::ranges::find_if(facts.urls, [&](const UrlFacts& url) { return holds(url.answers); });
  return found == facts.urls.end() ? nullptr : &*found;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::skipped:
      return "skipped";
    case Outcome::warning:
      return "warning";
    case Outcome::failure:
      return "failure";
  }
  return "failure";
}

std::span<const Check> checks() { return all_checks; }

std::vector<Finding> findings(const Facts& facts) {
  std::vector<Finding> found;
  found.reserve(std::size(all_checks));
  for (const Check& check : all_checks) {
    found.push_back({check.name, check.judge(facts)});
  }
  return found;
}

Outcome worst_of(std::span<const Finding> findings) {
  Outcome worst = Outcome::ok;
  for (const Finding& finding : findings) {
    worst = std::max(worst, finding.result.outcome);
  }
  return worst;
}

const UrlFacts* Facts::read_url() const {
  return first_url(*this, [](const metadata::UrlAnswers& answers) { return answers.service.has_value(); });
}

const UrlFacts* Facts::answering_url() const {
  if (const auto* read = read_url()) {
    return read;
  }
  return first_url(*this, [](const metadata::UrlAnswers& answers) { return answers.version.has_value(); });
}

}  // namespace rancher_cnode::cli::doctor
