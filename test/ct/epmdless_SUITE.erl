%% BEAMs without epmd, as the commented lines of Mix's vm.args start them: no epmd runs in any container, and everything
%% works by the one distribution port.
-module(epmdless_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [contains/2]).

-export([suite/0, all/0]).
-export([containers_become_a_mesh_by_the_port_of_their_beams/1, an_added_container_is_connected/1,
         a_killed_beam_is_connected_again/1, a_departed_container_costs_no_other_connection/1,
         the_own_beam_calls_the_c_node/1, the_library_runs_and_asks_the_c_node/1, the_commands_ask_through_the_beam/1,
         the_commands_report_that_no_c_node_is_connected/1,
         the_commands_report_that_the_c_node_does_not_answer/1, doctor_finds_nothing_wrong/1,
         a_port_that_is_set_serves_as_well/1, the_c_node_may_start_before_its_beam/1,
         containers_become_a_mesh_over_tls/1, a_cookie_that_is_corrected_is_noticed/1,
         a_beam_that_starts_again_with_epmd_is_served_by_epmd/1,
         clusters_change_from_epmd_to_none_in_three_steps/1, a_beam_elsewhere_is_reported_as_not_listening/1]).

-define(PORT, "6789").
-define(SOON_MS, 30000).
%% The limit of a handshake: what ends after a second does not wait for that.
-define(LATE_MS, 5000).
%% Within that, `global' has cut what it would cut.
-define(SETTLE_MS, 1000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [containers_become_a_mesh_by_the_port_of_their_beams, an_added_container_is_connected,
     a_killed_beam_is_connected_again, a_departed_container_costs_no_other_connection,
     the_own_beam_calls_the_c_node, the_library_runs_and_asks_the_c_node, the_commands_ask_through_the_beam,
     the_commands_report_that_no_c_node_is_connected,
     the_commands_report_that_the_c_node_does_not_answer, doctor_finds_nothing_wrong,
     a_port_that_is_set_serves_as_well, the_c_node_may_start_before_its_beam, containers_become_a_mesh_over_tls,
     a_cookie_that_is_corrected_is_noticed, a_beam_that_starts_again_with_epmd_is_served_by_epmd,
     clusters_change_from_epmd_to_none_in_three_steps, a_beam_elsewhere_is_reported_as_not_listening].

-spec containers_become_a_mesh_by_the_port_of_their_beams([term()]) -> ok.
containers_become_a_mesh_by_the_port_of_their_beams(Config) ->
    #{beams := Beams, cnodes := Cnodes, hosts := Hosts} = formed(Config, 3),
    [] = test_cluster:lost_connections(Beams),
    [#{fields := #{<<"port">> := <<?PORT>>}} = test_cnode:await(Cnode, "epmd_bypassed") || Cnode <- Cnodes],
    Unwanted = ["epmd_awaited", "listener_started", "beam_renamed"],
    [[] = test_cnode:events(Cnode, Event) || Cnode <- Cnodes, Event <- Unwanted],
    [{error, _} = test_host:epmd_names(Host) || Host <- Hosts],
    ok.

-spec an_added_container_is_connected([term()]) -> ok.
an_added_container_is_connected(Config) ->
    #{beams := Beams, hosts := Hosts} = formed(Config, 2),
    Added = test_host:add(),
    Beam = test_beam:start(Added, epmdless()),
    _ = test_cnode:start(Added),
    ok = test_cluster:list(metadata(Config), [Added | Hosts]),
    ok = test_cluster:await_mesh([Beam | Beams]),
    [] = test_cluster:lost_connections([Beam | Beams]),
    ok.

-spec a_killed_beam_is_connected_again([term()]) -> ok.
a_killed_beam_is_connected_again(Config) ->
    #{beams := [First | Others], cnodes := [Cnode | _]} = formed(Config, 3),
    ok = test_beam:kill(First),
    ok = test_cluster:await_mesh(Others),
    #{fields := #{<<"stage">> := <<"connect">>}, text := Text} = test_cnode:await(Cnode, "target_awaited"),
    contains(Text, ["nobody listens on its distribution port " ?PORT]),
    Again = test_beam:start(test_beam:host(First), epmdless()),
    ok = test_cluster:await_mesh([Again | Others]),
    [] = test_cnode:events(Cnode, "epmd_awaited"),
    ok.

-spec a_departed_container_costs_no_other_connection([term()]) -> ok.
a_departed_container_costs_no_other_connection(Config) ->
    Args = ["--removal-delay", "1000", "--mass-removal-delay", "1000"],
    #{beams := [Departed | Beams], cnodes := [Cnode | _], hosts := [_ | Hosts]} = formed(Config, 4, Args),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Departed, []),
    _ = test_cnode:await(Cnode, "departed_target_disconnected"),
    ok = test_service:keep_reloading(metadata(Config), Hosts, ?SETTLE_MS),
    ok = test_cluster:await_mesh(Beams, 0),
    [] = test_cluster:lost_among(Beams),
    ok.

-spec the_own_beam_calls_the_c_node([term()]) -> ok.
the_own_beam_calls_the_c_node(Config) ->
    #{beams := [Beam | Others], cnodes := [Cnode | _]} = formed(Config, 2),
    ok = test_cnode:call(Cnode, Beam, {await, ?SOON_MS}),
    #{registration := not_used, peers := [#{node := Peer, state := connected}]} = test_cnode:call(Cnode, Beam, status),
    [Peer] = [test_beam:name(Other) || Other <- Others],
    pong = test_beam:call(Beam, net_adm, ping, [test_cnode:name(Cnode)]),
    ok.

-spec the_library_runs_and_asks_the_c_node([term()]) -> ok.
the_library_runs_and_asks_the_c_node(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts, epmdless(["-pa", release_build:library()])),
    [begin
         ok = test_beam:call(Beam, library_supervisor, start, []),
         {ok, _} = library_beam:start_child(Beam, [])
     end || Beam <- Beams],
    ok = test_cluster:await_mesh(Beams),
    [begin
         {ok, #{registration := not_used}} = test_beam:call(Beam, rancher_cnode, status, []),
         ok = test_beam:call(Beam, rancher_cnode, await, [?SOON_MS])
     end || Beam <- Beams],
    ok.

-spec the_commands_ask_through_the_beam([term()]) -> ok.
the_commands_ask_through_the_beam(Config) ->
    #{beams := Beams, hosts := [Host | _]} = formed(Config, 2),
    contains(await_whole(Host), ["WHOLE", "epmd: not_used"]),
    {0, _} = command(Host, ["check", "--expect", "1", "--timeout", "20000"]),
    {0, _} = command(Host, ["wait", "--timeout", "20000"]),
    {0, _} = command(Host, ["plan", "--timeout", "20000"]),
    {0, Mesh} = command(Host, ["mesh", "--timeout", "20000"]),
    contains(Mesh, [atom_to_list(test_beam:name(Beam)) || Beam <- Beams]),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% The BEAM would dial its own port for such a call, and log an error.
-spec the_commands_report_that_no_c_node_is_connected([term()]) -> ok.
the_commands_report_that_no_c_node_is_connected(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    Beam = test_beam:start(Host, epmdless()),
    ok = test_beam:call(Beam, report_log, start, []),
    {1, Text} = command(Host, ["status", "--timeout", "20000"]),
    contains(Text, ["it is not connected to " ++ atom_to_list(test_beam:name(Beam))]),
    [] = test_beam:call(Beam, report_log, lines, []),
    ok.

%% The BEAM keeps the connection until it misses the ticks.
-spec the_commands_report_that_the_c_node_does_not_answer([term()]) -> ok.
the_commands_report_that_the_c_node_does_not_answer(Config) ->
    #{cnodes := [Cnode | _], hosts := [Host | _]} = formed(Config, 2),
    _ = await_whole(Host),
    ok = test_cnode:signal(Cnode, "STOP"),
    [begin
         {Us, {1, Output}} = timer:tc(fun() -> command(Host, [Command]) end),
         true = Us < ?LATE_MS * 1000 orelse error({took_us, Us, Command}),
         [Line] = binary:split(Output, <<"\n">>, [global, trim]),
         contains(Line, [atom_to_list(test_cnode:name(Cnode)), "does not answer within 1000 ms"])
     end || Command <- ["status", "check", "events"]],
    ok = test_cnode:signal(Cnode, "CONT"),
    _ = await_whole(Host),
    ok.

-spec doctor_finds_nothing_wrong([term()]) -> ok.
doctor_finds_nothing_wrong(Config) ->
    #{cnodes := [Cnode | _], hosts := [Host | _]} = formed(Config, 3),
    {0, With} = command(Host, ["doctor"]),
    contains(With, ["not used: BEAMs are reached at port " ?PORT, "none: -erl_epmd_port " ?PORT,
                    "is held by the running C-node", "2 of 2 peers reached at their distribution port",
                    "2 of 2 peers accept"]),
    ok = test_cnode:stop(Cnode),
    {0, Without} = command(Host, ["doctor"]),
    contains(Without, ["is free"]),
    Outcomes = [<<"warning">>, <<"failure">>, <<"skipped">>],
    [nomatch = binary:match(Text, Outcome) || Text <- [With, Without], Outcome <- Outcomes],
    ok.

%% Where the processes of the BEAM cannot be seen, the setting alone counts: here as all BEAMs are targets.
-spec a_port_that_is_set_serves_as_well([term()]) -> ok.
a_port_that_is_set_serves_as_well(Config) ->
    Hosts = [Host | _] = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts, epmdless()),
    Cnode = test_cnode:start(Host, #{args => ["--targets", "all"], env => [{"RANCHER_CNODE_DIST_PORT", ?PORT}]}),
    ok = test_cluster:await_mesh(Beams),
    [] = test_cnode:events(Cnode, "epmd_awaited"),
    ok.

-spec the_c_node_may_start_before_its_beam([term()]) -> ok.
the_c_node_may_start_before_its_beam(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Cnodes = test_cnode:start_all(Hosts),
    [_ = test_cnode:await(Cnode, "listener_started") || Cnode <- Cnodes],
    Beams = test_beam:start_all(Hosts, epmdless()),
    ok = test_cluster:await_mesh(Beams),
    [_ = test_cnode:await(Cnode, Event) || Cnode <- Cnodes, Event <- ["epmd_bypassed", "target_connected"]],
    [true = length(test_cnode:events(Cnode, "epmd_awaited")) =< 1 || Cnode <- Cnodes],
    ok.

-spec containers_become_a_mesh_over_tls([term()]) -> ok.
containers_become_a_mesh_over_tls(Config) ->
    Hosts = [Host | _] = test_cluster:hosts(3),
    File = tls_files:optfile(tls_files:certificates(Config, Hosts), "good"),
    #{args := Tls} = tls_files:beam_options(File),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts, epmdless(Tls)),
    [ok = test_beam:call(Beam, report_log, start, []) || Beam <- Beams],
    Cnodes = test_cnode:start_all(Hosts),
    ok = test_cluster:await_mesh(Beams),
    [_ = test_cnode:await(Cnode, "target_connected") || Cnode <- Cnodes],
    _ = await_whole(Host),
    {0, _} = command(Host, ["doctor"]),
    [[] = test_beam:call(Beam, report_log, lines, []) || Beam <- Beams],
    ok.

%% The BEAM refuses the C-node until it has started again: always at the same port.
-spec a_cookie_that_is_corrected_is_noticed([term()]) -> ok.
a_cookie_that_is_corrected_is_noticed(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    Beam = test_beam:start(Host, (epmdless())#{cookie => "another"}),
    Cnode = test_cnode:start(Host),
    _ = test_cnode:await(Cnode, "target_refused"),
    ok = test_beam:kill(Beam),
    _ = test_beam:start(Host, epmdless()),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok.

%% And the other way round: each time the C-node begins anew.
-spec a_beam_that_starts_again_with_epmd_is_served_by_epmd([term()]) -> ok.
a_beam_that_starts_again_with_epmd_is_served_by_epmd(Config) ->
    #{beams := [Beam], cnodes := [Cnode], hosts := [Host]} = formed(Config, 1),
    ok = test_beam:kill(Beam),
    WithEpmd = test_beam:start(Host),
    _ = test_cnode:await(Cnode, "node_registered"),
    Again = os:perf_counter(microsecond),
    ok = test_beam:kill(WithEpmd),
    ok = test_host:stop_epmd(Host),
    _ = test_beam:start(Host, epmdless()),
    _ = test_cnode:await(Cnode, "epmd_bypassed", Again),
    _ = test_cnode:await(Cnode, "target_connected", Again),
    2 = length(test_cnode:events(Cnode, "beam_renamed")),
    ok.

%% BEAMs of neighbouring steps reach one another: all listen on the port, and whoever asks epmd finds all who need it.
-spec clusters_change_from_epmd_to_none_in_three_steps([term()]) -> ok.
clusters_change_from_epmd_to_none_in_three_steps(Config) ->
    Fixed = #{args => ["-kernel", "inet_dist_listen_min", ?PORT, "inet_dist_listen_max", ?PORT]},
    Registered = #{args => ["-erl_epmd_port", ?PORT]},
    Steps = [#{}, Fixed, Registered, epmdless()],
    lists:foldl(fun(Step, Before) ->
                        mixed(Config, [Before, Before, Step, Step]),
                        ok = test_host:remove_all(),
                        Step
                end, hd(Steps), tl(Steps)),
    ok.

%% It uses epmd, and so listens elsewhere: BEAMs without epmd cannot reach it, nor it them.
-spec a_beam_elsewhere_is_reported_as_not_listening([term()]) -> ok.
a_beam_elsewhere_is_reported_as_not_listening(Config) ->
    Hosts = [Host, Other] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    [Beam, WithEpmd] = test_beam:start_each([{Host, epmdless()}, {Other, #{}}]),
    Cnode = test_cnode:start(Host),
    #{text := Text} = test_cnode:await(Cnode, "peer_unreachable"),
    contains(Text, ["nobody listens on the peer's distribution port"]),
    {3, _} = command(Host, ["status", "--timeout", "20000"]),
    [[] = test_beam:visible_nodes(Each) || Each <- [Beam, WithEpmd]],
    ok.

%% -- helpers

epmdless() ->
    epmdless([]).

epmdless(Args) ->
    #{args => ["-start_epmd", "false", "-erl_epmd_port", ?PORT | Args]}.

formed(Config, Count) ->
    formed(Config, Count, []).

formed(Config, Count, Args) ->
    test_cluster:form_on(metadata(Config), test_cluster:hosts(Count), epmdless(), #{args => Args}).

mixed(Config, Each) ->
    Hosts = test_cluster:hosts(length(Each)),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_each(lists:zip(Hosts, Each)),
    Cnodes = test_cnode:start_all(Hosts),
    ok = test_cluster:await_mesh(Beams),
    ok = test_service:keep_reloading(metadata(Config), Hosts, ?SETTLE_MS),
    [_ = test_cnode:await(Cnode, "target_connected") || Cnode <- Cnodes],
    ok = test_cluster:await_mesh(Beams, 0),
    [] = test_cluster:lost_connections(Beams).

%% The mesh may be there before the C-node has seen the connections that others made.
await_whole(Host) ->
    test_program:await(Host, 0, ["status", "--timeout", "20000"], environment(Host)).

command(Host, Args) ->
    test_host:run(Host, test_cnode:program(), Args, environment(Host)).

environment(Host) ->
    [{"CONTAINER_IP", test_host:address(Host)}, {"RANCHER_CNODE_COOKIE", "monster"}].
