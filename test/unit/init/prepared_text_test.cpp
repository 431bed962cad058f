// What the preparation hands over, by a real pipe.
#include "init/prepared_text.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <climits>

#include "rancher_cnode/core/file_descriptor.hpp"

using namespace rancher_cnode;
using init::Prepared;

namespace {

struct Ends {
  Ends() {
    int both[2] = {-1, -1};
    REQUIRE(::pipe(both) == 0);
    reader = FileDescriptor(both[0]);
    writer = FileDescriptor(both[1]);
  }
  FileDescriptor reader;
  FileDescriptor writer;
};

}  // namespace

TEST_CASE("what was prepared is read as it was written") {
  const std::vector<Prepared> table{
      {.variables = {}, .needs_cnode = true},
      {.variables = {}, .needs_cnode = false},
      {.variables = {"A=1"}, .needs_cnode = true},
      {.variables = {"A=", "B=x=y", "C=two\nlines and a blank", "D=0"}, .needs_cnode = false},
      {.variables = {"LONG=" + std::string(4000, 'x')}, .needs_cnode = true},
  };
  for (const Prepared& prepared : table) {
    Ends pipe;
    REQUIRE(init::write_prepared(pipe.writer.get(), prepared));
    pipe.writer.reset();
    const Prepared read = init::read_prepared(pipe.reader.get());
    CHECK(read.variables == prepared.variables);
    CHECK(read.needs_cnode == prepared.needs_cnode);
  }
}

TEST_CASE("what would not fit into a pipe is refused, and nothing of it written") {
  Ends pipe;
  CHECK_FALSE(init::write_prepared(
      pipe.writer.get(), {.variables = {"LONG=" + std::string(PIPE_BUF, 'x')}, .needs_cnode = true}));
  pipe.writer.reset();
  char nothing = 0;
  CHECK(::read(pipe.reader.get(), &nothing, 1) == 0);
}

TEST_CASE("writing to a pipe that could not be opened fails") {
  CHECK_FALSE(init::write_prepared(-1, {.variables = {"A=1"}, .needs_cnode = true}));
}

TEST_CASE("nothing that was written means no variables and no C-node") {
  Ends pipe;
  pipe.writer.reset();
  const Prepared read = init::read_prepared(pipe.reader.get());
  CHECK(read.variables.empty());
  CHECK_FALSE(read.needs_cnode);
}
