%% @private
%% Owns the program: runs it as a port, waits for its initial sync, passes its lines to logger, and restarts it when it
%% ends.
%%
%% - The program must not outlive this process. It ends when its standard input closes, which is this process's port:
%%   however the process or the VM ends, the port closes. terminate/2 also waits for its end, because a successor would
%%   find its name taken in epmd.
%% - The start blocks, so lines and the end of the program are handled while waiting. It also blocks the supervisor, which
%%   can then neither restart a sibling nor stop: so only the first start of a C-node waits, a restart does not.
%% - The end of the program must not become the end of the application: a supervisor gives up after a few ends of a child.
%%   So the program is restarted here, with growing delays while it ends early. Only a bad setting, before the start has
%%   returned, ends this process.
%% - The C-node connects to this node when it is ready: nodeup is the signal to ask it, not a timer.
%% - While an application stops, application_controller waits for it and serves no requests: start and end must not call
%%   it, so state of the VM is kept in a persistent_term, not in an application variable.
-module(rancher_cnode_server).
-behaviour(gen_server).

-export([cnode/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-define(LINE_BYTES, 16384).
-define(END_MS, 2000).
-define(FIRST_DELAY_MS, 500).
-define(LAST_DELAY_MS, 60000).
%% A program that ran this long is restarted after the first delay.
-define(LASTED_MS, 60000).
-define(POLL_MS, 10).

%% Does not contain launch/0: states are logged when a process ends, and the environment of the program contains the cookie.
-type state() :: #{settings := term(),
                   program := file:filename_all(),
                   cnode := node(),
                   log_level := logger:level(),
                   port := port() | none,
                   os_pid := pos_integer() | none,
                   started_at := integer(),
                   next_delay := pos_integer(),
                   begun_line := binary(),
                   last_line := binary(),
                   telemetry := rancher_cnode_telemetry:state()}.

%% The C-node that was started last and was not stopped.
-spec cnode() -> node() | undefined.
cnode() ->
    persistent_term:get({?MODULE, cnode}, undefined).

-spec init(term()) -> {ok, state()} | {stop, rancher_cnode:error()}.
init(Args) ->
    process_flag(trap_exit, true),
    case launch(Args) of
        {ok, #{functions := Functions} = Launch} ->
            case rancher_cnode_functions:claim(Functions) of
                ok -> start(Args, Launch);
                {error, Error} -> {stop, Error}
            end;
        {error, Error} ->
            {stop, Error}
    end.

-spec handle_call(term(), gen_server:from(), state()) -> {reply, term(), state()}.
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_request, Request}}, State}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(_Request, State) ->
    {noreply, State}.

