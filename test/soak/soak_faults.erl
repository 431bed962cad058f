%% Executes the faults of a plan on the containers, and undoes them.
-module(soak_faults).

-export([start/3, undo/3, describe/2]).

-type world() :: soak_world:world().
-type fault() :: soak_plan:fault().

-define(CALL_MS, 5000).
-define(CALLS, 50).

%% Id distinguishes this fault from others of its kind. The affected containers count as touched until it is undone.
-spec start(pos_integer(), fault(), world()) -> world().
start(Id, #{kind := Kind} = Fault, World) ->
    case possible(Fault, World) of
        false -> World;
        true -> do(Fault, touch(soak_plan:is_hard(Kind) orelse Kind =:= added, Id, Fault, World))
    end.

-spec undo(pos_integer(), fault(), world()) -> world().
undo(Id, Fault, World) ->
    case possible(Fault, World) of
        false -> World;
        true -> soak_world:untouched(Id, end_of(Fault, World))
    end.

-spec describe(fault(), world()) -> iolist().
describe(#{kind := Kind, slot := Slot, how := How, ms := Ms} = Fault, World) ->
    Other = case Fault of
                #{other := Second} -> [" and ", address(Second, World)];
                #{} -> ""
            end,
    io_lib:format("~s, ~s: ~s~s, ~.1f s", [Kind, text(How), address(Slot, World), Other, Ms / 1000]).

text(How) when is_atom(How) -> atom_to_list(How);
text(How) -> How.

address(Slot, _World) when is_atom(Slot) ->
    atom_to_list(Slot);
address(Slot, #{containers := Containers}) ->
    case Containers of
        #{Slot := #{host := Host}} -> test_host:address(Host);
        #{} -> "a new container"
    end.

%% A container may have been removed in the meantime.
possible(#{kind := added, slot := Slot}, World) ->
    lists:member(Slot, soak_world:slots(World)) orelse Slot > lists:max(soak_world:slots(World));
possible(#{slot := Slot}, _World) when is_atom(Slot) ->
    true;
possible(#{slot := Slot} = Fault, World) ->
    Slots = soak_world:slots(World),
    lists:member(Slot, Slots) andalso lists:member(maps:get(other, Fault, Slot), Slots).

touch(false, _Id, _Fault, World) ->
    World;
touch(true, Id, #{kind := added, slot := Slot}, World) ->
    soak_world:touch(Id, Slot, added, soak_world:add(Slot, World));
touch(true, Id, #{kind := Kind, slot := Slot} = Fault, World) ->
    lists:foldl(fun(S, W) -> soak_world:touch(Id, S, Kind, W) end, World, [Slot | [O || #{other := O} <- [Fault]]]).

%% -- faults without lasting effect, or undone below

do(#{kind := metadata, slot := Slot, how := Mode}, World) ->
    [ok = metadata_server:misbehave(metadata(S, World), Mode) || S <- of_all(Slot, World)],
    World;
do(#{kind := old_snapshot, slot := Slot, number := Number}, World) ->
    lists:foldl(fun(S, W) -> freeze(S, Slot, Number, W) end, World, of_all(Slot, World));
do(#{kind := reload}, World) ->
    ok = soak_world:reload(World),
    World;
do(#{kind := epmd_killed, slot := Slot}, World) ->
    ok = test_host:stop_epmd(host(Slot, World)),
    World;
do(#{kind := cnode_killed, slot := Slot, how := Signal}, World) ->
    soak_world:end_cnode(Slot, Signal, World);
do(#{kind := cnode_suspended, slot := Slot}, World) ->
    signal_cnode(Slot, "STOP", World);
do(#{kind := label, slot := Slot, how := Label}, World) ->
    soak_world:list(Slot, maps:merge(fields(Slot, World), label(Label)), World);
do(#{kind := inbound, slot := Slot} = Fault, World) ->
    ok = inbound_load:start(host(Slot, World), cnode_name(Slot, World), Fault),
    World;
do(#{kind := callers, slot := Slot}, World) ->
    with_beam(Slot, World, status_caller, start, [cnode_name(Slot, World), ?CALLS]);
do(#{kind := added, slot := Slot, how := boots_first}, World) ->
    run(Slot, added, World);
do(#{kind := added, slot := Slot, how := listed_first}, World) ->
    soak_world:list(Slot, #{}, World);
do(#{kind := added, slot := Slot, how := starting}, World) ->
    run(Slot, added, soak_world:list(Slot, label(starting), World));
do(#{kind := added, slot := Slot, how := starting_without_address}, World) ->
    run(Slot, added, soak_world:list(Slot, maps:merge(label(starting), label(without_address)), World));
do(#{kind := beam_killed, slot := Slot}, World) ->
    soak_world:end_beam(Slot, World);
do(#{kind := beam_suspended, slot := Slot}, World) ->
    [ok = test_beam:suspend(Beam) || {ok, Beam} <- [soak_world:beam(Slot, World)]],
    World;
do(#{kind := cut_off, slot := Slot}, World) ->
    ok = test_host:isolate(host(Slot, World)),
    World;
do(#{kind := dropped, slot := Slot, other := Other}, World) ->
    with_beam(Slot, World, erlang, disconnect_node, [test_host:node_name("myapp", host(Other, World))]);
do(#{kind := removed, slot := Slot, how := stopped_first}, World) ->
    soak_world:kill(Slot, World);
do(#{kind := removed, slot := Slot, how := unlisted_first}, World) ->
    soak_world:unlist(Slot, World);
do(#{kind := replaced, slot := Slot}, World) ->
    soak_world:kill(Slot, World).

end_of(#{kind := metadata, slot := Slot}, World) ->
    [ok = metadata_server:misbehave(metadata(S, World), normal) || S <- of_all(Slot, World)],
    World;
end_of(#{kind := old_snapshot, slot := Slot}, World) ->
    lists:foldl(fun soak_world:thaw/2, World, of_all(Slot, World));
end_of(#{kind := epmd_killed, slot := Slot}, World) ->
    ok = test_host:start_epmd(host(Slot, World)),
    World;
end_of(#{kind := cnode_killed, slot := Slot}, World) ->
    soak_world:start_cnode(Slot, World);
end_of(#{kind := cnode_suspended, slot := Slot}, World) ->
    signal_cnode(Slot, "CONT", World);
end_of(#{kind := label, slot := Slot, how := Label}, World) ->
    soak_world:list(Slot, maps:without(maps:keys(label(Label)), fields(Slot, World)), World);
end_of(#{kind := added, slot := Slot, how := listed_first}, World) ->
    run(Slot, added, World);
end_of(#{kind := added, slot := Slot}, World) ->
    soak_world:list(Slot, #{}, World);
end_of(#{kind := beam_killed, slot := Slot}, World) ->
    soak_world:boot(Slot, beam_killed, World);
end_of(#{kind := beam_suspended, slot := Slot}, World) ->
    [ok = test_beam:resume(Beam) || {ok, Beam} <- [soak_world:beam(Slot, World)]],
    World;
end_of(#{kind := cut_off, slot := Slot}, World) ->
    ok = test_host:rejoin(host(Slot, World)),
    World;
end_of(#{kind := removed, slot := Slot, how := stopped_first}, World) ->
    soak_world:remove(Slot, soak_world:unlist(Slot, World));
end_of(#{kind := removed, slot := Slot, how := unlisted_first}, World) ->
    soak_world:remove(Slot, soak_world:depart(Slot, World));
end_of(#{kind := replaced, slot := Slot, how := new_container, number := Number}, World) ->
    run(Slot, replaced, soak_world:list(Slot, #{uuid => integer_to_binary(Number)}, World));
end_of(#{kind := replaced, slot := Slot, how := same_container}, World) ->
    run(Slot, replaced, soak_world:list(Slot, (fields(Slot, World))#{start_count => 2}, World));
end_of(_Fault, World) ->
    World.

%% -- helpers

run(Slot, Kind, World) ->
    soak_world:start_cnode(Slot, soak_world:boot(Slot, Kind, World)).

label(starting) -> #{state => <<"starting">>};
label(stopped) -> #{state => <<"stopped">>};
label(unhealthy) -> #{health_state => <<"unhealthy">>};
label(without_address) -> #{address => none}.

fields(Slot, #{listing := Listing}) ->
    {Slot, Fields} = lists:keyfind(Slot, 1, Listing),
    Fields.

%% A list of one service alone is wrong about others, never about its own container: that would be a departure.
freeze(Slot, Which, Number, World) ->
    Address = test_host:address(host(Slot, World)),
    Old = [Specs || Specs <- tl(soak_world:history(World)),
                    Which =:= all orelse lists:any(fun(Spec) -> maps:get(address, Spec, none) =:= Address end, Specs)],
    case Old of
        [] -> World;
        _ -> soak_world:freeze(Slot, lists:nth(1 + Number rem length(Old), Old), World)
    end.

of_all(all, World) -> soak_world:slots(World);
of_all(Slot, _World) -> [Slot].

host(Slot, World) ->
    map_get(host, soak_world:container(Slot, World)).

metadata(Slot, World) ->
    map_get(metadata, soak_world:container(Slot, World)).

cnode_name(Slot, World) ->
    case soak_world:container(Slot, World) of
        #{cnode := none} -> nobody;
        #{cnode := Cnode} -> test_cnode:name(Cnode)
    end.

signal_cnode(Slot, Signal, World) ->
    [ok = test_cnode:signal(Cnode, Signal)
     || #{cnode := Cnode} <- [soak_world:container(Slot, World)], Cnode =/= none],
    World.

%% The BEAM may not run at this moment.
with_beam(Slot, World, Module, Function, Args) ->
    case soak_world:beam(Slot, World) of
        {ok, Beam} -> catch test_beam:call(Beam, Module, Function, Args, ?CALL_MS);
        none -> ok
    end,
    World.
