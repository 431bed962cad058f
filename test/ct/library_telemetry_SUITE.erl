%% The events that the library's child executes where telemetry is loaded.
-module(library_telemetry_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2, start_child/2, cnodes/1, noted/1, load_telemetry/1]).

-export([suite/0, all/0]).
-export([telemetry_is_executed_where_it_is_loaded/1, a_lost_peer_is_timed_from_its_loss/1,
         a_connection_that_outlives_the_program_is_not_reported_again/1, each_change_of_a_peer_is_one_event/1,
         each_connection_of_a_peer_that_flaps_is_reported/1,
         a_connection_is_timed_by_the_program/1, a_failure_is_timed_from_when_the_peer_was_listed/1,
         without_telemetry_nothing_is_executed/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [telemetry_is_executed_where_it_is_loaded, a_lost_peer_is_timed_from_its_loss,
     a_connection_that_outlives_the_program_is_not_reported_again, each_change_of_a_peer_is_one_event,
     each_connection_of_a_peer_that_flaps_is_reported, a_connection_is_timed_by_the_program, a_failure_is_timed_from_when_the_peer_was_listed,
     without_telemetry_nothing_is_executed].

-spec telemetry_is_executed_where_it_is_loaded([term()]) -> ok.
telemetry_is_executed_where_it_is_loaded(Config) ->
    [A, B] = beams(Config, 2),
    ok = load_telemetry(A),
    Dead = test_host:vanishing_address(),
    ok = test_cluster:list(metadata(Config), [test_beam:host(A), test_beam:host(B), Dead]),
    %% B has no C-node of its own, which would disconnect it.
    {ok, _} = start_child(A, [{await_timeout, infinity}, {removal, immediate}, {log_level, error}]),
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
    %% Connected for so long that the time cannot be mistaken for the time since the loss.
    ok = test_wait:equals("2 s have gone by", true, fun() -> ms_since(Listed) >= 2000 end),
    Lost = erlang:monotonic_time(),
    ok = test_beam:kill(B),
    Duration = await_one(A, [connect_node, error], #{node => Peer, reason => unreachable}),
    SinceLoss = ms_since(Lost),
    case erlang:convert_time_unit(Duration, native, millisecond) of
        Ms when Ms >= 0, Ms =< SinceLoss -> ok;
        Ms -> error({told_ms, Ms, since_loss_ms, SinceLoss})
    end.

-spec a_connection_that_outlives_the_program_is_not_reported_again([term()]) -> ok.
a_connection_that_outlives_the_program_is_not_reported_again(Config) ->
    [A, B] = beams(Config, 2),
    ok = load_telemetry(A),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    Peer = test_beam:name(B),
    _ = await_one(A, [connect_node, ok], #{node => Peer}),
    ok = test_wait:equals("the cluster is complete", 1, fun() -> times_complete(A) end),
    Before = times_complete(A),
    ok = test_command:signal("KILL", cnodes(A)),
    %% The event after that of the connection: by then it would have been reported.
    ok = test_wait:until("the second program has found the cluster complete",
                         fun() -> case times_complete(A) of
                                      Times when Times > Before -> {done, ok};
                                      Saw -> {wait, Saw}
                                  end
                         end),
    _ = await_one(A, [connect_node, ok], #{node => Peer}),
    %% A connection that is made again is reported again.
    ok = test_beam:drop_connection(A, Peer),
    test_wait:equals("the second connection is reported", 2, fun() -> length(reported(A, [connect_node, ok], #{node => Peer})) end).

%% The log leaves out the lines after the fourth connection.
-spec each_connection_of_a_peer_that_flaps_is_reported([term()]) -> ok.
each_connection_of_a_peer_that_flaps_is_reported(Config) ->
    [A, B] = beams(Config, 2),
    ok = load_telemetry(A),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    Peer = test_beam:name(B),
    _ = await_one(A, [connect_node, ok], #{node => Peer}),
    [begin
         ok = test_beam:drop_connection(A, Peer),
         test_wait:equals("it is reported again", Connections,
                          fun() -> length(reported(A, [connect_node, ok], #{node => Peer})) end)
     end || Connections <- lists:seq(2, 7)],
    true = length([Line || {log, _, <<"rancher_cnode peer_connected", _/binary>> = Line} <- noted(A)]) < 7,
    ok.

-spec each_change_of_a_peer_is_one_event([term()]) -> ok.
each_change_of_a_peer_is_one_event(Config) ->
    [A, B] = beams(Config, 2),
    ok = load_telemetry(A),
    Peer = test_beam:name(B),
    true = test_beam:call(A, net_kernel, connect_node, [Peer]),
    Gone = list_to_atom("myapp@" ++ test_host:vanishing_address()),
    Table = [{Peer, [], [peer_listed], []},
             {Peer, [], [peer_listed, peer_connected], [{connect_node, ok}]},
             {Peer, [], [peer_connected, peer_listed, peer_connected], [{connect_node, ok}]},
             {Peer, [Peer], [peer_connected], []},
             {Peer, [], [peer_connected, peer_lost, peer_connected], [{connect_node, ok}, {connect_node, ok}]},
             {Peer, [], [peer_connected, node_down, peer_connected], [{connect_node, ok}, {connect_node, ok}]},
             {Peer, [], [peer_unreachable], [{connect_node, error}]},
             {Peer, [Peer], [peer_departed, node_down], [{disconnect_node, ok}]},
             {Peer, [Peer], [peer_departed, node_down, node_down], [{disconnect_node, ok}]},
             {Peer, [Peer], [peer_departed, peer_listed, node_down], []},
             {Peer, [Peer], [peer_departed, peer_listed, peer_connected], []},
             {Peer, [Peer], [peer_departed, peer_lost, node_down], [{disconnect_node, ok}]},
             {Peer, [Peer], [peer_departed, departed_peer_connected], [{disconnect_node, error}]},
             {Gone, [Gone], [peer_departed, node_down], []},
             {Peer, [], [node_down, peer_lost, an_event_of_the_future], []}],
    Wrong = [{Row, Saw} || {Node, Connected, Steps, Expected} = Row <- Table,
                           Saw <- [[Event || {Event, _, _} <- executed(A, Node, Connected, Steps)]], Saw =/= Expected],
    [] = Wrong,
    ok.

-spec a_connection_is_timed_by_the_program([term()]) -> ok.
a_connection_is_timed_by_the_program(Config) ->
    [A] = beams(Config, 1),
    ok = load_telemetry(A),
    Native = test_beam:call(A, erlang, convert_time_unit, [12, millisecond, native]),
    [{{connect_node, ok}, Native, _}] = executed(A, a@b, [], [{peer_connected, #{took_ms => 12}}]),
    [{{connect_node, ok}, 0, _}] = executed(A, a@b, [], [peer_connected]),
    ok.

-spec a_failure_is_timed_from_when_the_peer_was_listed([term()]) -> ok.
a_failure_is_timed_from_when_the_peer_was_listed(Config) ->
    [A] = beams(Config, 1),
    ok = load_telemetry(A),
    [{{connect_node, error}, Duration, Reason}] = executed(A, a@b, [], [peer_listed, peer_unreachable]),
    true = Duration > 0,
    [{{connect_node, error}, 0, Reason}] = executed(A, a@b, [], [peer_unreachable]),
    #{reason := unreachable, node := a@b, topology := rancher} = Reason,
    ok.

-spec without_telemetry_nothing_is_executed([term()]) -> ok.
without_telemetry_nothing_is_executed(Config) ->
    [A, _] = beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    %% The event after that of the connection: by then one of telemetry would have been executed.
    ok = test_wait:until("the cluster is complete",
                         fun() -> case times_complete(A) of 0 -> {wait, noted(A)}; _ -> {done, ok} end end),
    [] = [Event || {telemetry, Event, _, _} <- noted(A)],
    ok.

%% -- helpers

%% The events that come of these steps of a node, without any program, where Connected were connected before.
executed(Beam, Node, Connected, Steps) ->
    Before = length(noted(Beam)),
    _ = lists:foldl(fun(Step, State) -> step(Beam, Node, Step, State) end,
                    test_beam:call(Beam, rancher_cnode_telemetry, new, [rancher, Connected]), Steps),
    [{{Name, Result}, Duration, Metadata}
     || {telemetry, [libcluster, Name, Result], #{duration := Duration}, Metadata}
            <- lists:nthtail(Before, noted(Beam))].

step(Beam, Node, node_down, State) ->
    test_beam:call(Beam, rancher_cnode_telemetry, node_down, [Node, State]);
step(Beam, Node, {Event, Fields}, State) ->
    Typed = #{event => Event, fields => Fields#{peer => atom_to_binary(Node)}},
    test_beam:call(Beam, rancher_cnode_telemetry, observe, [Typed, State]);
step(Beam, Node, Event, State) ->
    step(Beam, Node, {Event, #{}}, State).

%% The duration of the one event of this name, once it has come.
await_one(Beam, Name, Metadata) ->
    test_wait:until("one event " ++ lists:flatten(io_lib:format("~p", [Name])),
                    fun() -> case reported(Beam, Name, Metadata) of
                                 [Duration] -> {done, Duration};
                                 _ -> {wait, noted(Beam)}
                             end
                    end).

reported(Beam, Name, Metadata) ->
    Expected = Metadata#{topology => rancher_cnode},
    [Duration || {telemetry, [libcluster | N], #{duration := Duration}, M} <- noted(Beam), N =:= Name, M =:= Expected].

times_complete(Beam) ->
    length([complete || {log, info, <<"rancher_cnode cluster_completed", _/binary>>} <- noted(Beam)]).

ms_since(Then) ->
    erlang:convert_time_unit(erlang:monotonic_time() - Then, native, millisecond).
