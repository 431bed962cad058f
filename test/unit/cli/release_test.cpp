// Which release a command leads to.
#include "cli/commands/release.hpp"

#include <doctest/doctest.h>

#include "support/unit/temporary_file.hpp"

namespace fs = std::filesystem;
using namespace rancher_cnode;
using cli::find_mix_release;
using config::Environment;
using Words = std::vector<std::string>;

namespace {

// As `mix phx.gen.release` writes them.
constexpr const char* phoenix_server = R"sh(#!/bin/sh
set -eu

cd -P -- "$(dirname -- "$0")"
PHX_SERVER=true exec ./shop start
)sh";
constexpr const char* phoenix_migrate = R"sh(#!/bin/sh
set -eu

cd -P -- "$(dirname -- "$0")"
exec ./shop eval Shop.Release.migrate
)sh";

class Files {
 public:
  void file(const std::string& path, const std::string& text = "") const {
    fs::create_directories((root() / path).parent_path());
    folder_.file(path, text);
    fs::permissions(root() / path, fs::perms::owner_all);
  }
  void mix_release(const std::string& at, const std::string& name = "shop",
                   const std::string& version = "0.1.0") const {
    file(at + "/bin/" + name, "#!/bin/sh\n");
    file(at + "/releases/start_erl.data", "14.2 " + version);
    file(at + "/releases/" + version + "/env.sh", "#!/bin/sh\n");
    file(at + "/releases/" + version + "/" + name + ".rel");
  }
  [[nodiscard]] fs::path root() const { return fs::canonical(folder_.path()); }
  [[nodiscard]] std::string operator/(const std::string& path) const { return root() / path; }

  /// "NAME at FOLDER", or "none". `folder` is the working folder, within ours.
  [[nodiscard]] std::string found(const Words& command, const std::string& folder = ".",
                                  Environment::Variables variables = {}) const {
    const auto release = find_mix_release(command, root() / folder, Environment(std::move(variables)));
    return release ? release->name + " at " + fs::relative(release->root, root()).string() : "none";
  }

 private:
  TemporaryDirectory folder_;
};

}  // namespace

