// The first byte says in which pieces the rest arrives; the frames must be the same as when it arrives at
// once.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "rancher_cnode/distribution/frame.hpp"

using namespace rancher_cnode;
using distribution::FrameReader;

namespace {

struct Seen {
  std::vector<std::string> frames;
  bool refused = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen read_in_pieces(std::span<const char> stream, std::size_t piece) {
  FrameReader reader;
  Seen seen;
  while (!stream.empty()) {
    const auto part = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(part.size());
    std::copy(part.begin(), part.end(), reader.prepare(part.size()).begin());
    reader.commit(part.size());
    while (true) {
      const auto frame = reader.next();
      if (!frame) {
        seen.refused = true;
        return seen;
      }
      if (!frame->has_value()) {
        break;
      }
      seen.frames.emplace_back((*frame)->begin(), (*frame)->end());
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const auto stream = fuzz::bytes(data + 1, size - 1);
  fuzz::require(read_in_pieces(stream, std::size_t{1} + data[0]) == read_in_pieces(stream, size));
  return 0;
}
