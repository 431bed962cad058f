%% The policies: how peers are reached, which of them, and how one is disconnected.
-module(policies_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([the_given_functions_connect_and_list/1, the_given_function_disconnects/1,
         without_a_probe_a_cluster_forms_although_epmd_is_not_asked/1,
         an_unhealthy_container_is_connected_when_it_is_healthy/1,
         immediate_removal_disconnects_at_the_first_read/1, removal_never_disconnects_no_peer/1]).

%% Less than the 7 s that the dial of a dead peer takes.
-define(DIAL_US, 6000000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [the_given_functions_connect_and_list, the_given_function_disconnects,
     without_a_probe_a_cluster_forms_although_epmd_is_not_asked, an_unhealthy_container_is_connected_when_it_is_healthy,
     immediate_removal_disconnects_at_the_first_read, removal_never_disconnects_no_peer].

-spec the_given_functions_connect_and_list([term()]) -> ok.
the_given_functions_connect_and_list(Config) ->
    #{beams := [Beam, Other]} = with_layer(Config, 2, ["--connect", "layer:connect", "--list-nodes", "layer:nodes"]),
    Dialled = [{connect, test_beam:name(Other)}],
    Asked = test_beam:call(Beam, layer, asked, []) ++ test_beam:call(Other, layer, asked, []),
    true = lists:member(nodes, Asked),
    %% One of them has dialled; both may have.
    [_ | _] = [What || {connect, _} = What <- Asked],
    [] = [What || {connect, _} = What <- test_beam:call(Beam, layer, asked, [])] -- Dialled,
    ok.

%% Without prevention of overlapping partitions, as the user of this setting has to ensure.
-spec the_given_function_disconnects([term()]) -> ok.
the_given_function_disconnects(Config) ->
    #{hosts := [_ | Hosts], beams := [Departed | Stayers], cnodes := [Own | _]} =
        with_layer(Config, 3, ["--disconnect", "layer:disconnect", "--removal-delay", "500"],
                   ["-kernel", "prevent_overlapping_partitions", "false"]),
    ok = test_cnode:stop(Own),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Departed, []),
    ok = test_cluster:await_mesh(Stayers),
    Asked = lists:append([test_beam:call(Beam, layer, asked, []) || Beam <- Stayers]),
    [_ | _] = [What || What <- Asked, What =:= {disconnect, test_beam:name(Departed)}],
    [] = [What || {disconnect, Node} = What <- Asked, Node =/= test_beam:name(Departed)],
    ok.

%% The dead peer delays no others, although it must be dialled to be known as dead.
-spec without_a_probe_a_cluster_forms_although_epmd_is_not_asked([term()]) -> ok.
without_a_probe_a_cluster_forms_although_epmd_is_not_asked(Config) ->
    Hosts = test_cluster:hosts(3),
    Dead = test_host:vanishing_address(),
    ok = test_cluster:list(metadata(Config), [Dead | Hosts]),
    Beams = test_beam:start_all(Hosts),
    [ok = test_beam:call(Beam, dial_log, start, []) || Beam <- Beams],
    Cnodes = [Cnode | _] = test_cnode:start_all(Hosts, #{args => ["--probe", "off"]}),
    Began = lists:max([At || Each <- Cnodes, #{at := At} <- [test_cnode:await(Each, "target_connected")]]),
    Took = test_cluster:mesh_at(Beams) - Began,
    Took < ?DIAL_US orelse error({took_us, Took}),
    ok = test_cluster:await_mesh(Beams),
    test_wait:until("the dead one is dialled",
                    fun() -> Dialled = test_beam:call(hd(Beams), dial_log, dialled, []),
                             case lists:member(list_to_atom("myapp@" ++ Dead), Dialled) of
                                 true -> {done, ok};
                                 false -> {wait, Dialled}
                             end
                    end),
    #{targets := [#{counters := #{probes := 0}}]} = test_cnode:call(Cnode, hd(Beams), status),
    ok.

-spec an_unhealthy_container_is_connected_when_it_is_healthy([term()]) -> ok.
an_unhealthy_container_is_connected_when_it_is_healthy(Config) ->
    Hosts = [First, Second, Third] = test_cluster:hosts(3),
    List = fun(Health) -> test_cluster:list(metadata(Config), [First, Second,
                                                               #{address => test_host:address(Third),
                                                                 health_state => Health}])
           end,
    ok = List(<<"unhealthy">>),
    [BeamA, BeamB, Ill] = Beams = test_beam:start_all(Hosts),
    %% The unhealthy one's own C-node would dial the others.
    [CnodeA, _] = Cnodes = test_cnode:start_all([First, Second], #{args => ["--health", "passing"]}),
    [ok = test_cnode:call(Cnode, Beam, {await, 30000})
     || {Beam, Cnode} <- lists:zip([BeamA, BeamB], await_targets(Cnodes))],
    ok = test_cluster:await_mesh([BeamA, BeamB]),
    [] = test_beam:visible_nodes(Ill),
    [held] = [State || #{node := Node, state := State} <- test_cnode:call(CnodeA, BeamA, peers),
                       Node =:= test_beam:name(Ill)],
    ok = List(<<"healthy">>),
    test_cluster:await_mesh(Beams).

%% Long before --removal-delay.
-spec immediate_removal_disconnects_at_the_first_read([term()]) -> ok.
immediate_removal_disconnects_at_the_first_read(Config) ->
    #{hosts := [_ | Hosts], beams := [Departed | Stayers]} =
        test_cluster:form(metadata(Config), 3, #{args => ["--removal", "immediate", "--removal-delay", "3600000"]}),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Departed, []),
    test_cluster:await_mesh(Stayers).

-spec removal_never_disconnects_no_peer([term()]) -> ok.
removal_never_disconnects_no_peer(Config) ->
    #{hosts := [_ | Hosts], beams := Beams, cnodes := [_, Cnode | _]} =
        test_cluster:form(metadata(Config), 4, #{args => ["--removal", "never", "--removal-delay", "0"]}),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beam = lists:nth(2, Beams),
    test_wait:until("the peer is forgotten",
                    fun() ->
                            ok = test_cnode:call(Cnode, Beam, refresh),
                            case test_cnode:call(Cnode, Beam, status) of
                                #{metadata := #{removed_peers := 1}} -> {done, ok};
                                #{metadata := Seen} -> {wait, Seen}
                            end
                    end),
    %% As long as it would take to cut a connection: a random wait of up to 500 ms, and the list of connections every second.
    ok = test_service:keep_reloading(metadata(Config), Hosts, 2000),
    ok = test_cluster:await_mesh(Beams, 0),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% -- helpers

with_layer(Config, Count, Args) ->
    with_layer(Config, Count, Args, []).

with_layer(Config, Count, Args, BeamArgs) ->
    Hosts = test_cluster:hosts(Count),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts, #{args => BeamArgs}),
    [ok = test_beam:call(Beam, layer, start, []) || Beam <- Beams],
    test_cluster:start_cnodes(metadata(Config), Beams, #{args => Args}).

await_targets(Cnodes) ->
    [begin _ = test_cnode:await(Cnode, "target_connected"), Cnode end || Cnode <- Cnodes].
