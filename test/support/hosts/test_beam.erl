%% A real BEAM on a test host, named as in production: <basename>@<address of the host>, long names, with the
%% host's own epmd. The controller talks to it over its standard I/O, so no connection of the test disturbs the cluster.
-module(test_beam).

-export([start/1, start/2, start_all/1, start_all/2, start_each/1, stop/1, kill/1, suspend/1, resume/1]).
-export([name/1, host/1, os_pid/1, call/4, call/5]).
-export([visible_nodes/1, hidden_nodes/1, await_hidden/2, events/1, downs/1, booted_at/1]).
-export([connected_at/2, connected_at/3, drop_connection/2]).
-export([without_global_disconnect/1]).
-export_type([beam/0, options/0]).

-type beam() :: #{name := node(), host := test_host:host(), peer := pid(), os_pid := pos_integer()}.
%% program: runs instead of `erl` with its arguments, e.g. a wrapper script that sets the node name itself. cookie => none
%% gives it none. erl: the command for an `erl` of another release, ebin: the helpers compiled for that.
-type options() :: #{basename => string(), cookie => string() | none, args => [string()],
                     env => [{string(), string()}], program => string(), erl => [string()], ebin => file:filename()}.

-define(BOOT_MS, 120000).
-define(CALL_MS, 60000).

-spec start(test_host:host()) -> beam().
start(Host) ->
    start(Host, #{}).

%% Returns when the BEAM is up, its name registered and connection_log running.
-spec start(test_host:host(), options()) -> beam().
start(Host, Options) ->
    [Program | Args] = program(Options),
    Spawn = test_host:command(Host, Program, Args),
    {ok, Peer, Name} = peer:start(#{connection => standard_io, exec => Spawn, args => arguments(Host, Options),
                                    env => environment(Options), wait_boot => ?BOOT_MS}),
    %% The peer answers before `-run` is executed.
    test_wait:until("connection_log runs",
                    fun() -> case peer:call(Peer, erlang, whereis, [connection_log], ?CALL_MS) of
                                 undefined -> {wait, undefined};
                                 _ -> {done, ok}
                             end
                    end),
    #{name => Name,
      host => Host,
      peer => Peer,
      os_pid => list_to_integer(peer:call(Peer, os, getpid, [], ?CALL_MS))}.

