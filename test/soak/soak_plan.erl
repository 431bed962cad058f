%% The faults of a chaos run, drawn from a seed: pure, so that a seed gives the same plan wherever it runs. Slots stand for
%% containers; the first ?CONTAINERS are there from the start, later ones are added by the plan.
-module(soak_plan).

-export([plan/3, containers/0, is_hard/1]).
-export_type([plan/0, fault/0, slot/0, mode/0]).

-type slot() :: pos_integer().
%% soft: nothing that could cost a connection by itself.
-type mode() :: all | soft.
%% slot is none if no container is affected, all if every one is. number is a random number for the execution of the fault.
%% The fault is undone after ms.
-type fault() :: #{kind := atom(), slot := slot() | all | none, other => slot(), how := term(), ms := pos_integer(),
                   number := non_neg_integer()}.
%% heal: everything is undone by then; wait until the cluster is whole.
-type plan() :: [{Ms :: non_neg_integer(), {start | undo, pos_integer(), fault()} | heal}].

-define(CONTAINERS, 6).
-define(MOST_CONTAINERS, 10).
-define(LEAST_CONTAINERS, 5).
%% A run consists of chapters that end with a healing.
-define(CHAPTER_MS, 120000).
-define(HEAL_MS, 25000).
-define(GAP_MS, 1500).
%% Maximum number of containers that are touched at a time, so that others remain, and how long they are left alone then.
-define(MOST_TOUCHED, 3).
-define(REST_MS, 22000).

-spec containers() -> pos_integer().
containers() ->
    ?CONTAINERS.

-spec plan(integer(), pos_integer(), mode()) -> plan().
plan(Seed, Minutes, Mode) ->
    State = #{random => rand:seed_s(exsss, Seed), mode => Mode, busy => #{}, touched => #{},
              listed => lists:seq(1, ?CONTAINERS), next => ?CONTAINERS + 1, steps => [], id => 1},
    #{steps := Steps} = chapters(0, Minutes * 60000, State),
    lists:sort(fun({A, _}, {B, _}) -> A =< B end, lists:reverse(Steps)).

%% Whether the fault may lose a connection of that container.
-spec is_hard(atom()) -> boolean().
is_hard(Kind) ->
    lists:keymember(Kind, 2, hard()).

soft() ->
    [{4, metadata}, {2, old_snapshot}, {2, reload}, {2, epmd_killed}, {2, cnode_killed}, {2, cnode_suspended},
     {2, label}, {3, added}, {3, inbound}, {3, callers}].

hard() ->
    [{3, beam_killed}, {3, beam_suspended}, {3, cut_off}, {2, dropped}, {3, removed}, {3, replaced}].

chapters(Begin, End, State) when Begin >= End ->
    State;
