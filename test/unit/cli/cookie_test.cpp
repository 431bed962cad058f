#include "config/cookie.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "cli/command_line.hpp"
#include "rancher_cnode/config/cookie_file.hpp"
#include "support/unit/temporary_file.hpp"

namespace {

using namespace rancher_cnode;
using config::Environment;
using Variables = Environment::Variables;
using config::find_cookie;

}  // namespace

TEST_CASE("the cookie comes from the first source that is set") {
  const TemporaryDirectory home;
  home.file(".erlang.cookie", "from-home\n");
  const std::string file = home.file("cookie", "from-file\n");
  const Variables all{
      {"HOME", home.path()}, {"RANCHER_CNODE_COOKIE", "from-own"}, {"RELEASE_COOKIE", "from-release"}};
  auto variables = all;

  CHECK(find_cookie(file, Environment(variables))->cookie.reveal() == "from-file");
  CHECK(find_cookie(file, Environment(variables))->source == "--cookie-file '" + file + "'");
  CHECK(find_cookie({}, Environment(variables))->cookie.reveal() == "from-own");
  CHECK(find_cookie({}, Environment(variables))->source == "$RANCHER_CNODE_COOKIE");
  variables.erase("RANCHER_CNODE_COOKIE");
  CHECK(find_cookie({}, Environment(variables))->cookie.reveal() == "from-release");
  CHECK(find_cookie({}, Environment(variables))->source == "$RELEASE_COOKIE");
  variables.erase("RELEASE_COOKIE");
  CHECK(find_cookie({}, Environment(variables))->cookie.reveal() == "from-home");
  CHECK(find_cookie({}, Environment(variables))->source == "'" + home.path() + "/.erlang.cookie'");
  variables.erase("HOME");
  CHECK(find_cookie({}, Environment(variables))->cookie.empty());
  CHECK(find_cookie({}, Environment(variables))->source == "the BEAM");
}

TEST_CASE("only a cookie that is meant for this program wins over that of the BEAM") {
  const TemporaryDirectory home;
  home.file(".erlang.cookie", "from-home\n");
  const auto origin = [](const std::optional<std::string>& file, const Variables& variables) {
    return find_cookie(file, Environment(variables))->origin;
  };
  CHECK(origin(home.path() + "/.erlang.cookie", {}) == CookieOrigin::setting);
  CHECK(origin({}, {{"RANCHER_CNODE_COOKIE", "own"}}) == CookieOrigin::setting);
  CHECK(origin({}, {{"RELEASE_COOKIE", "release"}}) == CookieOrigin::fallback);
  CHECK(origin({}, {{"HOME", home.path()}}) == CookieOrigin::fallback);
}

TEST_CASE("the file of --cookie-file need not exist yet") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/later";
  const auto found = find_cookie(path, Environment(Variables{{"RELEASE_COOKIE", "release"}}));
  REQUIRE(found.has_value());
  CHECK(found->cookie.empty());
  CHECK(found->origin == CookieOrigin::setting);
  CHECK(found->source == "--cookie-file '" + path + "', which does not exist yet");
  Config config;
  config.cookie_path = found->path;
  CHECK(cookie_of(config).error().message == path + ": no such file");
  directory.file("later", "now\n");
  CHECK(cookie_of(config)->reveal() == "now");
}

TEST_CASE("a cookie that a BEAM takes for a flag is refused where it would be an argument") {
  CHECK(find_cookie({}, Environment(Variables{{"RELEASE_COOKIE", "-abc"}})).error().message ==
        "$RELEASE_COOKIE begins with '-': the BEAM takes it for a flag, and makes a cookie of its own");
  CHECK(find_cookie({}, Environment(Variables{{"RANCHER_CNODE_COOKIE", "-abc"}}))->cookie.reveal() == "-abc");
}

