// What the command line, the environment and a file come to.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "invoke.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using cli::Invocation;
using cli::test::invoke;
using cli::test::Variables;
using config::Environment;

TEST_CASE("what is not set has its default") {
  const Invocation invocation = invoke({"--node-basename", "myapp"});
  REQUIRE(invocation.output == "");
  CHECK(invocation.command == "run");
  CHECK(invocation.config.node_basename == "myapp");
  CHECK(invocation.config.cookie.reveal() == "s3cret-cookie");
  CHECK(invocation.config.metadata_urls ==
        std::vector<std::string>{"http://rancher-metadata", "http://169.254.169.250"});
  CHECK(invocation.config.metadata_version == "latest");
  CHECK(invocation.config.services == std::vector<PeerService>{{"self/service", ""}});
  CHECK(invocation.warnings.empty());
}

TEST_CASE("the table's defaults are those of Config") {
  const Config from_table = invoke({"--node-basename", "myapp"}).config;
  const Config fresh;
  CHECK(from_table.basename == fresh.basename);
  CHECK(from_table.ip == fresh.ip);
  CHECK(from_table.watch == fresh.watch);
  CHECK(from_table.polling_interval == fresh.polling_interval);
  CHECK(from_table.removal == fresh.removal);
  CHECK(from_table.removal_delay == fresh.removal_delay);
  CHECK(from_table.mass_removal_delay == fresh.mass_removal_delay);
  CHECK(from_table.health == fresh.health);
  CHECK(from_table.max_dials == fresh.max_dials);
  CHECK(from_table.probe == fresh.probe);
  CHECK(from_table.targets == fresh.targets);
  CHECK(from_table.connect == fresh.connect);
  CHECK(from_table.disconnect == fresh.disconnect);
  CHECK(from_table.list_nodes == fresh.list_nodes);
  CHECK(from_table.listen_ports == fresh.listen_ports);
  CHECK(from_table.max_connections == fresh.max_connections);
  CHECK(from_table.start_epmd == fresh.start_epmd);
  CHECK(from_table.epmd == fresh.epmd);
  CHECK(from_table.epmd_port == fresh.epmd_port);
  CHECK(from_table.proto_dist == fresh.proto_dist);
  CHECK(from_table.tls == fresh.tls);
  CHECK(from_table.ready_peers == fresh.ready_peers);
  CHECK(from_table.ready_grace == fresh.ready_grace);
  CHECK(from_table.log_level == fresh.log_level);
  CHECK(from_table.log_format == fresh.log_format);
  CHECK(from_table.watch_pid == fresh.watch_pid);
  CHECK(from_table.exit_on_eof == fresh.exit_on_eof);
  CHECK(from_table.once == fresh.once);
}

