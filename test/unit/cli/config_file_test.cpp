#include <doctest/doctest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "rancher_cnode/config/raw_config.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "support/unit/temporary_file.hpp"

namespace {

using namespace rancher_cnode;
using config::Environment;
using Variables = Environment::Variables;
using config::parse_config_file;

const Environment with_cookie(Variables{{"RELEASE_COOKIE", "c"}});

std::string printed(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"rancher_cnode", "--print-config"});
  std::vector<const char*> argv;
  for (const auto& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  return cli::parse_command_line(static_cast<int>(argv.size()), argv.data(), with_cookie).output;
}

/// The lines that are settings, without the comment with their source.
std::string values_of(const std::string& text) {
  std::string values;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    const std::string line = text.substr(from, end - from);
    if (!line.starts_with('#')) {
      values += line.substr(0, line.find("  # ")) + "\n";
    }
    from = end + 1;
  }
  return values;
}

}  // namespace

TEST_CASE("a file contains keys and values in TOML or INI format") {
  const auto raw = parse_config_file(
      "# comment\n; comment\n\nnode-basename = \"myapp\"  # why\nip=10.42.0.7\nonce\nwatch = 'off'\n"
      "metadata-url = [\"http://a\", \"http://b\"]\ncookie-file = \"/run/my secrets/cookie, new\"\n",
      "c.toml");
  REQUIRE(raw.problems.empty());
  CHECK(raw.settings.at("node-basename").texts == std::vector<std::string>{"myapp"});
  CHECK(raw.settings.at("ip").texts == std::vector<std::string>{"10.42.0.7"});
  CHECK(raw.settings.at("once").texts == std::vector<std::string>{"true"});
  CHECK(raw.settings.at("watch").texts == std::vector<std::string>{"off"});
  CHECK(raw.settings.at("metadata-url").texts == std::vector<std::string>{"http://a", "http://b"});
  CHECK(raw.settings.at("cookie-file").texts == std::vector<std::string>{"/run/my secrets/cookie, new"});
  CHECK(raw.settings.at("ip").place == "'c.toml'");
  CHECK(raw.settings.size() == 6);
}

