#include "metadata/byte_source.hpp"

namespace rancher_cnode::metadata {

Expected<std::string> read_all(ByteSource& source, std::size_t limit) {
  std::string whole;
  for (;;) {
    auto piece = source.next();
    if (!piece) {
      return tl::unexpected<Error>(std::move(piece.error()));
    }
    if (piece->empty()) {
      return whole;
    }
    if (piece->size() > limit - whole.size()) {
      return failure(ErrorCode::too_large, "the answer is larger than " + std::to_string(limit) + " bytes");
    }
    whole += *piece;
  }
}

}  // namespace rancher_cnode::metadata
