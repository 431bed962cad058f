// What the log does with a descriptor whose reader stalls: real pipes and a real terminal.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "rancher_cnode/log/log.hpp"

using rancher_cnode::Log;
using rancher_cnode::LogFormat;
using rancher_cnode::LogLevel;

namespace {

/// Two descriptors that are joined; what is written to the one is read from the other.
class Joined {
 public:
  static Joined pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return {ends[0], ends[1]};
  }
  static Joined terminal() {
    int master = -1;
    int slave = -1;
    REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
    return {master, slave};
  }
  static Joined sockets() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    return {ends[0], ends[1]};
  }

  Joined(int r, int w) : reading(r), writing(w) {}
  Joined(const Joined&) = delete;
  Joined& operator=(const Joined&) = delete;
  ~Joined() {
    close_reading();
    ::close(writing);
  }

  void close_reading() {
    if (reading >= 0) {
      ::close(reading);
    }
    reading = -1;
  }

  /// All that is there now.
  [[nodiscard]] std::string read_all() const {
    std::string text;
    std::array<char, 65536> buffer{};
    pollfd asked{.fd = reading, .events = POLLIN, .revents = 0};
    while (::poll(&asked, 1, 0) == 1 && (asked.revents & POLLIN) != 0) {
      const auto size = ::read(reading, buffer.data(), buffer.size());
      REQUIRE(size > 0);
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return text;
  }

  int reading;
  int writing;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

bool holds(const std::string& line, const std::string& part) { return line.find(part) != std::string::npos; }

/// More than a pipe, a terminal or a socket keeps for a reader that does not read.
constexpr int many = 2000;

void write_much(const Log& log) {
  for (int i = 0; i < many; ++i) {
    log.debug("setting", "nobody reads", {{"number", i}});
  }
}

/// The descriptors of this process that lead where this one does.
std::vector<int> same_as(int descriptor) {
  const auto target = [](int fd) {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored).string();
  };
  std::vector<int> same;
  for (int fd = 0; fd < 256; ++fd) {
    if (target(fd) == target(descriptor)) {
      same.push_back(fd);
    }
  }
  return same;
}

/// How many of the lines of write_much are there, in their order, or reported as lost.
int accounted_for(const std::string& text, LogFormat format) {
  const std::string equals = format == LogFormat::json ? "\":" : "=";
  int lines = 0;
  for (const auto& line : lines_of(text)) {
    const std::size_t lost = line.find("lines" + equals);
    if (lost != std::string::npos) {
      lines += std::stoi(line.substr(lost + 5 + equals.size()));
    } else if (holds(line + '\r',
                     "number" + equals + std::to_string(lines) + (format == LogFormat::json ? "}" : "\r"))) {
      ++lines;
    }
  }
  return lines;
}

/// That it comes back from write_much is half of the case.
void loses_lines_and_tells(const Joined& joined, LogFormat format) {
  const Log log(LogLevel::debug, format, joined.writing);
  write_much(log);
  const std::string kept = joined.read_all();
  REQUIRE(lines_of(kept).size() > 10);
  REQUIRE(lines_of(kept).size() < many);

  log.error("loop_stalled", "");
  const std::string after = joined.read_all();
  // A line that a terminal took a part of ends before the next one begins.
  const bool torn = !kept.ends_with('\n');
  CHECK((after.starts_with('\n') || after.starts_with("\r\n")) == torn);
  const auto lines = lines_of(after.substr(torn ? after.find('\n') + 1 : 0));
  REQUIRE(lines.size() == 2);
  CHECK(holds(lines[0], "log_lines_dropped"));
  CHECK(holds(lines[0], "warning"));
  CHECK(holds(lines[1], "loop_stalled"));
  // A torn line is lost, even where it lacks nothing but its end.
  CHECK(accounted_for(kept.substr(0, kept.rfind('\n') + 1) + after.substr(torn ? after.find('\n') + 1 : 0),
                      format) == many);

  log.error("metadata_watcher_failed", "");
  const auto then = lines_of(joined.read_all());
  REQUIRE(then.size() == 1);
  CHECK(holds(then[0], "metadata_watcher_failed"));
}

}  // namespace

TEST_CASE("a pipe that nobody reads loses lines without blocking, and their number is logged") {
  const auto pipe = Joined::pipe();
  const Log log(LogLevel::debug, LogFormat::text, pipe.writing);
  write_much(log);
  const auto kept = lines_of(pipe.read_all());
  log.info("starting", "");
  const auto after = lines_of(pipe.read_all());
  REQUIRE(after.size() == 2);
  CHECK(holds(after[0], "event=log_lines_dropped"));
  CHECK(holds(after[0], "lines=" + std::to_string(many - kept.size())));
  CHECK(holds(after[1], "event=starting"));
  for (const auto& line : kept) {
    CHECK(holds(line, "debug event=setting msg=\"nobody reads\" number="));
  }
}

