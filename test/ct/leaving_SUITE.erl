%% Who leaves the service leaves the cluster, and nobody else loses a link over it.
-module(leaving_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_live_container_that_leaves_takes_only_its_own_links/1,
         a_leaver_without_global_disconnect_takes_the_fallback/1,
         a_stopped_container_that_is_still_listed_is_no_leaver/1,
         a_container_whose_own_c_node_sees_it_gone_stops_dialling/1,
         a_node_that_metadata_never_named_is_left_alone/1, an_old_snapshot_after_a_restart_costs_no_link/1,
         many_that_leave_at_once_are_held/1, a_snapshot_of_one_container_costs_no_link/1,
         an_own_leaver_without_global_disconnect_is_let_go/1]).

-define(REMOVAL_MS, 1000).
-define(MASS_MS, 60000).
%% From the moment when a leaver is confirmed until its link is cut: a random wait of up to 500 ms, and the list of the
%% links every second; and a second for the read that confirms it.
-define(CUT_MS, 2500).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_live_container_that_leaves_takes_only_its_own_links, a_leaver_without_global_disconnect_takes_the_fallback,
     a_stopped_container_that_is_still_listed_is_no_leaver,
     a_container_whose_own_c_node_sees_it_gone_stops_dialling, a_node_that_metadata_never_named_is_left_alone,
     an_old_snapshot_after_a_restart_costs_no_link, many_that_leave_at_once_are_held,
     a_snapshot_of_one_container_costs_no_link, an_own_leaver_without_global_disconnect_is_let_go].

%% The leaver's C-node has gone with its container's place in the service, or lives on: here it lives on.
-spec a_live_container_that_leaves_takes_only_its_own_links([term()]) -> ok.
a_live_container_that_leaves_takes_only_its_own_links(Config) ->
    #{hosts := [Gone | Hosts], beams := [Leaver | Stayers]} = form(Config, 5),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Leaver, [], 15000),
    ok = test_cluster:await_mesh(Stayers, 5000),
    ok = settles(Config, [Gone | Hosts]),
    [] = test_cluster:lost_among(Stayers),
    [] = test_beam:visible_nodes(Leaver),
    ok = test_cluster:await_mesh(Stayers, 0).

