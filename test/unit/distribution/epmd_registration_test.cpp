#include "rancher_cnode/distribution/epmd_registration.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "support/unit/epmd_stand_in.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

using Pace = EpmdRegistration::Pace;

constexpr Milliseconds never{3'600'000};
constexpr Milliseconds soon{200};

Pace stable_after(Milliseconds time) {
  Pace pace;
  pace.stable_after = time;
  return pace;
}

struct Registering {
  explicit Registering(Pace pace = {}) {
    registration = std::make_unique<EpmdRegistration>(
        loop, EpmdRegistration::Settings{"cn", 0x1234, epmd.port(), pace},
        [this](RegistrationState state, const std::string& reason) {
          CHECK(registration->state() == state);
          changes.push_back(std::string(to_string(state)) + (reason.empty() ? "" : ": " + reason));
          if (on_change) {
            on_change();
          }
        });
  }

  void wait_for(RegistrationState state) {
    run_until(loop, "the registration's state",
              [&] { return !changes.empty() && registration->state() == state; });
  }

  [[nodiscard]] std::string where() const { return "epmd at 127.0.0.1:" + std::to_string(epmd.port()); }

  asio::io_context loop;
  EpmdStandIn epmd{loop};
  std::vector<std::string> changes;
  std::function<void()> on_change;
  std::unique_ptr<EpmdRegistration> registration;
};

}  // namespace

TEST_CASE("the name is registered as a hidden node's and held") {
  Registering registering;
  registering.registration->start();
  registering.wait_for(RegistrationState::registered);
  run_for(registering.loop, Milliseconds(100));
  CHECK(registering.epmd.names.at("cn") == 0x1234);
  // ALIVE2_REQ: port, hidden, TCP over IPv4, highest and lowest version, name, nothing extra
  CHECK(registering.epmd.requests ==
        std::vector<std::string>{std::string("x\x12\x34H\0\0\6\0\5\0\2cn\0\0", 15)});
  CHECK(registering.changes == std::vector<std::string>{"registered"});
}

TEST_CASE("an epmd from before OTP 23 is accepted") {
  Registering registering;
  registering.epmd.old_answers = true;
  registering.registration->start();
  registering.wait_for(RegistrationState::registered);
}

TEST_CASE("stop unregisters the name") {
  Registering registering;
  registering.registration->start();
  registering.wait_for(RegistrationState::registered);
  SUBCASE("by stop") { registering.registration->stop(); }
  SUBCASE("by destruction") { registering.registration.reset(); }
  run_until(registering.loop, "the name to be free", [&] { return registering.epmd.names.empty(); });
  run_for(registering.loop, Milliseconds(100));
  CHECK(registering.epmd.names.empty());
  CHECK(registering.changes.size() == 1);
}

TEST_CASE("an epmd that starts late is found, and its absence reported once") {
  Registering registering;
  registering.epmd.down();
  registering.registration->start();
  run_for(registering.loop, Milliseconds(300));
  registering.epmd.up();
  registering.wait_for(RegistrationState::registered);
  CHECK(registering.changes ==
        std::vector<std::string>{"unavailable: no " + registering.where(), "registered"});
}

TEST_CASE("a restarted epmd has the name again") {
  Registering registering(stable_after(soon));
  registering.registration->start();
  registering.wait_for(RegistrationState::registered);
  run_for(registering.loop, soon * 2);
  registering.epmd.down();
  registering.wait_for(RegistrationState::lost);
  run_for(registering.loop, Milliseconds(400));
  CHECK(registering.changes.back() == "lost: epmd closed the registration");
  registering.epmd.up();
  registering.wait_for(RegistrationState::registered);
  CHECK(registering.changes.size() == 3);
}

TEST_CASE("an epmd that accepts each registration and closes it is reported once and asked ever less often") {
  Registering registering(stable_after(soon));
  registering.epmd.manner = EpmdStandIn::Manner::accepts_and_closes;
  const auto begun = Clock::now();
  registering.registration->start();
  run_until(registering.loop, "four requests", [&] { return registering.epmd.requests.size() == 4; });
  CHECK(Clock::now() - begun >= Milliseconds(100 + 200 + 400));
  CHECK(registering.changes == std::vector<std::string>{"registered", "lost: epmd closed the registration"});
}

TEST_CASE("after a registration that ended early the next counts once it has lasted") {
  const struct {
    const char* what;
    Milliseconds stable;
    std::size_t changes;
  } rows[] = {{"it has lasted", soon, 3}, {"it has not", never, 2}};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Registering registering(stable_after(row.stable));
    registering.epmd.manner = EpmdStandIn::Manner::accepts_and_closes;
    registering.registration->start();
    registering.wait_for(RegistrationState::lost);
    registering.epmd.manner = EpmdStandIn::Manner::proper;
    run_until(registering.loop, "the name in epmd", [&] { return registering.epmd.names.contains("cn"); });
    if (row.changes == 3) {
      registering.wait_for(RegistrationState::registered);
    }
    run_for(registering.loop, Milliseconds(100));
    CHECK(registering.changes.size() == row.changes);
  }
}

