#include "distribution/node/observers.hpp"

#include <doctest/doctest.h>

#include "bytes.hpp"

using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

namespace {

const Pid observer{"beam@127.0.0.1", 9, 0, 5};
const Pid observed{"cn@127.0.0.1", 1, 0, 9};

Reference numbered(std::uint32_t number) { return {"beam@127.0.0.1", 5, 1, {number}}; }

}  // namespace

TEST_CASE("each monitor and each link gets one exit signal") {
  Observers observers;
  observers.add(control::Monitor{observer, std::string("status"), numbered(1)});
  observers.add(control::Monitor{observer, observed, numbered(2)});
  observers.add(control::Link{observer, observed});
  observers.add(control::Link{observer, observed});
  CHECK(observers.exit_signals("shutdown") ==
        join({encode_monitor_exit(std::string("status"), observer, numbered(1), "shutdown"),
              encode_monitor_exit(observed, observer, numbered(2), "shutdown"),
              encode_exit(observed, observer, "shutdown")}));
}

TEST_CASE("a reference that is used again stands for the newer monitor") {
  Observers observers;
  observers.add(control::Monitor{observer, std::string("status"), numbered(1)});
  observers.add(control::Monitor{observer, observed, numbered(1)});
  CHECK(observers.exit_signals("shutdown") ==
        encode_monitor_exit(observed, observer, numbered(1), "shutdown"));
}

TEST_CASE("a removed observer gets no signal") {
  Observers observers;
  observers.add(control::Monitor{observer, std::string("status"), numbered(1)});
  observers.remove(control::Demonitor{observer, numbered(1)});
  observers.add(control::Link{observer, observed});
  SUBCASE("by unlinking") { observers.remove(control::Unlink{{}, observer, observed}); }
  SUBCASE("by ending") { observers.remove(control::Exit{observer, observed}); }
  CHECK(observers.size() == 0);
  CHECK(observers.exit_signals("shutdown").empty());
}

TEST_CASE("the observers of one connection are bounded") {
  Observers observers;
  for (std::uint32_t i = 0; i < Observers::max_remembered + 100; ++i) {
    observers.add(control::Monitor{observer, observed, numbered(i)});
    observers.add(control::Link{Pid{"beam@127.0.0.1", i, 0, 5}, observed});
  }
  CHECK(observers.size() == Observers::max_remembered);
}
