%% One C-node with inherited descriptors and signals: a standard error that nobody reads, a
%% standard input that others share, signals that are ignored, and a system that refuses what it needs or never answers. A
%% shell sets these up, as wrapper scripts do, and then becomes the program.
-module(shutdown_SUITE).

-export([suite/0, all/0, init_per_testcase/2]).
-export([a_blocked_standard_error_does_not_prevent_the_shutdown/1, sighup_reads_again_and_sigusr1_writes_the_status_and_neither_ends_it/1,
         sigint_ignored_by_the_parent_does_not_end_it/1, sighup_ignored_by_the_parent_does_not_end_it/1,
         it_ends_at_eof_and_reads_nothing_from_standard_input/1, it_leaves_the_flags_of_standard_input_as_they_are/1,
         a_standard_input_that_cannot_be_waited_for_ends_it_at_once/1, a_closed_standard_stream_is_not_reused_by_a_later_descriptor/1,
         too_few_descriptors_are_status_1_and_one_line/1,
         too_few_descriptors_are_an_event_where_lines_are_json/1, a_refused_thread_is_status_1_and_one_line/1,
         a_name_lookup_that_hangs_does_not_prevent_the_shutdown/1]).

%% Long before any time limit of what it may be waiting for.
-define(AT_ONCE_US, 4000000).
-define(SOON_MS, 60000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_blocked_standard_error_does_not_prevent_the_shutdown, sighup_reads_again_and_sigusr1_writes_the_status_and_neither_ends_it,
     sigint_ignored_by_the_parent_does_not_end_it, sighup_ignored_by_the_parent_does_not_end_it,
     it_ends_at_eof_and_reads_nothing_from_standard_input, it_leaves_the_flags_of_standard_input_as_they_are,
     a_standard_input_that_cannot_be_waited_for_ends_it_at_once, a_closed_standard_stream_is_not_reused_by_a_later_descriptor,
     too_few_descriptors_are_status_1_and_one_line, too_few_descriptors_are_an_event_where_lines_are_json,
     a_refused_thread_is_status_1_and_one_line,
     a_name_lookup_that_hangs_does_not_prevent_the_shutdown].

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    [{host, test_host:add()} | Config].

%% The shell holds the pipe open as a log driver does that has stalled, and fills it (65536 bytes) before the program
%% writes its first line.
-spec a_blocked_standard_error_does_not_prevent_the_shutdown([term()]) -> ok.
a_blocked_standard_error_does_not_prevent_the_shutdown(Config) ->
    Pipe = filename:join(proplists:get_value(priv_dir, Config), "stderr"),
    Port = start(Config, "mkfifo " ++ Pipe ++ "; exec 3<>" ++ Pipe ++ "; head -c 65536 /dev/zero >&3; exec \"$@\" 2>&3",
                 node_args(Config)),
    await_catching(Port, "TERM"),
    ok = test_host:start_epmd(host(Config)),
    await_registered(Config),
    Sent = os:perf_counter(microsecond),
    signal(Port, "TERM"),
    {0, _} = test_command:ended(Port),
    true = os:perf_counter(microsecond) - Sent < ?AT_ONCE_US,
    ok.

-spec sighup_reads_again_and_sigusr1_writes_the_status_and_neither_ends_it([term()]) -> ok.
sighup_reads_again_and_sigusr1_writes_the_status_and_neither_ends_it(Config) ->
    Port = start(Config, "exec \"$@\"", node_args(Config)),
    _ = test_command:await_output(Port, <<"epmd_awaited">>),
    signal(Port, "HUP"),
    _ = test_command:await_output(Port, <<"reload_requested">>),
    signal(Port, "USR1"),
    _ = test_command:await_output(Port, <<"status_line">>),
    signal(Port, "TERM"),
    {0, _} = test_command:ended(Port),
    ok.

-spec sigint_ignored_by_the_parent_does_not_end_it([term()]) -> ok.
sigint_ignored_by_the_parent_does_not_end_it(Config) ->
    outlives("INT", Config).

-spec sighup_ignored_by_the_parent_does_not_end_it([term()]) -> ok.
sighup_ignored_by_the_parent_does_not_end_it(Config) ->
    outlives("HUP", Config).

%% Input that the program has not read is still there for others that share its standard input.
-spec it_ends_at_eof_and_reads_nothing_from_standard_input([term()]) -> ok.
it_ends_at_eof_and_reads_nothing_from_standard_input(Config) ->
    Port = start(Config, "printf 'not for you' | { \"$@\"; echo \"status $?\"; cat; }",
                 ["--exit-on-eof" | node_args(Config)]),
    {0, Output} = test_command:ended(Port),
    [{_, _} = binary:match(Output, Part)
     || Part <- [<<"standard input has closed">>, <<"status 0">>, <<"not for you">>]],
    ok.