TEST_CASE("every setting reaches its field") {
  const Config config = invoke({"--node-basename=myapp",
                                "--basename=helper",
                                "--ip=10.42.0.7",
                                "--targets=all",
                                "--metadata-url=http://a:8080/x/",
                                "--metadata-url=file:///tmp/m",
                                "--metadata-version=2016-07-29",
                                "--service=stacks/shop/services/web",
                                "--watch=off",
                                "--polling-interval=250",
                                "--removal=never",
                                "--removal-delay=0",
                                "--mass-removal-delay=86400000",
                                "--health=passing",
                                "--max-dials=1024",
                                "--probe=off",
                                "--connect=Elixir.Net:dial!",
                                "--disconnect=m:d",
                                "--list-nodes=m:l",
                                "--listen-port=9100-9105",
                                "--max-connections=1",
                                "--http-listen=127.0.0.1:9100",
                                "--ready-peers=3",
                                "--ready-grace=2m",
                                "--start-epmd",
                                "--epmd=/opt/epmd",
                                "--proto-dist=inet_tls",
                                "--tls-cert-file=/cert",
                                "--tls-key-file=/key",
                                "--tls-ca-file=/ca",
                                "--tls-verify=none",
                                "--log-level=debug",
                                "--log-format=json",
                                "--watch-pid=1",
                                "--exit-on-eof",
                                "--once"},
                               {{"RELEASE_COOKIE", "c"}, {"ERL_EPMD_PORT", "14369"}})
                            .config;
  CHECK(config.node_basename == "myapp");
  CHECK(config.basename == "helper");
  CHECK(config.ip == *Ipv4Address::parse("10.42.0.7"));
  CHECK(config.targets == TargetScope::all);
  CHECK(config.metadata_urls == std::vector<std::string>{"http://a:8080/x", "file:///tmp/m"});
  CHECK(config.metadata_version == "2016-07-29");
  CHECK(config.services == std::vector<PeerService>{{"stacks/shop/services/web", ""}});
  CHECK(config.watch == WatchMode::off);
  CHECK(config.polling_interval == Milliseconds(250));
  CHECK(config.removal == RemovalPolicy::never);
  CHECK(config.removal_delay == Milliseconds(0));
  CHECK(config.mass_removal_delay == Milliseconds(86'400'000));
  CHECK(config.health == HealthPolicy::passing);
  CHECK(config.max_dials == 1024);
  CHECK(config.probe == ProbeMode::off);
  CHECK(config.connect == ModuleFunction{"Elixir.Net", "dial!"});
  CHECK(config.disconnect == ModuleFunction{"m", "d"});
  CHECK(config.list_nodes == ModuleFunction{"m", "l"});
  CHECK(config.listen_ports == PortRange{9100, 9105});
  CHECK(config.max_connections == 1);
  CHECK(config.http_listen == HttpEndpoint{Ipv4Address(0x7f000001), 9100});
  CHECK(config.ready_peers == 3);
  CHECK(config.ready_grace == Milliseconds(120'000));
  CHECK(config.start_epmd == Switch::on);
  CHECK(config.epmd == "/opt/epmd");
  CHECK(config.epmd_port == 14369);
  CHECK(config.proto_dist == ProtoDist::inet_tls);
  CHECK(config.tls.cert_file == "/cert");
  CHECK(config.tls.key_file == "/key");
  CHECK(config.tls.ca_file == "/ca");
  CHECK(config.tls.verify == TlsVerify::none);
  CHECK(config.log_level == LogLevel::debug);
  CHECK(config.log_format == LogFormat::json);
  CHECK(config.watch_pid == 1);
  CHECK(config.exit_on_eof == Switch::on);
  CHECK(config.once == Switch::on);
}

TEST_CASE("precedence is flag, environment variable, configuration file, default") {
  const TemporaryDirectory directory;
  const std::string file = directory.file("c.toml", "node-basename = file\npolling-interval = 1003\n");
  const auto interval = [&](std::vector<const char*> flags, Variables variables) {
    variables["RELEASE_COOKIE"] = "c";
    variables["RANCHER_CNODE_NODE_BASENAME"] = "myapp";
    return invoke(std::move(flags), std::move(variables)).config.polling_interval.count();
  };
  const char* const path = file.c_str();
  const std::string variable = "RANCHER_CNODE_POLLING_INTERVAL";
  CHECK(interval({"--polling-interval=1001", "--config", path}, {{variable, "1002"}}) == 1001);
  CHECK(interval({"--config", path}, {{variable, "1002"}}) == 1002);
  CHECK(interval({"--config", path}, {}) == 1003);
  CHECK(interval({}, {{"RANCHER_CNODE_CONFIG", file}}) == 1003);
  CHECK(interval({"--config", path}, {{"RANCHER_CNODE_CONFIG", "/no/such/file"}}) == 1003);
  CHECK(interval({}, {}) == 5000);
}

TEST_CASE("the address comes from --ip, its variable, the file, then CONTAINER_IP") {
  const TemporaryDirectory directory;
  const std::string file = directory.file("c.toml", "ip = 10.42.0.3\n");
  const auto ip = [](std::vector<const char*> flags, Variables variables) {
    variables["RELEASE_COOKIE"] = "c";
    variables["RANCHER_CNODE_NODE_BASENAME"] = "myapp";
    const auto address = invoke(std::move(flags), std::move(variables)).config.ip;
    return address ? address->to_string() : "none";
  };
  const char* const path = file.c_str();
  const Variables both{{"CONTAINER_IP", "10.42.0.4"}, {"RANCHER_CNODE_IP", "10.42.0.2"}};
  CHECK(ip({"--ip=10.42.0.1", "--config", path}, both) == "10.42.0.1");
  CHECK(ip({"--config", path}, both) == "10.42.0.2");
  CHECK(ip({"--config", path}, {{"CONTAINER_IP", "10.42.0.4"}}) == "10.42.0.3");
  CHECK(ip({}, {{"CONTAINER_IP", "10.42.0.4"}}) == "10.42.0.4");
  CHECK(ip({}, {}) == "none");
}

TEST_CASE("an empty variable counts as unset") {
  const auto invocation = invoke({"--node-basename", "myapp"}, {{"RANCHER_CNODE_IP", ""},
                                                                {"CONTAINER_IP", ""},
                                                                {"RANCHER_CNODE_COOKIE", ""},
                                                                {"RELEASE_COOKIE", "c"},
                                                                {"ERL_EPMD_PORT", ""}});
  CHECK(invocation.output == "");
  CHECK(invocation.config.cookie.reveal() == "c");
}

TEST_CASE("the last of two equal flags counts, but URLs add up") {
  const auto config = invoke({"--node-basename=a", "--node-basename=b", "--once", "--once=off",
                              "--metadata-url=http://a", "--metadata-url=http://b"})
                          .config;
  CHECK(config.node_basename == "b");
  CHECK(config.once == Switch::off);
  CHECK(config.metadata_urls == std::vector<std::string>{"http://a", "http://b"});
  CHECK(invoke({"ip", "--timeout=1", "--timeout=2"}).options.duration("--timeout") == Milliseconds(2));
}

TEST_CASE("a list in the environment is separated by commas") {
  const auto config = invoke({"--node-basename=a"}, {{"RELEASE_COOKIE", "c"},
                                                     {"RANCHER_CNODE_METADATA_URL", "http://a , https://b/"}})
                          .config;
  CHECK(config.metadata_urls == std::vector<std::string>{"http://a", "https://b"});
}

TEST_CASE("without any argument, not even the program's name, the variables count") {
  const Environment environment(Variables{{"RANCHER_CNODE_NODE_BASENAME", "a"}, {"RELEASE_COOKIE", "c"}});
  CHECK(cli::parse_command_line(0, nullptr, environment).config.node_basename == "a");
}

TEST_CASE("the word run changes nothing, before or after the flags") {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{"--node-basename=a", "--once"},
                                             {"run", "--node-basename=a", "--once"},
                                             {"--node-basename=a", "run", "--once"},
                                             {"--node-basename=a", "--once", "run"}}) {
    const auto invocation = invoke(arguments);
    CHECK(invocation.command == "run");
    CHECK(invocation.config.node_basename == "a");
    CHECK(invocation.config.once == Switch::on);
  }
}

