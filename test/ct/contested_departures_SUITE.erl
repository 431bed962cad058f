%% What can go wrong with a departure: metadata that differs from host to host, addresses that move, BEAMs that hang
%% while they are asked, applications that reconnect by themselves, C-nodes that are dead. No connection is cut while
%% the departed container's own metadata lists it, and none is cut twice.
-module(contested_departures_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_container_missing_only_in_the_metadata_of_others_keeps_its_connections/1,
         a_departed_peer_with_a_dead_c_node_is_reported_and_left_connected/1,
         an_address_that_moves_to_another_service_keeps_its_connections/1,
         an_own_node_that_hangs_is_not_disconnected_when_it_is_listed_again/1,
         a_peer_that_hangs_is_not_disconnected_when_it_is_listed_again/1,
         an_application_that_reconnects_is_respected/1,
         evidence_does_not_span_an_outage/1,
         with_all_targets_the_departed_one_is_disconnected_once/1,
         with_all_targets_one_claimed_by_another_c_node_is_left_connected/1]).

-define(REMOVAL_MS, 1000).
-define(CUT_MS, 2500).
%% The metadata service that is wrong.
-define(WRONG_PORT, 8081).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_container_missing_only_in_the_metadata_of_others_keeps_its_connections,
     a_departed_peer_with_a_dead_c_node_is_reported_and_left_connected,
     an_address_that_moves_to_another_service_keeps_its_connections,
     an_own_node_that_hangs_is_not_disconnected_when_it_is_listed_again,
     a_peer_that_hangs_is_not_disconnected_when_it_is_listed_again,
     an_application_that_reconnects_is_respected, evidence_does_not_span_an_outage,
     with_all_targets_the_departed_one_is_disconnected_once,
     with_all_targets_one_claimed_by_another_c_node_is_left_connected].

