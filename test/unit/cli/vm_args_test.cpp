// Reading vm.args. The rows about words were compared with `erl -emu_args_exit -args_file`, OTP 25.
#include "cli/vm_args.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;

namespace {

const config::Environment environment(
    {{"IP", "10.42.0.7"}, {"EMPTY", ""}, {"BLANK", "a b"}, {"HASH", "a#b"}});

struct Row {
  std::string text;
  std::optional<std::string> value;
};

}  // namespace

TEST_CASE("the value of a flag is the one that the BEAM takes") {
  const Row rows[] = {
      {"-v a\n", "a"},
      {"-v a", "a"},
      {"\n\n  -v\ta\r\n-w x\r\n", "a"},
      {"-v a b\n", "a"},
      {"-v\na\n", "a"},
      {"-kernel x 1 -v abc\n", "abc"},
      {"-v a -v b\n", "a"},
      // Comments begin anywhere but in quotes.
      {"# -v other\n-v a\n", "a"},
      {"## it's -v other\n-v a\n", "a"},
      {"-v a#b\n", "a"},
      {"-v a#\"b\n-w c\n", "a"},
      {"-v \"a#b\"\n", "a#b"},
      {"-v a\\#b\n", "a#b"},
      {"-v #b\nc\n", "c"},
      // Quotes join, and end with the line.
      {"-v \"a b\"\n", "a b"},
      {"-v a\"b\"c\n", "abc"},
      {"-v a'b c'd\n", "ab cd"},
      {"-v \"it's\"\n", "it's"},
      {"-v 'a\"b'\n", "a\"b"},
      {"-v ''\n", ""},
      {"-v \"\"#b\n", ""},
      {"\"-v\" a\n", "a"},
      {"-w \"a\n-v b\"\n", "b"},
      // A backslash keeps the next character as it is, but not in quotes.
      {"-v a\\$b\n", "a$b"},
      {"-v a\\ b\n", "a b"},
      {"-v a\\\nb\n", "a"},
      {"-v a\\", "a"},
      {"-v \"a\\b\"\n", "a\\b"},
      {"-v 'a\\'\n", "a\\"},
      // No value.
      {"", std::nullopt},
      {"-v", std::nullopt},
      {"-w a\n", std::nullopt},
      {"-v -w a\n", std::nullopt},
      {"-v +K true\n", std::nullopt},
      {"-w a -extra -v b\n", std::nullopt},
      {"-v -w a -v b\n", "b"},
  };
  for (const auto& [text, value] : rows) {
    CAPTURE(text);
    CHECK(cli::vm_arg(text, "-v", environment) == value);
  }
}

TEST_CASE("variables are replaced before the words are read") {
  const Row rows[] = {
      {"-v myapp@${IP}\n", "myapp@10.42.0.7"},
      {"-v ${IP}${IP}\n", "10.42.0.710.42.0.7"},
      {"-v x${NONE}y\n", "xy"},
      {"-v ${NONE:-myapp}@${IP}\n", "myapp@10.42.0.7"},
      {"-v ${EMPTY:-myapp}\n", "myapp"},
      {"-v ${IP:-other}\n", "10.42.0.7"},
      {"-v ${NONE:-}x\n", "x"},
      {"-v ${NONE}\n", std::nullopt},
      {"-v ${BLANK}\n", "a"},
      {"-v \"${BLANK}\"\n", "a b"},
      {"-v ${HASH}\n", "a"},
      {"-v ${IP\n", "${IP"},
      {"-v $IP\n", "$IP"},
  };
  for (const auto& [text, value] : rows) {
    CAPTURE(text);
    CHECK(cli::vm_arg(text, "-v", environment) == value);
  }
}