TEST_CASE("the same in JSON, on a terminal and on a socket") {
  loses_lines_and_tells(Joined::pipe(), LogFormat::json);
  loses_lines_and_tells(Joined::terminal(), LogFormat::text);
  loses_lines_and_tells(Joined::sockets(), LogFormat::text);
}

TEST_CASE("no line is written before the number of those that were dropped") {
  const auto pipe = Joined::pipe();
  REQUIRE(::fcntl(pipe.writing, F_SETPIPE_SZ, 4096) == 4096);
  // Room for a short line, but not for the one that has the number.
  const std::string filling(4096 - 60, '.');
  REQUIRE(::write(pipe.writing, filling.data(), filling.size()) == static_cast<ssize_t>(filling.size()));
  const Log log(LogLevel::info, LogFormat::text, pipe.writing);
  log.info("peer_held", "a message that is too long for what is left of the pipe");
  log.info("peer_listed", "");
  CHECK(pipe.read_all() == filling);
  log.info("peer_listed", "");
  const auto lines = lines_of(pipe.read_all());
  REQUIRE(lines.size() == 2);
  CHECK(holds(lines[0], "lines=2"));
  CHECK(holds(lines[1], "event=peer_listed"));
}

TEST_CASE("lines go to standard error where no descriptor is given") {
  const auto pipe = Joined::pipe();
  const int kept = ::dup(STDERR_FILENO);
  ::dup2(pipe.writing, STDERR_FILENO);
  Log(LogLevel::info, LogFormat::text).info("peer_listed", "");
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  CHECK(pipe.read_all().ends_with(" info event=peer_listed\n"));
}

TEST_CASE("no started program inherits the log's own descriptor, and it is closed with the log") {
  for (const auto& joined : {Joined::pipe(), Joined::terminal()}) {
    const auto before = same_as(joined.writing);
    {
      const Log log(LogLevel::info, LogFormat::text, joined.writing);
      const auto open = same_as(joined.writing);
      CHECK(open.size() == before.size() + 1);
      for (const int fd : open) {
        if (fd != joined.writing) {
          CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        }
      }
    }
    CHECK(same_as(joined.writing) == before);
  }
}

TEST_CASE("the flags of the descriptor, which others share, stay as they are") {
  const auto pipe = Joined::pipe();
  const int before = ::fcntl(pipe.writing, F_GETFL);
  const Log log(LogLevel::info, LogFormat::text, pipe.writing);
  log.info("peer_listed", "");
  CHECK(::fcntl(pipe.writing, F_GETFL) == before);
}

TEST_CASE("a reader that is gone only loses the lines") {
  // As main has it.
  std::signal(SIGPIPE, SIG_IGN);
  auto pipe = Joined::pipe();
  const Log log(LogLevel::info, LogFormat::text, pipe.writing);
  pipe.close_reading();
  log.info("peer_listed", "");
  const Log begun_later(LogLevel::info, LogFormat::text, pipe.writing);
  begun_later.info("peer_listed", "");
}

TEST_CASE("a line that is too long for one write is cut within its values, and stays a line") {
  const std::string text(1'000'000, 'x');
  const std::string wide(100'000, '\xff');
  std::string characters = "x";
  for (int i = 0; i < 50'000; ++i) {
    characters += "\xe2\x82\xac";
  }
  for (const auto format : {LogFormat::text, LogFormat::json}) {
    const auto pipe = Joined::pipe();
    const Log log(LogLevel::info, format, pipe.writing);
    log.info("peer_listed", text, {{"wide", wide}, {"characters", characters}, {"last", 1}});
    const std::string line = pipe.read_all();
    CHECK(line.size() <= PIPE_BUF);
    CHECK(line.ends_with(format == LogFormat::json ? "...\",\"last\":1}\n" : "...\" last=1\n"));
    CHECK(holds(line, "\xe2\x82\xac..."));
    CHECK(lines_of(line).size() == 1);
  }
}

TEST_CASE("a long value is whole as long as its line fits") {
  const auto pipe = Joined::pipe();
  const Log log(LogLevel::info, LogFormat::text, pipe.writing);
  const std::string text(3'900, 'x');
  log.info("peer_listed", "", {{"v", text}});
  CHECK(pipe.read_all().ends_with("v=" + text + "\n"));
}
