// The man page through groff, and the completions in the shells that they are for.
#include "cli/man.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/completions.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;

namespace {

/// Both streams of a command, which must succeed.
std::string output_of(const std::string& command) {
  const auto close = [](std::FILE* pipe) { CHECK(::pclose(pipe) == 0); };
  const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen((command + " 2>&1").c_str(), "r"), close);
  REQUIRE(pipe != nullptr);
  std::string all;
  std::array<char, 4096> some{};
  while (const std::size_t size = std::fread(some.data(), 1, some.size(), pipe.get())) {
    all.append(some.data(), size);
  }
  return all;
}

/// What is typed, and the only word that it is completed to.
const std::vector<std::pair<std::string, std::string>> cases{
    {"rancher_cnode sta", "status"},
    {"rancher_cnode status --form", "--format"},
    {"rancher_cnode status --format j", "json"},
    {"rancher_cnode check --gr", "--grace"},
    {"rancher_cnode --removal s", "safe"},
    {"rancher_cnode completions z", "zsh"},
    {"rancher_cnode run --poll", "--polling-interval"},
};

}  // namespace

TEST_CASE("groff renders the man page without a warning, with every command, flag and setting") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("rancher_cnode.1", cli::man_page());
  CHECK(output_of("groff -man -ww -z " + path) == "");
  const std::string text = output_of("groff -man -Tascii -P-cbou -rLL=500n " + path);
  const auto has = [&](const std::string& word) {
    CAPTURE(word);
    CHECK(text.find(word) != std::string::npos);
  };
  for (const auto& command : cli::commands()) {
    has("\n   " + std::string(command.name) + "\n");
    for (const auto& flag : command.flags) {
      has("\n       " + std::string(flag.name));
    }
  }
  for (const auto& setting : config::settings()) {
    has("\n       " + config::flag_of(setting.name));
  }
  has("\n       --print-config\n");
}

TEST_CASE("bash completes commands, flags and values") {
  const TemporaryDirectory directory;
  const std::string script = directory.file(
      "test",
      cli::completions("bash") +
          "COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _rancher_cnode; echo ${COMPREPLY[@]}\n");
  for (const auto& [typed, word] : cases) {
    CAPTURE(typed);
    CHECK(output_of("bash -u " + script + " '" + typed + "'") == word + "\n");
  }
  CHECK(output_of("bash " + script + " 'rancher_cnode exec -- x'") == "\n");
}

TEST_CASE("fish completes commands, flags and values") {
  const TemporaryDirectory directory;
  const std::string script = directory.file("test", cli::completions("fish") + "complete -C $argv[1]\n");
  for (const auto& [typed, word] : cases) {
    CAPTURE(typed);
    const auto answer =
        output_of("HOME=" + directory.path() + " fish --no-config " + script + " '" + typed + "'");
    CHECK(answer.substr(0, answer.find_first_of("\t\n")) == word);
  }
}

TEST_CASE("zsh completes commands, flags and values") {
  const TemporaryDirectory directory;
  directory.file(".zshrc",
                 "PS1=; autoload -U compinit; compinit -u -D\n" + cli::completions("zsh") +
                     "note() { print -r -- \"<<$BUFFER>>\"; BUFFER= }; zle -N note; bindkey '^X' note\n"
                     "zle-line-init() { print READY }; zle -N zle-line-init\n");
  std::string command = "python3 " RANCHER_CNODE_ROOT "/test/unit/cli/type_in_zsh.py " + directory.path();
  std::string expected;
  for (const auto& [typed, word] : cases) {
    command += " '" + typed + "'";
    expected += typed.substr(0, typed.rfind(' ') + 1) + word + " \n";
  }
  CHECK(output_of(command) == expected);
}