TEST_CASE("ip requires neither a name nor a cookie") {
  const auto invocation = invoke({"ip", "--metadata-url", "http://10.42.0.1"}, {});
  REQUIRE(invocation.output == "");
  CHECK(invocation.command == "ip");
  CHECK(invocation.options.duration("--timeout") == Milliseconds(60'000));
  CHECK(invocation.config.metadata_urls == std::vector<std::string>{"http://10.42.0.1"});
  CHECK(std::ranges::find(invocation.settings, "cookie", &cli::SettingInEffect::name) ==
        invocation.settings.end());
  CHECK(invoke({"ip", "--timeout", "1500"}, {}).options.duration("--timeout") == Milliseconds(1500));
  CHECK(invoke({"ip", "--timeout=0"}, {}).options.duration("--timeout") == Milliseconds(0));
  CHECK(invoke({"ip", "--timeout=86400000"}, {}).options.duration("--timeout") == Milliseconds(86'400'000));
}

TEST_CASE("wait takes the cookie that is set, and otherwise looks for that of the BEAM") {
  const auto invocation = invoke({"wait", "--ip=10.42.0.7", "--timeout", "1500"});
  REQUIRE(invocation.output == "");
  CHECK(invocation.command == "wait");
  CHECK(invocation.options.duration("--timeout") == Milliseconds(1500));
  CHECK(invocation.config.cookie.reveal() == "s3cret-cookie");
  CHECK(invoke({"wait"}).options.duration("--timeout") == Milliseconds(60'000));
  CHECK(invoke({"wait"}, {}).config.cookie.empty());
  CHECK(invoke({"wait", "--timeout=-1"}).status == 2);
}

TEST_CASE("a cookie that a BEAM takes for a flag is refused by every command that leads to one") {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"run"}, {"env"}, {"exec", "--", "true"}}) {
    const auto refused = invoke(arguments, {{"RELEASE_COOKIE", "-abc"}});
    CHECK(refused.status == 2);
    CHECK(refused.output.find("$RELEASE_COOKIE begins with '-'") != std::string::npos);
  }
}

TEST_CASE("exec takes settings before -- and a command after it") {
  const auto invocation =
      invoke({"exec", "--ip", "10.42.0.7", "--metadata-url", "http://a", "--metadata-url=http://b", "--once",
              "--", "sh", "-c", "exec --once", "--"});
  REQUIRE(invocation.output == "");
  CHECK(invocation.command == "exec");
  CHECK(invocation.program == std::vector<std::string>{"sh", "-c", "exec --once", "--"});
  CHECK(invocation.options.duration("--timeout") == Milliseconds(30'000));
  CHECK(invoke({"exec", "--timeout=5", "--", "true"}).options.duration("--timeout") == Milliseconds(5));
}

TEST_CASE("the C-node of exec has its flags") {
  const TemporaryDirectory directory;
  const std::vector<std::string> flags{"--ip=10.42.0.7", "--metadata-url=http://a", "--metadata-url=http://b",
                                       "--once=true", "--config=" + directory.file("empty", "")};
  std::vector<const char*> arguments{"exec"};
  for (const auto& flag : flags) {
    arguments.push_back(flag.c_str());
  }
  arguments.insert(arguments.end(), {"--timeout=1", "--", "true"});
  auto cnode = invoke(arguments).cnode;
  REQUIRE(cnode.size() > 2);
  CHECK(cnode.front() == "rancher_cnode");
  std::vector<const char*> again;
  for (std::size_t i = 1; i < cnode.size(); ++i) {
    again.push_back(cnode[i].c_str());
  }
  const auto invocation = invoke(again);
  CHECK(invocation.command == "run");
  CHECK(invocation.output == "");
  CHECK(invocation.config.once == Switch::on);
  CHECK(invocation.config.metadata_urls == std::vector<std::string>{"http://a", "http://b"});
  CHECK(std::ranges::is_permutation(std::vector(cnode.begin() + 2, cnode.end()), flags));
}
