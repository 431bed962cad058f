%% @private
%% Executes the telemetry events of libcluster 3.x, with its names and formats, if the application telemetry is loaded.
%% Every measurement has a duration, as libcluster's handlers require. Keeps the state of each peer and its start time.
-module(rancher_cnode_telemetry).

-export([new/2, observe/2, node_down/2]).
-export_type([state/0]).

-type state() :: #{topology := atom(), since := #{node() => {listed | connected | lost | departed, integer()}}}.

%% Connected: the nodes that are already connected. A restarted program reports their connections again.
-spec new(atom(), [node()]) -> state().
new(Topology, Connected) ->
    lists:foldl(fun(Node, State) -> now_is(connected, Node, State) end, #{topology => Topology, since => #{}}, Connected).

%% Takes an event of the C-node.
-spec observe(rancher_cnode:event(), state()) -> state().
observe(#{event := Event, fields := #{peer := Peer} = Fields}, State) ->
    case application:get_key(telemetry, vsn) of
        {ok, _} -> peer_event(Event, binary_to_atom(Peer, utf8), Fields, State);
        undefined -> State
    end;
observe(_Other, State) ->
    State.

%% A connection is lost. For a departed peer the duration is the time since it departed; for a peer it will be made again.
-spec node_down(node(), state()) -> state().
node_down(Node, #{since := Since} = State) ->
    case Since of
        #{Node := {departed, _}} ->
            ok = execute([disconnect_node, ok], duration(Node, State), #{}, Node, State),
            forget(Node, State);
        #{Node := _} ->
            now_is(lost, Node, State);
        #{} ->
            State
    end.

peer_event(peer_listed, Node, _Fields, #{since := Since} = State) ->
    case Since of
        #{Node := {connected, _}} -> State;
        %% It is no longer departed, and still connected.
        #{Node := {departed, _}} -> now_is(connected, Node, State);
        #{} -> now_is(listed, Node, State)
    end;
peer_event(peer_connected, Node, Fields, #{since := Since} = State) ->
    case Since of
        #{Node := {connected, _}} ->
            State;
        #{} ->
            Took = maps:get(took_ms, Fields, 0),
            ok = execute([connect_node, ok], erlang:convert_time_unit(Took, millisecond, native), #{}, Node, State),
            now_is(connected, Node, State)
    end;
%% The connection was lost before the event about it came.
peer_event(peer_lost, Node, _Fields, #{since := Since} = State) ->
    case Since of
        #{Node := {connected, _}} -> now_is(lost, Node, State);
        #{} -> State
    end;
peer_event(peer_unreachable, Node, _Fields, State) ->
    ok = execute([connect_node, error], duration(Node, State), #{reason => unreachable}, Node, State),
    State;
peer_event(peer_departed, Node, _Fields, State) ->
    case lists:member(Node, nodes()) of
        true -> now_is(departed, Node, State);
        false -> forget(Node, State)
    end;
peer_event(departed_peer_connected, Node, _Fields, State) ->
    ok = execute([disconnect_node, error], duration(Node, State), #{reason => failed}, Node, State),
    State;
peer_event(_Other, _Node, _Fields, State) ->
    State.

now_is(What, Node, #{since := Since} = State) ->
    State#{since := Since#{Node => {What, erlang:monotonic_time()}}}.

forget(Node, #{since := Since} = State) ->
    State#{since := maps:remove(Node, Since)}.

duration(Node, #{since := Since}) ->
    case Since of
        #{Node := {_, At}} -> erlang:monotonic_time() - At;
        #{} -> 0
    end.

execute(Name, Duration, Reason, Node, #{topology := Topology}) ->
    telemetry:execute([libcluster | Name], #{duration => Duration}, Reason#{node => Node, topology => Topology}).
