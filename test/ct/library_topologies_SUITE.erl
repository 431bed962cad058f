%% Several topologies on one node, as users of libcluster configure them: one program serves them all.
-module(library_topologies_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [cnodes/1, noted/1, await_logged/3, load_telemetry/1]).

-export([suite/0, all/0]).
-export([two_basenames_on_one_node_are_one_program/1, two_basenames_of_one_service_are_two_topologies/1,
         a_topology_that_stops_takes_its_service_back_and_disconnects_nobody/1,
         a_program_that_dies_is_restarted_with_the_services_of_all/1, a_topology_that_is_killed_does_not_end_the_program/1,
         the_application_that_started_the_program_may_stop/1, a_later_start_waits_for_its_own_service/1,
         what_must_not_differ_is_named/1, a_bad_service_is_the_error_of_its_topology_alone/1,
         each_topology_has_functions_of_its_own/1, services_tell_functions_apart_too/1,
         telemetry_names_the_topology_of_each_peer/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [two_basenames_on_one_node_are_one_program, two_basenames_of_one_service_are_two_topologies,
     a_topology_that_stops_takes_its_service_back_and_disconnects_nobody,
     a_program_that_dies_is_restarted_with_the_services_of_all, a_topology_that_is_killed_does_not_end_the_program,
     the_application_that_started_the_program_may_stop, a_later_start_waits_for_its_own_service,
     what_must_not_differ_is_named, a_bad_service_is_the_error_of_its_topology_alone,
     each_topology_has_functions_of_its_own, services_tell_functions_apart_too,
     telemetry_names_the_topology_of_each_peer].

%% One name in epmd beside that of the BEAM, and one request that waits for a change.
-spec two_basenames_on_one_node_are_one_program([term()]) -> ok.
two_basenames_on_one_node_are_one_program(Config) ->
    {A, B, C} = web_and_api(Config),
    {ok, _} = start(A, web()),
    [B] = test_beam:visible_nodes(A),
    {ok, _} = start(A, api()),
    Both = lists:sort([B, C]),
    Both = test_beam:visible_nodes(A),
    [_] = cnodes(A),
    ["myapp", "remsh-rancher_cnode"] = lists:sort(test_host:epmd_names(test_beam:host(A))),
    %% A wait that was given up counts until the next change.
    ok = metadata_server:reload(metadata(Config)),
    ok = test_wait:equals("one request waits", [test_host:address(test_beam:host(A))],
                          fun() -> metadata_server:waiting(metadata(Config)) end),
    [<<"self/service">>, <<"stacks/shop/services/api=api">>] = services(A),
    ok.

-spec two_basenames_of_one_service_are_two_topologies([term()]) -> ok.
two_basenames_of_one_service_are_two_topologies(Config) ->
    [A, B] = library_beam:beams(Config, 2),
    Worker = test_beam:start(test_beam:host(B), #{basename => "worker"}),
    {ok, _} = start(A, topology(web, [{node_basename, <<"myapp">>}, {polling_interval, 10000}])),
    {ok, _} = start(A, topology(workers, [{node_basename, <<"worker">>}, {polling_interval, 5000}])),
    Both = lists:sort([test_beam:name(B), test_beam:name(Worker)]),
    Both = test_beam:visible_nodes(A),
    [_] = cnodes(A),
    ok.

%% Neither the one that came later nor the one that started the program.
-spec a_topology_that_stops_takes_its_service_back_and_disconnects_nobody([term()]) -> ok.
a_topology_that_stops_takes_its_service_back_and_disconnects_nobody(Config) ->
    {A, B, C} = web_and_api(Config),
    {ok, _} = start(A, web()),
    {ok, _} = start(A, api()),
    [OsPid] = cnodes(A),
    Both = lists:sort([B, C]),
    ok = stop(A, api),
    ok = await_services(A, [<<"self/service">>]),
    {ok, _} = restart(A, api),
    ok = await_services(A, [<<"self/service">>, <<"stacks/shop/services/api=api">>]),
    ok = stop(A, web),
    ok = await_services(A, [<<"stacks/shop/services/api=api">>]),
    [OsPid] = cnodes(A),
    ok = test_service:keep_reloading(metadata(Config), [test_beam:host(A)], 1000),
    Both = test_beam:visible_nodes(A),
    [] = test_beam:downs(A),
    %% The other goes on.
    Another = test_beam:start(hd(test_cluster:hosts(1)), #{basename => "api"}),
    ok = list_api(Config, [node_address(C), test_host:address(test_beam:host(Another))]),
    ok = test_cluster:await_nodes(A, lists:sort([test_beam:name(Another) | Both])),
    ok = stop(A, api),
    [] = cnodes(A),
    ok.

-spec a_program_that_dies_is_restarted_with_the_services_of_all([term()]) -> ok.
a_program_that_dies_is_restarted_with_the_services_of_all(Config) ->
    {A, B, C} = web_and_api(Config),
    {ok, _} = start(A, web()),
    {ok, _} = start(A, api()),
    [OsPid] = cnodes(A),
    ok = test_command:signal("KILL", [OsPid]),
    ok = test_wait:until("another program",
                         fun() -> case cnodes(A) of
                                      [Other] when Other =/= OsPid -> {done, ok};
                                      Saw -> {wait, Saw}
                                  end
                         end),
    [_] = [Argument || Argument <- arguments(A), Argument =:= <<"--service=stacks/Shop/services/api=api">>],
    ok = await_services(A, [<<"self/service">>, <<"stacks/shop/services/api=api">>]),
    Both = lists:sort([B, C]),
    Both = test_beam:visible_nodes(A),
    [] = test_beam:downs(A),
    ok.

-spec a_topology_that_is_killed_does_not_end_the_program([term()]) -> ok.
a_topology_that_is_killed_does_not_end_the_program(Config) ->
    {A, _, _} = web_and_api(Config),
    {ok, First} = start(A, web()),
    {ok, _} = start(A, api()),
    [OsPid] = cnodes(A),
    true = test_beam:call(A, erlang, exit, [First, kill]),
    ok = test_wait:equals("its service has gone and come", added,
                          fun() -> last_about(A, <<"service=self/service">>) end),
    ok = await_services(A, [<<"self/service">>, <<"stacks/shop/services/api=api">>]),
    [OsPid] = cnodes(A),
    [] = test_beam:downs(A),
    ok.

%% An application that stops kills the processes that it has started.
-spec the_application_that_started_the_program_may_stop([term()]) -> ok.
the_application_that_started_the_program_may_stop(Config) ->
    {A, B, C} = web_and_api(Config),
    ok = test_beam:call(A, library_application, load, [spec(web())]),
    ok = test_beam:call(A, application, start, [library_application], 90000),
    {ok, _} = start(A, api()),
    [OsPid] = cnodes(A),
    ok = test_beam:call(A, application, stop, [library_application]),
    ok = await_services(A, [<<"stacks/shop/services/api=api">>]),
    [OsPid] = cnodes(A),
    Both = lists:sort([B, C]),
    Both = test_beam:visible_nodes(A),
    ok.

-spec a_later_start_waits_for_its_own_service([term()]) -> ok.
a_later_start_waits_for_its_own_service(Config) ->
    {A, _, _} = web_and_api(Config),
    {ok, _} = start(A, web()),
    Missing = topology(missing, [{stack, <<"shop">>}, {service, <<"missing">>}, {await_timeout, 1500}]),
    {Took, {ok, _}} = test_beam:call(A, timer, tc, [supervisor, start_child, [library_supervisor, spec(Missing)]], 60000),
    true = Took >= 1500000,
    await_logged(A, warning, <<"initial sync not done within await_timeout">>).

-spec what_must_not_differ_is_named([term()]) -> ok.
what_must_not_differ_is_named(Config) ->
    {A, B, _} = web_and_api(Config),
    {ok, _} = start(A, web()),
    Other = topology(api, [{stack, <<"shop">>}, {service, <<"api">>}, {metadata_url, <<"http://10.0.0.1">>}, {health, any}]),
    {error, {{not_shared, Sentence}, _}} = start(A, Other),
    <<"--health, --metadata-url must be as in the topology web,", _/binary>> = Sentence,
    [_] = cnodes(A),
    [B] = test_beam:visible_nodes(A),
    %% With a name of its own it has a program of its own.
    {ok, _} = start(A, topology(api, [{basename, <<"second">>}, {health, any}, {await_timeout, 0}])),
    test_wait:equals("a second program", 2, fun() -> length(cnodes(A)) end).

-spec a_bad_service_is_the_error_of_its_topology_alone([term()]) -> ok.
a_bad_service_is_the_error_of_its_topology_alone(Config) ->
    {A, _, C} = web_and_api(Config),
    {ok, _} = start(A, web()),
    [OsPid] = cnodes(A),
    {error, {{bad_setting, Sentence}, _}} = start(A, topology(bad, [{service, <<"a//b">>}])),
    <<"--service 'a//b' must be a path", _/binary>> = Sentence,
    {ok, _} = start(A, api()),
    true = lists:member(C, test_beam:visible_nodes(A)),
    [OsPid] = cnodes(A),
    %% Nobody waits for it: it is reported.
    {ok, _} = start(A, topology(bad, [{service, <<"a//b">>}, {await_timeout, 0}])),
    ok = await_logged(A, warning, <<"bad: --service 'a//b' must be a path">>),
    [<<"self/service">>, <<"stacks/shop/services/api=api">>] = services(A),
    ok.

%% The one that comes later brings the first function; the program is restarted for it.
-spec each_topology_has_functions_of_its_own([term()]) -> ok.
each_topology_has_functions_of_its_own(Config) ->
    {A, B, C} = web_and_api(Config),
    {ok, _} = start(A, web()),
    Functions = #{connect => {library_witness, connect, [api]}, list_nodes => {library_witness, list_nodes, [api]}},
    {ok, _} = start(A, topology(api, [{stack, <<"shop">>}, {service, <<"api">>}, {node_basename, <<"api">>}], Functions)),
    Both = lists:sort([B, C]),
    Both = test_beam:visible_nodes(A),
    [{connect, api, C}] = [Call || {connect, _, _} = Call <- noted(A)],
    true = lists:member({list_nodes, api}, noted(A)),
    Both = lists:sort(test_beam:call(A, rancher_cnode_functions, list_nodes, []) -- test_beam:hidden_nodes(A)),
    [] = test_beam:downs(A),
    ok.

%% Of one basename: the C-node knows on whose account a node is a peer.
-spec services_tell_functions_apart_too([term()]) -> ok.
services_tell_functions_apart_too(Config) ->
    [A, B, C] = library_beam:beams(Config, 3),
    ok = test_beam:call(A, library_witness, start, []),
    ok = test_cluster:list(metadata(Config), [test_beam:host(A), test_beam:host(B)]),
    ok = list_api(Config, [test_host:address(test_beam:host(C))]),
    Functions = fun(Name) -> #{connect => {library_witness, connect, [Name]}} end,
    {ok, _} = start(A, topology(web, [], Functions(web))),
    {ok, _} = start(A, topology(api, [{stack, <<"shop">>}, {service, <<"api">>}], Functions(api))),
    Expected = lists:sort([{connect, web, test_beam:name(B)}, {connect, api, test_beam:name(C)}]),
    Expected = lists:usort([Call || {connect, _, _} = Call <- noted(A)]),
    {error, {{function_taken, _}, _}} = start(A, topology(third, [], Functions(third))),
    ok.

-spec telemetry_names_the_topology_of_each_peer([term()]) -> ok.
telemetry_names_the_topology_of_each_peer(Config) ->
    {A, B, C} = web_and_api(Config),
    ok = test_beam:call(A, application, load, [{application, telemetry, [{vsn, "1.2.1"}, {modules, [telemetry]}]}]),
    {ok, _} = start(A, web()),
    {ok, _} = start(A, api()),
    Expected = lists:sort([{B, web}, {C, api}]),
    ok = test_wait:equals("both are reported", Expected, fun() -> connected(A) end).

%% -- helpers

%% A and B of the own service, C of another one with BEAMs of another basename. The nodes B and C are returned.
web_and_api(Config) ->
    [A, B] = library_beam:beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    [Host] = test_cluster:hosts(1),
    C = test_beam:start(Host, #{basename => "api"}),
    ok = list_api(Config, [test_host:address(Host)]),
    {A, test_beam:name(B), test_beam:name(C)}.

list_api(Config, Addresses) ->
    metadata_server:list(metadata(Config), "Shop", "api", Addresses).

web() ->
    topology(web, [{node_basename, <<"myapp">>}, {polling_interval, 10000}]).

api() ->
    topology(api, [{node_basename, <<"api">>}, {stack, <<"Shop">>}, {service, <<"api">>}]).

topology(Name, Settings) ->
    topology(Name, Settings, #{}).

%% As libcluster 3 passes them.
topology(Name, Settings, Functions) ->
    Defaults = #{connect => {net_kernel, connect_node, []}, disconnect => {erlang, disconnect_node, []},
                 list_nodes => {erlang, nodes, [connected]}},
    Given = Settings ++ [{await_timeout, 60000}, {program, test_cnode:program()}],
    [(maps:merge(Defaults, Functions))#{'__struct__' => 'Elixir.Cluster.Strategy.State', topology => Name, meta => nil,
                                        config => Given}].

spec([#{topology := Name}] = Topology) ->
    #{id => Name, start => {rancher_cnode, start_link, [Topology]}, shutdown => 5000}.

start(Beam, Topology) ->
    test_beam:call(Beam, supervisor, start_child, [library_supervisor, spec(Topology)], 90000).

stop(Beam, Name) ->
    test_beam:call(Beam, supervisor, terminate_child, [library_supervisor, Name]).

restart(Beam, Name) ->
    test_beam:call(Beam, supervisor, restart_child, [library_supervisor, Name], 90000).

services(Beam) ->
    case test_beam:call(Beam, rancher_cnode, status, []) of
        {ok, #{metadata := #{services := Services}}} -> lists:sort([Service || #{path := Service} <- Services]);
        {error, _} = Error -> Error
    end.

await_services(Beam, Expected) ->
    test_wait:equals("the services are those of the topologies", Expected, fun() -> services(Beam) end).

%% What was logged last about a service.
last_about(Beam, Part) ->
    lists:foldl(fun({log, info, <<"rancher_cnode service_added", _/binary>> = Text}, Last) -> about(Text, Part, added, Last);
                   ({log, info, <<"rancher_cnode service_removed", _/binary>> = Text}, Last) -> about(Text, Part, removed, Last);
                   (_, Last) -> Last
                end, none, noted(Beam)).

about(Text, Part, What, Last) ->
    case binary:match(Text, Part) of
        nomatch -> Last;
        _ -> What
    end.

arguments(Beam) ->
    [OsPid] = cnodes(Beam),
    test_process:arguments(OsPid).

connected(Beam) ->
    lists:sort([{Node, Topology} || {telemetry, [libcluster, connect_node, ok], _, #{node := Node, topology := Topology}}
                                        <- noted(Beam)]).

node_address(Node) ->
    [_, Address] = string:split(atom_to_list(Node), "@"),
    Address.