TEST_CASE("a cookie file is searched in the places of the BEAM, in its order") {
  const TemporaryDirectory home;
  const TemporaryDirectory elsewhere;
  const Environment plain(Variables{{"HOME", home.path()}});
  const Environment moved(Variables{{"HOME", home.path()}, {"XDG_CONFIG_HOME", elsewhere.path()}});
  const auto cookie = [](const Environment& environment) {
    const auto found = find_cookie({}, environment);
    return found && !found->cookie.empty() ? std::string(found->cookie.reveal()) : "none";
  };
  CHECK(cookie(plain) == "none");
  for (const auto& folder : {home.path() + "/.config/erlang", elsewhere.path() + "/erlang"}) {
    std::filesystem::create_directories(folder);
  }
  home.file(".config/erlang/.erlang.cookie", "from-config");
  CHECK(cookie(plain) == "from-config");
  CHECK(find_cookie({}, plain)->source == "'" + home.path() + "/.config/erlang/.erlang.cookie'");
  CHECK(cookie(moved) == "none");
  elsewhere.file("erlang/.erlang.cookie", "from-elsewhere");
  CHECK(cookie(moved) == "from-elsewhere");
  home.file(".erlang.cookie", "from-home");
  CHECK(cookie(plain) == "from-home");
  CHECK(cookie(moved) == "from-home");
}

TEST_CASE("a source that is set but invalid is not skipped") {
  const TemporaryDirectory directory;
  const Environment environment(Variables{{"RANCHER_CNODE_COOKIE", "good"}});
  CHECK(find_cookie(directory.path(), environment).error().message ==
        "--cookie-file '" + directory.path() + "': not a regular file");
  const auto fifo = directory.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(find_cookie(fifo, environment).error().message == "--cookie-file '" + fifo + "': not a regular file");
  CHECK_FALSE(find_cookie(directory.file("longer", std::string(513, 'x')), environment).has_value());
  CHECK(find_cookie(directory.file("longest", std::string(512, 'x') + "\r\n"), environment).has_value());
  CHECK_FALSE(find_cookie(directory.file("empty", ""), environment).has_value());
  CHECK(find_cookie({}, Environment(Variables{{"RANCHER_CNODE_COOKIE", "bad\n"}, {"RELEASE_COOKIE", "good"}}))
            .error()
            .message == "$RANCHER_CNODE_COOKIE: the cookie contains characters that are not printable ASCII");
}

TEST_CASE("a cookie file is read as Erlang reads it") {
  const struct {
    std::string text;
    std::string cookie;
  } rows[] = {{"ABC", "ABC"},
              {"ABC\n", "ABC"},
              {"ABC\r\n", "ABC"},
              {"ABC\n\n \r\n", "ABC"},
              {"A B!~\n", "A B!~"},
              {" ABC \n", " ABC "},
              {std::string(512, 'x') + "\n", std::string(512, 'x')}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto cookie = parse_cookie_file(row.text);
    REQUIRE(cookie.has_value());
    CHECK(cookie->reveal() == row.cookie);
  }
}

TEST_CASE("an invalid cookie is refused without repeating it") {
  const std::string rows[] = {"",
                              "\n",
                              "hush\nhush",
                              "hush\tx",
                              "hu\xc3\xbcsh",
                              std::string("hush\0", 5),
                              std::string(513, 'h'),
                              std::string(5000, 'h')};
  for (const auto& row : rows) {
    CAPTURE(row);
    const auto cookie = parse_cookie_file(row);
    REQUIRE_FALSE(cookie.has_value());
    CHECK(cookie.error().code == ErrorCode::bad_setting);
    CHECK(cookie.error().message.find("hush") == std::string::npos);
    CHECK(cookie.error().message.size() < 100);
  }
}

TEST_CASE("no output contains the cookie") {
  const TemporaryDirectory directory;
  const std::string file = directory.file("cookie", "hush-hush\n");
  const std::string flag = "--cookie-file=" + file;
  const std::vector<std::vector<const char*>> lines{
      {"x", "--node-basename=a", flag.c_str(), "--print-config"},
      {"x", "--node-basename=a", "--print-config"},
      {"x", "--node-basename=a", "--ip=1", flag.c_str()},
      {"x", "--help"},
  };
  const Environment environment(Variables{{"RANCHER_CNODE_COOKIE", "hush-hush"}});
  for (const auto& line : lines) {
    const auto invocation = cli::parse_command_line(static_cast<int>(line.size()), line.data(), environment);
    CHECK(invocation.output != "");
    CHECK(invocation.output.find("hush") == std::string::npos);
  }
}
