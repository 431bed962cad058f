// A terminal that is not the one of whoever runs the tests.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include <cstdlib>

#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::testing {

/// The program's side of a terminal that is 72 columns wide; `screen` is the other side.
struct Terminal {
  Terminal() : screen(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(screen.get() >= 0);
    REQUIRE(::grantpt(screen.get()) == 0);
    REQUIRE(::unlockpt(screen.get()) == 0);
    program = FileDescriptor(::open(::ptsname(screen.get()), O_RDWR | O_NOCTTY));
    winsize size{};
    size.ws_col = 72;
    REQUIRE(::ioctl(program.get(), TIOCSWINSZ, &size) == 0);
  }
  FileDescriptor screen;
  FileDescriptor program;
};

}  // namespace rancher_cnode::testing
