// The component against a real BEAM and a real epmd.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <csignal>
#include <optional>

#include "bytes.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

/// A child of ours, killed and reaped at the end, and killed by the kernel if this program ends without
/// that; its
/// lines on standard output are collected by the loop.
class Child {
 public:
  Child(asio::io_context& loop, std::vector<std::string> arguments, std::vector<std::string> environment)
      : output_(loop) {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    std::vector<std::string> dying_with_us{"setpriv", "--pdeathsig", "KILL"};
    arguments.insert(arguments.begin(), dying_with_us.begin(), dying_with_us.end());
    std::vector<char*> argv;
    for (auto& argument : arguments) {
      argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    std::vector<char*> variables;
    for (auto& variable : environment) {
      variables.push_back(variable.data());
    }
    for (char** inherited = environ; *inherited != nullptr; ++inherited) {
      variables.push_back(*inherited);
    }
    variables.push_back(nullptr);
    REQUIRE(::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), variables.data()) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_.assign(ends[0]);
    read_line();
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::vector<std::string> lines;

 private:
  void read_line() {
    asio::async_read_until(output_, buffer_, '\n',
                           [this](const boost::system::error_code& error, std::size_t) {
                             if (error) {
                               return;
                             }
                             std::istream stream(&buffer_);
                             std::getline(stream, lines.emplace_back());
                             read_line();
                           });
  }

  pid_t pid_ = 0;
  asio::posix::stream_descriptor output_;
  asio::streambuf buffer_;
};

/// What the BEAM does, one line of output for each thing that it saw.
constexpr const char* script = R"erl(
  Say = fun(What) -> io:format("~0p~n", [What]) end,
  C = 'cn@127.0.0.1',
  Next = fun() -> receive Any -> Any after 10000 -> none end end,
  process_flag(trap_exit, true),
  register(mirror, self()),
  Say(ready),
  {'$gen_call', {Pid, Tag}, Request} = Next(),
  Pid ! {Tag, {mirrored, Request}},
  Say({nodes, nodes(), nodes(hidden)}),
  Say({ping, net_adm:ping(C)}),
  Ref = make_ref(),
  {net_kernel, C} ! {'$gen_call', {self(), Ref}, {is_auth, node()}},
  Say({old_ping, Next() =:= {Ref, yes}}),
  Term = {hello, [1, 2.5, <<"x">>, #{a => "b"}], 1 bsl 70},
  Say({call, gen_server:call({echo, C}, Term) =:= Term}),
  Say({nobody, element(1, element(2, catch gen_server:call({nobody, C}, x)))}),
  Say({rpc, rpc:call(C, erlang, node, [])}),
  link(Pid), exit(Pid, no_end_of_the_link), M1 = monitor(process, {echo, C}), M2 = monitor(process, Pid),
  demonitor(monitor(process, {echo, C})),
  Short = spawn(fun() -> link(Pid), unlink(Pid), gen_server:call({echo, C}, unlinked) end),
  M3 = monitor(process, Short),
  Say({unlinked, receive {'DOWN', M3, process, _, Why} -> Why after 10000 -> none end}),
  gen_server:call({echo, C}, observed),
  Say(observed),
  Ends = lists:sort([case Next() of {'DOWN', M1, _, _, W} -> {name, W}; {'DOWN', M2, _, _, W} -> {pid, W};
                                    {'EXIT', Pid, W} -> {link, W} end || _ <- [1, 2, 3]]),
  Say({ends, Ends}),
  halt().
)erl";

}  // namespace

TEST_CASE("a BEAM and a node of ours connect, call, ping, monitor and disconnect by the protocol") {
  initialise_handshakes();
  asio::io_context loop;
  const ReservedPort epmd_port;
  const std::string port = std::to_string(epmd_port.number());
  const Child epmd(loop, {"epmd", "-port", port, "-address", "127.0.0.1"}, {});
  Child beam(loop,
             {"erl", "-noshell", "-name", "beam@127.0.0.1", "-setcookie", "secret", "-start_epmd", "false",
              "-kernel", "logger_level", "critical", "-eval", script},
             {"ERL_EPMD_PORT=" + port});
  const Log log(LogLevel::error, LogFormat::text);
  CNode::Settings settings{
      .name = *NodeName::parse("cn@127.0.0.1"), .cookie = Cookie("secret"), .listen_ports = {}, .timing = {}};
  settings.ports.epmd_port = epmd_port.number();
  CNode cnode(loop, settings, {}, log);
  REQUIRE(cnode.start());
  // Answers with what it was asked, and `pid` with a pid of ours.
  cnode.add_process("echo",
                    {.call = [&](const GenCall& call) { cnode.reply(call, call.request); }, .cast = {}});
  const NodeName peer = *NodeName::parse("beam@127.0.0.1");
  run_until(loop, "the BEAM", [&] { return !beam.lines.empty(); });

  // Once with another cookie: the BEAM refuses us, and stays as it is.
  CNode::Settings other{.name = *NodeName::parse("other@127.0.0.1"),
                        .cookie = Cookie("wrong"),
                        .listen_ports = {},
                        .timing = {}};
  other.ports.epmd_port = epmd_port.number();
  CNode refused_node(loop, other, {}, log);
  std::optional<tl::expected<void, ConnectFailure>> refused;
  refused_node.connect(peer, [&](auto result) { refused = std::move(result); });
  run_until(loop, "the refusal", [&] { return refused.has_value(); });
  REQUIRE_FALSE(*refused);
  CHECK(refused->error().stage == "challenge_ack");

  std::optional<tl::expected<void, ConnectFailure>> connected;
  cnode.connect(peer, [&](auto result) { connected = std::move(result); });
  run_until(loop, "the connection", [&] { return connected.has_value(); });
  REQUIRE(*connected);

  std::vector<std::string> answers;
  const auto keep = [&answers](const CallResult& result) {
    answers.push_back(result ? printed(*result) : std::string(to_string(result.error().code)));
  };
  cnode.call(peer, {"erlang", "nodes"}, TermWriter().list(1).atom("connected").nil().bytes(), patience, keep);
  run_until(loop, "the node list", [&] { return answers.size() == 1; });
  cnode.call(peer, {"no_module", "no_function"}, TermWriter().nil().bytes(), patience, keep);
  run_until(loop, "the undefined function", [&] { return answers.size() == 2; });
  cnode.call(peer, {"erlang", "error"}, TermWriter().list(1).atom("broken").nil().bytes(), patience, keep);
  run_until(loop, "the failing function", [&] { return answers.size() == 3; });
  cnode.request(peer, "mirror", TermWriter().atom("hello").bytes(), patience, keep);
  run_until(loop, "the reply of a process", [&] { return answers.size() == 4; });
  CHECK(answers == std::vector<std::string>{"[cn@127.0.0.1]", "not_found", "failed", "{mirrored,hello}"});

  run_until(loop, "the BEAM's observation", [&] { return beam.lines.back() == "observed"; });
  cnode.stop();
  run_until(loop, "the BEAM's end", [&] { return beam.lines.back().starts_with("{ends"); });
  std::string seen;
  for (const auto& line : beam.lines) {
    seen += line + "\n";
  }
  CHECK(seen ==
        "ready\n"
        "{nodes,[],['cn@127.0.0.1']}\n"
        "{ping,pong}\n"
        "{old_ping,true}\n"
        "{call,true}\n"
        "{nobody,noproc}\n"
        "{rpc,{badrpc,notsup}}\n"
        "{unlinked,normal}\n"
        "observed\n"
        "{ends,[{link,shutdown},{name,shutdown},{pid,shutdown}]}\n");
}