chapters(Begin, End, State) ->
    Heal = min(Begin + ?CHAPTER_MS, End),
    #{steps := Steps} = Filled = fill(Begin + 500, Heal - ?HEAL_MS, State),
    chapters(Heal, End, Filled#{steps := [{Heal - ?HEAL_MS + 1, heal} | Steps]}).

fill(Now, End, State) when Now >= End ->
    State;
fill(Now, End, #{mode := Mode} = State) ->
    {Kind, S1} = weighted(soft() ++ [Hard || Mode =:= all, Hard <- hard()], State),
    S2 = add(Kind, Now, End, S1),
    {Gap, S3} = between(200, 2 * ?GAP_MS - 200, S2),
    fill(Now + Gap, End, S3).

add(Kind, Now, End, State) ->
    {How, {Least, Most}, S1} = how(Kind, State),
    {Ms, S2} = between(Least, Most, S1),
    {Number, S3} = between(0, 999999, S2),
    case slot(Kind, How, Now, S3) of
        {none_free, S4} ->
            S4;
        {Slots, S4} ->
            Fault = maps:merge(#{kind => Kind, how => How, ms => min(Ms, max(1, End - Now)), number => Number}, Slots),
            enter(Now, Fault, S4)
    end.

enter(Now, #{kind := Kind, ms := Ms} = Fault, #{steps := Steps, id := Id, busy := Busy, touched := Touched} = State) ->
    Over = Now + Ms,
    Entered = State#{steps := [{Over, {undo, Id, Fault}}, {Now, {start, Id, Fault}} | Steps], id := Id + 1,
                     busy := maps:merge(Busy, maps:from_keys(keys(Fault, State), Over + rest(Kind))),
                     touched := case is_hard(Kind) of
                                    true -> maps:merge(Touched, maps:from_keys(slots(Fault), Over + ?REST_MS));
                                    false -> Touched
                                end},
    members(Fault, Entered).

%% Who is listed after the fault, as far as later faults are concerned.
members(#{kind := added}, #{listed := Listed, next := Next} = State) ->
    State#{listed := Listed ++ [Next], next := Next + 1};
members(#{kind := removed, slot := Slot}, #{listed := Listed} = State) ->
    State#{listed := lists:delete(Slot, Listed)};
members(_Fault, State) ->
    State.

%% -- the faults: kind and duration

how(metadata, State) ->
    one_of([{refuse, {1000, 12000}}, {hang, {1000, 12000}}, {unloaded, {500, 8000}}, {empty_list, {1000, 15000}},
            {null_list, {1000, 15000}}, {not_found, {1000, 8000}}, {server_error, {1000, 8000}},
            {half_json, {1000, 8000}}, {half_joined, {1000, 15000}}, {html, {1000, 8000}}, {truncated, {1000, 8000}}],
           State);
how(old_snapshot, State) ->
    one_of([{one, {3000, 25000}}, {every, {1000, 6000}}], State);
how(cnode_killed, State) ->
    one_of([{"KILL", {200, 3000}}, {"TERM", {200, 3000}}], State);
how(cnode_suspended, State) ->
    one_of([{"STOP", {1000, 20000}}], State);
how(epmd_killed, State) ->
    one_of([{"KILL", {500, 10000}}], State);
how(label, State) ->
    one_of([{starting, {1000, 15000}}, {stopped, {1000, 15000}}, {unhealthy, {1000, 15000}},
            {without_address, {500, 5000}}], State);
how(added, State) ->
    one_of([{boots_first, {1000, 4000}}, {listed_first, {500, 4000}}, {starting, {1000, 6000}},
            {starting_without_address, {1000, 6000}}], State);
how(inbound, State) ->
    one_of([{beam, {500, 1000}}, {cnode, {500, 5000}}, {epmd, {500, 5000}}], State);
how(beam_suspended, State) ->
    one_of([{"STOP", {2000, 14000}}], State);
how(cut_off, State) ->
    one_of([{bridge_port, {2000, 14000}}], State);
how(removed, State) ->
    one_of([{stopped_first, {500, 5000}}, {unlisted_first, {18000, 30000}}], State);
how(replaced, State) ->
    one_of([{new_container, {300, 4000}}, {same_container, {300, 4000}}], State);
how(_Kind, State) ->
    one_of([{plain, {300, 3000}}], State).

%% -- the affected containers

slot(reload, _How, _Now, State) ->
    {#{slot => none}, State};
slot(callers, _How, _Now, State) ->
    one_slot(maps:get(listed, State), State);
slot(inbound, _How, _Now, State) ->
    one_slot(maps:get(listed, State), State);
slot(Kind, How, Now, #{listed := Listed} = State) when Kind =:= metadata; Kind =:= old_snapshot ->
    {Share, S1} = between(1, 4, State),
    Free = [Slot || Slot <- Listed, free({metadata, Slot}, Now, S1)],
    case How =:= every orelse (How =/= one andalso Share =:= 1) of
        true when Free =:= Listed -> {#{slot => all}, S1};
        true -> {none_free, S1};
        false -> one_slot(Free, S1)
    end;
slot(added, _How, _Now, #{listed := Listed, next := Next} = State) ->
    case length(Listed) < ?MOST_CONTAINERS of
        true -> {#{slot => Next}, State};
        false -> {none_free, State}
    end;
slot(Kind, _How, Now, #{listed := Listed, touched := Touched} = State) ->
    Free = [Slot || Slot <- Listed, free(Slot, Now, State)],
    Wanted = case Kind of
                 dropped -> 2;
                 _ -> 1
             end,
    Room = ?MOST_TOUCHED - length([Slot || {Slot, Until} <- maps:to_list(Touched), Until > Now]),
    Refused = length(Free) < Wanted orelse (is_hard(Kind) andalso Room < Wanted)
        orelse (Kind =:= removed andalso length(Listed) =< ?LEAST_CONTAINERS),
    case Refused of
        true -> {none_free, State};
        false when Wanted =:= 1 -> one_slot(Free, State);
        false -> two_slots(Free, State)
    end.

%% The part that is busy meanwhile: a container, or its metadata.
keys(#{kind := Kind, slot := all}, #{listed := Listed}) when Kind =:= metadata; Kind =:= old_snapshot ->
    [{metadata, Slot} || Slot <- Listed];
keys(#{kind := Kind, slot := Slot}, _State) when Kind =:= metadata; Kind =:= old_snapshot ->
    [{metadata, Slot}];
keys(#{kind := Kind}, _State) when Kind =:= reload; Kind =:= callers; Kind =:= inbound ->
    [];
keys(Fault, _State) ->
    slots(Fault).

slots(#{slot := Slot, other := Other}) -> [Slot, Other];
slots(#{slot := Slot}) -> [Slot].

%% A container that boots takes its time on a busy machine.
rest(added) -> 10000;
rest(Kind) when Kind =:= beam_killed; Kind =:= replaced -> ?REST_MS;
%% Time for a read, so that consecutive wrong lists are no continuous evidence.
rest(Kind) when Kind =:= metadata; Kind =:= old_snapshot -> 4000;
rest(_Kind) -> 1000.

free(Key, Now, #{busy := Busy}) ->
    maps:get(Key, Busy, 0) =< Now.

%% -- random numbers

one_slot([], State) ->
    {none_free, State};
one_slot(Slots, State) ->
    {Slot, Drawn} = draw(Slots, State),
    {#{slot => Slot}, Drawn}.

two_slots(Slots, State) ->
    {Slot, S1} = draw(Slots, State),
    {Other, S2} = draw(lists:delete(Slot, Slots), S1),
    {#{slot => Slot, other => Other}, S2}.

one_of(Ways, State) ->
    {{How, Range}, Drawn} = draw(Ways, State),
    {How, Range, Drawn}.

weighted(Weighted, State) ->
    draw(lists:append([lists:duplicate(Weight, Item) || {Weight, Item} <- Weighted]), State).

draw(List, State) ->
    {Index, Drawn} = between(1, length(List), State),
    {lists:nth(Index, List), Drawn}.

between(Least, Most, #{random := Random} = State) ->
    {Number, Next} = rand:uniform_s(Most - Least + 1, Random),
    {Least + Number - 1, State#{random := Next}}.
