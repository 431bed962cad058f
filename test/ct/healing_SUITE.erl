%% The cluster heals, and grows, whatever the network and the metadata service are like.
-module(healing_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([peers_whose_packets_vanish_hold_up_nobody_and_are_never_dialled/1,
         a_dropped_link_is_back_within_two_seconds/1,
         a_host_cut_off_for_longer_than_net_ticktime_is_taken_in_again/1,
         a_beam_that_was_suspended_is_driven_again/1, two_services_with_one_basename_stay_apart/1,
         a_sidekick_may_name_the_main_service/1, one_lone_c_node_forms_a_whole_service/1,
         a_server_that_ignores_waits_is_polled/1, polling_alone_is_enough/1, a_version_that_never_rests_does_no_harm/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [peers_whose_packets_vanish_hold_up_nobody_and_are_never_dialled, a_dropped_link_is_back_within_two_seconds,
     a_host_cut_off_for_longer_than_net_ticktime_is_taken_in_again, a_beam_that_was_suspended_is_driven_again,
     two_services_with_one_basename_stay_apart, a_sidekick_may_name_the_main_service,
     one_lone_c_node_forms_a_whole_service, a_server_that_ignores_waits_is_polled, polling_alone_is_enough,
     a_version_that_never_rests_does_no_harm].

-spec peers_whose_packets_vanish_hold_up_nobody_and_are_never_dialled([term()]) -> ok.
peers_whose_packets_vanish_hold_up_nobody_and_are_never_dialled(Config) ->
    Hosts = test_cluster:hosts(3),
    Dead = [test_host:vanishing_address() || _ <- lists:seq(1, 5)] ++ [test_host:fresh_address()],
    ok = test_cluster:list(metadata(Config), Dead ++ Hosts),
    Beams = test_beam:start_all(Hosts),
    [ok = test_beam:call(Beam, dial_log, start, []) || Beam <- Beams],
    Began = os:perf_counter(microsecond),
    Cnodes = test_cnode:start_all(Hosts),
    true = test_cluster:mesh_at(Beams, 10000) - Began < 3000000,
    [await_unreachable(Cnode, Dead) || Cnode <- Cnodes],
    Dialled = lists:append([test_beam:call(Beam, dial_log, dialled, []) || Beam <- Beams]),
    true = Dialled =/= [],
    [] = [Node || Node <- Dialled, Address <- Dead, Node =:= list_to_atom("myapp@" ++ Address)],
    ok.

-spec a_dropped_link_is_back_within_two_seconds([term()]) -> ok.
a_dropped_link_is_back_within_two_seconds(Config) ->
    #{beams := [First, Second | _] = Beams} = test_cluster:form(metadata(Config), 3),
    Dropped = os:perf_counter(microsecond),
    ok = test_beam:drop_link(First, test_beam:name(Second)),
    true = test_cluster:mesh_at(Beams, 10000) - Dropped < 2000000,
    test_cluster:await_mesh(Beams, 1000).

-spec a_host_cut_off_for_longer_than_net_ticktime_is_taken_in_again([term()]) -> ok.
a_host_cut_off_for_longer_than_net_ticktime_is_taken_in_again(Config) ->
    Hosts = [CutOff | _] = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Lone | Others] = test_beam:start_all(Hosts, #{args => ["-kernel", "net_ticktime", "4"]}),
    _ = test_cnode:start_all(Hosts),
    ok = test_cluster:await_mesh(Beams, 10000),
    ok = test_host:isolate(CutOff),
    ok = test_cluster:await_nodes(Lone, [], 20000),
    ok = test_cluster:await_mesh(Others, 20000),
    ok = test_host:rejoin(CutOff),
    test_cluster:await_mesh(Beams, 20000).

-spec a_beam_that_was_suspended_is_driven_again([term()]) -> ok.
a_beam_that_was_suspended_is_driven_again(Config) ->
    Hosts = [_, _ | _] = test_cluster:hosts(3),
    [Late | Listed] = Hosts,
    ok = test_cluster:list(metadata(Config), Listed),
    Beams = [Last, First | _] = test_beam:start_all(Hosts),
    [_, Cnode | _] = test_cnode:start_all(Hosts),
    ok = test_cluster:await_mesh(tl(Beams), 10000),
    ok = test_beam:suspend(First),
    _ = test_cnode:await(Cnode, "target_not_responding"),
    ok = test_cluster:list(metadata(Config), [Late | Listed]),
    ok = test_beam:resume(First),
    ok = test_cluster:await_mesh(Beams, 20000),
    true = lists:member(test_beam:name(First), test_beam:visible_nodes(Last)),
    ok.

-spec two_services_with_one_basename_stay_apart([term()]) -> ok.
two_services_with_one_basename_stay_apart(Config) ->
    [A, B, C, D] = Hosts = test_cluster:hosts(4),
    Addresses = fun(Of) -> [test_host:address(Host) || Host <- Of] end,
    ok = metadata_server:list(metadata(Config), "Shop", "worker", Addresses([A, B])),
    ok = metadata_server:list(metadata(Config), "Ops", "worker", Addresses([C, D])),
    [BeamA, BeamB, BeamC, BeamD] = test_beam:start_all(Hosts),
    Cnodes = test_cnode:start_all(Hosts),
    [_ = test_cnode:await(Cnode, "cluster_complete") || Cnode <- Cnodes],
    ok = test_cluster:await_mesh([BeamA, BeamB], 5000),
    test_cluster:await_mesh([BeamC, BeamD], 5000).

%% Its own `self/service` is that of the sidekicks, which hold no BEAM; here it forms the main containers from outside.
-spec a_sidekick_may_name_the_main_service([term()]) -> ok.
a_sidekick_may_name_the_main_service(Config) ->
    Hosts = test_cluster:hosts(3),
    Sidekick = test_host:add(),
    ok = metadata_server:list(metadata(Config), "Shop", "worker-data", [test_host:address(Sidekick)],
                              #{sidekick_of => "worker"}),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    ok = test_host:start_epmd(Sidekick),
    _ = test_cnode:start(Sidekick, #{args => ["--service", "self/stack/services/worker", "--targets", "all"]}),
    test_cluster:await_mesh(Beams, 10000).

-spec one_lone_c_node_forms_a_whole_service([term()]) -> ok.
one_lone_c_node_forms_a_whole_service(Config) ->
    Hosts = test_cluster:hosts(5),
    Alone = test_host:add(),
    ok = metadata_server:list(metadata(Config), "Ops", "former", [test_host:address(Alone)]),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    ok = test_host:start_epmd(Alone),
    _ = test_cnode:start(Alone, #{args => ["--service", "stacks/shop/services/worker", "--targets", "all"]}),
    ok = test_cluster:await_mesh(Beams, 10000),
    [] = test_cluster:lost_links(Beams),
    ok.

-spec a_server_that_ignores_waits_is_polled([term()]) -> ok.
a_server_that_ignores_waits_is_polled(Config) ->
    ok = metadata_server:misbehave(metadata(Config), ignore_wait),
    ok = grows(Config, ["--polling-interval", "1000"]),
    Busiest = lists:max([length(metadata_server:requests(metadata(Config), Address))
                         || Address <- lists:usort([Source || #{source := Source}
                                                                  <- metadata_server:requests(metadata(Config))])]),
    Seconds = seconds_of_requests(Config),
    true = Busiest =< 5 * (Seconds + 1),
    ok.

-spec polling_alone_is_enough([term()]) -> ok.
polling_alone_is_enough(Config) ->
    ok = grows(Config, ["--watch", "off", "--polling-interval", "500"]),
    [] = metadata_server:waiting(metadata(Config)),
    ok.

-spec a_version_that_never_rests_does_no_harm([term()]) -> ok.
a_version_that_never_rests_does_no_harm(Config) ->
    Metadata = metadata(Config),
    #{hosts := Hosts, beams := Beams} = test_cluster:form(Metadata, 2),
    {ok, Timer} = timer:apply_interval(200, metadata_server, reload, [Metadata]),
    Third = test_host:add(),
    Beam = test_beam:start(Third),
    _ = test_cnode:start(Third),
    ok = test_cluster:list(Metadata, Hosts ++ [Third]),
    ok = test_cluster:await_mesh([Beam | Beams], 10000),
    {ok, cancel} = timer:cancel(Timer),
    [] = test_cluster:lost_links([Beam | Beams]),
    ok.

%% -- what the cases share

%% Two form a cluster, and a third that comes later is taken in.
grows(Config, Args) ->
    Hosts = [First, Second, _] = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), [First, Second]),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts, #{args => Args}),
    ok = test_cluster:await_mesh(lists:sublist(Beams, 2), 10000),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_mesh(Beams, 10000),
    [] = test_cluster:lost_links(Beams),
    ok.

seconds_of_requests(Config) ->
    Times = [At || #{at := At} <- metadata_server:requests(metadata(Config))],
    (lists:max(Times) - lists:min(Times)) div 1000000.

await_unreachable(Cnode, Addresses) ->
    [test_cnode:await_event(Cnode,
                            fun(#{event := Event, text := Text}) ->
                                    Event =:= <<"peer_unreachable">>
                                        andalso binary:match(Text, list_to_binary(Address)) =/= nomatch
                            end,
                            10000) || Address <- Addresses],
    ok.
