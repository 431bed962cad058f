#include "metadata/file_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>

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

tl::unexpected<Error> failed(int number) {
  if (number == ENOENT || number == ENOTDIR) {
    return failure(ErrorCode::not_found, "no such file");
  }
  return failure(ErrorCode::failed, "the file cannot be read: " + std::generic_category().message(number));
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
  // O_NONBLOCK, because the open of a FIFO would wait for its writer.
  file_ = FileDescriptor(::open(path->c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file_.valid()) {
    return failed(errno);
  }
  struct stat facts {};
  if (::fstat(file_.get(), &facts) != 0) {
    return failed(errno);
  }
  if (!S_ISREG(facts.st_mode)) {
    return failure(ErrorCode::failed, "not a regular file");
  }
  return {};
}

Expected<std::string_view> FileSource::next() {
  if (!file_.valid()) {
    if (auto opened = open(); !opened) {
      return tl::unexpected<Error>(std::move(opened.error()));
    }
  }
  ssize_t size = 0;
  do {
    size = ::read(file_.get(), buffer_.data(), buffer_.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    return failed(errno);
  }
  read_ += static_cast<std::size_t>(size);
  if (read_ > limit_) {
    return failure(ErrorCode::too_large, "the file is larger than " + std::to_string(limit_) + " bytes");
  }
  return std::string_view(buffer_.data(), static_cast<std::size_t>(size));
}

}  // namespace rancher_cnode::metadata
