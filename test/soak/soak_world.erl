%% The containers of a chaos run: each a test host with a BEAM, a C-node and a metadata service of its own, which may be
%% wrong by itself. Records which container was affected when, and the reports of the BEAMs and C-nodes of ended containers.
-module(soak_world).

-export([new/1, add/2, remove/2, kill/2, end_beam/2, boot/3, booted/3, container/2, slots/1, beam/2]).
-export([start_cnode/2, end_cnode/3, watch_cnodes/1, sample/1]).
-export([list/3, unlist/2, freeze/3, thaw/2, history/1, reload/1, is_listed/2]).
-export([depart/2, touch/4, untouched/2, gather_all/1, expected/1]).
-export_type([world/0, container/0]).

-type slot() :: soak_plan:slot().
-type container() :: #{slot := slot(), host := test_host:host(), metadata := metadata_server:server(),
                       beam := none | booting | test_beam:beam(), cnode := none | test_cnode:cnode()}.
-type evidence() :: #{downs := [soak_judge:down()], cuts := [soak_judge:seen()],
                      unreachable := [soak_judge:seen()], beam_lines := [beam_log:event()],
                      cnode_lines := [test_cnode:line()], calls := {non_neg_integer(), non_neg_integer()}}.
-type sample() :: #{cnode := pid(), age_s := number(), kib := pos_integer(), descriptors := pos_integer()}.
-type world() :: #{mode := soak_plan:mode(), containers := #{slot() => container()},
                   listing := [{slot(), #{atom() => term()}}], history := [[metadata_world:spec()]],
                   frozen := [slot()], touches := #{term() => soak_judge:touch()}, evidence := evidence(),
                   samples := [sample()], ended := [map()], began := #{pid() => integer()},
                   departed := [left | still_connected]}.

-define(METADATA_PORT, 8000).
-define(CALL_MS, 5000).

-spec new(soak_plan:mode()) -> world().
new(Mode) ->
    #{mode => Mode, containers => #{}, listing => [], history => [], frozen => [], touches => #{}, samples => [],
      ended => [], began => #{}, departed => [],
      evidence => #{downs => [], cuts => [], unreachable => [], beam_lines => [], cnode_lines => [], calls => {0, 0}}}.

%% -- containers

%% A host with its metadata service; nothing runs there yet, and it is not listed.
-spec add(slot(), world()) -> world().
add(Slot, #{containers := Containers, history := History} = World) ->
    Metadata = metadata_server:start({0, 0, 0, 0}, ?METADATA_PORT + Slot),
    [ok = metadata_server:list(Metadata, "Shop", "worker", Specs) || [Specs | _] <- [History]],
    Container = #{slot => Slot, host => test_host:add(), metadata => Metadata, beam => none, cnode => none},
    World#{containers := Containers#{Slot => Container}}.

-spec remove(slot(), world()) -> world().
remove(Slot, World) ->
    #{containers := Containers} = Killed = kill(Slot, World),
    #{Slot := #{host := Host, metadata := Metadata}} = Containers,
    ok = test_host:remove(Host),
    ok = metadata_server:stop(Metadata),
    Killed#{containers := maps:remove(Slot, Containers)}.

%% Everything in the container, its epmd too.
-spec kill(slot(), world()) -> world().
kill(Slot, World) ->
    Ended = end_cnode(Slot, "KILL", end_beam(Slot, World)),
    #{host := Host} = container(Slot, Ended),
    ok = test_host:kill(Host),
    Ended.

%% SIGKILL to its BEAM; what that has reported is kept.
-spec end_beam(slot(), world()) -> world().
end_beam(Slot, World) ->
    case beam(Slot, World) of
        {ok, Beam} ->
            Gathered = gather_beam(Beam, World),
            ok = test_beam:kill(Beam),
            update((container(Slot, Gathered))#{beam := none}, Gathered);
        none ->
            World
    end.

%% In the background; {booted, Slot, Beam} comes then. A container is touched while it boots, in that way.
-spec boot(slot(), atom(), world()) -> world().
boot(Slot, Kind, #{mode := Mode} = World) ->
    #{host := Host} = Container = container(Slot, World),
    Runner = self(),
    _ = spawn_link(fun() -> Runner ! {booted, Slot, start_beam(Host, Mode)} end),
    touch({booted, Slot}, Slot, Kind, update(Container#{beam := booting}, World)).

-spec booted(slot(), test_beam:beam(), world()) -> world().
booted(Slot, Beam, World) ->
    untouched({booted, Slot}, update((container(Slot, World))#{beam := Beam}, World)).

%% Short, so that a short cut of the network matters; OTP's own where no fault is about it.
start_beam(Host, Mode) ->
    Args = case Mode of
               all -> ["-kernel", "net_ticktime", "8"];
               soft -> []
           end,
    Beam = test_beam:start(Host, #{args => Args}),
    ok = test_beam:call(Beam, beam_log, start, []),
    ok = test_beam:call(Beam, status_caller, prepare, []),
    Beam.

-spec container(slot(), world()) -> container().
container(Slot, #{containers := Containers}) ->
    map_get(Slot, Containers).

-spec slots(world()) -> [slot()].
slots(#{containers := Containers}) ->
    lists:sort(maps:keys(Containers)).

%% The container's BEAM if it runs.
-spec beam(slot(), world()) -> {ok, test_beam:beam()} | none.
beam(Slot, #{containers := Containers}) ->
    case Containers of
        #{Slot := #{beam := Beam}} when is_map(Beam) -> {ok, Beam};
        #{} -> none
    end.

%% The BEAMs that are to form the cluster.
-spec expected(world()) -> [test_beam:beam()].
expected(World) ->
    [Beam || Slot <- slots(World), is_listed(Slot, World), {ok, Beam} <- [beam(Slot, World)]].

update(#{slot := Slot} = Container, #{containers := Containers} = World) ->
    World#{containers := Containers#{Slot => Container}}.

%% -- C-nodes

%% Every second one starts an epmd where there is none.
-spec start_cnode(slot(), world()) -> world().
start_cnode(Slot, #{began := Began} = World) ->
    #{host := Host, metadata := Metadata} = Container = container(Slot, World),
    Args = ["--metadata-url", metadata_server:url(Metadata)] ++ ["--start-epmd" || Slot rem 2 =:= 1],
    #{keeper := Keeper} = Cnode = test_cnode:start(Host, #{args => Args}),
    update(Container#{cnode := Cnode}, World#{began := Began#{Keeper => now_us()}}).

-spec end_cnode(slot(), string(), world()) -> world().
end_cnode(Slot, Signal, World) ->
    case container(Slot, World) of
        #{cnode := none} ->
            World;
        #{cnode := Cnode} = Container ->
            ok = test_cnode:signal(Cnode, Signal),
            _ = test_cnode:await_exit(Cnode),
            update(Container#{cnode := none}, keep_lines(Cnode, World))
    end.

%% One that has ended by itself is recorded, and restarted as by a wrapper.
-spec watch_cnodes(world()) -> world().
watch_cnodes(#{containers := Containers} = World) ->
    maps:fold(fun watch/3, World, Containers).

watch(_Slot, #{cnode := none}, World) ->
    World;
watch(Slot, #{cnode := Cnode} = Container, #{ended := Ended} = World) ->
    case test_cnode:exit_status(Cnode) of
        running ->
            World;
        {Status, _} ->
            Last = [Text || #{text := Text} <- lists:nthtail(max(0, length(test_cnode:log(Cnode)) - 5),
                                                             test_cnode:log(Cnode))],
            Noted = World#{ended := [#{node => test_cnode:name(Cnode), status => Status, last => Last} | Ended]},
            start_cnode(Slot, update(Container#{cnode := none}, keep_lines(Cnode, Noted)))
    end.

%% Memory and descriptors of all C-nodes at this moment.
-spec sample(world()) -> world().
sample(#{containers := Containers, samples := Samples, began := Began} = World) ->
    World#{samples := [Sample || #{cnode := Cnode} <- maps:values(Containers), Cnode =/= none,
                                 Sample <- sample_of(Cnode, Began)] ++ Samples}.

sample_of(#{keeper := Keeper} = Cnode, Began) ->
    try
        [#{cnode => Keeper, age_s => (now_us() - map_get(Keeper, Began)) / 1000000,
           kib => test_cnode:resident_kib(Cnode), descriptors => test_cnode:descriptors(Cnode)}]
    catch
        error:{badmatch, _} -> []
    end.

%% -- metadata

%% Adds these fields to its own.
-spec list(slot(), #{atom() => term()}, world()) -> world().
list(Slot, Fields, #{listing := Listing} = World) ->
    publish(World#{listing := lists:keystore(Slot, 1, Listing, {Slot, Fields})}).

-spec unlist(slot(), world()) -> world().
unlist(Slot, #{listing := Listing} = World) ->
    publish(World#{listing := lists:keydelete(Slot, 1, Listing)}).

%% Records whether the unlisted container's BEAM has disconnected from the others by itself.
-spec depart(slot(), world()) -> world().
depart(Slot, #{departed := Departed} = World) ->
    case beam(Slot, World) of
        {ok, Beam} -> World#{departed := [connected(test_beam:visible_nodes(Beam)) | Departed]};
        none -> World
    end.

connected([]) -> left;
connected(_) -> still_connected.

-spec is_listed(slot(), world()) -> boolean().
is_listed(Slot, #{listing := Listing}) ->
    lists:keymember(Slot, 1, Listing).

%% The container's metadata service goes back to an earlier list and stays with it.
-spec freeze(slot(), [metadata_world:spec()], world()) -> world().
freeze(Slot, Specs, #{frozen := Frozen} = World) ->
    #{metadata := Metadata} = container(Slot, World),
    ok = metadata_server:list(Metadata, "Shop", "worker", Specs),
    World#{frozen := [Slot | Frozen]}.

-spec thaw(slot(), world()) -> world().
thaw(Slot, #{frozen := Frozen, history := [Specs | _]} = World) ->
    #{metadata := Metadata} = container(Slot, World),
    ok = metadata_server:list(Metadata, "Shop", "worker", Specs),
    World#{frozen := lists:delete(Slot, Frozen)}.

%% What was listed so far, the newest first.
-spec history(world()) -> [[metadata_world:spec()]].
history(#{history := History}) ->
    History.

%% The same under a new version.
-spec reload(world()) -> ok.
reload(#{containers := Containers}) ->
    lists:foreach(fun(#{metadata := Metadata}) -> ok = metadata_server:reload(Metadata) end, maps:values(Containers)).

publish(#{listing := Listing, history := History, containers := Containers, frozen := Frozen} = World) ->
    Specs = [spec(container(Slot, World), Fields) || {Slot, Fields} <- lists:sort(Listing)],
    [ok = metadata_server:list(Metadata, "Shop", "worker", Specs)
     || #{slot := Slot, metadata := Metadata} <- maps:values(Containers), not lists:member(Slot, Frozen)],
    World#{history := [Specs | History]}.

spec(#{host := Host}, #{address := none} = Fields) ->
    maps:merge(#{uuid => list_to_binary(test_host:address(Host))}, maps:remove(address, Fields));
spec(#{host := Host}, Fields) ->
    maps:merge(#{address => test_host:address(Host), uuid => list_to_binary(test_host:address(Host))}, Fields).

%% -- faults

%% A fault begins to affect the container.
-spec touch(term(), slot(), atom(), world()) -> world().
touch(Key, Slot, Kind, #{touches := Touches} = World) ->
    #{host := Host} = container(Slot, World),
    Touch = #{node => test_host:node_name("myapp", Host), kind => Kind, from => now_us(), to => ongoing},
    World#{touches := Touches#{{Key, now_us()} => Touch}}.

%% The fault is over.
-spec untouched(term(), world()) -> world().
untouched(Key, #{touches := Touches} = World) ->
    World#{touches := maps:map(fun({K, _}, #{to := ongoing} = Touch) when K =:= Key -> Touch#{to := now_us()};
                                  (_, Touch) -> Touch
                               end,
                               Touches)}.

gather_beam(Beam, #{evidence := Evidence} = World) ->
    #{downs := Downs, cuts := Cuts, unreachable := Unreachable, beam_lines := Lines, calls := {Yes, No}} = Evidence,
    Node = test_beam:name(Beam),
    try {test_beam:downs(Beam), test_beam:call(Beam, beam_log, events, [], ?CALL_MS),
         test_beam:call(Beam, status_caller, results, [], ?CALL_MS)} of
        {NewDowns, Logged, {MoreYes, MoreNo}} ->
            Seen = fun(Key) -> [#{at => At, node => Node, other => map_get(Key, Event)}
                                || #{at := At} = Event <- Logged, is_map_key(Key, Event)]
                   end,
            World#{evidence := #{downs => [#{at => At, node => Node, other => Other, reason => Reason}
                                           || #{at := At, node := Other, reason := Reason} <- NewDowns] ++ Downs,
                                 cuts => Seen(cut) ++ Cuts, unreachable => Seen(unreachable) ++ Unreachable,
                                 beam_lines => Logged ++ Lines, cnode_lines => map_get(cnode_lines, Evidence),
                                 calls => {Yes + MoreYes, No + MoreNo}}}
    catch
        exit:Reason -> World#{ended := [#{node => Node, no_report => Reason} | map_get(ended, World)]}
    end.

%% The reports of all that exist: at the end of the run.
-spec gather_all(world()) -> world().
gather_all(#{containers := Containers} = World) ->
    lists:foldl(fun keep_lines/2,
                lists:foldl(fun gather_beam/2, World, [Beam || #{beam := Beam} <- maps:values(Containers), is_map(Beam)]),
                [Cnode || #{cnode := Cnode} <- maps:values(Containers), Cnode =/= none]).

keep_lines(Cnode, #{evidence := #{cnode_lines := Lines} = Evidence} = World) ->
    World#{evidence := Evidence#{cnode_lines := test_cnode:log(Cnode) ++ Lines}}.

now_us() ->
    os:perf_counter(microsecond).