%% The metadata service of the others' hosts has been wrong for long: it lacks the first container.
-spec a_container_missing_only_in_the_metadata_of_others_keeps_its_connections([term()]) -> ok.
a_container_missing_only_in_the_metadata_of_others_keeps_its_connections(Config) ->
    Hosts = [First | Others] = test_cluster:hosts(4),
    Wrong = metadata_server:start({0, 0, 0, 0}, ?WRONG_PORT),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:list(Wrong, Hosts),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start(First, #{args => removal()}),
    Cnodes = test_cnode:start_all(Others, #{args => ["--metadata-url", metadata_server:url(Wrong) | removal()]}),
    ok = test_cluster:await_mesh(Beams),
    ok = test_service:await_watching(metadata(Config), [First]),
    ok = test_service:await_watching(Wrong, Others),
    ok = test_cluster:list(Wrong, Others),
    [_ = test_cnode:await(Cnode, "peer_departed") || Cnode <- Cnodes],
    ok = test_service:keep_reloading(Wrong, Others, ?CUT_MS),
    ok = test_service:keep_reloading(metadata(Config), [First], ?CUT_MS),
    [] = test_cluster:lost_connections(Beams),
    ok = test_cluster:await_mesh(Beams, 0),
    metadata_server:stop(Wrong).

-spec a_departed_peer_with_a_dead_c_node_is_reported_and_left_connected([term()]) -> ok.
a_departed_peer_with_a_dead_c_node_is_reported_and_left_connected(Config) ->
    #{hosts := [_ | Hosts], beams := Beams, cnodes := [Own | Cnodes]} = form(Config, 3, []),
    ok = test_cnode:kill(Own),
    ok = test_cluster:list(metadata(Config), Hosts),
    [#{level := <<"warning">>} = test_cnode:await(Cnode, "departed_peer_connected") || Cnode <- Cnodes],
    ok = test_cluster:await_mesh(Beams, 0),
    [] = test_cluster:lost_connections(Beams),
    [[#{state := connected}] = maps:get(departed, test_cnode:call(Cnode, Beam, status))
     || {Cnode, Beam} <- lists:zip(Cnodes, tl(Beams))],
    ok.

%% The address of a container that left is reused by a container of another service, which is connected correctly.
-spec an_address_that_moves_to_another_service_keeps_its_connections([term()]) -> ok.
an_address_that_moves_to_another_service_keeps_its_connections(Config) ->
    [an_address_moves(Config, Args) || Args <- [[], ["--removal", "immediate"]]],
    ok.

an_address_moves(Config, Args) ->
    #{hosts := [Moved | Hosts], beams := [Former | Stayers], cnodes := [Own | Cnodes]} = form(Config, 3, Args),
    [_ = test_cnode:await(Cnode, "cluster_completed") || Cnode <- Cnodes],
    ok = test_cnode:kill(Own),
    ok = test_beam:kill(Former),
    ok = test_cluster:list(metadata(Config), Hosts),
    [_ = test_cnode:await(Cnode, "departed_peer_disconnected") || Cnode <- Cnodes],
    ok = metadata_server:list(metadata(Config), "Shop", "other", [test_host:address(Moved)]),
    Newcomer = test_beam:start(Moved),
    [true = test_beam:call(Newcomer, net_kernel, connect_node, [test_beam:name(Beam)]) || Beam <- Stayers],
    Since = os:perf_counter(microsecond),
    ok = test_service:keep_reloading(metadata(Config), Hosts, 3 * ?CUT_MS),
    [] = test_cluster:lost_connections([Newcomer]),
    [] = [Lost || {_, #{at := At}} = Lost <- test_cluster:lost_connections(Stayers), At >= Since],
    ok = test_cluster:await_mesh([Newcomer | Stayers], 0),
    ok = test_host:remove_all().

%% Its BEAM is stopped while its own C-node considers it departed, and resumed once it is listed again.
-spec an_own_node_that_hangs_is_not_disconnected_when_it_is_listed_again([term()]) -> ok.
an_own_node_that_hangs_is_not_disconnected_when_it_is_listed_again(Config) ->
    #{hosts := [First | Others] = Hosts, beams := [Hung | _] = Beams, cnodes := [Own | _]} = form(Config, 3, []),
    ok = test_beam:suspend(Hung),
    ok = test_cluster:list(metadata(Config), Others),
    _ = test_cnode:await(Own, "own_container_removed"),
    ok = test_service:keep_reloading(metadata(Config), [First], ?CUT_MS),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_service:await_watching(metadata(Config), Hosts),
    ok = test_beam:resume(Hung),
    ok = test_service:keep_reloading(metadata(Config), Hosts, 2 * ?CUT_MS),
    [] = test_cluster:lost_connections(Beams),
    test_cluster:await_mesh(Beams, 0).

%% Under --removal immediate, where the others disconnect it.
-spec a_peer_that_hangs_is_not_disconnected_when_it_is_listed_again([term()]) -> ok.
a_peer_that_hangs_is_not_disconnected_when_it_is_listed_again(Config) ->
    #{hosts := [_ | Others] = Hosts, beams := [Hung | _] = Beams, cnodes := [Own | _]} =
        form(Config, 3, ["--removal", "immediate"]),
    ok = test_cnode:kill(Own),
    ok = test_beam:suspend(Hung),
    ok = test_cluster:list(metadata(Config), Others),
    %% Long enough to list, wait, inspect, and connect to the one that hangs; its handshake is given up after
    %% 5 s.
    ok = test_service:keep_reloading(metadata(Config), Others, ?CUT_MS),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_service:await_watching(metadata(Config), Others),
    ok = test_beam:resume(Hung),
    ok = test_service:keep_reloading(metadata(Config), Others, 2 * ?CUT_MS),
    [] = test_cluster:lost_connections(Beams),
    test_cluster:await_mesh(Beams, 0).

-spec an_application_that_reconnects_is_respected([term()]) -> ok.
an_application_that_reconnects_is_respected(Config) ->
    #{hosts := [First | Hosts], beams := [Departed | Stayers] = Beams, cnodes := [Own | _]} = form(Config, 3, []),
    ok = test_beam:call(Departed, reconnecting, start, []),
    ok = test_cluster:list(metadata(Config), Hosts),
    #{level := <<"warning">>} = test_cnode:await(Own, "departed_target_connected"),
    ok = test_cluster:await_mesh(Beams),
    Since = os:perf_counter(microsecond),
    ok = test_service:keep_reloading(metadata(Config), [First | Hosts], 3 * ?CUT_MS),
    [] = [Lost || {_, #{at := At}} = Lost <- test_cluster:lost_connections(Beams), At >= Since],
    [] = test_cluster:lost_among(Stayers),
    [_] = test_cnode:events(Own, "disconnect_requested"),
    [_] = test_cnode:events(Own, "departed_target_connected"),
    ok.

%% Missing, then an outage in which it was listed again, then missing anew: the outage is no evidence.
-spec evidence_does_not_span_an_outage([term()]) -> ok.
evidence_does_not_span_an_outage(Config) ->
    RemovalMs = 8000,
    #{hosts := [First, Second, Third] = Hosts, beams := Beams, cnodes := Cnodes} =
        test_cluster:form(metadata(Config), 3, #{args => ["--removal-delay", integer_to_list(RemovalMs),
                                                          "--mass-removal-delay", "60000"]}),
    ok = test_cluster:list(metadata(Config), [First, Second]),
    ok = test_service:await_watching(metadata(Config), Hosts),
    Missing = erlang:monotonic_time(millisecond),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    ok = test_cluster:list(metadata(Config), [First, Second, Third]),
    [_ = test_cnode:await(Cnode, "metadata_unavailable") || Cnode <- Cnodes],
    %% The delay would be over without the outage.
    timer:sleep(max(0, Missing + RemovalMs - erlang:monotonic_time(millisecond))),
    ok = test_cluster:list(metadata(Config), [First, Second]),
    Back = os:perf_counter(microsecond),
    ok = metadata_server:misbehave(metadata(Config), normal),
    [_ = test_cnode:await(Cnode, "peer_departed", Back) || Cnode <- Cnodes],
    %% The whole delay after the outage.
    [] = [Line || Cnode <- Cnodes, #{at := At} = Line <- test_cnode:events(Cnode, "peer_departed"),
                  At < Back + RemovalMs * 1000],
    [] = [Lost || {_, #{at := At}} = Lost <- test_cluster:lost_connections(Beams), At < Back + RemovalMs * 1000],
    ok.

-spec with_all_targets_the_departed_one_is_disconnected_once([term()]) -> ok.
with_all_targets_the_departed_one_is_disconnected_once(Config) ->
    #{hosts := [_ | Hosts], beams := [Departed | Stayers], cnode := Cnode} = lone(Config, 4),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Departed, []),
    _ = test_cnode:await(Cnode, "departed_target_disconnected"),
    ok = test_cluster:await_mesh(Stayers),
    [] = test_cluster:lost_among(Stayers),
    %% The application that reconnects it is respected.
    true = test_beam:call(Departed, net_kernel, connect_node, [test_beam:name(hd(Stayers))]),
    _ = test_cnode:await(Cnode, "departed_target_connected"),
    ok = test_cluster:await_mesh([Departed | Stayers]),
    [_] = test_cnode:events(Cnode, "disconnect_requested"),
    ok.

-spec with_all_targets_one_claimed_by_another_c_node_is_left_connected([term()]) -> ok.
with_all_targets_one_claimed_by_another_c_node_is_left_connected(Config) ->
    #{alone := Alone, hosts := [Claimed | Hosts], beams := Beams, cnode := Cnode} = lone(Config, 3),
    ok = metadata_server:list(metadata(Config), "Shop", "other", [test_host:address(Claimed)]),
    Other = test_cnode:start(Claimed, #{args => ["--service", "stacks/shop/services/other" | removal()]}),
    _ = test_cnode:await(Other, "target_connected"),
    ok = test_cluster:list(metadata(Config), Hosts),
    #{text := Text} = test_cnode:await(Cnode, "disconnect_requested"),
    {_, _} = binary:match(Text, <<"claimed">>),
    ok = test_service:keep_reloading(metadata(Config), [Alone, Claimed], ?CUT_MS),
    [] = test_cluster:lost_connections(Beams),
    test_cluster:await_mesh(Beams, 0).

%% -- helpers

form(Config, Count, Args) ->
    test_cluster:form(metadata(Config), Count, #{args => removal() ++ Args}).

removal() ->
    ["--removal-delay", integer_to_list(?REMOVAL_MS), "--mass-removal-delay", "60000"].

%% One C-node for a service that it is not part of.
lone(Config, Count) ->
    test_cluster:lone(metadata(Config), Count, [], removal()).