-spec start_all([test_host:host()]) -> [beam()].
start_all(Hosts) ->
    start_all(Hosts, #{}).

%% Boots all at once, as a scheduler that scales a service up does.
-spec start_all([test_host:host()], options()) -> [beam()].
start_all(Hosts, Options) ->
    start_each([{Host, Options} || Host <- Hosts]).

%% As start_all/2, with options for each.
-spec start_each([{test_host:host(), options()}]) -> [beam()].
start_each(All) ->
    Boots = [spawn_monitor(fun() -> exit({booted, start(Host, Options)}) end) || {Host, Options} <- All],
    [receive {'DOWN', Monitor, process, _, {booted, Beam}} -> Beam;
             {'DOWN', Monitor, process, _, Reason} -> error({beam_did_not_boot, Reason})
     end || {_, Monitor} <- Boots].

%% Orderly stop: init:stop/0.
-spec stop(beam()) -> ok.
stop(#{peer := Peer} = Beam) ->
    _ = call(Beam, init, stop, []),
    gone(Peer).

%% SIGKILL.
-spec kill(beam()) -> ok.
kill(#{peer := Peer} = Beam) ->
    test_command:signal("KILL", [os_pid(Beam)]),
    gone(Peer).

%% SIGSTOP: alive for the kernel, silent for everybody.
-spec suspend(beam()) -> ok.
suspend(Beam) ->
    test_command:signal("STOP", [os_pid(Beam)]).

-spec resume(beam()) -> ok.
resume(Beam) ->
    test_command:signal("CONT", [os_pid(Beam)]).

-spec name(beam()) -> node().
name(#{name := Name}) ->
    Name.

-spec host(beam()) -> test_host:host().
host(#{host := Host}) ->
    Host.

-spec os_pid(beam()) -> pos_integer().
os_pid(#{os_pid := Pid}) ->
    Pid.

-spec call(beam(), module(), atom(), [term()]) -> term().
call(Beam, Module, Function, Args) ->
    call(Beam, Module, Function, Args, ?CALL_MS).

-spec call(beam(), module(), atom(), [term()], timeout()) -> term().
call(#{peer := Peer}, Module, Function, Args, Timeout) ->
    peer:call(Peer, Module, Function, Args, Timeout).

%% nodes() on the BEAM, sorted.
-spec visible_nodes(beam()) -> [node()].
visible_nodes(Beam) ->
    lists:sort(call(Beam, erlang, nodes, [])).

%% nodes(hidden) on the BEAM, sorted.
-spec hidden_nodes(beam()) -> [node()].
hidden_nodes(Beam) ->
    lists:sort(call(Beam, erlang, nodes, [hidden])).

%% Waits until nodes(hidden) on the BEAM are exactly these. A BEAM learns of the end of a handshake after the C-node does.
-spec await_hidden(beam(), [node()]) -> ok.
await_hidden(Beam, Nodes) ->
    test_wait:equals("a BEAM is connected to exactly these hidden nodes", lists:sort(Nodes),
                     fun() -> hidden_nodes(Beam) end).

%% The events of connection_log in the BEAM, oldest first.
-spec events(beam()) -> [connection_log:event()].
events(Beam) ->
    call(Beam, connection_log, events, []).

%% The connections between BEAMs that were lost since boot.
-spec downs(beam()) -> [connection_log:event()].
downs(Beam) ->
    [Event || #{what := down, type := visible} = Event <- events(Beam)].

%% When the boot was done and `-run` was executed: after the name was registered, so that connections may already exist. Those
%% count as made at this moment. Microseconds of os:perf_counter/1, as all times here.
-spec booted_at(beam()) -> integer().
booted_at(Beam) ->
    [#{what := booted, at := At} | _] = events(Beam),
    At.

-spec connected_at(beam(), [node()]) -> integer().
connected_at(Beam, Nodes) ->
    connected_at(Beam, Nodes, test_wait:patience()).

%% When the last of Nodes was connected to the BEAM, within Timeout (ms).
-spec connected_at(beam(), [node()], timeout()) -> integer().
connected_at(Beam, Nodes, Timeout) ->
    case call(Beam, connection_log, connected_at, [Nodes, Timeout], Timeout + ?CALL_MS) of
        {ok, At} -> At;
        {missing, Missing} -> error({never_connected, name(Beam), Missing, {within_ms, Timeout}})
    end.

%% Breaks the connection to Node as a failing network does, without notice to any application; returns when the BEAM has
%% seen its end.
-spec drop_connection(beam(), node()) -> ok.
drop_connection(Beam, Node) ->
    Before = length(downs(Beam)),
    {Node, Controller} = lists:keyfind(Node, 1, call(Beam, erlang, system_info, [dist_ctrl])),
    true = call(Beam, erlang, exit, [Controller, kill]),
    test_wait:until("the end of the connection is seen",
                    fun() -> case length(downs(Beam)) of
                                 Before -> {wait, Before};
                                 _ -> {done, ok}
                             end
                    end).

%% Removes global:disconnect/0 from the BEAM, as in OTP before 25.1; its global is otherwise unchanged.
-spec without_global_disconnect(beam()) -> ok.
without_global_disconnect(Beam) ->
    {global, Object, File} = code:get_object_code(global),
    {ok, {global, [{abstract_code, {raw_abstract_v1, Forms}}]}} = beam_lib:chunks(Object, [abstract_code]),
    Without = lists:filtermap(fun({attribute, Line, export, Exports}) ->
                                      {true, {attribute, Line, export, Exports -- [{disconnect, 0}]}};
                                 ({function, _, disconnect, 0, _}) -> false;
                                 ({attribute, _, spec, {{disconnect, 0}, _}}) -> false;
                                 (_) -> true
                              end,
                              Forms),
    {ok, global, Binary} = compile:forms(Without, []),
    true = call(Beam, code, unstick_mod, [global]),
    {module, global} = call(Beam, code, load_binary, [global, File, Binary]),
    false = call(Beam, erlang, function_exported, [global, disconnect, 0]),
    ok.

program(#{program := Program}) -> [Program];
program(#{erl := Command}) -> Command;
program(_) -> [os:find_executable("erl")].

%% One scheduler that does not spin: ten BEAMs share the cores of a small machine.
arguments(Host, Options) ->
    naming(Host, Options) ++ cookie(maps:get(cookie, Options, "monster")) ++
    ["-pa", maps:get(ebin, Options, filename:dirname(code:which(connection_log))),
     "-run", "connection_log",
     "+S", "1:1", "+SDcpu", "1:1", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
     "-kernel", "logger_level", "error"
     | maps:get(args, Options, [])].

naming(_Host, #{program := _}) ->
    [];
naming(Host, Options) ->
    ["-name", maps:get(basename, Options, "myapp") ++ "@" ++ test_host:address(Host)].

cookie(none) -> [];
cookie(Cookie) -> ["-setcookie", Cookie].

environment(Options) ->
    [{"ERL_CRASH_DUMP_SECONDS", "0"} | maps:get(env, Options, [])].

gone(Peer) ->
    Monitor = monitor(process, Peer),
    receive
        {'DOWN', Monitor, process, Peer, _} -> ok
    after ?BOOT_MS ->
        error(beam_did_not_end)
    end.
