%% What bench/healing prints: how many connections the others lose while one is taken in again, or a newcomer for the
%% first time. A connection counts once for each of its two ends that reported it lost, so four BEAMs can lose 12 a round.
-module(healing_bench).

-export([main/1]).

-define(HOSTS, 5).
%% How long one is away, in parts of net_ticktime.
-define(CUT_OFF, 7 / 8).
-define(SUSPENDED, 3 / 2).
%% From the return until the round is judged: more than net_ticktime and its quarter, so that no loss comes later.
-define(WATCH, 7 / 4).
-define(NEWCOMER_MS, 14000).
%% The member has no epmd for so long.
-define(NO_EPMD_MS, 5000).
%% What a probe has found counts for half a second.
-define(PROBED_MS, 1000).
%% global is done with a mesh by then.
-define(SETTLE_MS, 4000).
-define(FORM_MS, 60000).
-define(PAUSE_MS, 50).

-type away() :: fun((test_beam:beam(), away | back) -> ok).
-type result() :: #{lost := non_neg_integer(), own := non_neg_integer(), healed_ms := non_neg_integer() | never}.

%% Ends the BEAM: status 0, or 1 if a round failed.
-spec main([string()]) -> no_return().
main([What]) ->
    try
        Metadata = metadata_server:start(),
        [ok = measure(Metadata, Figure) || {Verbs, Figure} <- figures(), lists:member(What, Verbs)],
        halt(0)
    catch
        Class:Reason:Stack ->
            io:format("failed: ~p ~p~n~p~n", [Class, Reason, Stack]),
            halt(1)
    end.

%% Each with the verbs that ask for it. `ways` are not among all: they are no figures of the program.
figures() ->
    Away = [{cut_off, "cut off", fun cut_off/2, ticktime_ms(?CUT_OFF)},
            {suspended, "suspended", fun suspended/2, ticktime_ms(?SUSPENDED)}],
    [{["all", "away", verb(How, Dialling)], {describe(Title, Ms) ++ Who, fun(M) -> away_rounds(M, Dialling, Fun, Ms) end}}
     || {How, Title, Fun, Ms} <- Away, {Who, Dialling} <- [{"C-nodes", c_nodes}, {"nobody dials", nobody}]] ++
    [{["all", "epmd", "epmd:" ++ atom_to_list(Order)],
      {"newcomer, " ++ When ++ ", a member has no epmd for 5 s" ++ Title, fun(M) -> newcomer_rounds(M, Order, Args) end}}
     || {When, Order} <- [{"listed, then started", listed_first}, {"listed once it runs", started_first},
                          {"listed once it runs while that C-node is suspended", suspended_cnode}],
        {Title, Args} <- [{"", []}, {", --start-epmd", ["--start-epmd"]}]] ++
    [{["ways", verb(How, Way)], {describe(Title, Ms) ++ atom_to_list(Way), fun(M) -> away_rounds(M, Way, Fun, Ms) end}}
     || {How, Title, Fun, Ms} <- Away, Way <- dialling_by_hand:ways()].

describe(Title, Ms) ->
    lists:flatten(io_lib:format("~s for ~.1f s at net_ticktime ~s, ", [Title, Ms / 1000, ticktime()])).

verb(How, Dialling) ->
    atom_to_list(How) ++ ":" ++ atom_to_list(Dialling).

