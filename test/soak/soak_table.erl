%% The result of a chaos run: a table of the observations, and the judgements.
-module(soak_table).

-export([print/4]).

%% Connections that OTP itself may cost the untouched, for each minute.
-define(MOST_COLLATERAL_PER_MINUTE, 30).
%% From one C-node's tenth second to its last sample.
-define(MOST_KIB_MORE, 2048).
-define(MOST_DESCRIPTORS_MORE, 24).
-define(WARM_S, 10).
-define(MOST_CNODE_LINES_PER_MINUTE, 120).
-define(MOST_BEAM_LINES_PER_MINUTE, 30).
-define(SHOWN, 8).

%% Returns how many judgements failed. Began in microseconds of os:perf_counter/1.
-spec print(soak_world:world(), [non_neg_integer() | term()], integer(), float()) -> non_neg_integer().
print(World, Heals, Began, Minutes) ->
    Judgements = lists:append([lost(World, Began, Minutes), healed(Heals), ended(World), flat(World), lines(World, Minutes)]),
    io:format("~n"),
    [io:format("~-7s ~-58s ~ts~n", [Result, Title, Text]) || {Result, Title, Text} <- Judgements],
    calls(World),
    departed(World),
    Failed = length([failed || {failed, _, _} <- Judgements]),
    io:format("~b passed, ~b failed~n", [length(Judgements) - Failed, Failed]),
    Failed.

%% -- connections

lost(#{mode := Mode, touches := Touches, evidence := Evidence}, Began, Minutes) ->
    #{downs := Downs, cuts := Cuts, unreachable := Unreachable} = Evidence,
    All = soak_judge:all_losses(Downs),
    Losses = soak_judge:losses(Downs, Cuts, Unreachable, maps:values(Touches)),
    Unexplained = [Loss || #{cause := {unexplained, _}} = Loss <- Losses],
    Collateral = Losses -- Unexplained,
    io:format("~nconnections lost: ~b, ~b of them between containers that nothing had happened to~n",
              [length(All), length(Losses)]),
    [io:format("  ~4b after ~s~n", [Count, Kind])
     || {Kind, Count} <- frequent([Kind || #{cause := {global, Kind, _}} <- Collateral])],
    [io:format("  unexplained: ~7.1f s  ~s and ~s, ~w~n", [(At - Began) / 1000000 | Pair] ++ [Reasons])
     || #{at := At, pair := Pair, cause := {_, Reasons}} <- lists:sublist(Unexplained, ?SHOWN)],
    [judge(length(All) =:= 0, "soft faults cost no connection", "~b lost", [length(All)]) || Mode =:= soft] ++
        [judge(Unexplained =:= [], "no untouched connection was lost but by OTP's own doing", "~b",
               [length(Unexplained)]),
         judge(length(Collateral) =< ?MOST_COLLATERAL_PER_MINUTE * Minutes, "OTP's own doing stays in bounds",
               "~b, ~.1f a minute (at most ~b)",
               [length(Collateral), length(Collateral) / Minutes, ?MOST_COLLATERAL_PER_MINUTE])].

healed(Heals) ->
    [judge(is_integer(Heal), "healed within 20 s after the last fault", "~w", [Heal]) || Heal <- Heals].

%% -- C-nodes

ended(#{ended := Ended}) ->
    [judge(Ended =:= [], "no C-node and no BEAM ended by itself", "~p", [Ended])].

flat(#{samples := Samples}) ->
    Growth = maps:values(maps:map(fun(_, OfOne) -> growth(OfOne) end, by_cnode(Samples))),
    Kib = lists:max([0 | [Kib || {Kib, _} <- Growth]]),
    Descriptors = lists:max([0 | [Count || {_, Count} <- Growth]]),
    [judge(Kib =< ?MOST_KIB_MORE, "memory of the C-nodes is flat", "at most ~b KiB more; highest ~b KiB",
           [Kib, lists:max([0 | [K || #{kib := K} <- Samples]])]),
     judge(Descriptors =< ?MOST_DESCRIPTORS_MORE, "descriptors of the C-nodes are flat", "at most ~b more; highest ~b",
           [Descriptors, lists:max([0 | [D || #{descriptors := D} <- Samples]])])].

by_cnode(Samples) ->
    Warm = [Sample || #{age_s := Age} = Sample <- Samples, Age >= ?WARM_S],
    maps:from_list([{Cnode, [S || #{cnode := C} = S <- Warm, C =:= Cnode]} || #{cnode := Cnode} <- Warm]).

growth(OfOne) ->
    Sorted = lists:sort(fun(#{age_s := A}, #{age_s := B}) -> A =< B end, OfOne),
    #{kib := Kib, descriptors := Descriptors} = hd(Sorted),
    #{kib := LastKib, descriptors := LastDescriptors} = lists:last(Sorted),
    {LastKib - Kib, LastDescriptors - Descriptors}.

%% -- what is logged

lines(#{containers := Containers, evidence := #{cnode_lines := CnodeLines, beam_lines := BeamLines}}, Minutes) ->
    Count = map_size(Containers),
    Cnode = length(CnodeLines) / Minutes / Count,
    %% What global writes about itself is counted with the connections.
    Other = [Line || Line <- BeamLines, not is_map_key(cut, Line)],
    Beam = length(Other) / Minutes / Count,
    io:format("~nlines of the C-nodes:~n"),
    frequent_lines([Event || #{event := Event} <- CnodeLines]),
    io:format("lines of the applications, but for global's:~n"),
    frequent_lines([shape(Text) || #{text := Text} <- Other]),
    io:format("~n"),
    [judge(Cnode =< ?MOST_CNODE_LINES_PER_MINUTE, "lines of a C-node", "~.1f a minute (at most ~b)",
           [Cnode, ?MOST_CNODE_LINES_PER_MINUTE]),
     judge(Beam =< ?MOST_BEAM_LINES_PER_MINUTE, "lines of an application, but for global's", "~.1f a minute (at most ~b)",
           [Beam, ?MOST_BEAM_LINES_PER_MINUTE])].

frequent_lines(Items) ->
    [io:format("  ~5b ~ts~n", [Count, Item]) || {Item, Count} <- lists:sublist(frequent(Items), ?SHOWN)].

%% Without the parts that differ from line to line.
shape(Text) ->
    re:replace(Text, "[0-9]+", "N", [global, {return, binary}]).

calls(#{evidence := #{calls := {Answered, Not}}}) ->
    io:format("status calls: ~b answered, ~b not (C-nodes that were suspended or killed)~n", [Answered, Not]).

departed(#{departed := Departed}) ->
    io:format("containers that were unlisted and went on: ~b had left by themselves, ~b were still connected~n",
              [length([left || left <- Departed]), length([stay || still_connected <- Departed])]).

frequent(Items) ->
    Counts = lists:foldl(fun(Item, Map) -> maps:update_with(Item, fun(N) -> N + 1 end, 1, Map) end, #{}, Items),
    lists:reverse(lists:keysort(2, maps:to_list(Counts))).

judge(true, Title, Format, Args) -> {passed, Title, io_lib:format(Format, Args)};
judge(false, Title, Format, Args) -> {failed, Title, io_lib:format(Format, Args)}.
