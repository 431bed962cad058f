%% What bench/cluster prints. When connections come and go is reported by the BEAMs' own events (connection_log), in one run on one
%% machine; each figure is the median of several rounds with its spread.
-module(cluster_bench).

-export([main/1]).
%% Run inside a BEAM.
-export([status_calls/2]).

-define(LIMIT_MS, 60000).
-define(HOSTS, 5).
-define(OUTAGE_MS, 12000).
-define(SETTLE_MS, 2000).
-define(IDLE_MS, 10000).
-define(QUIET_MS, 250).
-define(PEERS_KNOWN, 1000).
-define(STATUS_CALLS, 500).
-define(HTTP_PORT, 9100).
-define(COMMANDS, 21).
-define(LOOK_MS, 5).

-type figure() :: {string(), fun((metadata_server:server()) -> number()), string()}.

%% Ends the BEAM: status 0, or 1 if a round failed.
-spec main([string()]) -> no_return().
main(["idle"]) ->
    run(fun idle/1);
main(["status"]) ->
    run(fun status/1);
main(["tls"]) ->
    run(fun(Metadata) -> measure(Metadata, tls_figures()) end);
main(["all"]) ->
    run(fun(Metadata) -> [measure(Metadata, [Figure]) || Figure <- figures()] end).

run(Bench) ->
    try
        Bench(metadata_server:start()),
        halt(0)
    catch
        Class:Reason:Stack ->
            io:format("failed: ~p ~p~n~p~n", [Class, Reason, Stack]),
            halt(1)
    end.

-spec figures() -> [figure()].
figures() ->
    [{"last boot to mesh, 5 hosts (target 250)", fun(M) -> boot_to_mesh(M, []) end, "ms"},
     {"the same with 5 dead peers listed (target 500)", fun(M) -> boot_to_mesh(M, dead()) end, "ms"},
     {"container added to mesh (target 100)", fun(M) -> added_to_mesh(M, ?HOSTS, tcp) end, "ms"},
     {"link dropped to link back (target 2000)", fun dropped_to_back/1, "ms"},
     {"links lost in a 12 s metadata outage, 5 hosts (target 0)", fun lost_in_outage/1, "links"},
     {"links lost among the stayers when one of 5 leaves (target 0)", fun lost_among_stayers/1, "links"}].

-spec tls_figures() -> [figure()].
tls_figures() ->
    [{lists:flatten(io_lib:format("container added to mesh, ~b hosts, ~s", [Hosts, Protocol])),
      fun(M) -> added_to_mesh(M, Hosts, Protocol) end, "ms"}
     || Hosts <- [2, ?HOSTS], Protocol <- [tcp, tls]].

%% The figures take turns, round by round, so that what else the machine does meets all of them.
measure(Metadata, Figures) ->
    Rounds = [[round(Metadata, Round) || {_, Round, _} <- Figures] || _ <- lists:seq(1, rounds())],
    [print(Figure, [lists:nth(N, Round) || Round <- Rounds]) || {N, Figure} <- lists:enumerate(Figures)].

print({Title, _, Unit}, Unsorted) ->
    Values = lists:sort(Unsorted),
    Median = lists:nth((length(Values) + 1) div 2, Values),
    io:format("~-62s median ~8.1f ~s  (~.1f to ~.1f, ~b rounds)~n",
              [Title, float(Median), Unit, float(hd(Values)), float(lists:last(Values)), length(Values)]).

round(Metadata, Round) ->
    ok = metadata_server:reset(Metadata),
    try
        Round(Metadata)
    after
        test_host:remove_all()
    end.

%% The C-nodes start first, then all BEAMs at once. A BEAM counts as booted as soon as its
%% epmd knows its name; that is looked at every ?LOOK_MS, so the figure is too short by that much at the most.
boot_to_mesh(Metadata, Dead) ->
    Hosts = test_cluster:hosts(?HOSTS),
    ok = test_cluster:list(Metadata, Dead ++ Hosts),
    _ = test_cnode:start_all(Hosts),
    Looks = [spawn_monitor(fun() -> exit({registered, registered_at(Host)}) end) || Host <- Hosts],
    Beams = test_beam:start_all(Hosts),
    Booted = [receive {'DOWN', Monitor, process, _, {registered, At}} -> At end || {_, Monitor} <- Looks],
    ms(test_cluster:mesh_at(Beams, ?LIMIT_MS) - lists:max(Booted)).

