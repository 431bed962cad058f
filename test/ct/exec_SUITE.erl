%% The command `exec` as process 1 of a container: what an init does, plus the C-node.
-module(exec_SUITE).

-import(fresh_service, [metadata/1]).
-import(exec_container, [start/1, start/2, start/3, children/1, python/1]).
-import(release_processes, [await_cnode/1, cnodes/1]).
-import(release_container, [await_output/3, await_end/2, output/1, signal/2]).

-export([suite/0, all/0]).
-export([a_thousand_orphans_are_reaped/1, signals_reach_the_command_once/1,
         a_signal_before_the_command_handles_it_does_not_end_it/1, ten_thousand_signals_are_survived/1,
         exit_statuses_are_those_of_the_command/1,
         the_c_node_is_found_and_signalled_without_the_command/1,
         a_command_that_cannot_be_started_is_an_event/1, a_killed_c_node_is_reported_and_started_again/1,
         a_killed_command_ends_the_container/1, a_left_daemon_is_asked_to_stop/1,
         sigterm_ends_the_wait_for_the_address_at_once/1, a_bad_setting_starts_nothing/1,
         nothing_is_written_to_standard_output/1, closed_standard_streams_never_become_sockets/1,
         a_read_only_root_is_enough/1, a_shell_of_busybox_is_served/1, an_ordinary_user_is_enough/1,
         a_full_pipe_and_a_failed_fork_do_not_block_it/1, without_proc_the_command_runs/1,
         a_terminal_is_as_without_it/1]).

-define(SOON_MS, 60000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_thousand_orphans_are_reaped, signals_reach_the_command_once,
     a_signal_before_the_command_handles_it_does_not_end_it, ten_thousand_signals_are_survived,
     exit_statuses_are_those_of_the_command, the_c_node_is_found_and_signalled_without_the_command,
     a_command_that_cannot_be_started_is_an_event,
     a_killed_c_node_is_reported_and_started_again, a_killed_command_ends_the_container, a_left_daemon_is_asked_to_stop,
     sigterm_ends_the_wait_for_the_address_at_once, a_bad_setting_starts_nothing,
     nothing_is_written_to_standard_output, closed_standard_streams_never_become_sockets,
     a_read_only_root_is_enough, a_shell_of_busybox_is_served, an_ordinary_user_is_enough,
     a_full_pipe_and_a_failed_fork_do_not_block_it, without_proc_the_command_runs,
     a_terminal_is_as_without_it].