TEST_CASE("invalid contents of a file are named") {
  const struct {
    const char* text;
    const char* message;
  } rows[] = {
      {"polling-intervall = 5000\n",
       "--config 'c.toml': unknown setting 'polling-intervall' in line 1; did you mean 'polling-interval'?"},
      {"# c\n\n polling_interval=5000\n",
       "--config 'c.toml': unknown setting 'polling_interval' in line 3; did you mean 'polling-interval'?"},
      {"watch = on\r\nconfig = x.toml\r\n", "--config 'c.toml': unknown setting 'config' in line 2"},
      {"help\n", "--config 'c.toml': unknown setting in line 1"},
      {"abcdefghijklmnopqrstuvwx = 1\n",
       "--config 'c.toml': unknown setting 'abcdefghijklmnopqrstuvwx' in line 1"},
      {"fizz-buzz = 1\n", "--config 'c.toml': unknown setting 'fizz-buzz' in line 1"},
      {"# nope = 1\n; nope = 2\nnope = 3\n", "--config 'c.toml': unknown setting 'nope' in line 3"},
      {"service = nope\nnope = 1\n", "--config 'c.toml': unknown setting 'nope' in line 2"},
      {"cookie = hush\n", "--config 'c.toml': contains a cookie; use 'cookie-file' instead"},
      {"watch = on\n[metadata]\nprobe = off\n",
       "--config 'c.toml': has a section in line 2; sections are not allowed"},
      {"metadata.watch = on\n",
       "--config 'c.toml': has a section 'metadata' in line 1; sections are not allowed"},
      {"epmd = a b\n",
       "--config 'c.toml': 'epmd' must have one value; quote it if it contains blanks or commas"},
      {"metadata-url = []\n",
       "--config 'c.toml': 'metadata-url' must have one value; quote it if it contains blanks or commas"},
      {"epmd = [\"a\", \"b\"]\n",
       "--config 'c.toml': 'epmd' must have one value; quote it if it contains blanks or commas"},
      {"ip = 10.42.0.7\nip = 10.42.0.8\n",
       "--config 'c.toml': 'ip' must have one value; quote it if it contains blanks or commas"},
      {"ip = 10.42.0.7\nonce\nip = 10.42.0.8\n", "--config 'c.toml': 'ip' is set twice"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto raw = parse_config_file(row.text, "c.toml");
    REQUIRE_FALSE(raw.problems.empty());
    CHECK(raw.problems.front() == row.message);
  }
}

TEST_CASE("every problem of a file is named, and its other settings are kept") {
  const auto file = parse_config_file("nope = 1\nonce\n[metadata]\nprobe = off\nremoval = never\n", "c.toml");
  CHECK(file.problems ==
        std::vector<std::string>{"--config 'c.toml': unknown setting 'nope' in line 1",
                                 "--config 'c.toml': has a section in line 3; sections are not allowed"});
  CHECK(file.settings.size() == 1);
  CHECK(parse_config_file("nope = 1\nip = x y\ncookie = hush\n", "c.toml").problems.size() == 3);
}

TEST_CASE("nothing from a file without settings is repeated") {
  for (const auto* text :
       {"HUSH", "HUSH\n", "watch = on\nHUSH\n", "HUSH=1\n", "hush\n", "hush.hush\n", "HUSH.x = 1\n",
        "[HUSH]\nx = 1\n", "x HUSH = 1\n", "\"HUSH\" = 1\n", "HUSH # = hush\n",
        "hushhushhushhushhushhushh = 1\n", "cookie = hush\n", "ip = hush hush\n"}) {
    CAPTURE(text);
    const auto raw = parse_config_file(text, "c.toml");
    REQUIRE_FALSE(raw.problems.empty());
    CHECK(raw.problems.front().find("HUSH") == std::string::npos);
    CHECK(raw.problems.front().find("hush") == std::string::npos);
  }
}

TEST_CASE("a truncated file gives settings or a clear error") {
  const std::string text = printed({"--node-basename=myapp", "--ip=10.42.0.7"});
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const auto raw = parse_config_file(text.substr(0, length), "c.toml");
    for (const auto& problem : raw.problems) {
      CHECK(problem.starts_with("--config 'c.toml': "));
    }
  }
}

TEST_CASE("a file that cannot be read is a bad setting") {
  const TemporaryDirectory directory;
  CHECK(config::read_config_file(directory.path() + "/none").problems.front() ==
        "--config '" + directory.path() + "/none': no such file");
  CHECK(config::read_config_file(directory.path()).problems.front() ==
        "--config '" + directory.path() + "': not a regular file");
  CHECK(config::read_config_file(directory.file("big", std::string(1024 * 1024 + 1, '#'))).problems.front() ==
        "--config '" + directory.path() + "/big': the file is larger than 1048576 bytes");
  CHECK(config::read_config_file(directory.file("largest", std::string(1024 * 1024, '#'))).problems.empty());
  // Its first page is never there.
  CHECK(config::read_config_file("/proc/self/mem").problems.front() ==
        "--config '/proc/self/mem': the file cannot be read: Input/output error");
  const auto fifo = directory.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(config::read_config_file(fifo).problems.front() == "--config '" + fifo + "': not a regular file");
}

TEST_CASE("the output of print-config gives the same settings when read again") {
  const TemporaryDirectory directory;
  const std::string cookie_file = directory.file("a cookie, 'mine'", "c\n");
  const std::vector<std::vector<std::string>> rows{
      {"--node-basename=myapp"},
      {"--node-basename=my-app_2", "--ip=10.42.0.7", "--metadata-url=http://a/",
       "--metadata-url=https://b:8080/x", "--metadata-url=file:///tmp/x", "--disconnect=Elixir.Net:bye!",
       "--list-nodes=m:f", "--listen-port=9100-9105", "--once", "--start-epmd", "--watch=off",
       "--watch-pid=17", "--log-format=json", "--epmd=/opt/my erlang/epmd", "--cookie-file=" + cookie_file},
      {"--node-basename=007", "--basename=1", "--service=stacks/a.b/services/c-d",
       "--metadata-url=http://one"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.back());
    const std::string first = printed(row);
    REQUIRE(first.find("node-basename = ") != std::string::npos);
    const std::string again = printed({"--config", directory.file("c.toml", first)});
    CHECK(values_of(again) == values_of(first));
  }
}

