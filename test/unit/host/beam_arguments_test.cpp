#include "rancher_cnode/host/beam_arguments.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "command_lines.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::host;
using rancher_cnode::host::test::beam_cmdline;
using rancher_cnode::host::test::cmdline;
using rancher_cnode::host::test::real_cmdline;
using rancher_cnode::host::test::Words;

namespace {

BeamArguments parsed(const Words& arguments) { return parse_beam_arguments(beam_cmdline(arguments)); }

}  // namespace

TEST_CASE("the command lines of real BEAMs give their name, cookie and home") {
  struct Row {
    const char* file;
    NameKind kind;
    const char* name;
    const char* cookie;
    const char* home;
    Switch hidden;
  };
  const char* odd = "a b'\"c";
  const std::vector<Row> rows{
      {"otp23-args_file-and-ERL_FLAGS", NameKind::long_name, "app@10.42.0.2", "abc", "/scratch/home1",
       Switch::on},
      {"otp25-args_file-and-ERL_FLAGS", NameKind::long_name, "app@10.42.0.2", "abc", "/scratch/home2",
       Switch::on},
      {"otp27-args_file-and-ERL_FLAGS", NameKind::long_name, "app@10.42.0.2", "abc", "/scratch/home3",
       Switch::on},
      {"otp29-args_file-and-ERL_FLAGS", NameKind::long_name, "app@10.42.0.2", "abc", "/scratch/home4",
       Switch::on},
      {"otp23-sname-odd-cookie", NameKind::short_name, "short", odd, "/scratch/home1", Switch::off},
      {"otp25-sname-odd-cookie", NameKind::short_name, "short", odd, "/scratch/home2", Switch::off},
      {"otp27-sname-odd-cookie", NameKind::short_name, "short", odd, "/scratch/home3", Switch::off},
      {"otp29-sname-odd-cookie", NameKind::short_name, "short", odd, "/scratch/home4", Switch::off},
      {"mix-release-start", NameKind::long_name, "shop@10.42.0.6",
       "NRC3UGTOH2JSQUT36AXIW75IOKV4DVF6B7AOAO2P6SE2UPFKS6IA====", "/scratch/home5", Switch::off},
      {"distillery-foreground", NameKind::long_name, "myapp@10.42.0.7",
       "6uI9laTU3Jw@ZNM1Kj6WM|1$H!qkeI)!pkRdA|jy*rIf:?BMe0Kh2Kn/IDhTdl;*", "/scratch/home6", Switch::off},
  };
  for (const auto& row : rows) {
    CAPTURE(row.file);
    const auto beam = parse_beam_arguments(real_cmdline(row.file));
    CHECK(beam.name_kind == row.kind);
    CHECK(beam.name == row.name);
    CHECK(beam.setcookie_flag == SetcookieFlag::taken);
    CHECK(beam.cookie.reveal() == row.cookie);
    CHECK(beam.home == row.home);
    CHECK(beam.hidden == row.hidden);
    CHECK_FALSE(beam.remsh.has_value());
    CHECK(beam.distillery_task == Switch::off);
  }
}

TEST_CASE("the name is the first -sname, else the first -name, and one that has not one value is none") {
  struct Row {
    Words arguments;
    NameKind kind;
    const char* name;
  };
  const std::vector<Row> rows{
      {{"-name", "a@10.42.0.2"}, NameKind::long_name, "a@10.42.0.2"},
      {{"-name", "a"}, NameKind::long_name, "a"},
      {{"-sname", "a@"}, NameKind::short_name, "a@"},
      {{"-name", "a@h", "-name", "b@h"}, NameKind::long_name, "a@h"},
      {{"-sname", "a", "-sname", "b"}, NameKind::short_name, "a"},
      {{"-name", "a@h", "-sname", "b"}, NameKind::short_name, "b"},
      {{"-sname", "a", "b", "-name", "c@h"}, NameKind::long_name, "c@h"},
      {{"-name", "a@h", "extra", "words"}, NameKind::none, ""},
      {{"-name", "-setcookie", "c"}, NameKind::none, ""},
      {{"-name"}, NameKind::none, ""},
      {{"-name", "--", "a@h"}, NameKind::none, ""},
      {{"-name", "a@h", "--", "b@h"}, NameKind::long_name, "a@h"},
      {{"-name", "-name", "a@h"}, NameKind::none, ""},
      {{"--name", "a@h"}, NameKind::none, ""},
      {{"-name=a@h"}, NameKind::none, ""},
      {{"-extra", "-name", "a@h"}, NameKind::none, ""},
      {{"-name", "a@h", "-extra", "-sname", "b"}, NameKind::long_name, "a@h"},
  };
  for (const auto& row : rows) {
    CAPTURE(cmdline(row.arguments));
    const auto beam = parsed(row.arguments);
    CHECK(beam.name_kind == row.kind);
    CHECK(beam.name == row.name);
  }
}