TEST_CASE("the BEAM uses no cookie when there are several") {
  const Row rows[] = {
      {"-setcookie a\n", "a"},
      {"-setcookie a\n-setcookie b\n", std::nullopt},
      {"-setcookie a b\n", std::nullopt},
      {"-setcookie a b c\n", std::nullopt},
      {"-setcookie a\n-setcookie b c d\n", std::nullopt},
      {"-setcookie n@h c\n-setcookie d\n", "d"},
      {"-setcookie a\n-setcookie n@h c\n", "a"},
      {"-setcookie\n-setcookie b\n", std::nullopt},
      {"-setcookie b\n-setcookie\n", std::nullopt},
  };
  for (const auto& [text, value] : rows) {
    CAPTURE(text);
    CHECK(cli::vm_arg(text, "-setcookie", environment) == value);
  }
}

TEST_CASE("included files replace their -args_file") {
  const TemporaryDirectory folder;
  const std::string second = folder.file("second", "-v ${IP}\n-w");
  const std::string first = folder.file("first", "-a b\n-args_file " + second + " c\n-x d\n");
  const auto value = [&](const std::string& text, std::string_view flag) {
    return cli::vm_arg_of_file(folder.file("vm.args", text), flag, environment);
  };
  const std::string named = "-args_file " + first + "\n-v late\n";
  CHECK(*value(named, "-v") == "${IP}");
  CHECK(*value(named, "-w") == std::nullopt);
  CHECK(*value(named, "-x") == "d");
  CHECK(*value("-v early\n" + named, "-v") == "early");
  CHECK(*value("-extra " + named, "-v") == std::nullopt);
  CHECK(*value("-args_file", "-v") == std::nullopt);
  CHECK(value("-args_file " + folder.path() + "/none\n", "-v").error().message ==
        folder.path() + "/none cannot be read");
  CHECK(value("-args_file " + folder.path() + "\n", "-v").error().message ==
        folder.path() + " cannot be read");
  CHECK(value("-args_file /proc/self/mem\n", "-v").error().message == "/proc/self/mem cannot be read");
  const std::string itself = folder.path() + "/vm.args";
  CHECK(value("-args_file " + itself + "\n", "-v").error().message == itself + " is nested too deeply");
}

TEST_CASE("files may be nested eight deep") {
  const TemporaryDirectory folder;
  std::string file = folder.file("0", "-v deep\n");
  for (int level = 1; level <= 9; ++level) {
    CAPTURE(level);
    const auto value = cli::vm_arg_of_file(
        file = folder.file(std::to_string(level), "-args_file " + file + "\n"), "-v", environment);
    CHECK(value.has_value() == (level <= 8));
    if (value) {
      CHECK(*value == "deep");
    }
  }
}

TEST_CASE("the command vm-arg prints the value, or exits with status 1 without output") {
  const TemporaryDirectory folder;
  const std::string file = folder.file("vm.args", "-name myapp@${IP}\n");
  const auto asked = [](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "rancher_cnode");
    return cli::parse_command_line(static_cast<int>(arguments.size()), arguments.data(), environment);
  };
  const auto name = asked({"vm-arg", file.c_str(), "-name"});
  CHECK(name.command == cli::Command::exit);
  CHECK(name.status == 0);
  CHECK(name.output == "myapp@10.42.0.7\n");
  const auto cookie = asked({"vm-arg", file.c_str(), "-setcookie"});
  CHECK(cookie.status == 1);
  CHECK(cookie.output.empty());
  const auto lost = asked({"vm-arg", "/no/such/file", "-name"});
  CHECK(lost.status == 2);
  CHECK(lost.output == "rancher_cnode: bad setting: /no/such/file cannot be read\n");
  for (const auto& arguments :
       {std::vector<const char*>{"vm-arg"}, {"vm-arg", "a"}, {"vm-arg", "a", "b", "c"}}) {
    CHECK(asked(arguments).status == 2);
    CHECK(asked(arguments).output == "rancher_cnode: bad setting: vm-arg takes FILE and FLAG; see --help\n");
  }
}
