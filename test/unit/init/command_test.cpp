// The command of init::run: its end, its environment, its signals.
#include "unit/init/running_init.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::init::test;

namespace {

constexpr const char* waits_for_usr2 =
    "trap 'echo usr2; exit 4' USR2; echo ready; while :; do sleep 0.05; done";

}  // namespace

TEST_CASE("the exit status is the command's") {
  struct Row {
    std::vector<std::string> command;
    int status;
  };
  const Row table[] = {
      {{"true"}, 0},
      {shell("exit 7"), 7},
      {shell("exit 255"), 255},
      {shell("kill -KILL $$"), 137},
      {shell("kill -TERM $$"), 143},
      {shell("kill -SEGV $$"), 139},
      {{"/nowhere/to/be/found"}, 127},
      {{"no-such-program-on-the-path"}, 127},
      {{""}, 127},
      {{"/etc/passwd"}, 126},
      {{"/"}, 126},
  };
  for (const auto& [command, status] : table) {
    CAPTURE(command.back());
    CHECK(RunningInit(command).status() == status);
  }
}

TEST_CASE("a command that cannot be started is reported by its name") {
  RunningInit init({"/nowhere/to/be/found"});
  CHECK(init.status() == 127);
  CHECK(init.lines("cannot") ==
        std::vector<std::string>{"cannot start /nowhere/to/be/found: No such file or directory"});
  CHECK(init.output().empty());
}

TEST_CASE("where the preparation fails, its status is returned and the command is not started") {
  RunningInit init(shell("echo started"), {.preparation_status = 2});
  CHECK(init.status() == 2);
  CHECK(init.output().empty());
  CHECK(init.cnodes().empty());
}

TEST_CASE("a preparation that is killed ends it, with the status of a shell") {
  RunningInit init(shell("echo started"), {.in_preparation = [] { ::raise(SIGKILL); }});
  CHECK(init.status() == 137);
  CHECK(init.output().empty());
}

TEST_CASE("a signal that ends a service ends the preparation at once") {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    RunningInit init(shell("echo started"), {.in_preparation = [] {
                       static_cast<void>(!::write(STDOUT_FILENO, "preparing", 9));
                       ::sleep(60);
                     }});
    init.await_output("preparing");
    init.signal(signal);
    CHECK(init.status() == 128 + signal);
    CHECK(init.output() == "preparing");
  }
}

TEST_CASE("other signals do not disturb the preparation") {
  RunningInit init(shell("echo started"), {.in_preparation = [] {
                     ::kill(::getppid(), SIGUSR1);
                     ::kill(::getppid(), SIGWINCH);
                     ::kill(::getppid(), SIGALRM);
                   }});
  CHECK(init.status() == 0);
  CHECK(init.output() == "started\n");
}

TEST_CASE(
    "the command and the C-node have the prepared variables, in place of those that are set to nothing") {
  RunningInit init(shell("echo \"$CONTAINER_IP $OTHER.\""),
                   {.prepared = {.variables = {"CONTAINER_IP=10.42.0.7", "OTHER=a=b c"}, .needs_cnode = true},
                    .before = [] { ::setenv("CONTAINER_IP", "", 1); },
                    .cnode_ends = 1});
  CHECK(init.status() == 0);
  CHECK(init.output() == "10.42.0.7 a=b c.\n");
}

TEST_CASE("the command has the signal mask that init was started with") {
  const auto block_usr1 = [] {
    sigset_t mask;
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGUSR1);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  };
  // Not a shell, which has a mask of its own while it waits.
  RunningInit init({"grep", "SigBlk", "/proc/self/status"},
                   {.prepared = {.variables = {}, .needs_cnode = false}, .before = block_usr1});
  CHECK(init.status() == 0);
  CHECK(init.output() == "SigBlk:\t0000000000000200\n");
}

TEST_CASE("the command has the group and the streams of init") {
  RunningInit init(shell("[ $(ps -o pgid= $$) = $(ps -o pgid= $PPID) ] && echo same"),
                   {.prepared = {.variables = {}, .needs_cnode = false}});
  CHECK(init.status() == 0);
  CHECK(init.output() == "same\n");
}

TEST_CASE("a parent that ignores ends of children does not make it wait for ever") {
  RunningInit init(shell("exit 7"), {.before = [] { std::signal(SIGCHLD, SIG_IGN); }});
  CHECK(init.status() == 7);
}

TEST_CASE("a signal reaches the command that handles it") {
  RunningInit init(shell(waits_for_usr2));
  init.await_output("ready");
  init.signal(SIGUSR2);
  CHECK(init.status() == 4);
  CHECK(init.output() == "ready\nusr2\n");
}

TEST_CASE("a signal that the command does not handle yet does not end it") {
  RunningInit init(shell("echo begun; exec sleep 60"));
  init.await_output("begun");
  init.signal(SIGUSR2);
  init.signal(SIGALRM);
  init.signal(SIGTERM);
  CHECK(init.status() == 128 + SIGTERM);
}

TEST_CASE("what the command leaves behind is reaped, also by an init that is not process 1") {
  RunningInit init(shell("for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.01 &); done; sleep 0.3; ps -o stat= --ppid "
                         "$PPID | grep -c Z"),
                   {.prepared = {.variables = {}, .needs_cnode = false}});
  CHECK(init.status() == 1);
  CHECK(init.output() == "0\n");
}