TEST_CASE("flags of the emulator, before the first --, are not those of the node") {
  CHECK(parse_beam_arguments(cmdline({"beam.smp", "-name", "a@h", "--", "-home", "/h"})).name_kind ==
        NameKind::none);
  CHECK(parse_beam_arguments(cmdline({"beam.smp", "-name", "a@h"})).name_kind == NameKind::none);
}

TEST_CASE("the cookie is the only -setcookie, or the one for the own name") {
  struct Row {
    Words arguments;
    SetcookieFlag flag;
    const char* cookie;
  };
  const std::vector<Row> rows{
      {Words{}, SetcookieFlag::absent, ""},
      {{"-setcookie", "x"}, SetcookieFlag::taken, "x"},
      {{"-setcookie", ""}, SetcookieFlag::taken, ""},
      {{"-setcookie", "x", "-setcookie", "y"}, SetcookieFlag::ignored, ""},
      {{"-setcookie", "x", "-setcookie", "x"}, SetcookieFlag::ignored, ""},
      {{"-setcookie", "-x"}, SetcookieFlag::ignored, ""},
      {{"-setcookie"}, SetcookieFlag::ignored, ""},
      {{"-setcookie", "a", "b", "c"}, SetcookieFlag::ignored, ""},
      {{"-setcookie", "a", "b", "c", "-setcookie", "x"}, SetcookieFlag::taken, "x"},
      {{"-setcookie", "other@h", "c"}, SetcookieFlag::absent, ""},
      {{"-setcookie", "other@h", "c", "-setcookie", "x"}, SetcookieFlag::taken, "x"},
      {{"-setcookie", "me@h", "own"}, SetcookieFlag::taken, "own"},
      {{"-setcookie", "me@h", "own", "-setcookie", "x"}, SetcookieFlag::taken, "own"},
      {{"-setcookie", "me@h", "own", "-setcookie", "me@h", "own"}, SetcookieFlag::ignored, ""},
      {{"-setcookie", "me@h", "1", "-setcookie", "me@h", "2", "-setcookie", "x"}, SetcookieFlag::taken, "x"},
      {{"-nocookie"}, SetcookieFlag::taken, "nocookie"},
      {{"-nocookie", "-setcookie", "x"}, SetcookieFlag::taken, "x"},
      {{"-extra", "-setcookie", "x"}, SetcookieFlag::absent, ""},
  };
  for (const auto& row : rows) {
    const auto text = beam_cmdline({"-name", "me@h"}) + cmdline(row.arguments);
    CAPTURE(text.substr(text.find("me@h")));
    const auto beam = parse_beam_arguments(text);
    CHECK(beam.setcookie_flag == row.flag);
    CHECK(beam.cookie.reveal() == row.cookie);
  }
}

TEST_CASE("the home is known only if it is given once") {
  CHECK(parsed({}).home == "/home/app");
  CHECK_FALSE(parsed({"-home", "/other"}).home.has_value());
  CHECK_FALSE(parse_beam_arguments(cmdline({"beam.smp", "--", "-name", "a@h"})).home.has_value());
}

TEST_CASE("epmd's port is the first, and what is no port is none") {
  CHECK(parsed({"-epmd_port", "4370", "-epmd_port", "1"}).epmd_port == 4370);
  CHECK_FALSE(parsed({}).epmd_port.has_value());
  CHECK_FALSE(parsed({"-epmd_port"}).epmd_port.has_value());
  CHECK_FALSE(parsed({"-epmd_port", "65536"}).epmd_port.has_value());
}

