// A source of the bytes of a body, piece by piece, so that a reader need not hold the whole body. Implemented
// by http_client (a transfer), file_source and MemorySource; read by service_reader and metadata_client.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::metadata {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// The next piece, at least one byte; an empty view at the end of the whole body. It is valid until the
  /// next call. May block for as long as the source's own deadline allows; a failure is final.
  [[nodiscard]] virtual Expected<std::string_view> next() = 0;
};

/// The rest of a body. Failures: the source's own; ErrorCode::too_large if it is longer than `limit` bytes.
[[nodiscard]] Expected<std::string> read_all(ByteSource& source, std::size_t limit);

/// A body that is in memory already; `text` must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view text) : rest_(text) {}
  [[nodiscard]] Expected<std::string_view> next() override {
    return std::exchange(rest_, std::string_view());
  }

 private:
  std::string_view rest_;
};

}  // namespace rancher_cnode::metadata
