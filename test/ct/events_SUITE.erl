%% What an operator reads afterwards: the command `events', requests by signal, and a log that stays short
%% whatever happens.
-module(events_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [run/2, ask/2, lines/1]).

-export([suite/0, all/0]).
-export([events_are_printed_as_the_log_has_them/1, events_below_the_log_level_are_remembered/1,
         following_goes_on_after_a_restart/1, without_a_c_node_one_line_states_why/1,
         a_normal_start_logs_no_warning/1, an_epmd_that_closes_each_connection_is_a_few_lines/1,
         metadata_that_flaps_is_a_few_lines/1, a_beam_that_is_still_away_is_a_warning_after_the_grace/1,
         sigusr1_logs_the_status_and_sighup_reads_again/1,
         sigusr1_logs_what_is_awaited_without_an_own_address/1,
         a_service_manager_is_notified/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [events_are_printed_as_the_log_has_them, events_below_the_log_level_are_remembered,
     following_goes_on_after_a_restart, without_a_c_node_one_line_states_why, a_normal_start_logs_no_warning,
     an_epmd_that_closes_each_connection_is_a_few_lines, metadata_that_flaps_is_a_few_lines,
     a_beam_that_is_still_away_is_a_warning_after_the_grace,
     sigusr1_logs_the_status_and_sighup_reads_again, sigusr1_logs_what_is_awaited_without_an_own_address, a_service_manager_is_notified].

-spec events_are_printed_as_the_log_has_them([term()]) -> ok.
events_are_printed_as_the_log_has_them(Config) ->
    #{hosts := [One | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    _ = test_cnode:await(Cnode, "cluster_completed"),
    %% Before it prints them: what is logged later need not be there.
    Logged = [Text || #{text := Text, level := Level} <- test_cnode:log(Cnode), Level =/= <<"debug">>],
    {0, Printed} = ask(One, ["events"]),
    Logged = lists:sublist(lines(Printed), length(Logged)),
    <<"starting">> = hd([Event || #{event := Event} <- test_cnode:log(Cnode)]),
    {0, Json} = ask(One, ["events", "--format", "json"]),
    File = filename:join(proplists:get_value(priv_dir, Config), "events.json"),
    ok = file:write_file(File, Json),
    Read = "import json,sys; print([json.loads(l)['event'] for l in open(sys.argv[1])][0])",
    <<"starting\n">> = test_command:ok("python3", ["-c", Read, File]),
    {0, <<>>} = ask(One, ["events", "--since", "0"]),
    ok.

-spec events_below_the_log_level_are_remembered([term()]) -> ok.
events_below_the_log_level_are_remembered(Config) ->
    Hosts = [One | _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    _ = test_beam:start_all(Hosts),
    Cnode = test_cnode:start(One, #{args => ["--log-level", "error"]}),
    test_wait:until("the event is remembered",
                    fun() ->
                            {_, Printed} = ask(One, ["events"]),
                            case binary:match(Printed, <<"event=cluster_completed">>) of
                                nomatch -> {wait, Printed};
                                _ -> {done, ok}
                            end
                    end),
    [] = test_cnode:log(Cnode),
    ok.

-spec following_goes_on_after_a_restart([term()]) -> ok.
following_goes_on_after_a_restart(Config) ->
    #{hosts := [One | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    {Spawn, Args} = test_host:command(One, test_cnode:program(), ["events", "--follow"]),
    Port = open_port({spawn_executable, Spawn}, [{args, Args}, binary, exit_status, stderr_to_stdout, hide]),
    _ = test_command:await_output(Port, <<"event=starting">>),
    ok = test_cnode:kill(Cnode),
    _ = test_command:await_output(Port, <<"waiting for it">>),
    Next = test_cnode:start(One),
    _ = test_command:await_output(Port, <<"event=starting">>),
    {os_pid, Pid} = erlang:port_info(Port, os_pid),
    ok = test_command:signal("TERM", [Pid]),
    test_cnode:stop(Next).

-spec without_a_c_node_one_line_states_why([term()]) -> ok.
without_a_c_node_one_line_states_why(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    _ = test_beam:start(Host),
    {1, Output} = run(Host, ["events"]),
    [_] = lines(Output),
    ok.

%% The program before epmd, BEAM and metadata, as a container starts.
-spec a_normal_start_logs_no_warning([term()]) -> ok.
a_normal_start_logs_no_warning(Config) ->
    Hosts = [One, Two] = test_cluster:hosts(2),
    ok = metadata_server:misbehave(metadata(Config), not_found),
    Cnodes = [test_cnode:start(One), test_cnode:start(Two)],
    [_ = test_cnode:await(Cnode, "metadata_unavailable") || Cnode <- Cnodes],
    ok = metadata_server:misbehave(metadata(Config), normal),
    ok = test_cluster:list(metadata(Config), Hosts),
    First = test_beam:start(One),
    _ = test_cnode:await(hd(Cnodes), "target_connected"),
    Second = test_beam:start(Two),
    ok = test_cluster:await_mesh([First, Second]),
    [] = [Text || Cnode <- Cnodes, #{level := <<"warning">>, text := Text} <- test_cnode:log(Cnode)],
    ok.

-spec an_epmd_that_closes_each_connection_is_a_few_lines([term()]) -> ok.
an_epmd_that_closes_each_connection_is_a_few_lines(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    Script = "import socket\ns = socket.create_server(('', 4369), backlog=128)\nprint('open', flush=True)\n"
             "n = 0\nwhile True:\n  s.accept()[0].close()\n  n += 1\n  if n == 20: print('closed 20', flush=True)\n",
    {Spawn, Args} = test_host:command(Host, "/usr/bin/python3", ["-c", Script]),
    Port = open_port({spawn_executable, Spawn}, [{args, Args}, binary, exit_status, stderr_to_stdout, hide]),
    _ = test_command:await_output(Port, <<"open">>),
    Cnode = test_cnode:start(Host),
    _ = test_command:await_output(Port, <<"closed 20">>),
    Lines = [Text || #{text := Text, level := Level} <- test_cnode:log(Cnode), Level =/= <<"debug">>],
    true = length(Lines) =< 12,
    ok.

%% Two snapshots in turn, one without the peer: a line for each flip would be 40.
-spec metadata_that_flaps_is_a_few_lines([term()]) -> ok.
metadata_that_flaps_is_a_few_lines(Config) ->
    #{hosts := [One, _] = Hosts, cnodes := [Cnode | _], beams := Beams} = test_cluster:form(metadata(Config), 2),
    _ = test_cnode:await(Cnode, "cluster_completed"),
    Peer = test_host:fresh_address(),
    Before = length(test_cnode:log(Cnode)),
    [begin
         ok = test_cluster:list(metadata(Config), Hosts ++ [Entry]),
         ok = seen(One, list_to_binary("myapp@" ++ Peer), State)
     end || _ <- lists:seq(1, 10),
            {Entry, State} <- [{#{address => Peer, state => <<"stopped">>}, <<"held">>},
                               {Peer, <<"waiting">>}]],
    Lines = [Text || #{text := Text, level := Level} <- lists:nthtail(Before, test_cnode:log(Cnode)),
                     Level =/= <<"debug">>],
    true = length(Lines) =< 16 orelse error(Lines),
    [] = test_cluster:lost_connections(Beams),
    ok.

-spec a_beam_that_is_still_away_is_a_warning_after_the_grace([term()]) -> ok.
a_beam_that_is_still_away_is_a_warning_after_the_grace(Config) ->
    [One] = Hosts = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_host:start_epmd(One),
    Cnode = test_cnode:start(One, #{args => ["--startup-grace", "1s"]}),
    #{level := <<"info">>} = test_cnode:await(Cnode, "target_awaited"),
    _ = test_cnode:await_event(Cnode, fun(#{event := Event, level := Level}) ->
                                              {Event, Level} =:= {<<"target_awaited">>, <<"warning">>}
                                      end),
    [_, _] = test_cnode:events(Cnode, "target_awaited"),
    ok.

-spec sigusr1_logs_the_status_and_sighup_reads_again([term()]) -> ok.
sigusr1_logs_the_status_and_sighup_reads_again(Config) ->
    #{cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    _ = test_cnode:await(Cnode, "cluster_completed"),
    ok = test_cnode:signal(Cnode, "USR1"),
    #{text := Text} = test_cnode:await(Cnode, "status_line"),
    {_, _} = binary:match(Text, <<"WHOLE, 1 of 1 dialable peers connected">>),
    test_wait:until("every line of the table",
                    fun() ->
                            case length(test_cnode:events(Cnode, "status_line")) of
                                Count when Count >= 6 -> {done, ok};
                                Count -> {wait, Count}
                            end
                    end),
    ok = test_cnode:signal(Cnode, "HUP"),
    _ = test_cnode:await(Cnode, "reload_requested"),
    running = test_cnode:exit_status(Cnode),
    ok.

%% The metadata lists another container, not this one.
-spec sigusr1_logs_what_is_awaited_without_an_own_address([term()]) -> ok.
sigusr1_logs_what_is_awaited_without_an_own_address(Config) ->
    [One, Other] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), [Other]),
    _ = test_beam:start(One),
    Cnode = test_cnode:start(One, #{args => ["--service", "stacks/shop/services/worker"], env => [{"CONTAINER_IP", false}]}),
    _ = test_cnode:await(Cnode, "metadata_available"),
    Expected = [<<"NOT DRIVING">>, <<"no BEAM is known yet: the own address is not known yet: http://rancher-metadata">>,
                <<"self/container/primary_ip">>, <<"cnode      name not known yet, epmd: unavailable">>,
                <<"metadata   http://rancher-metadata">>, <<", authoritative never; last answer ">>],
    test_wait:until("the status",
                    fun() ->
                            ok = test_cnode:signal(Cnode, "USR1"),
                            Lines = iolist_to_binary([Text || #{text := Text} <- test_cnode:events(Cnode, "status_line")]),
                            case [Part || Part <- Expected, binary:match(Lines, Part) =:= nomatch] of
                                [] -> {done, ok};
                                Missing -> {wait, {Missing, Lines}}
                            end
                    end,
                    10000),
    %% Once it is listed, it goes on.
    ok = test_cluster:list(metadata(Config), [One, Other]),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok.

-spec a_service_manager_is_notified([term()]) -> ok.
a_service_manager_is_notified(Config) ->
    %% The path of a socket has 107 bytes at most.
    {0, Made} = test_command:run("mktemp", ["-d"]),
    Path = filename:join(string:trim(binary_to_list(Made)), "notify"),
    {ok, Socket} = gen_udp:open(0, [local, binary, {ifaddr, {local, Path}}, {active, true}]),
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    _ = test_beam:start(Host),
    %% As by `WatchdogSec=60' of the unit.
    Cnode = test_cnode:start(Host, #{env => [{"NOTIFY_SOCKET", Path}, {"WATCHDOG_USEC", "60000000"}]}),
    ok = notified(Socket, <<"WATCHDOG=1">>),
    ok = notified(Socket, <<"READY=1">>),
    ok = notified(Socket, <<"STATUS=WHOLE">>),
    [ok = notified(Socket, <<"WATCHDOG=1">>) || _ <- [1, 2]],
    ok = test_cnode:stop(Cnode),
    ok = notified(Socket, <<"STOPPING=1">>),
    gen_udp:close(Socket).

%% -- helpers

notified(Socket, Part) ->
    receive
        {udp, Socket, _, _, Message} ->
            case binary:match(Message, Part) of
                nomatch -> notified(Socket, Part);
                _ -> ok
            end
    after 60000 -> error({never_notified, Part})
    end.

%% The state of a peer by the status of the C-node.
seen(Host, Peer, State) ->
    test_wait:until("the peer's state",
                    fun() ->
                            {_, Table} = ask(Host, ["status"]),
                            case re:run(Table, <<(binary:replace(Peer, <<".">>, <<"\\.">>, [global]))/binary, " +", State/binary>>) of
                                nomatch -> {wait, Table};
                                _ -> {done, ok}
                            end
                    end).
