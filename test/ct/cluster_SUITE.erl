%% The main function on real BEAMs: the containers of a service become a cluster, and stay one.
-module(cluster_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([three_containers_become_a_mesh/1, a_fourth_container_is_connected/1,
         the_c_node_is_hidden_and_registered_under_its_name/1, the_c_node_answers_ping/1,
         a_killed_beam_is_connected_again/1, a_stopped_beam_is_connected_again/1,
         a_starting_container_without_an_address_does_no_harm_and_is_connected_later/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [three_containers_become_a_mesh, a_fourth_container_is_connected,
     the_c_node_is_hidden_and_registered_under_its_name, the_c_node_answers_ping,
     a_killed_beam_is_connected_again, a_stopped_beam_is_connected_again,
     a_starting_container_without_an_address_does_no_harm_and_is_connected_later].

-spec three_containers_become_a_mesh([term()]) -> ok.
three_containers_become_a_mesh(Config) ->
    #{beams := Beams} = test_cluster:form(metadata(Config), 3),
    [] = test_cluster:lost_connections(Beams),
    ok.

-spec a_fourth_container_is_connected([term()]) -> ok.
a_fourth_container_is_connected(Config) ->
    #{hosts := Hosts, beams := Beams} = test_cluster:form(metadata(Config), 3),
    Fourth = test_host:add(),
    Beam = test_beam:start(Fourth),
    _ = test_cnode:start(Fourth),
    ok = test_cluster:list(metadata(Config), Hosts ++ [Fourth]),
    ok = test_cluster:await_mesh([Beam | Beams]),
    [] = test_cluster:lost_connections([Beam | Beams]),
    ok.

-spec the_c_node_is_hidden_and_registered_under_its_name([term()]) -> ok.
the_c_node_is_hidden_and_registered_under_its_name(Config) ->
    #{hosts := Hosts, beams := Beams, cnodes := Cnodes} = test_cluster:form(metadata(Config), 2),
    [begin
         ["myapp", "remsh-rancher_cnode"] = test_host:epmd_names(Host),
         Name = test_cnode:default_name(Host),
         Name = test_cnode:name(Cnode),
         ok = test_beam:await_hidden(Beam, [Name]),
         false = lists:member(Name, test_beam:visible_nodes(Beam))
     end || {Host, Beam, Cnode} <- lists:zip3(Hosts, Beams, Cnodes)],
    ok.

-spec the_c_node_answers_ping([term()]) -> ok.
the_c_node_answers_ping(Config) ->
    #{beams := [First, Second], cnodes := [Cnode, _]} = test_cluster:form(metadata(Config), 2),
    pong = test_beam:call(First, net_adm, ping, [test_cnode:name(Cnode)]),
    pong = test_beam:call(Second, net_adm, ping, [test_cnode:name(Cnode)]),
    ok.

-spec a_killed_beam_is_connected_again([term()]) -> ok.
a_killed_beam_is_connected_again(Config) ->
    #{beams := [First | Others]} = test_cluster:form(metadata(Config), 3),
    ok = test_beam:kill(First),
    ok = test_cluster:await_mesh(Others),
    ok = test_cluster:await_mesh([test_beam:start(test_beam:host(First)) | Others]).

-spec a_stopped_beam_is_connected_again([term()]) -> ok.
a_stopped_beam_is_connected_again(Config) ->
    #{beams := [First | Others]} = test_cluster:form(metadata(Config), 3),
    ok = test_beam:stop(First),
    ok = test_cluster:await_mesh(Others),
    ok = test_cluster:await_mesh([test_beam:start(test_beam:host(First)) | Others]).

-spec a_starting_container_without_an_address_does_no_harm_and_is_connected_later([term()]) -> ok.
a_starting_container_without_an_address_does_no_harm_and_is_connected_later(Config) ->
    Hosts = [_, _, Late] = test_cluster:hosts(3),
    Up = Hosts -- [Late],
    ok = test_cluster:list(metadata(Config), Up ++ [#{state => <<"starting">>}]),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts),
    [First, Second, Third] = Beams,
    ok = test_cluster:await_mesh([First, Second]),
    [] = test_beam:visible_nodes(Third),
    ok = test_cluster:list(metadata(Config), Up ++ [#{address => test_host:address(Late)}]),
    ok = test_cluster:await_mesh(Beams),
    [] = test_cluster:lost_connections(Beams),
    ok.
