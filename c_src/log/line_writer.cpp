#include "log/line_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace rancher_cnode {
namespace {

/// None if that is not possible: a file, a socket, a reader that is gone, no permission.
FileDescriptor second_description(int descriptor) {
  struct stat status {};
  const bool stream =
      ::fstat(descriptor, &status) == 0 && (S_ISFIFO(status.st_mode) || ::isatty(descriptor) == 1);
  if (!stream) {
    return FileDescriptor();
  }
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  return FileDescriptor(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

/// A ready pipe takes PIPE_BUF bytes at once; the write can block only if another writer is faster.
bool is_ready(int descriptor) {
  pollfd asked{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&asked, 1, 0) == 1;
}

ssize_t write_once(int descriptor, std::string_view text) {
  ssize_t written = 0;
  do {
    written = ::write(descriptor, text.data(), text.size());
  } while (written < 0 && errno == EINTR);
  return written;
}

}  // namespace

LineWriter::LineWriter(int descriptor) : shared_(descriptor), own_(second_description(descriptor)) {}

bool LineWriter::write(std::string_view line) {
  const bool blocks = !own_.valid();
  const int descriptor = blocks ? shared_ : own_.get();
  if (blocks && !is_ready(descriptor)) {
    return false;
  }
  // A terminal may take only a part of a line; the next line must not be appended to it.
  if (torn_ && write_once(descriptor, "\n") != 1) {
    return false;
  }
  const ssize_t written = write_once(descriptor, line);
  torn_ = written > 0 && static_cast<std::size_t>(written) < line.size();
  return written == static_cast<ssize_t>(line.size());
}

}  // namespace rancher_cnode