registered_at(Host) ->
    {ok, Ip} = inet:parse_ipv4_address(test_host:address(Host)),
    registered_at(Ip, os:perf_counter(microsecond) + ?LIMIT_MS * 1000).

registered_at(Ip, Deadline) ->
    case erl_epmd:port_please("myapp", Ip, ?LIMIT_MS) of
        {port, _, _} ->
            os:perf_counter(microsecond);
        _ ->
            true = os:perf_counter(microsecond) < Deadline,
            timer:sleep(?LOOK_MS),
            registered_at(Ip, Deadline)
    end.

dead() ->
    [test_host:vanishing_address() || _ <- lists:seq(1, 5)].

%% The last container runs already, with BEAM and C-node, when the metadata begins to list it, after a quiet time: a change
%% within ?QUIET_MS of the last read waits for the smallest gap between reads. With TLS each side verifies the other one.
added_to_mesh(Metadata, Count, Protocol) ->
    Hosts = test_cluster:hosts(Count - 1),
    Added = test_host:add(),
    Options = beam_options(Protocol, [Added | Hosts]),
    ok = test_cluster:list(Metadata, Hosts),
    Beams = test_beam:start_all(Hosts, Options),
    Cnodes = test_cnode:start_all(Hosts),
    Beam = test_beam:start(Added, Options),
    Cnode = test_cnode:start(Added),
    ok = test_cluster:await_mesh(Beams, ?LIMIT_MS),
    [_ = test_cnode:await(Each, "target_connected") || Each <- Cnodes],
    _ = test_cnode:await(Cnode, "target_connected"),
    ok = test_service:await_watching(Metadata, Hosts),
    timer:sleep(?QUIET_MS),
    Began = os:perf_counter(microsecond),
    ok = test_cluster:list(Metadata, Hosts ++ [Added]),
    ms(test_cluster:mesh_at([Beam | Beams], ?LIMIT_MS) - Began).

beam_options(tcp, _Hosts) ->
    #{};
beam_options(tls, Hosts) ->
    tls_files:beam_options(tls_files:optfile(tls_files:certificates([{priv_dir, os:getenv("LOGS")}], Hosts), "good")).

dropped_to_back(Metadata) ->
    #{beams := [First, Second | _]} = test_cluster:form(Metadata, ?HOSTS),
    Began = os:perf_counter(microsecond),
    ok = test_beam:drop_connection(First, test_beam:name(Second)),
    ms(test_cluster:mesh_at([First, Second], ?LIMIT_MS) - Began).

lost_in_outage(Metadata) ->
    #{hosts := Hosts, beams := Beams} = test_cluster:form(Metadata, ?HOSTS),
    ok = metadata_server:misbehave(Metadata, refuse),
    timer:sleep(?OUTAGE_MS),
    ok = metadata_server:misbehave(Metadata, normal),
    ok = test_service:await_watching(Metadata, Hosts),
    %% What the first reads would have cut is cut by then.
    timer:sleep(?SETTLE_MS),
    length(test_cluster:lost_connections(Beams)).

%% Until the departed one sees nobody, and as long again for what might follow.
lost_among_stayers(Metadata) ->
    #{hosts := [_ | Hosts], beams := [Departing | Stayers]} = test_cluster:form(Metadata, ?HOSTS),
    Began = os:perf_counter(microsecond),
    ok = test_cluster:list(Metadata, Hosts),
    ok = test_cluster:await_nodes(Departing, [], ?LIMIT_MS),
    timer:sleep((os:perf_counter(microsecond) - Began) div 1000),
    length(test_cluster:lost_among(Stayers)).