TEST_CASE("print-config shows a duration in its largest exact unit, however it was given") {
  const std::pair<const char*, const char*> rows[] = {
      {"--removal-delay=60000", "removal-delay = \"1m\"  # from --removal-delay\n"},
      {"--removal-delay=90s", "removal-delay = \"90s\""},
      {"--removal-delay=1500", "removal-delay = \"1500ms\""},
      {"--removal-delay=0", "removal-delay = 0 "},
      {"--removal-delay=24h", "removal-delay = \"1d\""},
  };
  for (const auto& [flag, line] : rows) {
    CAPTURE(std::string(flag));
    CHECK(printed({flag}).find("\n" + std::string(line)) != std::string::npos);
  }
}

TEST_CASE("print-config shows the source of each value") {
  const TemporaryDirectory directory;
  const std::string file = directory.file("c.toml", "watch = off\n");
  const std::vector<const char*> argv{"x", "--print-config", "--node-basename=a", "--config", file.c_str()};
  const auto text =
      cli::parse_command_line(
          static_cast<int>(argv.size()), argv.data(),
          Environment(Variables{{"RELEASE_COOKIE", "hush"}, {"RANCHER_CNODE_MAX_DIALS", "109"}}))
          .output;
  CHECK(text.find("\nnode-basename = \"a\"  # from --node-basename\n") != std::string::npos);
  CHECK(text.find("\nwatch = \"off\"  # from '" + file + "'\n") != std::string::npos);
  CHECK(text.find("\nmax-dials = 109  # from $RANCHER_CNODE_MAX_DIALS\n") != std::string::npos);
  CHECK(text.find("\nprobe = \"epmd\"  # default\n") != std::string::npos);
  CHECK(text.find("\n# disconnect is not set\n") != std::string::npos);
  CHECK(text.find("\n# cookie: (redacted), from the BEAM, else $RELEASE_COOKIE\n") != std::string::npos);
}

TEST_CASE("print-config shows the port of epmd, and each group once") {
  const std::vector<const char*> argv{"x", "--print-config", "--node-basename=a"};
  const auto text =
      cli::parse_command_line(static_cast<int>(argv.size()), argv.data(),
                              Environment(Variables{{"RELEASE_COOKIE", "c"}, {"ERL_EPMD_PORT", "14369"}}))
          .output;
  CHECK(text.ends_with("\n# epmd port: 14369 ($ERL_EPMD_PORT, default 4369)\n"));
  for (const auto& setting : config::settings()) {
    CAPTURE(setting.group);
    const std::string heading = "\n\n# " + std::string(setting.group) + "\n";
    CHECK(text.find(heading) != std::string::npos);
    CHECK(text.find(heading) == text.rfind(heading));
  }
}

TEST_CASE("print-config reports unknown variables, and stays a file for --config") {
  const std::vector<const char*> argv{"x", "--print-config", "--node-basename=a"};
  const auto text =
      cli::parse_command_line(
          static_cast<int>(argv.size()), argv.data(),
          Environment(Variables{{"RELEASE_COOKIE", "c"}, {"RANCHER_CNODE_NOPE\nonce = on", "1"}}))
          .output;
  CHECK(text.find("\n# Warning: $RANCHER_CNODE_NOPE\\nonce = on is not a setting\n") != std::string::npos);
  CHECK(parse_config_file(text, "c.toml").problems.empty());
}

TEST_CASE("print-config of ip shows that no cookie is needed") {
  const std::string text = printed({"ip"});
  CHECK(text.find("\n# cookie: not needed by this command\n") != std::string::npos);
  CHECK(text.find("(redacted)") == std::string::npos);
}

TEST_CASE("print-config refuses what run would refuse") {
  CHECK(printed({"--node-basename=a", "--ip=x"}).find("bad setting: --ip 'x'") != std::string::npos);
}
