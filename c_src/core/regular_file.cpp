#include "rancher_cnode/core/regular_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace rancher_cnode {
namespace {

tl::unexpected<Error> failed(int number) {
  if (number == ENOENT || number == ENOTDIR) {
    return failure(ErrorCode::not_found, "no such file");
  }
  return failure(ErrorCode::failed, "the file cannot be read: " + std::generic_category().message(number));
}

}  // namespace

Expected<FileDescriptor> open_regular_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    return failed(errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return failure(ErrorCode::failed, "not a regular file");
  }
  return file;
}

Expected<std::size_t> read_some(const FileDescriptor& file, char* buffer, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::read(file.get(), buffer, size);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    return failed(errno);
  }
  return static_cast<std::size_t>(got);
}

Expected<std::string> read_file_start(const std::string& path, std::size_t longest) {
  const auto file = open_regular_file(path);
  if (!file) {
    return tl::unexpected<Error>(file.error());
  }
  std::string text;
  while (text.size() < longest) {
    constexpr std::size_t step = 4096;
    const std::size_t before = text.size();
    text.resize(std::min(longest, before + step));
    const auto got = read_some(*file, text.data() + before, text.size() - before);
    if (!got) {
      return tl::unexpected<Error>(got.error());
    }
    text.resize(before + *got);
    if (*got == 0) {
      break;
    }
  }
  return text;
}

Expected<std::string> read_file(const std::string& path, std::size_t longest) {
  auto text = read_file_start(path, longest + 1);
  if (text && text->size() > longest) {
    return tl::unexpected<Error>(file_too_large(longest));
  }
  return text;
}

Error file_too_large(std::size_t longest) {
  return {ErrorCode::too_large, "the file is larger than " + std::to_string(longest) + " bytes"};
}

}  // namespace rancher_cnode
