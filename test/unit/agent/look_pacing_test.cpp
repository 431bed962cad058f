#include "look_pacing.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using namespace rancher_cnode::agent;

TEST_CASE("a BEAM on our own host is looked for often while it boots, then less often") {
  CHECK(local_look_delay(Milliseconds(0)) == Milliseconds(50));
  CHECK(local_look_delay(Milliseconds(9'999)) == Milliseconds(50));
  CHECK(local_look_delay(Milliseconds(10'000)) == Milliseconds(250));
}

TEST_CASE("a BEAM on another host is looked for with growing delays, up to a limit") {
  CHECK(remote_look_delay(1) == Milliseconds(100));
  CHECK(remote_look_delay(2) == Milliseconds(200));
  CHECK(remote_look_delay(7) == Milliseconds(6'400));
  CHECK(remote_look_delay(8) == Milliseconds(10'000));
  CHECK(remote_look_delay(4'000'000'000) == Milliseconds(10'000));
}
