%% What scripts/demo shows: containers with real BEAMs become a cluster by their C-nodes, take in a
%% fourth, and lose nothing while the metadata service is away.
-module(demo).

-export([main/0]).

-define(LIMIT_MS, 20000).
%% How long the metadata service stays away.
-define(OUTAGE_MS, 6000).
-define(LOOK_MS, 50).

%% Ends the BEAM: status 0 on success, else 1.
-spec main() -> no_return().
main() ->
    put(began, now_ms()),
    try
        show(metadata_server:start()),
        halt(0)
    catch
        Class:Reason:Stack ->
            print("~nThe demo failed: ~p ~p~n~p", [Class, Reason, Stack]),
            [print("~n~s:~n~s", [File, element(2, file:read_file(File))]) || File <- filelib:wildcard(log("*"))],
            halt(1)
    end.

show(Metadata) ->
    print("The metadata service (a stand-in) runs at http://rancher-metadata.", []),
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(Metadata, Hosts),
    headline("Three containers of one service start, each with a BEAM and a rancher_cnode.", []),
    Three = watch_form(Hosts, []),

    Fourth = test_host:add(),
    headline("A fourth container, ~s, is added to the service.", [test_host:address(Fourth)]),
    ok = test_cluster:list(Metadata, Hosts ++ [Fourth]),
    Four = watch_form([Fourth], Three),

    headline("The metadata service is stopped for ~b seconds.", [?OUTAGE_MS div 1000]),
    ok = metadata_server:misbehave(Metadata, refuse),
    watch_outage(Four, now_ms() + ?OUTAGE_MS),
    [await_log(Beam, "metadata_unavailable") || Beam <- Four],
    print("  All four C-nodes log metadata_unavailable and keep the cluster as it is.", []),
    matrix(Four),

    headline("The metadata service is started again.", []),
    ok = metadata_server:misbehave(Metadata, normal),
    ok = test_service:await_watching(Metadata, [test_beam:host(Beam) || Beam <- Four]),
    ok = test_cluster:await_mesh(Four, 0),
    [] = test_cluster:lost_connections(Four),
    print("  All four C-nodes wait for changes again. Connections lost since the start, counted by the BEAMs: 0.", []),
    print("~nDone.", []).

%% Boots the hosts' containers and shows who sees whom whenever that changes, until everybody sees everybody.
watch_form(Hosts, Beams) ->
    Boots = [boot(Host) || Host <- Hosts],
    watch_form(Boots, Beams, test_cluster:matrix(Beams), now_ms() + ?LIMIT_MS).

watch_form(Boots, Beams, Shown, Deadline) ->
    {StillBooting, Now} = booted(Boots, Beams),
    Matrix = test_cluster:matrix(Now),
    Matrix =:= Shown orelse matrix(Now),
    case StillBooting =:= [] andalso lists:all(fun(Seen) -> Seen end, lists:append(Matrix)) of
        true ->
            Last = lists:max([test_beam:booted_at(Beam) || Beam <- Now]),
            Took = test_cluster:mesh_at(Now, ?LIMIT_MS) - Last,
            print("  Full mesh, ~b ms after the last BEAM booted.", [Took div 1000]),
            Now;
        false ->
            now_ms() < Deadline orelse error({no_mesh, test_cluster:seen(Now)}),
            timer:sleep(?LOOK_MS),
            watch_form(StillBooting, Now, Matrix, Deadline)
    end.

boot(Host) ->
    Options = #{program => os:getenv("CONTAINER_START"),
                env => [{"RANCHER_CNODE_COOKIE", "monster"}, {"CNODE_LOG", log(test_host:address(Host))}]},
    {_, Monitor} = spawn_monitor(fun() -> exit({booted, test_beam:start(Host, Options)}) end),
    Monitor.

booted(Boots, Beams) ->
    receive
        {'DOWN', Monitor, process, _, {booted, Beam}} ->
            booted(lists:delete(Monitor, Boots), lists:sort(fun by_address/2, [Beam | Beams]));
        {'DOWN', _, process, _, Reason} -> error({container_did_not_start, Reason})
    after 0 ->
        {Boots, Beams}
    end.

by_address(A, B) ->
    test_beam:name(A) =< test_beam:name(B).

watch_outage(Beams, Until) ->
    ok = test_cluster:await_mesh(Beams, 0),
    [] = test_cluster:lost_connections(Beams),
    case now_ms() < Until of
        true ->
            timer:sleep(1000),
            print("  ~6.2f s  ~b BEAMs, connections lost: 0", [elapsed(), length(Beams)]),
            watch_outage(Beams, Until);
        false ->
            ok
    end.

await_log(Beam, Event) ->
    File = log(test_host:address(test_beam:host(Beam))),
    test_wait:until(Event,
                    fun() ->
                            {ok, Text} = file:read_file(File),
                            case binary:match(Text, list_to_binary("event=" ++ Event)) of
                                nomatch -> {wait, Text};
                                _ -> {done, ok}
                            end
                    end,
                    ?LIMIT_MS).

matrix([]) ->
    ok;
matrix(Beams) ->
    Names = [test_host:address(test_beam:host(Beam)) || Beam <- Beams],
    print("  ~6.2f s ~14s~s", [elapsed(), "sees:", [io_lib:format("~14s", [Name]) || Name <- Names]]),
    Cells = fun(Name, Row) ->
                    [io_lib:format("~14s", [cell(Name, Peer, Seen)]) || {Peer, Seen} <- lists:zip(Names, Row)]
            end,
    [print("           ~14s~s", [Name, Cells(Name, Row)]) || {Name, Row} <- lists:zip(Names, test_cluster:matrix(Beams))],
    ok.

cell(Name, Name, _) -> "-";
cell(_, _, true) -> "yes";
cell(_, _, false) -> "no".

log(Name) ->
    filename:join(os:getenv("LOGS"), Name ++ ".log").

headline(Format, Args) ->
    print("~n" ++ Format, Args).

print(Format, Args) ->
    io:format(Format ++ "~n", Args).

elapsed() ->
    (now_ms() - get(began)) / 1000.

now_ms() ->
    erlang:monotonic_time(millisecond).
