#include "metadata/file_source.hpp"

#include <charconv>
#include <optional>
#include <system_error>

#include "rancher_cnode/core/regular_file.hpp"

namespace rancher_cnode::metadata {
namespace {

constexpr std::string_view scheme = "file://";

/// Decodes percent-encoding. Nothing if it is invalid or contains a NUL.
std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    unsigned char byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2 || byte == 0) {
      return std::nullopt;
    }
    result += static_cast<char>(byte);
    i += 2;
  }
  return result;
}

}  // namespace

bool is_file_url(std::string_view url) { return url.starts_with(scheme); }

Expected<void> FileSource::open() {
  const std::string_view url = url_;
  if (!url.starts_with("file:///")) {
    return failure(ErrorCode::bad_setting, "not a file:///PATH URL");
  }
  const auto path = decoded(url.substr(scheme.size()));
  if (!path) {
    return failure(ErrorCode::bad_setting, "not a file:///PATH URL");
  }
  auto file = open_regular_file(*path);
  if (!file) {
    return tl::unexpected<Error>(std::move(file.error()));
  }
  file_ = *std::move(file);
  return {};
}

Expected<std::string_view> FileSource::next() {
  if (!file_.valid()) {
    if (auto opened = open(); !opened) {
      return tl::unexpected<Error>(std::move(opened.error()));
    }
  }
  const auto size = read_some(file_, buffer_.data(), buffer_.size());
  if (!size) {
    return tl::unexpected<Error>(size.error());
  }
  read_ += *size;
  if (read_ > limit_) {
    return tl::unexpected<Error>(file_too_large(limit_));
  }
  return std::string_view(buffer_.data(), *size);
}

}  // namespace rancher_cnode::metadata
