%% @private
%% The events that libcluster 3.x executes, under its names and in its shapes, where the application telemetry is
%% loaded. Every measurement is a duration: libcluster's handlers count on it. Pure bookkeeping beside that: what is known
%% of a peer, and since when.
-module(rancher_cnode_telemetry).

-export([new/2, observe/2, node_down/2]).
-export_type([state/0]).

-type state() :: #{topology := atom(), since := #{node() => {listed | linked | lost | departed, integer()}}}.

%% Links is who is linked already: a program that is started again tells of those links once more.
-spec new(atom(), [node()]) -> state().
new(Topology, Links) ->
    lists:foldl(fun(Node, State) -> now_is(linked, Node, State) end, #{topology => Topology, since => #{}}, Links).

%% The program has told something.
-spec observe(rancher_cnode_log:entry(), state()) -> state().
observe(#{event := Event, fields := #{<<"peer">> := Peer} = Fields}, State) ->
    case application:get_key(telemetry, vsn) of
        {ok, _} -> peer_event(Event, binary_to_atom(Peer, utf8), Fields, State);
        undefined -> State
    end;
observe(_Entry, State) ->
    State.

%% A connection has gone. A departed peer's took as long as it took since it was known to have departed; a peer's is to
%% be made again.
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

peer_event(<<"peer_listed">>, Node, _Fields, #{since := Since} = State) ->
    case Since of
        #{Node := {linked, _}} -> State;
        %% It has not departed any more, and is still connected.
        #{Node := {departed, _}} -> now_is(linked, Node, State);
        #{} -> now_is(listed, Node, State)
    end;
peer_event(<<"peer_connected">>, Node, Fields, #{since := Since} = State) ->
    case Since of
        #{Node := {linked, _}} ->
            State;
        #{} ->
            Took = binary_to_integer(maps:get(<<"took_ms">>, Fields, <<"0">>)),
            ok = execute([connect_node, ok], erlang:convert_time_unit(Took, millisecond, native), #{}, Node, State),
            now_is(linked, Node, State)
    end;
%% The link came and went before the program's word of its coming was read.
peer_event(<<"peer_lost">>, Node, _Fields, #{since := Since} = State) ->
    case Since of
        #{Node := {linked, _}} -> now_is(lost, Node, State);
        #{} -> State
    end;
peer_event(<<"peer_unreachable">>, Node, _Fields, State) ->
    ok = execute([connect_node, error], duration(Node, State), #{reason => unreachable}, Node, State),
    State;
peer_event(<<"peer_departed">>, Node, _Fields, State) ->
    case lists:member(Node, nodes()) of
        true -> now_is(departed, Node, State);
        false -> forget(Node, State)
    end;
peer_event(<<"departed_peer_connected">>, Node, _Fields, State) ->
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
