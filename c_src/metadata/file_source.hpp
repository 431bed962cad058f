// A regular file named by a file:// URL, as a body. Used by metadata_client. A file on a network volume that
// hangs blocks, and its read cannot be cancelled.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "metadata/byte_source.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::metadata {

[[nodiscard]] bool is_file_url(std::string_view url);

class FileSource final : public ByteSource {
 public:
  /// `url` is file:///PATH, percent-encoded (RFC 8089). Opened by the first next().
  FileSource(std::string url, std::size_t limit) : url_(std::move(url)), limit_(limit) {}

  /// Failures: bad_setting (not such a URL), not_found (no such file), too_large (more than `limit` bytes),
  /// failed (not a regular file, no permission, a failing disk).
  [[nodiscard]] Expected<std::string_view> next() override;

 private:
  Expected<void> open();

  std::string url_;
  std::size_t limit_;
  FileDescriptor file_;
  std::size_t read_ = 0;
  std::array<char, 16'384> buffer_;
};

}  // namespace rancher_cnode::metadata
