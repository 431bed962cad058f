// The component against real BEAMs, found in the real /proc.
#include "real_beam.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "rancher_cnode/host/process_table.hpp"
#include "rancher_cnode/host/selection.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::host;
using rancher_cnode::host::test::RealBeam;

namespace {

Beam found(pid_t pid) {
  const auto beams = ProcessTable().beams();
  const auto beam = std::ranges::find(beams, pid, &Beam::pid);
  REQUIRE(beam != beams.end());
  return *beam;
}

}  // namespace

TEST_CASE("a BEAM that runs is found with its name, its cookie and its parent") {
  const TemporaryDirectory home;
  RealBeam real({"-name", "app@127.0.0.1", "-setcookie", "secret"}, {"HOME=" + home.path()});
  auto report = real.report();
  const auto beam = found(real.pid());
  CHECK(beam.arguments.name == report["node"]);
  CHECK(ProcessTable().cookie_of(beam)->cookie.reveal() == report["cookie"]);
  REQUIRE(!beam.ancestors.empty());
  CHECK(beam.ancestors.front() == ::getpid());
}