%% Two hosts, so that there is a link to look at every second: a C-node without an HTTP listener and one with, at the same time.
idle(Metadata) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(Metadata, Hosts),
    Beams = test_beam:start_all(Hosts),
    Cnodes = [{With, test_cnode:start(Host, #{args => Args})}
              || {Host, {With, Args}} <- lists:zip(Hosts, [{"without", []}, {"with", listening()}])],
    ok = test_cluster:await_mesh(Beams),
    ok = test_service:await_watching(Metadata, Hosts),
    timer:sleep(?SETTLE_MS),
    Rounds = [begin
                  Before = [spent(Cnode) || {_, Cnode} <- Cnodes],
                  timer:sleep(?IDLE_MS),
                  [{With, [test_cnode:resident_kib(Cnode) | lists:zipwith(fun erlang:'-'/2, spent(Cnode), Was)]}
                   || {{With, Cnode}, Was} <- lists:zip(Cnodes, Before)]
              end || _ <- lists:seq(1, rounds())],
    [begin
         Values = lists:sort([lists:nth(Nth, Of) || Round <- Rounds, {W, Of} <- Round, W =:= With]),
         io:format("idle for ~b s, ~s listener, ~s: median ~.1f (~.1f to ~.1f, ~b rounds)~n",
                   [?IDLE_MS div 1000, With, What, float(quantile(0.5, Values)), float(hd(Values)),
                    float(lists:last(Values)), rounds()])
     end || {Nth, What} <- [{1, "resident KiB"}, {2, "processor ms"}, {3, "context switches"}], {With, _} <- Cnodes].

listening() ->
    ["--http-listen", integer_to_list(?HTTP_PORT)].

%% Milliseconds of processor and context switches of all its threads.
spent(Cnode) ->
    Tasks = filelib:wildcard(filename:join(["/proc", integer_to_list(test_cnode:os_pid(Cnode)), "task", "*"])),
    [lists:sum([nanoseconds(Task) || Task <- Tasks]) / 1000000, lists:sum([switches(Task) || Task <- Tasks])].

nanoseconds(Task) ->
    {ok, Stat} = file:read_file(filename:join(Task, "schedstat")),
    binary_to_integer(hd(binary:split(Stat, <<" ">>))).

switches(Task) ->
    {ok, Status} = file:read_file(filename:join(Task, "status")),
    {match, Found} = re:run(Status, "ctxt_switches:\\s+(\\d+)", [global, {capture, all_but_first, binary}]),
    lists:sum([binary_to_integer(Count) || [Count] <- Found]).

%% The call is made and timed inside the BEAM, the command with its process. All but one of the peers are dead, so the C-node
%% probes them meanwhile.
status(Metadata) ->
    #{hosts := Hosts, beams := [Beam | _], cnodes := [Cnode | _]} = test_cluster:form(Metadata, 2, #{args => listening()}),
    ok = test_cluster:list(Metadata, Hosts ++ [test_host:vanishing_address() || _ <- lists:seq(2, ?PEERS_KNOWN)]),
    Server = {rancher_cnode, test_cnode:name(Cnode)},
    test_wait:equals("all peers are known", ?PEERS_KNOWN,
                     fun() -> length(test_cnode:call(Cnode, Beam, peers)) end, ?LIMIT_MS),
    {Module, Binary, File} = code:get_object_code(?MODULE),
    {module, Module} = test_beam:call(Beam, code, load_binary, [Module, File, Binary]),
    Times = lists:sort(test_beam:call(Beam, ?MODULE, status_calls, [Server, ?STATUS_CALLS], ?LIMIT_MS)),
    io:format("status call with ~b peers known: median ~.2f ms, 99 % ~.2f ms, longest ~.2f ms (~b calls)~n",
              [?PEERS_KNOWN, ms(quantile(0.5, Times)), ms(quantile(0.99, Times)), ms(lists:last(Times)), ?STATUS_CALLS]),
    Command = ["status", "--timeout", "20s"],
    Cookie = [{"RANCHER_CNODE_COOKIE", "monster"}],
    timed("status command", fun() -> {3, _} = test_host:run(hd(Hosts), test_cnode:program(), Command, Cookie) end),
    [timed("GET " ++ Path, fun() -> {0, _} = test_host:run(hd(Hosts), "curl", ["-sfo", "/dev/null", url(Path)]) end)
     || Path <- ["/livez", "/metrics", "/status", "/"]].

%% With the start and the end of its process.
timed(What, Run) ->
    Times = lists:sort([element(1, timer:tc(Run)) || _ <- lists:seq(1, ?COMMANDS)]),
    io:format("~s: median ~.1f ms (~.1f to ~.1f, ~b runs)~n",
              [What, ms(quantile(0.5, Times)), ms(hd(Times)), ms(lists:last(Times)), ?COMMANDS]).

url(Path) ->
    "http://127.0.0.1:" ++ integer_to_list(?HTTP_PORT) ++ Path.

%% Runs inside a BEAM: how long each of Count calls took, in microseconds.
-spec status_calls(term(), pos_integer()) -> [integer()].
status_calls(Server, Count) ->
    [element(1, timer:tc(gen_server, call, [Server, status])) || _ <- lists:seq(1, Count)].

quantile(Part, Sorted) ->
    lists:nth(max(1, ceil(Part * length(Sorted))), Sorted).

rounds() ->
    list_to_integer(os:getenv("ROUNDS", "5")).

ms(Microseconds) ->
    Microseconds / 1000.
