// The members on disk: what is kept, and what is used again.
#include "agent/state_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "support/unit/log_lines.hpp"

using namespace rancher_cnode;
using agent::StateFile;
using metadata::StoredService;

namespace {

const Ipv4Address one(0x0a2a0001);
const Ipv4Address two(0x0a2a0002);

struct Folder {
  Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file() const { return path + "/state 100%.json"; }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()));
  }
  void write(const std::string& text) const { std::ofstream(file()) << text; }

  std::string path = "/tmp/rancher_cnode-state.XXXXXX";
};

struct Kept {
  /// What a StateFile loads when it is made; it also writes what is to be saved until it is destroyed.
  [[nodiscard]] std::vector<StoredService> load(const std::string& path) {
    std::optional<metadata::StoredMembers> members;
    boost::asio::io_context loop;
    const auto busy = boost::asio::make_work_guard(loop);
    const StateFile file(path, clock(), log, loop.get_executor(), [&](const metadata::StoredMembers& found) {
      members = found;
      loop.stop();
    });
    loop.run_for(std::chrono::seconds(10));
    REQUIRE(members.has_value());
    return members->services;
  }
  [[nodiscard]] std::vector<StoredService> load() { return load(folder.file()); }
  [[nodiscard]] StateFile open(const std::string& path) {
    return StateFile(path, clock(), log, unused.get_executor(), [](const metadata::StoredMembers&) {});
  }
  [[nodiscard]] StateFile open() { return open(folder.file()); }
  void save(const std::vector<StoredService>& services) { open().save(services); }
  [[nodiscard]] std::function<Milliseconds()> clock() {
    return [this] { return now; };
  }

  boost::asio::io_context unused;
  Folder folder;
  Milliseconds now{1'700'000'000'000};
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::debug, LogFormat::text, lines};
};

const std::vector<StoredService> services{{"self/service", "myapp", {one, two}}, {"a/b", "worker", {}}};

}  // namespace

TEST_CASE("what was saved is loaded, and nothing else is left in the folder") {
  Kept kept;
  kept.save(services);
  CHECK(kept.load() == services);
  CHECK(kept.folder.entries() == 1);
  CHECK(kept.lines->all().empty());
}

TEST_CASE("a file that is not there is no fault") {
  Kept kept;
  CHECK(kept.load().empty());
  CHECK(kept.lines->all().empty());
}

TEST_CASE("members that are older than a day, or of a far future, are ignored") {
  Kept kept;
  kept.save(services);
  const auto saved = kept.now;
  kept.now = saved + StateFile::max_age;
  CHECK_FALSE(kept.load().empty());
  kept.now = saved + StateFile::max_age + Milliseconds(1);
  CHECK(kept.load().empty());
  kept.now = saved - StateFile::max_age - Milliseconds(1);
  CHECK(kept.load().empty());
  CHECK(kept.lines->count("state_file_ignored") == 2);
}

TEST_CASE("every cut and every other damage of a file is reported, and nothing is loaded") {
  Kept kept;
  const std::string whole = metadata::as_text({kept.now, services});
  std::vector<std::string> bad{"",
                               "null",
                               "[]",
                               "{}",
                               R"({"format":2,"saved_unix_ms":1,"services":[]})",
                               R"({"format":1,"saved_unix_ms":"1","services":[]})",
                               R"({"format":1,"saved_unix_ms":1700000000000,"services":[1]})",
                               R"({"format":1,"saved_unix_ms":1700000000000,"services":[{"path":"a"}]})"};
  for (std::size_t length = 1; length + 2 < whole.size(); ++length) {
    bad.push_back(whole.substr(0, length));
  }
  for (const auto* address : {"10.42.0", "127.0.0.1", "0.0.0.0", "a"}) {
    bad.push_back(metadata::as_text({kept.now, {{"a", "b", {one}}}}));
    bad.back().replace(bad.back().find("10.42.0.1"), 9, address);
  }
  for (const auto& text : bad) {
    CAPTURE(text);
    Kept damaged;
    damaged.folder.write(text);
    CHECK(damaged.load().empty());
    CHECK(damaged.lines->all().size() == 1);
    CHECK(damaged.lines->count("state_file_ignored") == 1);
  }
}

TEST_CASE("what is no regular file is ignored without waiting for it") {
  Kept kept;
  REQUIRE(::mkfifo(kept.folder.file().c_str(), 0600) == 0);
  CHECK(kept.load().empty());
  CHECK(kept.lines->count("state_file_ignored") == 1);
}

TEST_CASE("the same members are written again only after a while, others at once") {
  Kept kept;
  const auto written_at = [&kept] {
    return metadata::read_stored_members(kept.folder.file()).value().saved_unix;
  };
  const auto begin = kept.now;
  {
    StateFile file = kept.open();
    file.save(services);
    kept.now += StateFile::rewrite_interval - Milliseconds(1);
    file.save(services);
  }
  CHECK(written_at() == begin);
  {
    StateFile file = kept.open();
    file.save(services);
    kept.now += Milliseconds(1);
    file.save({services.front()});
  }
  CHECK(written_at() == kept.now);
  CHECK(kept.load() == std::vector<StoredService>{services.front()});
}

TEST_CASE("a folder that cannot be written to is reported once, and its end too") {
  Kept kept;
  const std::string folder = kept.folder.path + "/later";
  {
    StateFile file = kept.open(folder + "/state.json");
    file.save(services);
    file.save({services.front()});
  }
  CHECK(kept.lines->count("state_file_failed") == 1);
  CHECK(kept.folder.entries() == 0);
}

TEST_CASE("without a path nothing is done") {
  Kept kept;
  kept.open("").save(services);
  CHECK(kept.folder.entries() == 0);
  CHECK(kept.lines->all().empty());
}