-spec a_thousand_orphans_are_reaped([term()]) -> ok.
a_thousand_orphans_are_reaped(_Config) ->
    One = start(python("
import os, time
reader, writer = os.pipe()
waits, goes = os.pipe()
for _ in range(1000):
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os.close(goes)
            os.read(waits, 1)
            os.write(writer, b'x' if os.getppid() == 1 else b'')
        os._exit(0)
    os.waitpid(child, 0)
os.close(goes)
seen = 0
while seen < 1000:
    seen += len(os.read(reader, 1000))
print('adopted', seen, flush=True)
time.sleep(600)
")),
    ok = await_output(One, <<"adopted 1000\n">>, 200000),
    Cnode = await_cnode(One),
    test_wait:until("only the command and the C-node are left",
                    fun() ->
                            case children(One) of
                                [_, _] = Left -> {done, true = lists:member(Cnode, Left)};
                                Left -> {wait, Left}
                            end
                    end),
    ok.

-spec signals_reach_the_command_once([term()]) -> ok.
signals_reach_the_command_once(_Config) ->
    One = start(counts_signals()),
    ok = await_output(One, <<"ready">>, ?SOON_MS),
    Names = ["TERM", "INT", "HUP", "QUIT", "WINCH", "USR1", "USR2", "TSTP", "RTMIN+3"],
    [begin
         ok = signal(One, Name),
         ok = await_output(One, got(Name), ?SOON_MS)
     end || Name <- Names],
    Lines = [Line || <<"got ", _/binary>> = Line <- binary:split(output(One), <<"\n">>, [global])],
    Lines = [string:trim(got(Name)) || Name <- Names],
    ok.

-spec a_signal_before_the_command_handles_it_does_not_end_it([term()]) -> ok.
a_signal_before_the_command_handles_it_does_not_end_it(_Config) ->
    One = start(["sh", "-c", "echo begun; mkfifo /run/begin; read line </run/begin; "
                 "trap 'echo handled; exit 5' USR2; echo ready; while :; do sleep 0.05; done"]),
    ok = await_output(One, <<"begun">>, ?SOON_MS),
    [ok = signal(One, Name) || Name <- ["USR2", "USR1", "ALRM", "PIPE", "RTMIN"]],
    {0, _} = release_container:execute(One, ["sh", "-c", "echo >/run/begin"]),
    ok = await_output(One, <<"ready">>, ?SOON_MS),
    ok = signal(One, "USR2"),
    5 = await_end(One, ?SOON_MS),
    true = contains(<<"handled">>, output(One)),
    ok.

-spec ten_thousand_signals_are_survived([term()]) -> ok.
ten_thousand_signals_are_survived(_Config) ->
    One = start(counts_signals()),
    ok = await_output(One, <<"ready">>, ?SOON_MS),
    {0, _} = release_container:execute(One, python("
import os, signal
for i in range(10000):
    os.kill(1, (signal.SIGUSR1, signal.SIGWINCH, signal.SIGCHLD, signal.SIGRTMIN + 3)[i % 4])
")),
    ok = signal(One, "TERM"),
    ok = await_output(One, got("TERM"), ?SOON_MS),
    Cnode = await_cnode(One),
    Cnode = await_cnode(One),
    ok.

%% With the commands of docs/exit-status.md.
-spec the_c_node_is_found_and_signalled_without_the_command([term()]) -> ok.
the_c_node_is_found_and_signalled_without_the_command(_Config) ->
    One = start(counts_signals()),
    ok = await_output(One, <<"ready">>, ?SOON_MS),
    ok = await_output(One, <<"settings_changed=">>, ?SOON_MS),
    {match, [Pid]} = re:run(output(One), "event=starting .*pid=(\\d+)", [{capture, all_but_first, list}]),
    {ok, Page} = file:read_file(filename:join([release_build:root(), "docs", "exit-status.md"])),
    {match, [List]} = re:run(Page, "docker exec CONTAINER sh -c '(for p .*)'", [{capture, all_but_first, list}]),
    {0, Listed} = release_container:execute(One, ["sh", "-c", List]),
    [Pid] = [Number || Line <- string:lexemes(binary_to_list(Listed), "\n"), string:find(Line, " exec ") =:= nomatch,
                       [Number | _] <- [string:lexemes(Line, " ")]],
    {0, _} = release_container:execute(One, ["sh", "-c", "kill -USR1 " ++ Pid]),
    ok = await_output(One, <<"event=status_line">>, ?SOON_MS),
    false = contains(string:trim(got("USR1")), output(One)),
    ok.

-spec exit_statuses_are_those_of_the_command([term()]) -> ok.
exit_statuses_are_those_of_the_command(_Config) ->
    Table = [{0, ["true"]}, {7, ["sh", "-c", "exit 7"]}, {143, ["sh", "-c", "kill -TERM $$"]}, {127, ["nothing"]},
             {126, ["/etc/passwd"]}],
    Started = [{Status, start(Command)} || {Status, Command} <- Table],
    Expected = [Status || {Status, _} <- Table],
    Expected = [await_end(One, ?SOON_MS) || {_, One} <- Started],
    ok.

-spec a_command_that_cannot_be_started_is_an_event([term()]) -> ok.
a_command_that_cannot_be_started_is_an_event(_Config) ->
    One = start(["nothing"], ["--log-format=json"]),
    127 = await_end(One, ?SOON_MS),
    Lines = binary:split(output(One), <<"\n">>, [global, trim]),
    [] = [Line || Line <- Lines, binary:first(Line) =/= ${ orelse binary:last(Line) =/= $}],
    Expected = <<"\"process_not_started\",\"process\":\"nothing\",\"reason\":\"No such file or directory\"}">>,
    [_] = [Line || Line <- Lines, contains(Expected, Line)],
    ok.

-spec a_killed_c_node_is_reported_and_started_again([term()]) -> ok.
a_killed_c_node_is_reported_and_started_again(_Config) ->
    One = start(["sleep", "600"]),
    First = await_cnode(One),
    ok = test_command:signal("KILL", [First]),
    ok = await_output(One, <<"event=cnode_died msg=\"the C-node is started again\" status=137 restart_in_ms=1000\n">>,
                      ?SOON_MS),
    Second = await_cnode(One),
    true = Second =/= First,
    ok.

-spec a_killed_command_ends_the_container([term()]) -> ok.
a_killed_command_ends_the_container(_Config) ->
    One = start(["sleep", "600"]),
    Cnode = await_cnode(One),
    [Command] = children(One) -- [Cnode],
    ok = test_command:signal("KILL", [Command]),
    137 = await_end(One, ?SOON_MS),
    [] = cnodes(One),
    ok.

-spec a_left_daemon_is_asked_to_stop([term()]) -> ok.
a_left_daemon_is_asked_to_stop(_Config) ->
    One = start(["sh", "-c", "rm -f /run/daemon; (trap 'echo stopped; exit' TERM; echo there; : >/run/daemon; "
                 "while :; do sleep 0.05; done) & until [ -e /run/daemon ]; do sleep 0.05; done"]),
    0 = await_end(One, ?SOON_MS),
    true = contains(<<"there\n">>, output(One)),
    true = contains(<<"stopped\n">>, output(One)),
    ok.

-spec sigterm_ends_the_wait_for_the_address_at_once([term()]) -> ok.
sigterm_ends_the_wait_for_the_address_at_once(Config) ->
    ok = metadata_server:misbehave(metadata(Config), refuse),
    One = start(["echo", "started"], [], #{env => []}),
    test_wait:until("the preparation runs", fun() ->
                                                    case children(One) of
                                                        [_] -> {done, ok};
                                                        Other -> {wait, Other}
                                                    end
                                            end),
    ok = signal(One, "TERM"),
    %% It would wait for half a minute.
    143 = await_end(One, 15000),
    false = contains(<<"started">>, output(One)),
    ok.

-spec a_bad_setting_starts_nothing([term()]) -> ok.
a_bad_setting_starts_nothing(_Config) ->
    One = start(["echo", "started"], ["--removal-delay=soon"]),
    2 = await_end(One, ?SOON_MS),
    true = contains(<<"bad setting">>, output(One)),
    false = contains(<<"started">>, output(One)),
    ok.

-spec nothing_is_written_to_standard_output([term()]) -> ok.
nothing_is_written_to_standard_output(_Config) ->
    One = exec_container:with_shell("exec rancher_cnode exec --log-level=debug -- "
                                    "sh -c 'echo only; sleep 600' 2>/dev/null"),
    ok = await_output(One, <<"only\n">>, ?SOON_MS),
    First = await_cnode(One),
    ok = test_command:signal("KILL", [First]),
    test_wait:until("another C-node", fun() ->
                                              case cnodes(One) of
                                                  [Other] when Other =/= First -> {done, ok};
                                                  Saw -> {wait, Saw}
                                              end
                                      end),
    <<"only\n">> = output(One),
    ok.

-spec closed_standard_streams_never_become_sockets([term()]) -> ok.
closed_standard_streams_never_become_sockets(_Config) ->
    [begin
         One = exec_container:with_shell("exec rancher_cnode exec --log-level=debug -- sleep 600 " ++ Closed),
         Cnode = await_cnode(One),
         test_wait:until("the C-node has sockets", fun() -> has_sockets(Cnode) end),
         [Command] = children(One) -- [Cnode],
         Streams = [{Process, Stream, exec_container:descriptor(Process, Stream)}
                    || Process <- [Command, Cnode], Stream <- [0, 1, 2]],
         [] = [Found || {_, _, File} = Found <- Streams, contains(<<"socket:">>, File) orelse File =:= <<>>]
     end || Closed <- ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"]],
    ok.

-spec a_read_only_root_is_enough([term()]) -> ok.
a_read_only_root_is_enough(_Config) ->
    One = exec_container:with_shell("mount -o remount,ro,bind / && "
                                    "exec rancher_cnode exec -- sh -c 'touch /root/x || echo denied; sleep 600'"),
    ok = await_output(One, <<"denied">>, ?SOON_MS),
    _ = await_cnode(One),
    ok.

-spec a_shell_of_busybox_is_served([term()]) -> ok.
a_shell_of_busybox_is_served(_Config) ->
    One = start(["busybox", "sh", "-c", "trap 'exit 6' TERM; echo ready; while :; do sleep 0.05; done"]),
    ok = await_output(One, <<"ready">>, ?SOON_MS),
    _ = await_cnode(One),
    ok = signal(One, "TERM"),
    6 = await_end(One, ?SOON_MS),
    ok.

-spec an_ordinary_user_is_enough([term()]) -> ok | {skip, string()}.
an_ordinary_user_is_enough(_Config) ->
    exec_container:if_nobody(fun() ->
        One = exec_container:with_shell(exec_container:as_nobody("exec -- sh -c 'id -u; sleep 600'")),
        ok = await_output(One, <<"65534\n">>, ?SOON_MS),
        ok = test_command:signal("KILL", [await_cnode(One)]),
        ok = await_output(One, <<"event=cnode_died">>, ?SOON_MS),
        _ = await_cnode(One),
        ok
    end).

%% Standard error is a pipe that is full and that nobody reads.
-spec a_full_pipe_and_a_failed_fork_do_not_block_it([term()]) -> ok | {skip, string()}.
a_full_pipe_and_a_failed_fork_do_not_block_it(_Config) ->
    exec_container:if_nobody(fun() ->
        One = start(["true"], [], #{command => python("
import os, sys
reader, writer = os.pipe()
os.set_inheritable(reader, True)
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, b'x')
except BlockingIOError:
    pass
os.set_blocking(writer, True)
os.dup2(writer, 2)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
os.execv('" ++ exec_container:program_for_all() ++ "', ['rancher_cnode', 'exec', '--'] + sys.argv[1:])
") ++ counts_signals()}),
        ok = await_output(One, <<"ready">>, ?SOON_MS),
        Cnode = await_cnode(One),
        ok = exec_container:limit_processes(One, "0"),
        ok = test_command:signal("KILL", [Cnode]),
        test_wait:equals("the C-node is gone", [], fun() -> cnodes(One) end),
        ok = signal(One, "USR1"),
        ok = await_output(One, got("USR1"), ?SOON_MS),
        ok = exec_container:limit_processes(One, "10000"),
        _ = await_cnode(One),
        ok
    end).

-spec without_proc_the_command_runs([term()]) -> ok.
without_proc_the_command_runs(_Config) ->
    One = exec_container:with_shell("umount -l /proc; exec rancher_cnode exec -- sh -c "
                                    "'trap \"exit 4\" TERM; echo ready; while :; do sleep 0.05; done'"),
    ok = await_output(One, <<"ready">>, ?SOON_MS),
    ok = signal(One, "TERM"),
    4 = await_end(One, ?SOON_MS),
    ok.

%% Job control, Ctrl-C, and echo after a command that was killed.
-spec a_terminal_is_as_without_it([term()]) -> ok.
a_terminal_is_as_without_it(_Config) ->
    Script = filename:join([release_build:root(), "test", "ct", "terminal.py"]),
    {0, <<>>} = test_host:run(test_host:add(), "/usr/bin/python3", [Script, test_cnode:program()]),
    ok.

%% Prints each signal that it gets.
counts_signals() ->
    python("
import os, signal, time
wanted = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGWINCH, signal.SIGUSR1, signal.SIGUSR2,
          signal.SIGTSTP, signal.SIGRTMIN + 3]
for number in wanted:
    signal.signal(number, lambda got, _: os.write(1, b\"got %d\\n\" % got))
print(\"ready\", flush=True)
while True:
    time.sleep(600)
").

got(Name) ->
    Numbers = #{"HUP" => 1, "INT" => 2, "QUIT" => 3, "USR1" => 10, "USR2" => 12, "TERM" => 15, "TSTP" => 20, "WINCH" => 28,
                "RTMIN+3" => 37},
    iolist_to_binary(io_lib:format("got ~b\n", [maps:get(Name, Numbers)])).

has_sockets(Process) ->
    Files = [exec_container:descriptor(Process, N) || N <- lists:seq(0, 30)],
    case [File || File <- Files, contains(<<"socket:">>, File)] of
        [] -> {wait, Files};
        _ -> {done, ok}
    end.

contains(Part, Text) ->
    binary:match(Text, Part) =/= nomatch.
