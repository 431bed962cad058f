// Any bytes as the file of -ssl_dist_optfile.
#include <algorithm>
#include <string_view>

#include "distribution/tls/erlang_text.hpp"
#include "distribution/tls/tls_options.hpp"
#include "fuzz.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;

namespace {

std::size_t depth_of(const TextTerm& term) {
  std::size_t deepest = 0;
  for (const auto& element : term.elements) {
    deepest = std::max(deepest, 1 + depth_of(element));
  }
  return deepest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes(data, size);
  const std::string_view text(bytes.data(), bytes.size());
  const auto term = read_erlang_text(text);
  fuzz::require(!term || depth_of(*term) <= max_erlang_text_depth);
  const auto options = tls_options_in(text);
  fuzz::require(term || !options);
  if (options) {
    for (const auto& name : options->ignored) {
      for (const char c : name) {
        fuzz::require(static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
      }
    }
  }
  return 0;
}