-spec handle_info(term(), state()) -> {noreply, state()}.
handle_info({Port, {data, Data}}, #{port := Port} = State) ->
    {noreply, line(Data, State)};
handle_info({Port, {exit_status, Status}}, #{port := Port} = State) ->
    {Error, Ended} = ended(Status, State),
    {noreply, restart_later(Error, Ended)};
handle_info({'EXIT', Port, Reason}, #{port := Port} = State) ->
    {noreply, restart_later(closed(Reason, State), State)};
handle_info(restart, State) ->
    {noreply, restart(State)};
handle_info({nodedown, Node}, State) ->
    {noreply, node_down(Node, State)};
handle_info(_Other, State) ->
    {noreply, State}.

-spec terminate(term(), state()) -> ok.
terminate(_Reason, #{cnode := CNode} = State) ->
    stop_program(State),
    %% It may be that of another topology.
    _ = [persistent_term:erase({?MODULE, cnode}) || cnode() =:= CNode],
    ok.

%% -- start

launch(Settings) ->
    Facts = #{node => node(), long_names => net_kernel:longnames(), cookie => erlang:get_cookie()},
    rancher_cnode_settings:launch(Settings, Facts).

start(Settings, #{program := Program} = Launch) ->
    %% Before the program runs, so that its nodeup is not missed.
    ok = net_kernel:monitor_nodes(true),
    ok = net_kernel:monitor_nodes(true, [{node_type, hidden}]),
    #{cnode := CNode, topology := Topology, log_level := LogLevel, await_timeout := Timeout} = Launch,
    State = #{settings => Settings, program => Program, cnode => CNode, log_level => LogLevel,
              port => none, os_pid => none, started_at => 0, next_delay => ?FIRST_DELAY_MS,
              begun_line => <<>>, last_line => <<>>, telemetry => rancher_cnode_telemetry:new(Topology, nodes())},
    case run(Launch, State) of
        {ok, Running} -> initial_sync(Timeout, Running);
        {error, Error} -> {stop, Error}
    end.

run(#{program := Program, args := Args, env := Env}, State) ->
    try open_port({spawn_executable, Program}, [{args, Args}, {env, Env}, {line, ?LINE_BYTES}, binary, exit_status,
                                                stderr_to_stdout, use_stdio, hide]) of
        Port ->
            {ok, State#{port := Port, os_pid := os_pid(Port), started_at := now_ms(), begun_line := <<>>,
                        last_line := <<>>}}
    catch
        error:Reason -> {error, {program_not_found, text("~ts cannot be run: ~tp", [Program, Reason])}}
    end.

os_pid(Port) ->
    case erlang:port_info(Port, os_pid) of
        {os_pid, OsPid} -> OsPid;
        undefined -> none
    end.

initial_sync(Timeout, #{cnode := CNode} = State) ->
    case Timeout =:= 0 orelse persistent_term:get({?MODULE, waited_for, CNode}, false) of
        true ->
            started(State);
        false ->
            Deadline = deadline(Timeout),
            Asked = case lists:member(CNode, nodes(hidden)) of
                        true -> ask(CNode, Deadline);
                        false -> none
                    end,
            await(Asked, Deadline, State)
    end.

%% Asked is the monitor of the process that asks the C-node, none while the C-node is not connected.
await(Asked, Deadline, #{port := Port, cnode := CNode, log_level := Least} = State) ->
    receive
        {Port, {data, Data}} ->
            await(Asked, Deadline, line(Data, State));
        {Port, {exit_status, Status}} ->
            case ended(Status, State) of
                {{bad_setting, _} = Error, _Ended} -> {stop, Error};
                {Error, Ended} -> await(Asked, Deadline, restart_later(Error, Ended))
            end;
        {'EXIT', Port, Reason} ->
            await(Asked, Deadline, restart_later(closed(Reason, State), State));
        restart ->
            await(Asked, Deadline, restart(State));
        {nodeup, CNode, _Info} when Asked =:= none ->
            await(ask(CNode, Deadline), Deadline, State);
        {initial_sync, ok} ->
            waited(State);
        {nodedown, Node} ->
            await(Asked, Deadline, node_down(Node, State));
        {'DOWN', Asked, process, _Pid, _ConnectionLost} ->
            await(none, Deadline, State);
        {'EXIT', _Parent, Reason} ->
            stop_program(State),
            exit(Reason)
    after left(Deadline) ->
        Late = <<"initial sync not done within await_timeout; continuing the start">>,
        rancher_cnode_log:write(#{level => warning, text => Late}, Least),
        waited(State)
    end.

%% Also after the timeout: the children after this one must not be delayed again.
waited(#{cnode := CNode} = State) ->
    ok = persistent_term:put({?MODULE, waited_for, CNode}, true),
    started(State).

started(#{cnode := CNode} = State) ->
    ok = net_kernel:monitor_nodes(false, [{node_type, hidden}]),
    ok = persistent_term:put({?MODULE, cnode}, CNode),
    {ok, State}.

ask(CNode, Deadline) ->
    Self = self(),
    Left = left(Deadline),
    Call = fun() -> gen_server:call({rancher_cnode, CNode}, {await, Left}, infinity) end,
    {_Pid, Monitor} = spawn_monitor(fun() -> Self ! {initial_sync, Call()} end),
    Monitor.

deadline(infinity) -> infinity;
deadline(Timeout) -> now_ms() + Timeout.

left(infinity) -> infinity;
left(Deadline) -> max(0, Deadline - now_ms()).

now_ms() ->
    erlang:monotonic_time(millisecond).

%% -- restart

restart_later({_Word, Why}, #{started_at := StartedAt, next_delay := NextDelay, log_level := Least} = State) ->
    Delay = case now_ms() - StartedAt of
                Lasted when Lasted >= ?LASTED_MS -> ?FIRST_DELAY_MS;
                _ -> NextDelay
            end,
    Text = text("~ts; restarting in ~b ms", [Why, Delay]),
    rancher_cnode_log:write(#{level => warning, text => Text}, Least),
    _ = erlang:send_after(Delay, self(), restart),
    State#{port := none, os_pid := none, next_delay := min(2 * Delay, ?LAST_DELAY_MS)}.

%% The node's cookie and the path of the program may have changed.
restart(#{settings := Settings} = State) ->
    Started = case launch(Settings) of
                  {ok, Launch} -> run(Launch, State);
                  {error, _} = Bad -> Bad
              end,
    case Started of
        {ok, Running} -> Running;
        {error, Error} -> restart_later(Error, State#{started_at := now_ms()})
    end.

%% -- output

%% Cuts a line that is too long.
line({noeol, Piece}, #{begun_line := <<>>} = State) ->
    State#{begun_line := Piece};
line({noeol, _Piece}, State) ->
    State;
line({eol, Line}, #{begun_line := <<>>} = State) ->
    take(Line, State);
line({eol, _Piece}, #{begun_line := Line} = State) ->
    take(Line, State#{begun_line := <<>>}).

take(Line, #{log_level := Least, telemetry := Telemetry} = State) ->
    Entry = rancher_cnode_log:parse(Line),
    rancher_cnode_log:write(Entry, Least),
    State#{last_line := Line, telemetry := rancher_cnode_telemetry:observe(Entry, Telemetry)}.

node_down(Node, #{telemetry := Telemetry} = State) ->
    State#{telemetry := rancher_cnode_telemetry:node_down(Node, Telemetry)}.

%% -- end

ended(Status, State) ->
    Ended = drain(State),
    {why(Status, Ended), Ended}.

%% Exit status 2 means a bad setting; the last line names it.
why(2, #{last_line := Line}) ->
    {bad_setting, Line};
why(Status, #{last_line := Line, program := Program}) ->
    {ended, text("~ts exited with status ~b; last line: ~ts", [Program, Status, Line])}.

%% The port is closed, not the program: a program that hangs would keep its name in epmd.
closed(Reason, #{program := Program} = State) ->
    stop_program(State),
    {ended, text("the port to ~ts was closed: ~tp", [Program, Reason])}.

%% A last line without a newline arrives after the exit status.
drain(#{port := Port, begun_line := Begun} = State) ->
    receive
        {Port, {data, Data}} -> drain(line(Data, State));
        {'EXIT', Port, _Closed} when Begun =:= <<>> -> State;
        {'EXIT', Port, _Closed} -> take(Begun, State)
    after ?END_MS ->
        State
    end.

stop_program(#{port := none}) ->
    ok;
stop_program(#{port := Port, os_pid := OsPid}) ->
    %% Fails if the port has just closed.
    _ = (catch port_close(Port)),
    await_end(OsPid, deadline(?END_MS)).

await_end(none, _Deadline) ->
    ok;
await_end(OsPid, Deadline) ->
    case {filelib:is_dir("/proc/" ++ integer_to_list(OsPid)), left(Deadline)} of
        {false, _} ->
            ok;
        {true, 0} ->
            %% Stopped or stuck: it does not notice that its standard input has closed.
            _ = os:cmd("kill -KILL " ++ integer_to_list(OsPid)),
            ok;
        {true, _} ->
            receive after ?POLL_MS -> ok end,
            await_end(OsPid, Deadline)
    end.

text(Format, Values) ->
    unicode:characters_to_binary(io_lib:format(Format, Values)).