%% Such as OTP before 25.1, whose global cuts nobody off either.
-spec a_leaver_without_global_disconnect_takes_the_fallback([term()]) -> ok.
a_leaver_without_global_disconnect_takes_the_fallback(Config) ->
    Hosts = test_cluster:hosts(4),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Leaver | Stayers] =
        test_beam:start_all(Hosts, #{args => ["-kernel", "prevent_overlapping_partitions", "false"]}),
    ok = test_beam:without_global_disconnect(Leaver),
    _ = test_cnode:start_all(Hosts, #{args => removal(?REMOVAL_MS)}),
    ok = test_cluster:await_mesh(Beams, 10000),
    ok = test_cluster:list(metadata(Config), tl(Hosts)),
    ok = test_cluster:await_nodes(Leaver, [], 15000),
    ok = test_cluster:await_mesh(Stayers, 5000),
    [] = test_cluster:lost_among(Stayers),
    ok.

-spec a_stopped_container_that_is_still_listed_is_no_leaver([term()]) -> ok.
a_stopped_container_that_is_still_listed_is_no_leaver(Config) ->
    #{hosts := [First | Others] = Hosts, beams := Beams} = form(Config, 3),
    ok = test_cluster:list(metadata(Config),
                           [#{address => test_host:address(First), state => <<"stopped">>} | Others]),
    ok = settles(Config, Hosts),
    [] = test_cluster:lost_links(Beams),
    ok.

%% It leaves of its own accord, and does not come back while it is not listed.
-spec a_container_whose_own_c_node_sees_it_gone_stops_dialling([term()]) -> ok.
a_container_whose_own_c_node_sees_it_gone_stops_dialling(Config) ->
    #{hosts := [Gone | Hosts], beams := [Leaver | Stayers], cnodes := [_ | Cnodes]} = form(Config, 3),
    [ok = test_cnode:stop(Cnode) || Cnode <- Cnodes],
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Leaver, [], 15000),
    ok = test_beam:call(Leaver, dial_log, start, []),
    ok = settles(Config, [Gone]),
    [] = test_beam:call(Leaver, dial_log, dialled, []),
    [] = test_cluster:lost_among(Stayers),
    ok.

-spec a_node_that_metadata_never_named_is_left_alone([term()]) -> ok.
a_node_that_metadata_never_named_is_left_alone(Config) ->
    #{hosts := Hosts, beams := [First | _] = Beams} = form(Config, 2),
    Stranger = test_beam:start(test_host:add()),
    true = test_beam:call(Stranger, net_kernel, connect_node, [test_beam:name(First)]),
    ok = test_cluster:await_mesh([Stranger | Beams], 5000),
    ok = settles(Config, Hosts),
    [] = test_cluster:lost_links([Stranger | Beams]),
    ok.

%% A metadata container that restarts may serve what it knew long ago, under a new version, before it knows better. It
%% does so for less than the removal delay, but for long enough to cut a link that nobody gave a delay. And what was
%% missing for a while is not counted on from there.
-spec an_old_snapshot_after_a_restart_costs_no_link([term()]) -> ok.
an_old_snapshot_after_a_restart_costs_no_link(Config) ->
    RemovalMs = 6000,
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
    [] = test_cluster:lost_links(Beams),
    ok.

%% As the one that stays sees it: those who go would leave of their own accord, so their C-nodes have ended.
-spec many_that_leave_at_once_are_held([term()]) -> ok.
many_that_leave_at_once_are_held(Config) ->
    #{hosts := [First | _] = Hosts, beams := Beams, cnodes := [Staying | Cnodes]} = form(Config, 5),
    [ok = test_cnode:stop(Cnode) || Cnode <- Cnodes],
    ok = test_cluster:list(metadata(Config), [First]),
    ok = settles(Config, [First]),
    [_ | _] = [Line || #{level := <<"warning">>} = Line <- test_cnode:events(Staying, "mass_removal_held")],
    [] = test_cluster:lost_links(Beams),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = settles(Config, [First]),
    [] = test_cluster:lost_links(Beams),
    ok.

%% The four that it lacks must not take themselves for gone either.
-spec a_snapshot_of_one_container_costs_no_link([term()]) -> ok.
a_snapshot_of_one_container_costs_no_link(Config) ->
    #{hosts := [First | _] = Hosts, beams := Beams} = form(Config, 5),
    ok = test_cluster:list(metadata(Config), [First]),
    ok = settles(Config, [First]),
    [] = test_cluster:lost_links(Beams),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = settles(Config, Hosts),
    [] = test_cluster:lost_links(Beams),
    ok.

-spec an_own_leaver_without_global_disconnect_is_let_go([term()]) -> ok.
an_own_leaver_without_global_disconnect_is_let_go(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Leaver | Stayers] =
        test_beam:start_all(Hosts, #{args => ["-kernel", "prevent_overlapping_partitions", "false"]}),
    ok = test_beam:without_global_disconnect(Leaver),
    [_ | OfStayers] = test_cnode:start_all(Hosts, #{args => removal(?REMOVAL_MS)}),
    ok = test_cluster:await_mesh(Beams, 10000),
    [ok = test_cnode:stop(Cnode) || Cnode <- OfStayers],
    ok = test_cluster:list(metadata(Config), tl(Hosts)),
    ok = test_cluster:await_nodes(Leaver, [], 15000),
    ok = test_cluster:await_mesh(Stayers, 5000),
    [] = test_cluster:lost_among(Stayers),
    ok.

%% -- what the cases share

form(Config, Count) ->
    form(Config, Count, ?REMOVAL_MS).

form(Config, Count, RemovalMs) ->
    test_cluster:form(metadata(Config), Count, #{args => removal(RemovalMs)}).

removal(RemovalMs) ->
    ["--removal-delay", integer_to_list(RemovalMs), "--mass-removal-delay", integer_to_list(?MASS_MS)].

%% More reloads of the same, each read by every C-node, for as long as a wrong conclusion would need to cut a link.
settles(Config, Hosts) ->
    test_service:keep_reloading(metadata(Config), Hosts, ?REMOVAL_MS + ?CUT_MS).
