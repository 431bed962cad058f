%% The run of scripts/soak: containers with BEAMs and C-nodes, the faults of a plan, and the judgement of the reports of the
%% BEAMs. Faults are executed one after the other by one process; a plan's times are counted from the first mesh.
-module(soak).

-export([main/1]).

-define(FORM_MS, 30000).
-define(HEAL_MS, 20000).
%% After a healing: time for what would be lost by it.
-define(STEADY_MS, 4000).
-define(LOOK_MS, 500).
-define(SAMPLE_MS, 5000).

%% Ends the BEAM: status 0 when all judgements passed, else 1.
-spec main([string()]) -> no_return().
main([Minutes, Seed, Mode]) ->
    try run(list_to_integer(Minutes), list_to_integer(Seed), list_to_atom(Mode)) of
        0 -> halt(0);
        _ -> halt(1)
    catch
        Class:Reason:Stack ->
            io:format("failed: ~p ~p~n~p~n0 passed, 1 failed~n", [Class, Reason, Stack]),
            halt(1)
    end.

run(Minutes, Seed, Mode) ->
    Plan = soak_plan:plan(Seed, Minutes, Mode),
    print("~b minutes, seed ~b, ~s faults: ~b of them; ~b containers at first",
        [Minutes, Seed, Mode, length([start || {_, {start, _, _}} <- Plan]), soak_plan:containers()]),
    World = form(soak_world:new(Mode)),
    Began = now_ms(),
    BeganUs = os:perf_counter(microsecond),
    put(began, Began),
    print("the cluster has formed", []),
    {Ended, Heals} = lists:foldl(fun({At, Step}, {W, H}) -> step(Step, H, wait(Began + At, W)) end, {World, []}, Plan),
    Gathered = soak_world:gather_all(soak_world:sample(Ended)),
    soak_table:print(Gathered, lists:reverse(Heals), BeganUs, (now_ms() - Began) / 60000).

form(World) ->
    Slots = lists:seq(1, soak_plan:containers()),
    Added = lists:foldl(fun soak_world:add/2, World, Slots),
    Listed = lists:foldl(fun(Slot, W) -> soak_world:list(Slot, #{}, W) end, Added, Slots),
    Run = lists:foldl(fun(Slot, W) -> soak_world:start_cnode(Slot, soak_world:boot(Slot, formed, W)) end, Listed, Slots),
    Booted = all_booted(Run),
    ok = test_cluster:await_mesh(soak_world:expected(Booted), ?FORM_MS),
    Booted.

step({start, Id, Fault}, Heals, World) ->
    print("~s", [soak_faults:describe(Fault, World)]),
    {soak_faults:start(Id, Fault, World), Heals};
step({undo, Id, Fault}, Heals, World) ->
    {soak_faults:undo(Id, Fault, World), Heals};
step(heal, Heals, World) ->
    {Took, Healed} = heal(now_ms(), all_booted(World)),
    print("all faults undone; healed: ~w ms, ~b containers", [Took, length(soak_world:expected(Healed))]),
    {wait(now_ms() + ?STEADY_MS, Healed), [Took | Heals]}.

%% How long it took until every container that is listed and runs was connected to exactly the others; else what was seen.
heal(Since, World) ->
    Beams = soak_world:expected(World),
    Names = lists:sort([test_beam:name(Beam) || Beam <- Beams]),
    Wrong = [{Name, Names -- [Name | Seen], Seen -- Names}
             || {Name, Seen} <- test_cluster:seen(Beams), lists:sort([Name | Seen]) =/= Names],
    case {Wrong, now_ms() - Since} of
        {[], Took} -> {Took, World};
        {_, Took} when Took > ?HEAL_MS -> {{not_healed, [{lacks_and_has_too_many, W} || W <- Wrong]}, World};
        {_, _} -> heal(Since, wait(now_ms() + ?LOOK_MS div 5, World))
    end.

%% Until then, handles incoming messages.
wait(Until, World) ->
    Left = Until - now_ms(),
    receive
        {booted, Slot, Beam} -> wait(Until, soak_world:booted(Slot, Beam, World))
    after max(0, min(?LOOK_MS, Left)) ->
        Watched = sample(soak_world:watch_cnodes(World)),
        case now_ms() >= Until of
            true -> Watched;
            false -> wait(Until, Watched)
        end
    end.

%% Every ?SAMPLE_MS.
sample(World) ->
    Now = now_ms(),
    case get(sampled) of
        At when is_integer(At), Now - At < ?SAMPLE_MS ->
            World;
        _ ->
            put(sampled, Now),
            soak_world:sample(World)
    end.

all_booted(#{containers := Containers} = World) ->
    case [Slot || #{slot := Slot, beam := booting} <- maps:values(Containers)] of
        [] -> World;
        _ -> all_booted(wait(now_ms() + ?LOOK_MS, World))
    end.

print(Format, Args) ->
    Elapsed = case get(began) of
                  undefined -> 0.0;
                  Began -> (now_ms() - Began) / 1000
              end,
    io:format("~7.1f s  " ++ Format ++ "~n", [Elapsed | Args]).

now_ms() ->
    erlang:monotonic_time(millisecond).
