%% Takes a BEAM that was away into its cluster again, each of the others by itself, as C-nodes would that knew how. What is
%% done is done over standard output, so nothing but the BEAMs' own connections plays a part.
-module(dialling_by_hand).

-export([ways/0, start/3, stop/1]).
-export_type([way/0]).

%% at_once: whoever does not see it dials it. when_unlisted: once it does not list the one that dials.
%% when_none_listed: once it lists none of those that do not see it.
%% disconnect_each: if it lists the one that dials, that one has it call global:disconnect/0 first; each by itself.
%% disconnect_first: the first that reaches it has it call global:disconnect/0 whatever it lists; then all dial.
%% disconnect_then_none: as disconnect_each, and then it waits until none of those that do not see it is listed.
-type way() :: at_once | when_unlisted | when_none_listed | disconnect_each | disconnect_first |
                 disconnect_then_none.

-define(PAUSE_MS, 250).
-define(CALL_MS, 5000).

-spec ways() -> [way()].
ways() ->
    [at_once, when_unlisted, when_none_listed, disconnect_each, disconnect_first, disconnect_then_none].

%% One process for each of Others; none where somebody else dials.
-spec start(way() | c_nodes | nobody, test_beam:beam(), [test_beam:beam()]) -> [pid()].
start(Way, One, Others) ->
    case lists:member(Way, ways()) of
        true -> Turn = atomics:new(1, []),
                [spawn(fun() -> dial({Way, Turn}, One, Other, Others) end) || Other <- Others];
        false -> []
    end.

-spec stop([pid()]) -> ok.
stop(Hands) ->
    Monitors = [monitor(process, Hand) || Hand <- Hands],
    [exit(Hand, kill) || Hand <- Hands],
    [receive {'DOWN', Monitor, process, _, _} -> ok end || Monitor <- Monitors],
    ok.

dial(Way, One, Own, Others) ->
    case sees(Own, One) orelse not ready(Way, One, Own, Others) of
        true -> ok;
        false -> test_beam:call(Own, net_kernel, connect_node, [test_beam:name(One)])
    end,
    %% Also mends what the others lost among one another, as C-nodes do.
    [test_beam:call(Own, net_kernel, connect_node, [test_beam:name(Other)])
     || Other <- Others, Other =/= Own, not sees(Own, Other)],
    timer:sleep(?PAUSE_MS),
    dial(Way, One, Own, Others).

ready({at_once, _}, _One, _Own, _Others) ->
    true;
ready({when_unlisted, _}, One, Own, _Others) ->
    not sees(One, Own);
ready({when_none_listed, _}, One, _Own, Others) ->
    stale(One, Others) =:= [];
ready({disconnect_each, _}, One, Own, _Others) ->
    not sees(One, Own) orelse disconnect(One);
ready({disconnect_first, Turn}, One, _Own, _Others) ->
    case atomics:compare_exchange(Turn, 1, 0, 1) of
        ok -> disconnect(One) andalso atomics:exchange(Turn, 1, 2) =:= 1;
        Done -> Done =:= 2
    end;
ready({disconnect_then_none, _}, One, Own, Others) ->
    (not sees(One, Own) orelse disconnect(One)) andalso stale(One, Others) =:= [].

disconnect(One) ->
    is_list(test_beam:call(One, global, disconnect, [], ?CALL_MS)).

%% Those that it lists although they do not see it.
stale(One, Others) ->
    Listed = test_beam:visible_nodes(One),
    [Other || Other <- Others, lists:member(test_beam:name(Other), Listed), not sees(Other, One)].

sees(Beam, Other) ->
    lists:member(test_beam:name(Other), test_beam:visible_nodes(Beam)).
