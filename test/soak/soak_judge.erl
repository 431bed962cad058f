%% The judge of a chaos run. Pure. A connection between two BEAMs counts as lost needlessly if nothing had happened to
%% either of their containers for ?QUIET_US before.
-module(soak_judge).

-export([losses/4, all_losses/1]).
-export_type([touch/0, down/0, seen/0, loss/0]).

%% All times are microseconds of os:perf_counter/1.
%% Something happened to a node between from and to.
-type touch() :: #{node := node(), kind := atom(), from := integer(), to := integer() | ongoing}.
%% A BEAM reported that it lost a connection.
-type down() :: #{at := integer(), node := node(), other := node(), reason := term()}.
%% What a BEAM's `global` logged of another node.
-type seen() :: #{at := integer(), node := node(), other := node()}.
%% {global, Kind, Node}: OTP's own doing, after that happened to a third node. {unexplained, Reasons}: anything else.
-type cause() :: {global, atom(), node()} | {unexplained, [term()]}.
-type loss() :: #{at := integer(), pair := [node()], cause := cause()}.

-define(QUIET_US, 20000000).
%% Both ends of a connection, and the line in the log, report its loss within this time.
-define(SAME_US, 3000000).
%% A loss may cause others for this long, by global's messages and the connections made meanwhile.
-define(TRAIL_US, 20000000).

%% The connections lost between two untouched nodes, oldest first. Cuts: `global` cut the other off "to prevent overlapping
%% partitions". Unreachable: it failed to connect the other, and reports it as lost although it never had it.
-spec losses([down()], [seen()], [seen()], [touch()]) -> [loss()].
losses(Downs, Cuts, Unreachable, Touches) ->
    Lost = [Loss || #{at := At, pair := Pair} = Loss <- all_losses(Downs),
                    not lists:any(fun(Touch) -> touches(Touch, Pair, At) end, Touches)],
    Trail = Downs ++ Unreachable,
    lists:reverse(lists:foldl(fun(Loss, Before) -> [cause(Loss, Before, Trail, Cuts, Touches) | Before] end, [], Lost)).

%% All connections that were lost, each once although both ends report it.
-spec all_losses([down()]) -> [#{at := integer(), pair := [node()], reasons := [term()]}].
all_losses(Downs) ->
    Sorted = lists:sort(fun(#{at := A}, #{at := B}) -> A =< B end, Downs),
    lists:reverse(lists:foldl(fun join/2, [], Sorted)).

join(#{at := At, node := Node, other := Other, reason := Reason}, Losses) ->
    Pair = lists:sort([Node, Other]),
    case lists:search(fun(#{pair := P}) -> P =:= Pair end, Losses) of
        {value, #{at := First, reasons := Reasons, ends := [End]} = Loss}
          when At - First =< ?SAME_US, End =/= Node ->
            [Loss#{reasons := lists:usort([Reason | Reasons]), ends := [Node, End]} | lists:delete(Loss, Losses)];
        _ ->
            [#{at => At, pair => Pair, reasons => [Reason], ends => [Node]} | Losses]
    end.

touches(#{node := Node, from := From, to := To}, Pair, At) ->
    lists:member(Node, Pair) andalso near(From, To, At).

near(From, To, At) ->
    From =< At + ?SAME_US andalso (To =:= ongoing orelse To >= At - ?QUIET_US).

cause(#{at := At, pair := Pair, reasons := Reasons}, Before, Trail, Cuts, Touches) ->
    Loss = #{at => At, pair => Pair},
    Roots = [{From, Kind, Node} || #{node := Node, kind := Kind, from := From, to := To} <- Touches,
                                   near(From, To, At), left_a_trail(Node, At, Trail)],
    Inherited = [Cause || #{at := Earlier, cause := {global, _, _} = Cause} <- Before, At - Earlier =< ?TRAIL_US],
    case {was_cut(Pair, At, Cuts), lists:reverse(lists:sort(Roots)), Inherited} of
        {false, _, _} -> Loss#{cause => {unexplained, Reasons}};
        {true, [{_, Kind, Node} | _], _} -> Loss#{cause => {global, Kind, Node}};
        {true, [], [Cause | _]} -> Loss#{cause => Cause};
        {true, [], []} -> Loss#{cause => {unexplained, [global | Reasons]}}
    end.

was_cut(Pair, At, Cuts) ->
    lists:any(fun(#{at := When, node := Node, other := Other}) ->
                      abs(When - At) =< ?SAME_US andalso lists:sort([Node, Other]) =:= Pair
              end,
              Cuts).

left_a_trail(Third, At, Trail) ->
    lists:any(fun(#{at := When, node := Node, other := Other}) ->
                      When =< At + ?SAME_US andalso When >= At - ?TRAIL_US andalso
                          (Node =:= Third orelse Other =:= Third)
              end,
              Trail).
