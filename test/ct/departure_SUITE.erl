%% A removed container is disconnected by its own C-node, and no other container loses a connection. What can go wrong
%% with a departure is in contested_departures_SUITE.
-module(departure_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_live_container_that_departs_loses_only_its_own_connections/1,
         an_own_node_without_global_disconnect_is_disconnected/1, an_own_hidden_node_is_disconnected/1,
         without_global_disconnect_and_with_prevention_nobody_is_disconnected/1,
         a_stopped_container_that_is_still_listed_has_not_departed/1,
         a_container_removed_in_its_own_metadata_stops_dialling/1,
         a_node_that_the_metadata_never_listed_is_left_alone/1, an_old_snapshot_after_a_restart_loses_no_connection/1,
         many_that_depart_at_once_are_guarded/1, a_snapshot_of_one_container_loses_no_connection/1]).

-define(REMOVAL_MS, 1000).
-define(MASS_MS, 60000).
%% From the moment when a departure is confirmed until a connection is cut: the list of the connections every second, and
%% a read that confirms it.
-define(CUT_MS, 2500).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_live_container_that_departs_loses_only_its_own_connections,
     an_own_node_without_global_disconnect_is_disconnected, an_own_hidden_node_is_disconnected,
     without_global_disconnect_and_with_prevention_nobody_is_disconnected,
     a_stopped_container_that_is_still_listed_has_not_departed,
     a_container_removed_in_its_own_metadata_stops_dialling, a_node_that_the_metadata_never_listed_is_left_alone,
     an_old_snapshot_after_a_restart_loses_no_connection, many_that_depart_at_once_are_guarded,
     a_snapshot_of_one_container_loses_no_connection].

-spec a_live_container_that_departs_loses_only_its_own_connections([term()]) -> ok.
a_live_container_that_departs_loses_only_its_own_connections(Config) ->
    #{hosts := [Gone | Hosts], beams := [Departed | Stayers], cnodes := [Own | Cnodes]} = form(Config, 5),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Departed, []),
    ok = test_cluster:await_mesh(Stayers),
    ok = settles(Config, [Gone | Hosts]),
    [] = test_cluster:lost_among(Stayers),
    [] = test_beam:visible_nodes(Departed),
    _ = test_cnode:await(Own, "departed_target_disconnected"),
    [_ = test_cnode:await(Cnode, Event)
     || Cnode <- Cnodes, Event <- ["peer_departed", "departed_peer_disconnected"]],
    [] = lists:append([test_cnode:events(Cnode, "disconnect_requested") || Cnode <- Cnodes]),
    [_] = test_cnode:events(Own, "disconnect_requested"),
    ok = test_cluster:await_mesh(Stayers, 0).

