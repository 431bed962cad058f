%% Several services, basenames and labels in one C-node, on real BEAMs.
-module(services_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([two_services_of_one_basename_are_one_cluster/1, two_services_of_two_basenames_are_one_cluster/1,
         a_container_that_goes_to_the_other_service_loses_no_connection/1,
         a_service_that_is_emptied_leaves_the_other_as_it_is/1, a_named_service_that_is_deleted_keeps_its_peers/1,
         the_services_of_a_stack_come_and_go/1, a_service_that_is_deleted_from_a_stack_departs/1,
         a_container_that_is_in_two_of_the_services_is_one_peer/1,
         a_container_that_is_in_none_of_the_services_joins_and_leaves_the_others_alone/1,
         versions_stay_apart_by_label_during_a_rolling_upgrade/1, all_targets_of_two_services_are_driven/1]).

-define(WORKER, "stacks/Shop/services/worker").
-define(API, "stacks/Shop/services/api").

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [two_services_of_one_basename_are_one_cluster, two_services_of_two_basenames_are_one_cluster,
     a_container_that_goes_to_the_other_service_loses_no_connection, a_service_that_is_emptied_leaves_the_other_as_it_is,
     a_named_service_that_is_deleted_keeps_its_peers, the_services_of_a_stack_come_and_go,
     a_service_that_is_deleted_from_a_stack_departs, a_container_that_is_in_two_of_the_services_is_one_peer,
     a_container_that_is_in_none_of_the_services_joins_and_leaves_the_others_alone, versions_stay_apart_by_label_during_a_rolling_upgrade,
     all_targets_of_two_services_are_driven].

%% The metadata has the names in lower case.
-spec two_services_of_one_basename_are_one_cluster([term()]) -> ok.
two_services_of_one_basename_are_one_cluster(Config) ->
    [A, B, C, D] = Hosts = test_cluster:hosts(4),
    {[Beam | _] = Beams, [Cnode | _]} = form(Config, [A, B], [C, D], Hosts, ["--service", ?WORKER, "--service", ?API]),
    [] = test_cluster:lost_connections(Beams),
    Services = lists:sort([{Node, Service} || #{node := Node, service := Service} <- test_cnode:call(Cnode, Beam, peers)]),
    [<<"stacks/shop/services/worker">>, <<"stacks/shop/services/api">>, <<"stacks/shop/services/api">>] =
        [proplists:get_value(test_host:node_name("myapp", Host), Services) || Host <- [B, C, D]],
    Table = test_program:await(A, 0, ["status"]),
    ok = test_program:contains(Table, ["service    stacks/shop/services/worker", "service    stacks/shop/services/api",
                                       "of stacks/shop/services/api"]),
    ok.

-spec two_services_of_two_basenames_are_one_cluster([term()]) -> ok.
two_services_of_two_basenames_are_one_cluster(Config) ->
    [A, B, C, D] = test_cluster:hosts(4),
    Workers = test_beam:start_all([A, B]),
    Apis = test_beam:start_all([C, D], #{basename => "api"}),
    ok = list(Config, [A, B], [C, D]),
    Cnodes = test_cnode:start_all([A, B], #{args => ["--service", "self/service", "--service", ?API ++ "=api"]}) ++
        test_cnode:start_all([C, D], #{node_basename => "api",
                                       args => ["--service", "self/service", "--service", ?WORKER ++ "=myapp"]}),
    _ = connected(Cnodes),
    ok = test_cluster:await_mesh(Workers ++ Apis),
    ok = test_service:await_watching(metadata(Config), [A, B, C, D]),
    [#{metadata := #{services := [#{own_container := listed}, #{own_container := unknown}]}}
     = test_cnode:call(Cnode, Beam, status) || {Cnode, Beam} <- lists:zip(Cnodes, Workers ++ Apis)],
    ok.

%% With prevention of overlapping partitions.
-spec a_container_that_goes_to_the_other_service_loses_no_connection([term()]) -> ok.
a_container_that_goes_to_the_other_service_loses_no_connection(Config) ->
    [A, B, C, D] = Hosts = test_cluster:hosts(4),
    {[Beam | _] = Beams, [Cnode | _] = Cnodes} =
        form(Config, [A, B, C], [D], Hosts, ["--service", ?WORKER, "--service", ?API, "--removal-delay", "300"]),
    ok = list(Config, [A, B], [C, D]),
    ok = keep_all(Config, Hosts, Beams, Cnodes),
    Moved = test_host:node_name("myapp", C),
    [<<"stacks/shop/services/api">>] =
        [Service || #{node := Node, service := Service} <- test_cnode:call(Cnode, Beam, peers), Node =:= Moved],
    %% It leaves only when no service has it.
    ok = list(Config, [A, B], [D]),
    ok = test_cluster:await_nodes(lists:nth(3, Beams), []),
    ok = test_cluster:await_mesh(lists:delete(lists:nth(3, Beams), Beams)),
    ok.

-spec a_service_that_is_emptied_leaves_the_other_as_it_is([term()]) -> ok.
a_service_that_is_emptied_leaves_the_other_as_it_is(Config) ->
    [A, B, C, D] = Hosts = test_cluster:hosts(4),
    {Beams, Cnodes} = form(Config, [A, B], [C, D], Hosts,
                           ["--service", ?WORKER, "--service", ?API, "--removal-delay", "300",
                            "--mass-removal-delay", "600"]),
    ok = list(Config, [A, B], []),
    keep_all(Config, Hosts, Beams, Cnodes).

%% A path that answers 404 may be wrong, or of a server that has just started: it is no evidence.
-spec a_named_service_that_is_deleted_keeps_its_peers([term()]) -> ok.
a_named_service_that_is_deleted_keeps_its_peers(Config) ->
    [A, B, C, D] = Hosts = test_cluster:hosts(4),
    {Beams, [Cnode | _] = Cnodes} = form(Config, [A, B], [C, D], Hosts,
                                         ["--service", ?WORKER, "--service", ?API, "--removal-delay", "300",
                                          "--mass-removal-delay", "600"]),
    ok = delete(Config, "api"),
    ok = keep_all(Config, Hosts, Beams, Cnodes),
    #{fields := #{<<"reason">> := Reason}} = test_cnode:await(Cnode, "metadata_unavailable"),
    ok = test_program:contains(Reason, ["stacks/shop/services/api"]),
    ok.

%% One service more, one less: the stack is asked for, and not its services.
-spec the_services_of_a_stack_come_and_go([term()]) -> ok.
the_services_of_a_stack_come_and_go(Config) ->
    [A, B, C, D] = Hosts = test_cluster:hosts(4),
    Beams = test_beam:start_all(Hosts),
    [_, _, Left, _] = Beams,
    ok = metadata_server:list(metadata(Config), "Shop", "worker", addresses([A, B, D])),
    ok = metadata_server:list(metadata(Config), "Other", "worker", addresses([C])),
    test_cnode:start_all(Hosts, #{args => ["--service", "self/stack/services", "--removal-delay", "300",
                                           "--mass-removal-delay", "600"]}),
    ok = test_cluster:await_mesh([Beam || Beam <- Beams, Beam =/= Left]),
    [] = test_beam:visible_nodes(Left),
    ok = metadata_server:list(metadata(Config), "Other", "worker", []),
    ok = metadata_server:list(metadata(Config), "Shop", "api", addresses([C])),
    ok = test_cluster:await_mesh(Beams),
    %% Others may have connected it before its own C-node has read that it is listed.
    ok = test_service:await_watching(metadata(Config), Hosts),
    ok = metadata_server:list(metadata(Config), "Shop", "api", []),
    ok = test_cluster:await_nodes(Left, []),
    ok = test_cluster:await_mesh([Beam || Beam <- Beams, Beam =/= Left]),
    ok.

%% Its list is evidence: it has not lost containers for a while, as one that is empty may have.
-spec a_service_that_is_deleted_from_a_stack_departs([term()]) -> ok.
a_service_that_is_deleted_from_a_stack_departs(Config) ->
    [A, B, C] = Hosts = test_cluster:hosts(3),
    {[One, Two, Left], _} = form(Config, [A, B], [C], Hosts,
                                 ["--service", "self/stack/services", "--removal-delay", "300"]),
    ok = delete(Config, "api"),
    ok = test_cluster:await_nodes(Left, []),
    ok = test_cluster:await_mesh([One, Two]),
    [] = test_cluster:lost_among([One, Two]),
    ok.

-spec a_container_that_is_in_two_of_the_services_is_one_peer([term()]) -> ok.
a_container_that_is_in_two_of_the_services_is_one_peer(Config) ->
    [A, B, C, D] = Hosts = test_cluster:hosts(4),
    {[Beam, _, Left, _] = Beams, [Cnode | _]} =
        form(Config, [A, B, C], [D], Hosts,
             ["--service", "self/service", "--service", "self/stack/services", "--removal-delay", "300"]),
    #{metadata := #{services := [#{own_container := listed}, #{own_container := listed}]}} =
        test_cnode:call(Cnode, Beam, status),
    Others = lists:sort([test_beam:name(Other) || Other <- tl(Beams)]),
    Others = lists:sort([Node || #{node := Node} <- test_cnode:call(Cnode, Beam, peers)]),
    ok = list(Config, [A, B], [D]),
    ok = test_cluster:await_nodes(Left, []),
    ok = test_cluster:await_mesh(Beams -- [Left]),
    [] = test_cluster:lost_among(Beams -- [Left]),
    ok.

%% A sidekick with an address of its own, say. The others do not know it; their removals are its own business.
-spec a_container_that_is_in_none_of_the_services_joins_and_leaves_the_others_alone([term()]) -> ok.
a_container_that_is_in_none_of_the_services_joins_and_leaves_the_others_alone(Config) ->
    [A, B, C, D, Outside] = Hosts = test_cluster:hosts(5),
    ok = metadata_server:reload(metadata(Config),
                                fun(World) -> metadata_world:standalone(World, addresses([Outside])) end),
    {[_, _, Left, _, Sidekick] = Beams, Cnodes} =
        form(Config, [A, B, C], [D], Hosts, ["--service", ?WORKER, "--service", ?API, "--removal-delay", "300"]),
    #{metadata := #{services := [#{own_container := unknown}, #{own_container := unknown}]}} =
        test_cnode:call(lists:last(Cnodes), Sidekick, status),
    ok = list(Config, [A, B], [D]),
    ok = test_cluster:await_nodes(Left, []),
    ok = test_cluster:await_mesh(Beams -- [Left]),
    [] = test_cluster:lost_among(Beams -- [Left]),
    _ = test_cnode:await(lists:last(Cnodes), "peer_departed"),
    ok.

%% Old and new containers of one service: two clusters, and then the new one alone.
-spec versions_stay_apart_by_label_during_a_rolling_upgrade([term()]) -> ok.
versions_stay_apart_by_label_during_a_rolling_upgrade(Config) ->
    [A, B, C, D] = Hosts = test_cluster:hosts(4),
    Beams = test_beam:start_all(Hosts),
    {Old, New} = lists:split(2, Beams),
    ok = list_versions(Config, [{A, "1"}, {B, "1"}]),
    test_cnode:start_all(Hosts, #{args => ["--label", "version=self", "--removal-delay", "300"]}),
    ok = test_cluster:await_mesh(Old),
    ok = list_versions(Config, [{A, "1"}, {B, "1"}, {C, "2"}, {D, "2"}]),
    ok = test_cluster:await_mesh(New),
    ok = test_cluster:await_mesh(Old, 0),
    ok = test_service:await_watching(metadata(Config), Hosts),
    ok = list_versions(Config, [{B, "1"}, {C, "2"}, {D, "2"}]),
    ok = test_service:await_watching(metadata(Config), Hosts),
    ok = list_versions(Config, [{C, "2"}, {D, "2"}]),
    ok = test_service:keep_reloading(metadata(Config), [C, D], 2000),
    ok = test_cluster:await_mesh(New),
    [] = test_cluster:lost_connections(New),
    ok.

-spec all_targets_of_two_services_are_driven([term()]) -> ok.
all_targets_of_two_services_are_driven(Config) ->
    [A, B, C] = Hosts = test_cluster:hosts(3),
    Beams = test_beam:start_all([A, B]) ++ [test_beam:start(C, #{basename => "api"})],
    ok = list(Config, [A, B], [C]),
    [Host | _] = Hosts,
    _ = test_cnode:start(Host, #{args => ["--targets", "all", "--service", ?WORKER, "--service", ?API ++ "=api"]}),
    ok = test_cluster:await_mesh(Beams),
    ok.

%% -- helpers

%% A BEAM and its C-node on each host; each is connected to its BEAM when this returns: others alone may make
%% the mesh.
form(Config, Workers, Apis, Hosts, Args) ->
    Beams = test_beam:start_all(Hosts),
    ok = list(Config, Workers, Apis),
    Cnodes = connected(test_cnode:start_all(Hosts, #{args => Args})),
    ok = test_cluster:await_mesh(Beams),
    ok = test_service:await_watching(metadata(Config), Hosts),
    {Beams, Cnodes}.

%% Nobody departs, and no connection is lost, for longer than a departure takes.
keep_all(Config, Hosts, Beams, Cnodes) ->
    ok = test_service:keep_reloading(metadata(Config), Hosts, 3000),
    ok = test_cluster:await_mesh(Beams),
    [] = test_cluster:lost_connections(Beams),
    [] = lists:append([test_cnode:events(Cnode, "peer_departed") || Cnode <- Cnodes]),
    ok.

connected(Cnodes) ->
    [_ = test_cnode:await(Cnode, "target_connected") || Cnode <- Cnodes],
    Cnodes.

%% Both services as one change.
list(Config, Workers, Apis) ->
    metadata_server:reload(metadata(Config),
                           fun(World) ->
                                   metadata_world:list(metadata_world:list(World, "Shop", "worker", addresses(Workers)),
                                                       "Shop", "api", addresses(Apis))
                           end).

delete(Config, Name) ->
    metadata_server:reload(metadata(Config), fun(World) -> metadata_world:delete(World, "Shop", Name) end).

list_versions(Config, Containers) ->
    Specs = [#{address => test_host:address(Host), labels => #{<<"version">> => list_to_binary(Version)}}
             || {Host, Version} <- Containers],
    metadata_server:list(metadata(Config), "Shop", "worker", Specs).

addresses(Hosts) ->
    [test_host:address(Host) || Host <- Hosts].