-spec it_leaves_the_flags_of_standard_input_as_they_are([term()]) -> ok.
it_leaves_the_flags_of_standard_input_as_they_are(Config) ->
    Port = start(Config, "grep ^flags /proc/self/fdinfo/0; exec \"$@\"", ["--exit-on-eof" | node_args(Config)]),
    Begun = test_command:await_output(Port, <<"epmd_awaited">>),
    {match, [Before]} = re:run(Begun, "^flags:\\s+\\d+", [multiline, {capture, first, binary}]),
    {ok, Info} = file:read_file("/proc/" ++ os_pid(Port) ++ "/fdinfo/0"),
    {match, [Before]} = re:run(Info, "^flags:\\s+\\d+", [multiline, {capture, first, binary}]),
    %% It does watch it: it ends when we close it, although something is left unread there.
    OsPid = os_pid(Port),
    true = port_command(Port, <<"unread">>),
    true = port_close(Port),
    test_wait:equals("the program has ended", false, fun() -> filelib:is_dir("/proc/" ++ OsPid) end).

-spec a_standard_input_that_cannot_be_waited_for_ends_it_at_once([term()]) -> ok.
a_standard_input_that_cannot_be_waited_for_ends_it_at_once(Config) ->
    {0, Output} = test_command:ended(start(Config, "exec \"$@\" </dev/null", ["--exit-on-eof" | node_args(Config)])),
    {_, _} = binary:match(Output, <<"reason=\"standard input ">>),
    ok.

%% Once it is registered, every file and socket that it needs is open.
-spec a_closed_standard_stream_is_not_reused_by_a_later_descriptor([term()]) -> ok.
a_closed_standard_stream_is_not_reused_by_a_later_descriptor(Config) ->
    ok = test_host:start_epmd(host(Config)),
    [begin
         Port = start(Config, "exec \"$@\" " ++ Redirections, node_args(Config)),
         await_registered(Config),
         Folder = "/proc/" ++ os_pid(Port) ++ "/fd/",
         ["/dev/null" = element(2, file:read_link_all(Folder ++ Number)) || Number <- Closed],
         signal(Port, "TERM"),
         {0, _} = test_command:ended(Port)
     end || {Redirections, Closed} <- [{"2>&-", ["2"]}, {"0<&- 1>&- 2>&-", ["0", "1", "2"]}]],
    ok.

-spec too_few_descriptors_are_status_1_and_one_line([term()]) -> ok.
too_few_descriptors_are_status_1_and_one_line(Config) ->
    [begin
         Limit = integer_to_list(Descriptors),
         {1, Output} = test_command:ended(start(Config, "ulimit -n " ++ Limit ++ "; exec \"$@\"",
                                    ["--exit-on-eof" | node_args(Config)])),
         <<"rancher_cnode: fatal error: ", _/binary>> = the_one_line(Output)
     end || Descriptors <- [5, 6, 7, 8, 9, 10]],
    ok.

-spec too_few_descriptors_are_an_event_where_lines_are_json([term()]) -> ok.
too_few_descriptors_are_an_event_where_lines_are_json(Config) ->
    {1, Output} = test_command:ended(start(Config, "ulimit -n 7; exec \"$@\"",
                               ["--log-format=json", "--exit-on-eof" | node_args(Config)])),
    Lines = binary:split(Output, <<"\n">>, [global, trim]),
    [] = [Line || Line <- Lines, binary:first(Line) =/= ${ orelse binary:last(Line) =/= $}],
    {_, _} = binary:match(lists:last(Lines), <<"\"level\":\"error\",\"event\":\"fatal_error\",\"message\":\"">>),
    ok.

%% A thread's stack takes memory: with a little more each time, one thread after the other is the one that is refused.
%% With far too little the program is not even loaded (127), with enough it runs until it is stopped (0).
-spec a_refused_thread_is_status_1_and_one_line([term()]) -> ok.
a_refused_thread_is_status_1_and_one_line(Config) ->
    Endings = [with_memory(KiB, Config) || KiB <- lists:seq(24000, 200000, 8000)],
    [] = [Ending || {Status, _} = Ending <- Endings, not lists:member(Status, [0, 1, 127])],
    LastLines = [lists:last(binary:split(Output, <<"\n">>, [global, trim])) || {1, Output} <- Endings],
    [] = [Line || Line <- LastLines, binary:match(Line, <<"rancher_cnode: fatal error: ">>) =/= {0, 28}],
    [_ | _] = [Line || Line <- LastLines, binary:match(Line, <<"thread">>) =/= nomatch],
    ok.