measure(Metadata, {Title, Rounds}) ->
    Results = Rounds(Metadata),
    Lost = [N || #{lost := N} <- Results],
    Own = [N || #{own := N} <- Results],
    Healed = lists:sort([Ms || #{healed_ms := Ms} <- Results]),
    io:format("~s~n  lost among the others  ~3b of ~w~n  lost by the one itself ~3b of ~w~n"
              "  whole again after ~w ms (~w to ~w)~n",
              [Title, lists:sum(Lost), Lost, lists:sum(Own), Own, lists:nth((length(Healed) + 1) div 2, Healed),
               hd(Healed), lists:last(Healed)]),
    ok.

%% -- one is away and comes back

-spec away_rounds(metadata_server:server(), c_nodes | nobody | dialling_by_hand:way(), away(), pos_integer()) ->
          [result()].
away_rounds(Metadata, Dialling, Away, Ms) ->
    ok = metadata_server:reset(Metadata),
    try
        Hosts = test_cluster:hosts(?HOSTS),
        ok = test_cluster:list(Metadata, Hosts),
        Beams = test_beam:start_all(Hosts, #{args => ["-kernel", "net_ticktime", ticktime()]}),
        [ok = test_beam:call(Beam, logger, set_primary_config, [level, none]) || Beam <- Beams],
        [test_cnode:start_all(Hosts) || Dialling =:= c_nodes],
        [away_round(Beams, Dialling, Away, Ms) || _ <- lists:seq(1, rounds())]
    after
        test_host:remove_all()
    end.

away_round([One | Others] = Beams, Dialling, Away, Ms) ->
    ok = form(Beams, Dialling),
    timer:sleep(?SETTLE_MS),
    Before = length(test_cluster:lost_among(Others)),
    OwnBefore = length(test_beam:downs(One)),
    ok = Away(One, away),
    timer:sleep(Ms),
    ok = Away(One, back),
    Back = now_ms(),
    Hands = dialling_by_hand:start(Dialling, One, Others),
    timer:sleep(ticktime_ms(?WATCH)),
    Healed = healed(Beams, Back + ?FORM_MS, Dialling),
    ok = dialling_by_hand:stop(Hands),
    #{lost => length(test_cluster:lost_among(Others)) - Before,
      own => length(test_beam:downs(One)) - OwnBefore,
      healed_ms => case Healed of
                       true -> max(0, test_cluster:mesh_at(Beams, 1000) div 1000 - Back);
                       false -> never
                   end}.

%% Who was taken away is asked for its connections by standard output, whatever its network is like.
form(Beams, c_nodes) ->
    test_cluster:await_mesh(Beams, ?FORM_MS);
form(Beams, _) ->
    Names = [test_beam:name(Beam) || Beam <- Beams],
    [test_beam:call(Beam, net_kernel, connect_node, [Name]) || Beam <- Beams, Name <- Names -- [test_beam:name(Beam)]],
    test_cluster:await_mesh(Beams, ?FORM_MS).

healed(Beams, Deadline, Dialling) ->
    Whole = lists:all(fun(Row) -> lists:all(fun(Seen) -> Seen end, Row) end, test_cluster:matrix(Beams)),
    case Whole orelse Dialling =:= nobody orelse now_ms() > Deadline of
        true ->
            Whole;
        false ->
            timer:sleep(?PAUSE_MS),
            healed(Beams, Deadline, Dialling)
    end.

cut_off(Beam, away) -> test_host:isolate(test_beam:host(Beam));
cut_off(Beam, back) -> test_host:rejoin(test_beam:host(Beam)).

suspended(Beam, away) -> test_beam:suspend(Beam);
suspended(Beam, back) -> test_beam:resume(Beam).

%% -- a member has no epmd when a newcomer comes

%% Whether the member's own C-node or the newcomer's global is first decides, unless that C-node cannot dial at all.

newcomer_rounds(Metadata, Order, Args) ->
    [newcomer_round(Metadata, Order, Args) || _ <- lists:seq(1, rounds())].

newcomer_round(Metadata, Order, Args) ->
    ok = metadata_server:reset(Metadata),
    try
        #{hosts := [First | _] = Hosts, beams := [Member | Others], cnodes := [Cnode | _]} =
            test_cluster:form(Metadata, ?HOSTS - 1, #{args => Args}),
        Newcomer = test_host:add(),
        Early = [start(Newcomer, Args) || Order =/= listed_first],
        [ok = test_cnode:signal(Cnode, "STOP") || Order =:= suspended_cnode],
        ok = test_host:stop_epmd(First),
        timer:sleep(?PROBED_MS),
        ok = test_cluster:list(Metadata, Hosts ++ [Newcomer]),
        Listed = now_ms(),
        Late = [start(Newcomer, Args) || Order =:= listed_first],
        timer:sleep(?NO_EPMD_MS),
        ok = test_host:start_epmd(First),
        timer:sleep(?NEWCOMER_MS - ?NO_EPMD_MS),
        Beams = [Member | Early ++ Late ++ Others],
        Whole = healed(Beams, 0, nobody),
        #{lost => length(test_cluster:lost_among(Others)),
          own => length(test_beam:downs(Member)),
          healed_ms => case Whole of
                           true -> test_cluster:mesh_at(Beams, 1000) div 1000 - Listed;
                           false -> never
                       end}
    after
        test_host:remove_all()
    end.

start(Host, Args) ->
    Beam = test_beam:start(Host),
    Cnode = test_cnode:start(Host, #{args => Args}),
    _ = test_cnode:await(Cnode, "node_registered"),
    Beam.

ticktime() ->
    os:getenv("NET_TICKTIME", "8").

ticktime_ms(Part) ->
    round(Part * 1000 * list_to_integer(ticktime())).

rounds() ->
    list_to_integer(os:getenv("ROUNDS", "5")).

now_ms() ->
    os:perf_counter(millisecond).
