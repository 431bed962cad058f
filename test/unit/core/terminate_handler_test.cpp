#include "rancher_cnode/core/terminate_handler.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <thread>

TEST_CASE("an uncaught exception is one line on standard error and status 1") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    rancher_cnode::install_terminate_handler();
    std::thread([] { throw std::runtime_error("no more threads"); }).join();
    ::_exit(0);
  }
  REQUIRE(child > 0);
  ::close(ends[1]);
  std::string text(1000, '\0');
  std::size_t size = 0;
  for (ssize_t part = 0; (part = ::read(ends[0], &text[size], text.size() - size)) > 0;) {
    size += static_cast<std::size_t>(part);
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(text.substr(0, size) == "rancher_cnode: fatal error: no more threads\n");
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
}