TEST_CASE("a BEAM has a distribution port by one -erl_epmd_port with one value that is a port") {
  struct Row {
    Words arguments;
    std::optional<std::uint16_t> port;
  };
  const std::vector<Row> rows{
      {{"-erl_epmd_port", "6789"}, 6789},
      {{"-start_epmd", "false", "-erl_epmd_port", "6789"}, 6789},
      {{"-start_epmd", "false"}, std::nullopt},
      {{"-erl_epmd_port", "06789"}, 6789},
      {{"-erl_epmd_port", "1"}, 1},
      {{"-erl_epmd_port", "65535"}, 65535},
      {{"-erl_epmd_port", "0"}, std::nullopt},
      {{"-erl_epmd_port", "65536"}, std::nullopt},
      {{"-erl_epmd_port", "x"}, std::nullopt},
      {{"-erl_epmd_port"}, std::nullopt},
      {{"-erl_epmd_port", "6789", "6790"}, std::nullopt},
      {{"-erl_epmd_port", "6789", "-erl_epmd_port", "6790"}, std::nullopt},
      {{"-erl_epmd_port", "6789", "-erl_epmd_port", "6789"}, std::nullopt},
      {{"-extra", "-erl_epmd_port", "6789"}, std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(cmdline(row.arguments));
    CHECK(parsed(row.arguments).erl_epmd_port == row.port);
  }
}

TEST_CASE("the last -start_epmd counts, and without any the BEAM starts epmd") {
  CHECK(parsed({}).start_epmd == Switch::on);
  CHECK(parsed({"-start_epmd", "false"}).start_epmd == Switch::off);
  CHECK(parsed({"-start_epmd", "true", "-start_epmd", "false"}).start_epmd == Switch::off);
  CHECK(parsed({"-start_epmd", "false", "-start_epmd", "true"}).start_epmd == Switch::on);
}

TEST_CASE("protocols are those of the only -proto_dist, inet_tcp otherwise") {
  using Protocols = std::vector<std::string>;
  CHECK(parsed({}).proto_dist == Protocols{"inet_tcp"});
  CHECK(parsed({"-proto_dist", "inet_tls"}).proto_dist == Protocols{"inet_tls"});
  CHECK(parsed({"-proto_dist", "inet_tcp", "inet6_tcp"}).proto_dist == Protocols{"inet_tcp", "inet6_tcp"});
  CHECK(parsed({"-proto_dist", "inet_tls", "-proto_dist", "inet_tcp"}).proto_dist == Protocols{"inet_tcp"});
}

TEST_CASE("the first -hidden counts, alone or with true") {
  CHECK(parsed({}).hidden == Switch::off);
  CHECK(parsed({"-hidden"}).hidden == Switch::on);
  CHECK(parsed({"-hidden", "true"}).hidden == Switch::on);
  CHECK(parsed({"-hidden", "false"}).hidden == Switch::off);
  CHECK(parsed({"-hidden", "-hidden", "false"}).hidden == Switch::on);
  CHECK(parsed({"-hidden", "false", "-hidden"}).hidden == Switch::off);
}

TEST_CASE("a BEAM listens unless the first -dist_listen is false") {
  CHECK(parsed({}).dist_listen == Switch::on);
  CHECK(parsed({"-dist_listen", "true"}).dist_listen == Switch::on);
  CHECK(parsed({"-dist_listen", "false"}).dist_listen == Switch::off);
}

TEST_CASE("a remote shell is known by erl's -remsh and by IEx's --remsh") {
  CHECK(parsed({"-remsh", "app@h"}).remsh == "app@h");
  CHECK(parsed({"-extra", "--no-halt", "+iex", "--remsh", "app@h"}).remsh == "app@h");
  CHECK(parsed({"-extra", "+iex", "--remsh"}).remsh == "");
  CHECK_FALSE(parsed({"-name", "app@h", "-extra", "--no-halt"}).remsh.has_value());
}

TEST_CASE("a command of Distillery is known by its module, or by the name that it gives itself") {
  CHECK(parsed({"-extra", "-e", "Distillery.Releases.Runtime.Control.main", "--", "ping"}).distillery_task ==
        Switch::on);
  CHECK(parsed({"-extra", "-e", "Mix.Releases.Runtime.Control.main", "--", "ping"}).distillery_task ==
        Switch::on);
  CHECK(parsed({"-name", "app_maint_@10.42.0.2"}).distillery_task == Switch::on);
  CHECK(parsed({"-name", "app_maint_1234@10.42.0.2"}).distillery_task == Switch::on);
  CHECK(parsed({"-name", "app_maintenance@10.42.0.2"}).distillery_task == Switch::off);
  CHECK(parsed({"-name", "app@web_maint_1"}).distillery_task == Switch::off);
}

TEST_CASE("the last argument may lack its NUL") {
  auto text = beam_cmdline({"-name", "a@10.42.0.2"});
  text.pop_back();
  CHECK(parse_beam_arguments(text).name == "a@10.42.0.2");
}

TEST_CASE("a command line that says nothing gives a BEAM without a name") {
  for (const auto& text :
       {std::string(), std::string(1, '\0'), std::string(4096, '\0'), std::string("beam.smp"),
        cmdline({"--"}), cmdline({"beam.smp", "--", "-"}), cmdline({"", "--", "", "-extra"})}) {
    CAPTURE(text.size());
    const auto beam = parse_beam_arguments(text);
    CHECK(beam.name_kind == NameKind::none);
    CHECK(beam.name.empty());
    CHECK(beam.setcookie_flag == SetcookieFlag::absent);
  }
}

TEST_CASE("bytes that are no text stay as they are") {
  CHECK(parsed({"-name", "\xff\xfe\n\x1b@h"}).name == "\xff\xfe\n\x1b@h");
  CHECK(parsed({"-setcookie", "\xc3\x28"}).cookie.reveal() == "\xc3\x28");
}

TEST_CASE("a mebibyte of arguments is parsed") {
  std::string text = beam_cmdline({"-name", "a@10.42.0.2"});
  while (text.size() < (1U << 20U)) {
    text += cmdline({"-x", "-name", "y", "z", "--", ""});
  }
  CHECK(parse_beam_arguments(text).name == "a@10.42.0.2");
}