TEST_CASE(
    "a command leads to the release whose script it is, whose script it calls, or in whose folder it runs") {
  Files files;
  files.mix_release("app");
  files.file("app/bin/server", phoenix_server);
  files.file("app/bin/migrate", phoenix_migrate);
  files.file("app/start.sh", "#!/bin/sh\nexec bin/shop start\n");
  files.file("waits.sh", "#!/bin/sh\nuntil nc -z db 5432; do sleep 1; done\nexec \"$@\"\n");
  files.file("names.sh", "#!/bin/bash\nif [ \"$1\" = x ]; then\n  exit 1\nfi\nexec '" +
                             files / "app/bin/shop" + "' start\n");
  files.file("no_script", files / "app/bin/shop");
  const std::string migrate_and_serve = (files / "app/bin/migrate") + " && " + (files / "app/bin/server");
  const std::string found = "shop at app";
  const std::vector<std::pair<Words, std::string>> table{
      {{files / "app/bin/shop", "start"}, found},
      {{files / "app/bin/server"}, found},
      {{files / "app/bin/migrate"}, found},
      {{"sh", "-c", migrate_and_serve}, found},
      {{"/bin/sh", "-c", "cd /tmp;exec \"" + (files / "app/bin/server") + "\""}, found},
      {{"sh", "-c", "FOO=$(date) exec " + (files / "app/bin/shop") + " start>/dev/null"}, found},
      {{"env", "A=1", "setpriv", "--reuid=65534", files / "app/bin/shop", "start"}, found},
      {{files / "waits.sh", files / "app/bin/shop", "start"}, found},
      {{files / "waits.sh"}, "none"},
      {{files / "names.sh"}, found},
      {{"sh", files / "names.sh"}, found},
      {{files / "app/start.sh"}, found},
      {{"app/bin/shop", "start"}, found},
      {{"./app/bin/shop", "start"}, found},
      {{files / "no_script"}, "none"},
      {{files / "app/bin/missing"}, "none"},
      {{"sleep", "60"}, "none"},
      {{""}, "none"},
      {{"sh", "-c", ""}, "none"},
      {{"sh", "-c", "/ // . .. ~ * $HOME"}, "none"},
      {{std::string(10'000, '/')}, "none"},
  };
  for (const auto& [command, expected] : table) {
    CAPTURE(command.back());
    CHECK(files.found(command) == expected);
  }
  CHECK(files.found({"sleep", "60"}, "app") == found);
  CHECK(files.found({"bin/server"}, "app") == found);
  CHECK(files.found({"./server"}, "app/bin") == found);
}

TEST_CASE("a word without a slash is looked up on PATH, as a shell does") {
  Files files;
  files.mix_release("app");
  files.file("app/bin/server", phoenix_server);
  const std::string path = "/usr/bin:" + (files / "nowhere") + ":" + (files / "app/bin");
  CHECK(files.found({"server"}, ".", {{"PATH", path}}) == "shop at app");
  CHECK(files.found({"sh", "-c", "exec shop start"}, ".", {{"PATH", path}}) == "shop at app");
  CHECK(files.found({"server"}, ".", {{"PATH", "/usr/bin"}}) == "none");
  CHECK(files.found({"server"}) == "none");
}

TEST_CASE("links are followed to the release") {
  Files files;
  files.mix_release("opt/shop-1");
  fs::create_directory_symlink("opt/shop-1", files.root() / "current");
  fs::create_symlink("opt/shop-1/bin/shop", files.root() / "start");
  fs::create_symlink("loop", files.root() / "loop");
  CHECK(files.found({files / "current/bin/shop", "start"}) == "shop at opt/shop-1");
  CHECK(files.found({files / "start", "start"}) == "shop at opt/shop-1");
  CHECK(files.found({files / "loop"}) == "none");
}

TEST_CASE("of several releases in a folder it is the one with a start script, and RELEASE_NAME decides") {
  Files files;
  files.mix_release("app", "shop");
  files.file("app/releases/0.1.0/another.rel");
  CHECK(files.found({files / "app/bin/shop", "start"}) == "shop at app");
  CHECK(files.found({files / "app/bin/shop", "start"}, ".", {{"RELEASE_NAME", "given"}}) == "given at app");
}

TEST_CASE("of several releases in one command it is the first") {
  Files files;
  files.mix_release("one", "one");
  files.mix_release("two", "two");
  CHECK(files.found({"sh", "-c", (files / "two/bin/two") + " eval x && " + (files / "one/bin/one")}) ==
        "two at two");
}

TEST_CASE("the version is that of start_erl.data, or RELEASE_VSN") {
  Files files;
  files.mix_release("app", "shop", "0.1.0");
  files.file("app/releases/0.2.0/env.sh");
  files.file("app/releases/0.2.0/store.rel");
  CHECK(files.found({files / "app/bin/shop", "start"}) == "shop at app");
  CHECK(files.found({files / "app/bin/shop", "start"}, ".", {{"RELEASE_VSN", "0.2.0"}}) == "store at app");
  CHECK(files.found({files / "app/bin/shop", "start"}, ".", {{"RELEASE_VSN", "0.3.0"}}) == "none");
}

TEST_CASE("releases of relx and Distillery, which have no env.sh, are none of Mix") {
  Files files;
  files.file("relx/bin/shop", "#!/bin/sh\n");
  files.file("relx/releases/start_erl.data", "14.2 0.1.0");
  files.file("relx/releases/0.1.0/vm.args", "-name shop@${CONTAINER_IP}\n");
  files.file("relx/releases/0.1.0/shop.rel");
  files.file("distillery/bin/shop", "#!/usr/bin/env bash\n");
  files.file("distillery/releases/start_erl.data", "10.7 0.1.0");
  files.file("distillery/releases/0.1.0/shop.sh", "#!/usr/bin/env bash\n");
  files.file("distillery/releases/0.1.0/shop.rel");
  CHECK(files.found({files / "relx/bin/shop", "foreground"}) == "none");
  CHECK(files.found({files / "distillery/bin/shop", "foreground"}) == "none");
}

TEST_CASE("a release that is not whole is none") {
  Files files;
  files.file("app/bin/shop", "#!/bin/sh\n");
  CHECK(files.found({files / "app/bin/shop"}) == "none");
  files.file("app/releases/start_erl.data", "");
  CHECK(files.found({files / "app/bin/shop"}) == "none");
  files.file("app/releases/start_erl.data", "14.2 0.1.0");
  files.file("app/releases/0.1.0/env.sh");
  CHECK(files.found({files / "app/bin/shop"}) == "none");
  files.file("app/releases/0.1.0/shop.rel");
  CHECK(files.found({files / "app/bin/shop"}) == "shop at app");
}