%% The name server accepts requests and never answers. libc asks it in a thread that cannot be stopped.
-spec a_name_lookup_that_hangs_does_not_prevent_the_shutdown([term()]) -> ok.
a_name_lookup_that_hangs_does_not_prevent_the_shutdown(Config) ->
    {ok, Server} = inet:getaddr("rancher-metadata", inet),
    {ok, Socket} = gen_udp:open(53, [binary, {ip, Server}, {active, true}]),
    File = filename:join(proplists:get_value(priv_dir, Config), "resolv.conf"),
    ok = file:write_file(File, ["nameserver ", inet:ntoa(Server), "\n"]),
    Port = start(Config, "exec unshare --mount sh -c 'mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"' " ++ File ++
                     " \"$@\"",
                 ["--metadata-url", "http://rancher-metadata.example" | node_args(Config)]),
    receive {udp, Socket, _, _, Question} -> {_, _} = binary:match(Question, <<"rancher-metadata", 7, "example">>)
    after ?SOON_MS -> error(no_name_is_looked_up)
    end,
    Sent = os:perf_counter(microsecond),
    signal(Port, "TERM"),
    {0, _} = test_command:ended(Port),
    true = os:perf_counter(microsecond) - Sent < ?AT_ONCE_US,
    ok = gen_udp:close(Socket).

%% -- helpers

%% The signal is ignored from the start, as a shell does with background jobs (INT) and nohup (HUP). What the program
%% does after the signal shows that it is still there.
outlives(Signal, Config) ->
    Port = start(Config, "trap '' " ++ Signal ++ "; exec \"$@\"", node_args(Config)),
    _ = test_command:await_output(Port, <<"epmd_awaited">>),
    signal(Port, Signal),
    ok = test_host:start_epmd(host(Config)),
    _ = test_command:await_output(Port, <<"event=node_registered">>),
    signal(Port, "TERM"),
    {0, Output} = test_command:ended(Port),
    nomatch = binary:match(Output, list_to_binary("reason=SIG" ++ Signal)),
    ok.

%% Beside the first line of every start.
the_one_line(Output) ->
    [Line] = [Line || Line <- binary:split(Output, <<"\n">>, [global, trim]),
                      binary:match(Line, <<" event=starting ">>) =:= nomatch],
    Line.

%% With all that it logs until then.
await_registered(Config) ->
    test_wait:equals("it is registered", ["remsh-rancher_cnode"], fun() -> test_host:epmd_names(host(Config)) end).

with_memory(KiB, Config) ->
    Port = start(Config, "ulimit -v " ++ integer_to_list(KiB) ++ "; exec \"$@\"", node_args(Config)),
    receive
        {Port, {data, Data}} ->
            end_once_it_runs(Port, Data)
    after ?SOON_MS ->
        error({prints_nothing_with, KiB})
    end.

%% The first event is its start.
end_once_it_runs(Port, Output) ->
    case binary:matches(Output, <<" event=">>) of
        [_, _ | _] ->
            signal(Port, "TERM"),
            test_command:ended(Port, Output);
        _ ->
            receive
                {Port, {data, Data}} -> end_once_it_runs(Port, <<Output/binary, Data/binary>>);
                {Port, {exit_status, Status}} -> {Status, Output}
            after ?SOON_MS -> error({prints_no_more_than, Output})
            end
    end.

node_args(Config) ->
    ["--node-basename", "myapp", "--ip", test_host:address(host(Config))].

%% Runs the shell's Script on the host, with the program and Args as "$@".
start(Config, Script, Args) ->
    {Spawn, SpawnArgs} = test_host:command(host(Config), "/bin/sh", ["-c", Script, "sh", test_cnode:program() | Args]),
    open_port({spawn_executable, Spawn},
              [{args, SpawnArgs}, {env, [{"RANCHER_CNODE_COOKIE", "monster"}, {"CONTAINER_IP", false}]}, binary,
               exit_status, stderr_to_stdout, hide]).

os_pid(Port) ->
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    integer_to_list(OsPid).

signal(Port, Name) ->
    case erlang:port_info(Port, os_pid) of
        {os_pid, OsPid} -> ok = test_command:signal(Name, [OsPid]);
        undefined -> ok
    end.

%% SigCgt of /proc/PID/status is the set of signals that have a handler (proc(5)).
await_catching(Port, "TERM") ->
    Status = "/proc/" ++ os_pid(Port) ++ "/status",
    test_wait:until("it catches SIGTERM",
                    fun() ->
                            {ok, Text} = file:read_file(Status),
                            {match, [Mask]} = re:run(Text, "SigCgt:\\s+([0-9a-f]+)", [{capture, all_but_first, list}]),
                            case list_to_integer(Mask, 16) band (1 bsl 14) of
                                0 -> {wait, Mask};
                                _ -> {done, ok}
                            end
                    end).

host(Config) ->
    proplists:get_value(host, Config).
