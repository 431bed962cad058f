%% The events that the library's child executes where telemetry is loaded.
-module(library_telemetry_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2, start_child/2, child/1, cnodes/1, noted/1]).

-export([suite/0, all/0]).
-export([telemetry_is_executed_where_it_is_loaded/1, a_lost_peer_is_timed_from_its_loss/1,
         a_link_that_outlives_the_program_is_not_told_again/1, a_peer_that_is_listed_again_has_not_departed/1,
         without_telemetry_nothing_is_executed/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [telemetry_is_executed_where_it_is_loaded, a_lost_peer_is_timed_from_its_loss,
     a_link_that_outlives_the_program_is_not_told_again, a_peer_that_is_listed_again_has_not_departed,
     without_telemetry_nothing_is_executed].

-spec telemetry_is_executed_where_it_is_loaded([term()]) -> ok.
telemetry_is_executed_where_it_is_loaded(Config) ->
    [A, B] = beams(Config, 2),
    ok = load_telemetry(A),
    Dead = test_host:vanishing_address(),
    ok = test_cluster:list(metadata(Config), [test_beam:host(A), test_beam:host(B), Dead]),
    {ok, _} = start_child(A, [{await_timeout, infinity}, {removal_delay, 100}, {mass_removal_delay, 100},
                              {log_level, error}]),
    Peer = test_beam:name(B),
    true = is_integer(await_one(A, [connect_node, ok], #{node => Peer})),
    true = await_one(A, [connect_node, error], #{node => list_to_atom("myapp@" ++ Dead), reason => unreachable}) > 0,
    ok = test_cluster:list(metadata(Config), [test_beam:host(A)]),
    true = await_one(A, [disconnect_node, ok], #{node => Peer}) > 0,
    ok.

-spec a_lost_peer_is_timed_from_its_loss([term()]) -> ok.
a_lost_peer_is_timed_from_its_loss(Config) ->
    [A, B] = beams(Config, 2),
    ok = load_telemetry(A),
    Peer = test_beam:name(B),
    Listed = erlang:monotonic_time(),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    _ = await_one(A, [connect_node, ok], #{node => Peer}),
    %% So long a link that its time cannot be taken for that since its loss.
    ok = test_wait:equals("2 s have gone by", true, fun() -> ms_since(Listed) >= 2000 end, 5000),
    Lost = erlang:monotonic_time(),
    ok = test_beam:kill(B),
    Duration = await_one(A, [connect_node, error], #{node => Peer, reason => unreachable}),
    SinceLoss = ms_since(Lost),
    case erlang:convert_time_unit(Duration, native, millisecond) of
        Ms when Ms >= 0, Ms =< SinceLoss -> ok;
        Ms -> error({told_ms, Ms, since_loss_ms, SinceLoss})
    end.

-spec a_link_that_outlives_the_program_is_not_told_again([term()]) -> ok.
a_link_that_outlives_the_program_is_not_told_again(Config) ->
    [A, B] = beams(Config, 2),
    ok = load_telemetry(A),
    {ok, Child} = start_child(A, [{await_timeout, infinity}]),
    Peer = test_beam:name(B),
    _ = await_one(A, [connect_node, ok], #{node => Peer}),
    Before = times_complete(A),
    ok = test_command:signal("KILL", cnodes(A)),
    %% The line after that of the link: by then it would have been told.
    ok = test_wait:until("the second program has found the cluster complete",
                         fun() -> case {times_complete(A), child(A)} of
                                      {Times, Other} when Times > Before, Other =/= Child -> {done, ok};
                                      Saw -> {wait, Saw}
                                  end
                         end, 10000),
    _ = await_one(A, [connect_node, ok], #{node => Peer}),
    %% A link that is made again is told again.
    ok = test_beam:drop_link(A, Peer),
    test_wait:equals("the second link is told", 2, fun() -> length(told(A, [connect_node, ok], #{node => Peer})) end,
                     10000).

-spec a_peer_that_is_listed_again_has_not_departed([term()]) -> ok.
a_peer_that_is_listed_again_has_not_departed(Config) ->
    [A, B] = beams(Config, 2),
    ok = load_telemetry(A),
    Peer = test_beam:name(B),
    true = test_beam:call(A, net_kernel, connect_node, [Peer]),
    Observed = fun(Events) ->
                       Fields = #{<<"peer">> => atom_to_binary(Peer)},
                       State = lists:foldl(fun(Event, Before) ->
                                                   Entry = #{event => Event, fields => Fields},
                                                   test_beam:call(A, rancher_cnode_telemetry, observe, [Entry, Before])
                                           end,
                                           test_beam:call(A, rancher_cnode_telemetry, new, [rancher, [Peer]]),
                                           Events),
                       _ = test_beam:call(A, rancher_cnode_telemetry, node_down, [Peer, State]),
                       length([1 || {telemetry, [libcluster, disconnect_node, ok], _, _} <- noted(A)])
               end,
    0 = Observed([<<"peer_departed">>, <<"peer_listed">>]),
    1 = Observed([<<"peer_departed">>]),
    ok.

-spec without_telemetry_nothing_is_executed([term()]) -> ok.
without_telemetry_nothing_is_executed(Config) ->
    [A, _] = beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    [] = [Event || {telemetry, Event, _, _} <- noted(A)],
    ok.

%% -- helpers

load_telemetry(Beam) ->
    ok = test_beam:call(Beam, library_witness, start, []),
    test_beam:call(Beam, application, load, [{application, telemetry, [{vsn, "1.2.1"}, {modules, [telemetry]}]}]).

%% The duration of the one event of this name, once it has come.
await_one(Beam, Name, Metadata) ->
    test_wait:until("one event " ++ lists:flatten(io_lib:format("~p", [Name])),
                    fun() -> case told(Beam, Name, Metadata) of
                                 [Duration] -> {done, Duration};
                                 _ -> {wait, noted(Beam)}
                             end
                    end,
                    10000).

told(Beam, Name, Metadata) ->
    Whole = Metadata#{topology => rancher_cnode},
    [Duration || {telemetry, [libcluster | N], #{duration := Duration}, M} <- noted(Beam), N =:= Name, M =:= Whole].

times_complete(Beam) ->
    length([complete || {log, info, <<"rancher_cnode cluster_complete", _/binary>>} <- noted(Beam)]).

ms_since(Then) ->
    erlang:convert_time_unit(erlang:monotonic_time() - Then, native, millisecond).
