%% @private
%% The events that libcluster 3.x executes, under its names and in its shapes, where the application telemetry is
%% loaded. Pure bookkeeping beside that: which peers are leaving, and since when.
-module(rancher_cnode_telemetry).

-export([new/1, observe/2, node_down/2]).
-export_type([state/0]).

-type state() :: #{topology := atom(), leaving := #{node() => integer()}}.

-spec new(atom()) -> state().
new(Topology) ->
    #{topology => Topology, leaving => #{}}.

%% The program has told something.
-spec observe(rancher_cnode_log:entry(), state()) -> state().
observe(#{event := Event, fields := #{<<"peer">> := Peer} = Fields}, State) ->
    case application:get_key(telemetry, vsn) of
        {ok, _} -> peer_event(Event, binary_to_atom(Peer), Fields, State);
        undefined -> State
    end;
observe(_Entry, State) ->
    State.

%% A leaver's link has gone: it took as long as it took since it was known to leave.
-spec node_down(node(), state()) -> state().
node_down(Node, #{leaving := Leaving} = State) ->
    case maps:take(Node, Leaving) of
        {Since, Others} ->
            ok = execute([disconnect_node, ok], #{duration => erlang:monotonic_time() - Since}, of_peer(Node, State)),
            State#{leaving := Others};
        error ->
            State
    end.

peer_event(<<"peer_linked">>, Node, Fields, State) ->
    Took = binary_to_integer(maps:get(<<"took_ms">>, Fields, <<"0">>)),
    Duration = erlang:convert_time_unit(Took, millisecond, native),
    ok = execute([connect_node, ok], #{duration => Duration}, of_peer(Node, State)),
    State;
peer_event(<<"peer_unreachable">>, Node, _Fields, State) ->
    ok = execute([connect_node, error], #{}, (of_peer(Node, State))#{reason => unreachable}),
    State;
peer_event(<<"peer_left">>, Node, _Fields, #{leaving := Leaving} = State) ->
    case lists:member(Node, nodes()) of
        true -> State#{leaving := Leaving#{Node => erlang:monotonic_time()}};
        false -> State
    end;
peer_event(<<"peer_does_not_leave">>, Node, _Fields, State) ->
    ok = execute([disconnect_node, error], #{}, (of_peer(Node, State))#{reason => failed}),
    State;
peer_event(_Other, _Node, _Fields, State) ->
    State.

of_peer(Node, #{topology := Topology}) ->
    #{node => Node, topology => Topology}.

execute(Name, Measurements, Metadata) ->
    telemetry:execute([libcluster | Name], Measurements, Metadata).
