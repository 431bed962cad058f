%% @private
%% Owns the program: starts it as a port, waits for its first round, hands its lines to logger, and starts it again when
%% it ends.
%%
%% What makes this delicate:
%% - The program must never be left behind. It ends when its standard input closes, and that is this process's port:
%%   however the process or the VM ends, the port closes. In terminate/2 its end is waited for as well, because a
%%   successor would find the name taken in epmd.
%% - The start blocks, so lines and the end of the program must be taken in while waiting. It blocks the supervisor too,
%%   which can then neither start a sibling again nor stop: so only a C-node's first start waits, no restart.
%% - The program's end must not become the application's: a supervisor gives up after a few ends of its child. So it is
%%   started again in here, ever less often while it does not last. Only a bad setting, before the start has returned,
%%   ends this process.
%% - The C-node links itself to this node whenever it is ready: the link's coming is the sign to ask it, not a clock.
%% - While an application stops, application_controller waits for it and answers nobody: start and end must not ask it
%%   for anything, so what the VM is to remember is a persistent_term, not a variable of the application.
-module(rancher_cnode_server).
-behaviour(gen_server).

-export([cnode/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-define(LINE_BYTES, 16384).
-define(END_MS, 2000).
-define(FIRST_DELAY_MS, 500).
-define(LAST_DELAY_MS, 60000).
%% One that ran for so long is started again after the first delay.
-define(LASTED_MS, 60000).
-define(LOOK_AGAIN_MS, 10).

%% Not the whole launch/0: states are logged when a process ends, and the program's environment holds the cookie.
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

%% The C-node that was started last and has not ended in good order.
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
    {noreply, start_later(Error, Ended)};
handle_info({'EXIT', Port, Reason}, #{port := Port} = State) ->
    {noreply, start_later(closed(Reason, State), State)};
handle_info(start_again, State) ->
    {noreply, start_again(State)};
handle_info({nodedown, Node}, State) ->
    {noreply, node_down(Node, State)};
handle_info(_Other, State) ->
    {noreply, State}.

-spec terminate(term(), state()) -> ok.
terminate(_Reason, #{cnode := CNode} = State) ->
    stop_program(State),
    %% Another topology's may stand there.
    _ = [persistent_term:erase({?MODULE, cnode}) || cnode() =:= CNode],
    ok.

%% -- start

launch(Settings) ->
    Facts = #{node => node(), long_names => net_kernel:longnames(), cookie => erlang:get_cookie()},
    rancher_cnode_settings:launch(Settings, Facts).

start(Settings, #{program := Program} = Launch) ->
    %% Before the program runs, so that its link is not missed.
    ok = net_kernel:monitor_nodes(true),
    ok = net_kernel:monitor_nodes(true, [{node_type, hidden}]),
    #{cnode := CNode, topology := Topology, log_level := LogLevel, await_timeout := Timeout} = Launch,
    State = #{settings => Settings, program => Program, cnode => CNode, log_level => LogLevel,
              port => none, os_pid => none, started_at => 0, next_delay => ?FIRST_DELAY_MS,
              begun_line => <<>>, last_line => <<>>, telemetry => rancher_cnode_telemetry:new(Topology, nodes())},
    case run(Launch, State) of
        {ok, Running} -> first_round(Timeout, Running);
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

first_round(Timeout, #{cnode := CNode} = State) ->
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

%% Asked is the monitor of the process that asks the C-node, none while there is no link to it.
await(Asked, Deadline, #{port := Port, cnode := CNode, log_level := Least} = State) ->
    receive
        {Port, {data, Data}} ->
            await(Asked, Deadline, line(Data, State));
        {Port, {exit_status, Status}} ->
            case ended(Status, State) of
                {{bad_setting, _} = Error, _Ended} -> {stop, Error};
                {Error, Ended} -> await(Asked, Deadline, start_later(Error, Ended))
            end;
        {'EXIT', Port, Reason} ->
            await(Asked, Deadline, start_later(closed(Reason, State), State));
        start_again ->
            await(Asked, Deadline, start_again(State));
        {nodeup, CNode, _Info} when Asked =:= none ->
            await(ask(CNode, Deadline), Deadline, State);
        {first_round, ok} ->
            waited(State);
        {nodedown, Node} ->
            await(Asked, Deadline, node_down(Node, State));
        {'DOWN', Asked, process, _Pid, _LinkLost} ->
            await(none, Deadline, State);
        {'EXIT', _Parent, Reason} ->
            stop_program(State),
            exit(Reason)
    after left(Deadline) ->
        Late = <<"the first round is not done within await_timeout; the start goes on without it">>,
        rancher_cnode_log:write(#{level => warning, text => Late}, Least),
        waited(State)
    end.

%% Whether or not the first round was done in time: what comes after the child runs, and is not to be held up.
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
    {_Pid, Monitor} = spawn_monitor(fun() -> Self ! {first_round, Call()} end),
    Monitor.

deadline(infinity) -> infinity;
deadline(Timeout) -> now_ms() + Timeout.

left(infinity) -> infinity;
left(Deadline) -> max(0, Deadline - now_ms()).

now_ms() ->
    erlang:monotonic_time(millisecond).

%% -- again

start_later({_Word, Why}, #{started_at := StartedAt, next_delay := NextDelay, log_level := Least} = State) ->
    Delay = case now_ms() - StartedAt of
                Lasted when Lasted >= ?LASTED_MS -> ?FIRST_DELAY_MS;
                _ -> NextDelay
            end,
    Text = text("~ts; starting it again in ~b ms", [Why, Delay]),
    rancher_cnode_log:write(#{level => warning, text => Text}, Least),
    _ = erlang:send_after(Delay, self(), start_again),
    State#{port := none, os_pid := none, next_delay := min(2 * Delay, ?LAST_DELAY_MS)}.

%% The node's cookie may be another by now, and the program may be somewhere else.
start_again(#{settings := Settings} = State) ->
    Started = case launch(Settings) of
                  {ok, Launch} -> run(Launch, State);
                  {error, _} = Bad -> Bad
              end,
    case Started of
        {ok, Running} -> Running;
        {error, Error} -> start_later(Error, State#{started_at := now_ms()})
    end.

%% -- what is told

%% A line that is too long is cut.
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
    Ended = last_words(State),
    {why(Status, Ended), Ended}.

%% Exit status 2 is the program's word for a bad setting, and its last line tells which.
why(2, #{last_line := Line}) ->
    {bad_setting, Line};
why(Status, #{last_line := Line, program := Program}) ->
    {ended, text("~ts ended with status ~b; its last line: ~ts", [Program, Status, Line])}.

%% The port is closed, not the program: one that hangs would keep the name from its successor.
closed(Reason, #{program := Program} = State) ->
    stop_program(State),
    {ended, text("the port to ~ts was closed: ~tp", [Program, Reason])}.

%% What the program wrote last comes after its status if it does not end with a newline.
last_words(#{port := Port, begun_line := Begun} = State) ->
    receive
        {Port, {data, Data}} -> last_words(line(Data, State));
        {'EXIT', Port, _Closed} when Begun =:= <<>> -> State;
        {'EXIT', Port, _Closed} -> take(Begun, State)
    after ?END_MS ->
        State
    end.

stop_program(#{port := none}) ->
    ok;
stop_program(#{port := Port, os_pid := OsPid}) ->
    %% False if it has ended in this moment.
    _ = (catch port_close(Port)),
    await_end(OsPid, deadline(?END_MS)).

await_end(none, _Deadline) ->
    ok;
await_end(OsPid, Deadline) ->
    case {filelib:is_dir("/proc/" ++ integer_to_list(OsPid)), left(Deadline)} of
        {false, _} ->
            ok;
        {true, 0} ->
            %% Stopped or stuck: it cannot see that its standard input has closed.
            _ = os:cmd("kill -KILL " ++ integer_to_list(OsPid)),
            ok;
        {true, _} ->
            receive after ?LOOK_AGAIN_MS -> ok end,
            await_end(OsPid, Deadline)
    end.

text(Format, Values) ->
    unicode:characters_to_binary(io_lib:format(Format, Values)).