TEST_CASE("by default a lost name is asked for twice a second and a taken one every 2 s") {
  static_assert(Pace().first_retry == Milliseconds(50));
  static_assert(Pace().last_retry == Milliseconds(500));
  static_assert(Pace().taken_retry == Milliseconds(2'000));
  static_assert(Pace().last_early_retry == Milliseconds(10'000));
  static_assert(Pace().stable_after == Milliseconds(5'000));
  static_assert(Pace().answer_limit == Milliseconds(2'000));
}

TEST_CASE("a name that is taken is asked for again, without haste") {
  {
    Registering waiting(
        {.first_retry = Milliseconds(1), .last_retry = Milliseconds(1), .taken_retry = never});
    waiting.epmd.names["cn"] = 1;
    waiting.registration->start();
    waiting.wait_for(RegistrationState::name_taken);
    run_for(waiting.loop, Milliseconds(50));
    CHECK(waiting.epmd.registrations_refused == 1);
  }
  Registering registering({.first_retry = never, .last_retry = never, .taken_retry = Milliseconds(1)});
  registering.epmd.names["cn"] = 1;
  registering.registration->start();
  run_until(registering.loop, "four refusals", [&] { return registering.epmd.registrations_refused == 4; });
  CHECK(registering.changes ==
        std::vector<std::string>{"name_taken: another node has registered the name cn"});
  registering.epmd.names.clear();
  registering.wait_for(RegistrationState::registered);
  CHECK(registering.changes.size() == 2);
}

TEST_CASE("an epmd that gives no answer is asked less and less often, down to a limit") {
  const auto asked = [](Registering& registering, std::size_t times) {
    registering.epmd.manner = EpmdStandIn::Manner::hangs_up;
    const auto begun = Clock::now();
    registering.registration->start();
    run_until(registering.loop, "the attempts", [&] { return registering.epmd.requests.size() == times; });
    return Clock::now() - begun;
  };
  SUBCASE("each pause is twice the last one") {
    Registering registering({.first_retry = Milliseconds(10), .last_retry = never});
    CHECK(asked(registering, 5) >= Milliseconds(10 + 20 + 40 + 80));
  }
  SUBCASE("no pause is longer than the limit") {
    Registering registering({.first_retry = Milliseconds(1), .last_retry = Milliseconds(2)});
    CHECK(asked(registering, 20) >= Milliseconds(1 + 18 * 2));
  }
}

TEST_CASE("a registration that is lost is made again at once, however long it took to get it") {
  Registering registering(
      {.first_retry = Milliseconds(1), .last_retry = never, .taken_retry = Milliseconds(1)});
  registering.epmd.names["cn"] = 1;
  registering.registration->start();
  run_until(registering.loop, "many refusals", [&] { return registering.epmd.registrations_refused == 20; });
  registering.epmd.names.clear();
  registering.wait_for(RegistrationState::registered);
  registering.epmd.down();
  registering.wait_for(RegistrationState::lost);
  registering.epmd.up();
  registering.wait_for(RegistrationState::registered);
}

TEST_CASE("an epmd that answered in time is not bound by that time any more") {
  Registering registering({.answer_limit = Milliseconds(200)});
  registering.registration->start();
  registering.wait_for(RegistrationState::registered);
  run_for(registering.loop, Milliseconds(300));
  CHECK(registering.changes == std::vector<std::string>{"registered"});
}

TEST_CASE("a process on the epmd port that is no epmd is reported as that") {
  const struct {
    EpmdStandIn::Manner manner;
    std::string reason;
  } rows[] = {
      {EpmdStandIn::Manner::garbage, "the process on the epmd port is not an epmd"},
      {EpmdStandIn::Manner::hangs_up, "End of file"},
      {EpmdStandIn::Manner::silent, "does not answer"},
      {EpmdStandIn::Manner::half, "does not answer"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.reason);
    Registering registering({.answer_limit = Milliseconds(200)});
    registering.epmd.manner = row.manner;
    registering.registration->start();
    registering.wait_for(RegistrationState::unavailable);
    CHECK(registering.changes.at(0).find(row.reason) != std::string::npos);
    registering.epmd.manner = EpmdStandIn::Manner::proper;
    registering.wait_for(RegistrationState::registered);
  }
}

TEST_CASE("a registration may be destroyed inside its own handler") {
  Registering registering;
  registering.on_change = [&] { registering.registration->stop(); };
  registering.registration->start();
  run_until(registering.loop, "the change", [&] { return !registering.changes.empty(); });
  run_until(registering.loop, "the name to be free", [&] { return registering.epmd.names.empty(); });
  CHECK(registering.changes.size() == 1);
}

TEST_CASE("a registration destroyed inside its own handler leaves nothing that waits") {
  Registering registering({.first_retry = never, .last_retry = never});
  registering.epmd.down();
  registering.on_change = [&] { registering.registration->stop(); };
  registering.registration->start();
  registering.loop.restart();
  registering.loop.run_for(patience);
  CHECK(registering.loop.stopped());
  CHECK(registering.changes.size() == 1);
}

TEST_CASE("a registration that is stopped at any moment stays silent") {
  for (const int rounds : {0, 1, 2, 3, 4, 5, 8}) {
    CAPTURE(rounds);
    Registering registering;
    registering.registration->start();
    for (int i = 0; i < rounds; ++i) {
      registering.loop.restart();
      registering.loop.run_one_for(Milliseconds(5));
    }
    const auto changes = registering.changes.size();
    registering.registration->stop();
    run_for(registering.loop, Milliseconds(30));
    CHECK(registering.changes.size() == changes);
    CHECK(registering.epmd.names.empty());
  }
}
