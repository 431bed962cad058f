%% The commands `status' and `check' as `docker exec' runs them: without any setting, beside real BEAMs.
-module(status_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [run/2, ask/2, contains/2, lines/1, await/3, await/5]).

-export([suite/0, all/0]).
-export([a_whole_cluster_is_reported_without_any_setting/1, every_format_is_read_by_its_reader/1, a_missing_peer_is_named/1,
         lines_are_as_wide_as_columns_says/1, wait_for_connected_peers_outlasts_the_initial_sync/1,
         a_beam_that_has_stopped_is_reported/1, without_a_c_node_one_line_states_why/1,
         watching_draws_on_the_screen_of_a_terminal/1, watching_into_a_pipe_writes_failures_to_standard_error/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_whole_cluster_is_reported_without_any_setting, every_format_is_read_by_its_reader, a_missing_peer_is_named,
     lines_are_as_wide_as_columns_says, wait_for_connected_peers_outlasts_the_initial_sync,
     a_beam_that_has_stopped_is_reported, without_a_c_node_one_line_states_why,
     watching_draws_on_the_screen_of_a_terminal, watching_into_a_pipe_writes_failures_to_standard_error].

-spec a_whole_cluster_is_reported_without_any_setting([term()]) -> ok.
a_whole_cluster_is_reported_without_any_setting(Config) ->
    #{hosts := [One | _], beams := [_, Two]} = test_cluster:form(metadata(Config), 2),
    Table = await(One, 0, ["status"]),
    [First | _] = binary:split(Table, <<"\n">>),
    contains(First, [<<"rancher_cnode ">>, <<"up ">>, <<"WHOLE, 1 of 1 dialable peers connected">>]),
    contains(Table, [beam_name(One), atom_to_binary(test_beam:name(Two)), <<"connected">>]),
    nomatch = binary:match(Table, <<"\e[">>),
    {0, <<"passed: WHOLE, 1 of 1", _/binary>> = Line} = ask(One, ["check", "--expect", "1"]),
    [_] = lines(Line),
    {1, <<"failed: ", _/binary>>} = ask(One, ["check", "--expect", "2"]),
    {0, <<"{\"outcome\":\"passed\",\"text\":\"passed: WHOLE, 1 of 1 dialable peers connected\"}\n">>} =
        ask(One, ["check", "--format", "json"]),
    {1, <<"{\"outcome\":\"failed\",\"text\":\"failed: WHOLE", _/binary>>} =
        ask(One, ["check", "--expect", "2", "--format", "json"]),
    ok.

-spec every_format_is_read_by_its_reader([term()]) -> ok.
every_format_is_read_by_its_reader(Config) ->
    #{hosts := [One | _]} = test_cluster:form(metadata(Config), 2),
    _ = await(One, 0, ["status"]),
    File = fun(Format) ->
                   {0, Text} = ask(One, ["status", "--format", Format]),
                   Path = filename:join(proplists:get_value(priv_dir, Config), "status." ++ Format),
                   ok = file:write_file(Path, Text),
                   Path
           end,
    {ok, [#{node := Node, peers := [#{state := connected}]}]} = file:consult(File("erlang")),
    Node = test_cnode:default_name(One),
    Read = "import json,sys; s = json.load(open(sys.argv[1])); print(s['node'], s['peers'][0]['state'])",
    <<"remsh-rancher_cnode@", _/binary>> = test_command:ok("python3", ["-c", Read, File("json")]),
    <<>> = test_command:ok("sh", ["-c", "promtool check metrics <\"$0\" 2>&1", File("prometheus")]),
    ok.

-spec a_missing_peer_is_named([term()]) -> ok.
a_missing_peer_is_named(Config) ->
    #{hosts := Hosts} = test_cluster:form(metadata(Config), 2),
    [One | _] = Hosts,
    Absent = test_host:fresh_address(),
    ok = test_cluster:list(metadata(Config), Hosts ++ [Absent]),
    _ = await(One, 3, ["status"], [], [<<"INCOMPLETE, 1 of 2 dialable peers connected">>, list_to_binary("myapp@" ++ Absent)]),
    {1, Failed} = ask(One, ["check"]),
    contains(Failed, [<<"failed: INCOMPLETE">>, list_to_binary("missing myapp@" ++ Absent)]),
    {0, _} = ask(One, ["check", "--min", "1"]),
    {1, _} = ask(One, ["check", "--min", "2"]),
    ok.

%% But words that do not fit beside a label stay whole; the widest labels are those of doctor. Without $COLUMNS, a file has
%% lines of any length.
-spec lines_are_as_wide_as_columns_says([term()]) -> ok.
lines_are_as_wide_as_columns_says(Config) ->
    #{hosts := Hosts} = test_cluster:form(metadata(Config), 2),
    [One | _] = Hosts,
    ok = test_cluster:list(metadata(Config), Hosts ++ [test_host:fresh_address()]),
    _ = await(One, 3, ["status"]),
    [begin
         {_, Narrow} = test_host:run(One, test_cnode:program(), [Command, "--timeout", "20000"], [{"COLUMNS", "50"}]),
         [] = [Line || Line <- lines(Narrow), string:length(Line) > 50,
                       string:length(Line) - string:length(lists:last(string:lexemes(Line, " "))) > 33],
         {_, Wide} = ask(One, [Command]),
         {true, Command} = {lists:any(fun(Line) -> string:length(Line) > 50 end, lines(Wide)), Command}
     end || Command <- ["status", "mesh", "doctor", "plan"]],
    ok.

%% A peer that was tried is enough for the initial sync.
-spec wait_for_connected_peers_outlasts_the_initial_sync([term()]) -> ok.
wait_for_connected_peers_outlasts_the_initial_sync(Config) ->
    Hosts = [One, Two] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    _ = test_beam:start(One),
    _ = test_cnode:start(One),
    {0, <<>>} = run(One, ["wait", "--timeout", "20000"]),
    {1, Missing} = run(One, ["wait", "--connected", "--timeout", "3000"]),
    contains(lists:last(lines(Missing)), [test_host:address(Two)]),
    _ = test_beam:start(Two),
    {0, <<>>} = run(One, ["wait", "--connected", "--timeout", "20000"]),
    {0, _} = ask(One, ["status"]),
    ok.

%% No BEAM is there to take the cookie from.
-spec a_beam_that_has_stopped_is_reported([term()]) -> ok.
a_beam_that_has_stopped_is_reported(Config) ->
    #{hosts := [One | _], beams := [Beam | _]} = test_cluster:form(metadata(Config), 2),
    ok = test_beam:stop(Beam),
    _ = await(One, 4, ["status"], [{"RANCHER_CNODE_COOKIE", "monster"}],
              [<<"NOT DRIVING">>, <<"BEAM ", (beam_name(One))/binary, " is awaited">>]),
    {1, <<"failed: NOT DRIVING", _/binary>>} =
        test_host:run(One, test_cnode:program(), ["check", "--min", "0", "--timeout", "30000"],
                      [{"RANCHER_CNODE_COOKIE", "monster"}]),
    ok.

-spec without_a_c_node_one_line_states_why([term()]) -> ok.
without_a_c_node_one_line_states_why(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    _ = test_beam:start(Host),
    [begin
         {1, Output} = run(Host, [Command]),
         [Line] = lines(Output),
         contains(Line, [atom_to_binary(test_cnode:default_name(Host))])
     end || Command <- ["status", "check"]],
    ok.

%% Each picture begins at the upper left; the last one is of the second screen, which is left at the end.
-spec watching_draws_on_the_screen_of_a_terminal([term()]) -> ok.
watching_draws_on_the_screen_of_a_terminal(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    _ = test_beam:start(Host),
    Watch = "echo pid=$$; exec " ++ test_cnode:program() ++ " status --watch 100ms --timeout 20s",
    Port = open(Host, "script", ["-qec", Watch, "/dev/null"], [{"TERM", "xterm"}]),
    First = test_command:await_output(Port, <<"\e[H", (atom_to_binary(test_cnode:default_name(Host)))/binary, ": ">>),
    {match, [Pid]} = re:run(First, "pid=(\\d+)\r\n\e\\[\\?1049h", [{capture, all_but_first, list}]),
    _ = test_cnode:start(Host),
    _ = test_command:await_output(Port, <<"WHOLE, 0 of 0">>),
    ok = test_cluster:list(metadata(Config), [Host, test_host:fresh_address()]),
    Redrawn = test_command:await_output(Port, <<"INCOMPLETE, 0 of 1">>),
    contains(Redrawn, [<<"\e[H">>]),
    ok = test_command:signal("INT", [list_to_integer(Pid)]),
    {3, Last} = test_command:ended(Port),
    contains(Last, [<<"\e[?1049l">>]),
    ok.

-spec watching_into_a_pipe_writes_failures_to_standard_error([term()]) -> ok.
watching_into_a_pipe_writes_failures_to_standard_error(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    _ = test_beam:start(Host),
    File = filename:join(proplists:get_value(priv_dir, Config), "watch.errors"),
    ok = file:write_file(File, <<>>),
    Watch = "exec \"$0\" status --watch 100ms --timeout 20s --format json --log-format json 2>\"$1\"",
    Port = open(Host, "sh", ["-c", Watch, test_cnode:program(), File], []),
    Failures = test_wait:until("two failures",
                               fun() ->
                                       {ok, Text} = file:read_file(File),
                                       case lines(Text) of
                                           [_, _ | _] = Lines -> {done, Lines};
                                           Lines -> {wait, Lines}
                                       end
                               end),
    [contains(Line, [<<"{\"time\":">>, <<"\"event\":\"command_failed\"">>, atom_to_binary(test_cnode:default_name(Host))])
     || Line <- Failures],
    %% It notices without a word that nobody reads any more.
    {0, _} = test_host:run(Host, "sh", ["-c", "\"$0\" status --watch 100ms | true", test_cnode:program()]),
    _ = test_cnode:start(Host),
    _ = await(Host, 0, ["status"]),
    Printed = test_command:await_output(Port, <<"\"state\":\"connected\"">>),
    <<"{\"node\":", _/binary>> = Printed,
    ok = test_command:signal("INT", [os_pid(Port)]),
    {0, Rest} = test_command:ended(Port),
    [<<"{\"node\":", _/binary>> = Line || Line <- tl(lines(<<Printed/binary, Rest/binary>>))],
    ok.

%% -- helpers

open(Host, Program, Args, Env) ->
    {Spawn, SpawnArgs} = test_host:command(Host, Program, Args),
    open_port({spawn_executable, Spawn}, [{args, SpawnArgs}, {env, Env}, binary, exit_status, stderr_to_stdout, hide]).

os_pid(Port) ->
    {os_pid, Pid} = erlang:port_info(Port, os_pid),
    Pid.

beam_name(Host) ->
    atom_to_binary(test_host:node_name("myapp", Host)).
