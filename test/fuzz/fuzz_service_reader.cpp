// Any body as an answer about the service: read whole and byte by byte, with the same result.
#include <string_view>

#include "fuzz.hpp"
#include "metadata/service_reader.hpp"

using namespace rancher_cnode;

namespace {

/// A body that arrives in pieces of one size.
class Pieces final : public metadata::ByteSource {
 public:
  Pieces(std::string_view body, std::size_t piece) : rest_(body), piece_(piece) {}
  Expected<std::string_view> next() override {
    const auto part = rest_.substr(0, piece_);
    rest_.remove_prefix(part.size());
    return part;
  }

 private:
  std::string_view rest_;
  std::size_t piece_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes(data, size);
  const std::string_view body(bytes.data(), bytes.size());
  const auto whole = metadata::read_service(body);
  Pieces pieces(body, 1);
  const auto in_pieces = metadata::read_service(pieces);
  fuzz::require(whole.has_value() == in_pieces.has_value());
  fuzz::require(whole ? *whole == *in_pieces : whole.error() == in_pieces.error());
  return 0;
}
