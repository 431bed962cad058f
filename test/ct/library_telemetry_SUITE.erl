%% The events that the library's child executes where telemetry is loaded.
-module(library_telemetry_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2, start_child/2, noted/1]).

-export([suite/0, all/0]).
-export([telemetry_is_executed_where_it_is_loaded/1, a_peer_that_is_listed_again_is_no_leaver/1,
         without_telemetry_nothing_is_executed/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [telemetry_is_executed_where_it_is_loaded, a_peer_that_is_listed_again_is_no_leaver,
     without_telemetry_nothing_is_executed].

-spec telemetry_is_executed_where_it_is_loaded([term()]) -> ok.
telemetry_is_executed_where_it_is_loaded(Config) ->
    [A, B] = beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    ok = test_beam:call(A, application, load, [{application, telemetry, [{vsn, "1.2.1"}, {modules, [telemetry]}]}]),
    Dead = test_host:vanishing_address(),
    ok = test_cluster:list(metadata(Config), [test_beam:host(A), test_beam:host(B), Dead]),
    {ok, _} = start_child(A, [{await_timeout, infinity}, {removal_delay, 100}, {mass_removal_delay, 100},
                              {log_level, error}]),
    Peer = test_beam:name(B),
    Lost = list_to_atom("myapp@" ++ Dead),
    [#{duration := Took}] = [M || {telemetry, [libcluster, connect_node, ok], M, Metadata} <- noted(A),
                                  Metadata =:= #{node => Peer, topology => rancher_cnode}],
    true = is_integer(Took),
    [#{duration := Tried}] = [M || {telemetry, [libcluster, connect_node, error], M, Metadata} <- noted(A),
                                   Metadata =:= #{node => Lost, topology => rancher_cnode, reason => unreachable}],
    true = Tried > 0,
    ok = test_cluster:list(metadata(Config), [test_beam:host(A)]),
    test_wait:until("the leaver is disconnected",
                    fun() ->
                            case [M || {telemetry, [libcluster, disconnect_node, ok], M, Metadata} <- noted(A),
                                       Metadata =:= #{node => Peer, topology => rancher_cnode}] of
                                [#{duration := Duration}] when Duration > 0 -> {done, ok};
                                _ -> {wait, noted(A)}
                            end
                    end,
                    10000).

-spec a_peer_that_is_listed_again_is_no_leaver([term()]) -> ok.
a_peer_that_is_listed_again_is_no_leaver(Config) ->
    [A, B] = beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    ok = test_beam:call(A, application, load, [{application, telemetry, [{vsn, "1.2.1"}, {modules, [telemetry]}]}]),
    Peer = test_beam:name(B),
    true = test_beam:call(A, net_kernel, connect_node, [Peer]),
    Observed = fun(Events) ->
                       Fields = #{<<"peer">> => atom_to_binary(Peer)},
                       State = lists:foldl(fun(Event, Before) ->
                                                   Entry = #{event => Event, fields => Fields},
                                                   test_beam:call(A, rancher_cnode_telemetry, observe, [Entry, Before])
                                           end,
                                           test_beam:call(A, rancher_cnode_telemetry, new, [rancher]),
                                           Events),
                       _ = test_beam:call(A, rancher_cnode_telemetry, node_down, [Peer, State]),
                       length([1 || {telemetry, [libcluster, disconnect_node, ok], _, _} <- noted(A)])
               end,
    0 = Observed([<<"peer_left">>, <<"peer_listed">>]),
    1 = Observed([<<"peer_left">>]),
    ok.

-spec without_telemetry_nothing_is_executed([term()]) -> ok.
without_telemetry_nothing_is_executed(Config) ->
    [A, _] = beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    [] = [Event || {telemetry, Event, _, _} <- noted(A)],
    ok.