%% As OTP before 25.1, without prevention of overlapping partitions.
-spec an_own_node_without_global_disconnect_is_disconnected([term()]) -> ok.
an_own_node_without_global_disconnect_is_disconnected(Config) ->
    Hosts = test_cluster:hosts(4),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Departed | Stayers] =
        test_beam:start_all(Hosts, #{args => ["-kernel", "prevent_overlapping_partitions", "false"]}),
    ok = test_beam:without_global_disconnect(Departed),
    _ = test_cnode:start_all(Hosts, #{args => removal(?REMOVAL_MS)}),
    ok = test_cluster:await_mesh(Beams),
    ok = test_service:await_watching(metadata(Config), Hosts),
    ok = test_cluster:list(metadata(Config), tl(Hosts)),
    ok = test_cluster:await_nodes(Departed, []),
    ok = test_cluster:await_mesh(Stayers),
    [] = test_cluster:lost_among(Stayers),
    ok.

%% global:disconnect/0 ignores hidden connections.
-spec an_own_hidden_node_is_disconnected([term()]) -> ok.
an_own_hidden_node_is_disconnected(Config) ->
    [Gone | Hosts] = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), [Gone | Hosts]),
    Hidden = test_beam:start(Gone, #{args => ["-hidden"]}),
    Stayers = test_beam:start_all(Hosts),
    [Own | _] = test_cnode:start_all([Gone | Hosts], #{args => removal(?REMOVAL_MS)}),
    Names = lists:sort([test_beam:name(Beam) || Beam <- Stayers]),
    Connected = fun() -> [Node || Node <- test_beam:hidden_nodes(Hidden), lists:member(Node, Names)] end,
    test_wait:equals("the hidden node is connected to all", Names, fun() -> lists:sort(Connected()) end),
    ok = test_service:await_watching(metadata(Config), [Gone | Hosts]),
    ok = test_cluster:list(metadata(Config), Hosts),
    test_wait:equals("the hidden node has no connections", [], Connected),
    _ = test_cnode:await(Own, "departed_target_disconnected"),
    [] = test_cnode:events(Own, "departed_target_connected"),
    ok = test_cluster:await_mesh(Stayers),
    [] = test_cluster:lost_among(Stayers),
    ok.

%% As OTP 25.0: no global:disconnect/0, and a disconnected node makes others lose connections.
-spec without_global_disconnect_and_with_prevention_nobody_is_disconnected([term()]) -> ok.
without_global_disconnect_and_with_prevention_nobody_is_disconnected(Config) ->
    Hosts = test_cluster:hosts(4),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Departed | _] = test_beam:start_all(Hosts),
    ok = test_beam:without_global_disconnect(Departed),
    [Own | _] = test_cnode:start_all(Hosts, #{args => removal(?REMOVAL_MS)}),
    ok = test_cluster:await_mesh(Beams),
    ok = test_service:await_watching(metadata(Config), Hosts),
    ok = test_cluster:list(metadata(Config), tl(Hosts)),
    #{text := Text} = test_cnode:await(Own, "disconnect_requested"),
    {_, _} = binary:match(Text, <<"overlapping partitions">>),
    #{level := <<"warning">>} = test_cnode:await(Own, "departed_target_connected"),
    [] = test_cluster:lost_connections(Beams),
    test_cluster:await_mesh(Beams, 0).

-spec a_stopped_container_that_is_still_listed_has_not_departed([term()]) -> ok.
a_stopped_container_that_is_still_listed_has_not_departed(Config) ->
    #{hosts := [First | Others] = Hosts, beams := Beams} = form(Config, 3),
    ok = test_cluster:list(metadata(Config),
                           [#{address => test_host:address(First), state => <<"stopped">>} | Others]),
    ok = settles(Config, Hosts),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% It disconnects itself, and does not reconnect while it is not listed.
-spec a_container_removed_in_its_own_metadata_stops_dialling([term()]) -> ok.
a_container_removed_in_its_own_metadata_stops_dialling(Config) ->
    #{hosts := [Gone | Hosts], beams := [Departed | Stayers], cnodes := [_ | Cnodes]} = form(Config, 3),
    [ok = test_cnode:stop(Cnode) || Cnode <- Cnodes],
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Departed, []),
    ok = test_beam:call(Departed, dial_log, start, []),
    ok = settles(Config, [Gone]),
    [] = test_beam:call(Departed, dial_log, dialled, []),
    [] = test_cluster:lost_among(Stayers),
    ok.

-spec a_node_that_the_metadata_never_listed_is_left_alone([term()]) -> ok.
a_node_that_the_metadata_never_listed_is_left_alone(Config) ->
    #{hosts := Hosts, beams := [First | _] = Beams} = form(Config, 2),
    Other = test_beam:start(test_host:add()),
    true = test_beam:call(Other, net_kernel, connect_node, [test_beam:name(First)]),
    ok = test_cluster:await_mesh([Other | Beams]),
    ok = settles(Config, Hosts),
    [] = test_cluster:lost_connections([Other | Beams]),
    ok.

%% A metadata container that restarts may serve old data under a new version at first. It
%% does so for less than the removal delay, but long enough to cut a connection without a delay. And the
%% time for which a peer was missing before does not count.
-spec an_old_snapshot_after_a_restart_loses_no_connection([term()]) -> ok.
an_old_snapshot_after_a_restart_loses_no_connection(Config) ->
    RemovalMs = 15000,
    #{hosts := [First, Second, _] = Hosts, beams := Beams} = form(Config, 3, RemovalMs),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    ok = test_cluster:list(metadata(Config), [First, Second]),
    ok = metadata_server:misbehave(metadata(Config), normal),
    Began = erlang:monotonic_time(millisecond),
    ok = test_service:keep_reloading(metadata(Config), Hosts, ?CUT_MS),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_service:await_watching(metadata(Config), Hosts),
    Lasted = erlang:monotonic_time(millisecond) - Began,
    Lasted < RemovalMs orelse error({old_snapshot_lasted_too_long_ms, Lasted}),
    ok = test_service:keep_reloading(metadata(Config), Hosts, RemovalMs + ?CUT_MS - Lasted),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% As the one that stays sees it: the others would disconnect themselves, so their C-nodes have ended.
-spec many_that_depart_at_once_are_guarded([term()]) -> ok.
many_that_depart_at_once_are_guarded(Config) ->
    #{hosts := [First | _] = Hosts, beams := Beams, cnodes := [Staying | Cnodes]} = form(Config, 5),
    [ok = test_cnode:stop(Cnode) || Cnode <- Cnodes],
    ok = test_cluster:list(metadata(Config), [First]),
    ok = settles(Config, [First]),
    #{level := <<"warning">>} = test_cnode:await(Staying, "mass_removal_guard_on"),
    [] = test_cnode:events(Staying, "peer_departed"),
    [] = test_cluster:lost_connections(Beams),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = settles(Config, [First]),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% The four that it lacks must not consider themselves removed either.
-spec a_snapshot_of_one_container_loses_no_connection([term()]) -> ok.
a_snapshot_of_one_container_loses_no_connection(Config) ->
    #{hosts := [First | _] = Hosts, beams := Beams} = form(Config, 5),
    ok = test_cluster:list(metadata(Config), [First]),
    ok = settles(Config, [First]),
    [] = test_cluster:lost_connections(Beams),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = settles(Config, Hosts),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% -- helpers

form(Config, Count) ->
    form(Config, Count, ?REMOVAL_MS).

form(Config, Count, RemovalMs) ->
    test_cluster:form(metadata(Config), Count, #{args => removal(RemovalMs)}).

removal(RemovalMs) ->
    ["--removal-delay", integer_to_list(RemovalMs), "--mass-removal-delay", integer_to_list(?MASS_MS)].

%% More reloads of the same, each read by every C-node, for as long as it would take to cut a connection by mistake.
settles(Config, Hosts) ->
    test_service:keep_reloading(metadata(Config), Hosts, ?REMOVAL_MS + ?CUT_MS).
