// What is kept of the members, and for which services it is used again.
#include "agent/member_store.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "support/unit/fake_timers.hpp"
#include "support/unit/log_lines.hpp"
#include "support/unit/samples.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::membership::samples;
using agent::MemberStore;
using membership::FailedRead;
using membership::Read;
using membership::ReadScope;
using membership::ServiceRead;

namespace {

constexpr const char* own_path = "self/service";
constexpr const char* other_path = "stacks/shop/services/worker";

std::vector<membership::MembershipSettings> both() {
  auto web = settings();
  web.service = own_path;
  auto worker = settings();
  worker.service = other_path;
  worker.node_basename = "worker";
  return {web, worker};
}

Read failed() { return FailedRead{"timeout"}; }

struct StoreFolder {
  StoreFolder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~StoreFolder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file() const { return path + "/members.json"; }
  std::string path = "/tmp/rancher_cnode-store.XXXXXX";
};

/// One life of a C-node on a file that outlives it.
struct Life {
  Life(const StoreFolder& folder, Milliseconds& now)
      : store(
            folder.file(), memberships, timers, [&now] { return now; }, log, loop.get_executor(),
            [this](const auto& facts) { restored += facts.size(); }) {}

  /// The file has been read.
  void load() {
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (loop.poll() == 0 && Clock::now() < end) {
      loop.restart();
    }
  }
  void round(const Read& web, const Read& worker) {
    const std::vector<ServiceRead> reads{{web, ReadScope::self, own_path},
                                         {worker, ReadScope::named, other_path}};
    store.before(reads);
    memberships.observe(timers.now(), reads);
    store.after();
    timers.advance(Milliseconds(1'000));
  }

  agent::test::FakeTimers timers;
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::debug, LogFormat::text, lines};
  membership::Memberships memberships{both()};
  boost::asio::io_context loop;
  std::size_t restored = 0;
  MemberStore store;
};

metadata::StoredMembers stored(const StoreFolder& folder) {
  const auto members = metadata::read_stored_members(folder.file());
  REQUIRE(members.has_value());
  return *members;
}

/// A file with 1 and 2 of the own service, and 3 of the other one.
void keep_both(const StoreFolder& folder, Milliseconds& now) {
  Life life(folder, now);
  life.load();
  life.round(running({1, 2}), running({3}));
}

}  // namespace

TEST_CASE("what both services had is restored if the first round reads neither, except our own address") {
  const StoreFolder folder;
  Milliseconds now{1'700'000'000'000};
  keep_both(folder, now);
  Life life(folder, now);
  life.load();
  CHECK(life.restored == 0);
  life.round(failed(), failed());
  CHECK(life.restored == 2);
  CHECK(life.memberships.desired()->members == std::set{node(2), *NodeName::parse("worker@10.42.0.3")});
  CHECK(life.lines->count("members_restored") == 1);
}

TEST_CASE("a file that is read after the first round is used too") {
  const StoreFolder folder;
  Milliseconds now{1'700'000'000'000};
  keep_both(folder, now);
  Life life(folder, now);
  life.round(failed(), failed());
  CHECK(life.restored == 0);
  life.load();
  CHECK(life.restored == 2);
}

TEST_CASE("what a round read before the file was read is kept as soon as it is") {
  const StoreFolder folder;
  Milliseconds now{1'700'000'000'000};
  {
    Life life(folder, now);
    life.round(running({1, 2}), running({3}));
    life.load();
  }
  const auto kept = stored(folder);
  REQUIRE(kept.services.size() == 2);
  CHECK(kept.services[0].members == std::vector{address(1), address(2)});
  CHECK(kept.services[1].members == std::vector{address(3)});
}

TEST_CASE("only the service that the first round could not read is restored, and the file keeps it") {
  const StoreFolder folder;
  Milliseconds now{1'700'000'000'000};
  keep_both(folder, now);
  {
    Life life(folder, now);
    life.load();
    life.round(running({1}), failed());
    CHECK(life.restored == 1);
    CHECK(life.memberships.desired()->members.contains(*NodeName::parse("worker@10.42.0.3")));
    CHECK_FALSE(life.memberships.desired()->members.contains(node(2)));
  }
  const auto kept = stored(folder);
  REQUIRE(kept.services.size() == 2);
  CHECK(kept.services[0].members == std::vector{address(1)});
  CHECK(kept.services[1].members == std::vector{address(3)});
}

TEST_CASE("nothing is restored once a round has read the services") {
  const StoreFolder folder;
  Milliseconds now{1'700'000'000'000};
  keep_both(folder, now);
  Life life(folder, now);
  life.load();
  life.round(running({1}), running({4}));
  life.round(failed(), failed());
  CHECK(life.restored == 0);
}

TEST_CASE("failed rounds do not make the kept members younger") {
  const StoreFolder folder;
  Milliseconds now{1'700'000'000'000};
  const auto begin = now;
  {
    Life life(folder, now);
    life.load();
    life.round(running({1, 2}), running({3}));
    for (int i = 0; i < 10; ++i) {
      now += agent::StateFile::rewrite_interval;
      life.round(failed(), failed());
    }
  }
  CHECK(stored(folder).saved_unix == begin);
}

TEST_CASE("members of another basename are not restored") {
  const StoreFolder folder;
  Milliseconds now{1'700'000'000'000};
  REQUIRE(metadata::write_stored_members(folder.file(), {now, {{other_path, "another", {address(3)}}}}));
  Life life(folder, now);
  life.load();
  life.round(failed(), failed());
  CHECK(life.restored == 0);
  CHECK(life.lines->count("members_restored") == 0);
}

TEST_CASE("a service that is added later is restored if its own first round cannot read it") {
  const StoreFolder folder;
  Milliseconds now{1'700'000'000'000};
  keep_both(folder, now);
  Life life(folder, now);
  life.load();
  life.memberships.set_services({both().front()});
  life.store.before({{failed(), ReadScope::self, own_path}});
  CHECK(life.restored == 1);
  life.memberships.set_services(both());
  life.round(failed(), failed());
  CHECK(life.restored == 2);
  CHECK(life.memberships.desired()->members == std::set{node(2), *NodeName::parse("worker@10.42.0.3")});
}
