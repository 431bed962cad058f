// Any bytes as the command line of a BEAM, and the selection from the BEAM that it gives.
#include <array>
#include <string_view>

#include "fuzz.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/host/selection.hpp"

using namespace rancher_cnode;

namespace {

void require_printable_line(std::string_view text) {
  fuzz::require(!text.empty());
  for (const char c : text) {
    fuzz::require(static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes(data, size);
  host::Beam beam{.pid = 17, .start_time = 1, .ancestors = {1}, .arguments = {}};
  beam.arguments = host::parse_beam_arguments({bytes.data(), bytes.size()});
  fuzz::require(beam.arguments.name_kind != host::NameKind::none || beam.arguments.name.empty());
  fuzz::require(beam.arguments.setcookie_flag == host::SetcookieFlag::taken || beam.arguments.cookie.empty());

  const std::array<host::Criteria, 3> all_criteria{
      host::Criteria{.own_address = {}, .alive_name = {}, .process = {}},
      host::Criteria{.own_address = Ipv4Address(0x0a2a0002), .alive_name = {}, .process = {}},
      host::Criteria{.own_address = {}, .alive_name = "app", .process = 1}};
  for (const auto& criteria : all_criteria) {
    const auto selection = host::select({&beam, 1}, criteria);
    require_printable_line(selection.text);
    fuzz::require(selection.beam.has_value() == (selection.reason == host::SelectionReason::chosen));
    fuzz::require(!selection.beam || NodeName::parse(selection.beam->arguments.name).has_value());
  }
  return 0;
}
