#include "rancher_cnode/core/regular_file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;

TEST_CASE("a file is read whole up to the limit, and refused above it") {
  const TemporaryDirectory folder;
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 10'000U}) {
    CAPTURE(size);
    const std::string text(size, 'x');
    const auto path = folder.file("file", text);
    CHECK(read_file(path, size).value() == text);
    CHECK(read_file(path, size + 1).value() == text);
    if (size > 0) {
      CHECK(read_file(path, size - 1).error() ==
            Error{ErrorCode::too_large, "the file is larger than " + std::to_string(size - 1) + " bytes"});
    }
  }
}

TEST_CASE("the start of a file is read, however large it is") {
  const TemporaryDirectory folder;
  const auto path = folder.file("file", std::string(5'000, 'a') + "b");
  CHECK(read_file_start(path, 0).value().empty());
  CHECK(read_file_start(path, 5'000).value() == std::string(5'000, 'a'));
  CHECK(read_file_start(path, 9'000).value().size() == 5'001);
}

TEST_CASE("a file of /proc, whose size is reported as 0, is read") {
  CHECK(read_file("/proc/self/comm", 100).value().ends_with('\n'));
}

TEST_CASE("a link to a file is as good as the file") {
  const TemporaryDirectory folder;
  std::filesystem::create_symlink(folder.file("file", "x"), folder.path() + "/link");
  CHECK(read_file(folder.path() + "/link", 1).value() == "x");
}

TEST_CASE("what is no regular file is refused without waiting for it") {
  const TemporaryDirectory folder;
  const auto fifo = folder.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  for (const auto& path : {fifo, folder.path(), std::string("/dev/zero")}) {
    CAPTURE(path);
    CHECK(read_file(path, 10).error() == Error{ErrorCode::failed, "not a regular file"});
  }
}

TEST_CASE("a file that is missing, or cannot be read, is an error with the reason") {
  const TemporaryDirectory folder;
  const Error missing{ErrorCode::not_found, "no such file"};
  CHECK(read_file(folder.path() + "/none", 10).error() == missing);
  CHECK(read_file(folder.file("file", "") + "/below", 10).error() == missing);
  CHECK(read_file("/proc/self/mem", 10).error() ==
        Error{ErrorCode::failed, "the file cannot be read: Input/output error"});
}

TEST_CASE("an opened file is not inherited by programs that are started") {
  const TemporaryDirectory folder;
  const auto file = open_regular_file(folder.file("file", "x"));
  REQUIRE(file);
  CHECK((::fcntl(file->get(), F_GETFD) & FD_CLOEXEC) != 0);
}
