%% @private
%% The program as a port: runs and stops it, and passes its lines and events to logger. A part of the process that owns it.
%%
%% The program ends when its standard input closes: however that process or the VM ends, the port closes.
-module(rancher_cnode_port).

-export([new/1, run/4, data/2, event/2, write_held/1, ended/2, closed/2, stop/1, warn/2]).
-export_type([state/0, why/0]).

-define(LINE_BYTES, 16384).
-define(END_MS, 2000).
-define(POLL_MS, 10).

%% Why it is to be restarted, with a sentence.
-type why() :: {bad_setting | ended, binary()}.
-type state() :: #{program := file:filename_all(),
                   port := port() | none,
                   os_pid := pos_integer() | none,
                   begun_line := binary(),
                   last_line := binary(),
                   log := rancher_cnode_log:state()}.

%% Nothing runs. Nothing below the level is logged.
-spec new(logger:level()) -> state().
new(LogLevel) ->
    #{program => "", port => none, os_pid => none, begun_line => <<>>, last_line => <<>>,
      log => rancher_cnode_log:new(LogLevel)}.

-spec run(file:filename_all(), [binary()], [{string(), string() | false}], state()) ->
          {ok, state()} | {error, rancher_cnode:error()}.
run(Program, Args, Env, State) ->
    try open_port({spawn_executable, Program}, [{args, Args}, {env, Env}, {line, ?LINE_BYTES}, binary, exit_status,
                                                stderr_to_stdout, use_stdio, hide]) of
        Port ->
            {ok, State#{program := Program, port := Port, os_pid := os_pid(Port),
                        begun_line := <<>>, last_line := <<>>}}
    catch
        error:Reason -> {error, {program_not_found, text("~ts cannot be run: ~tp", [Program, Reason])}}
    end.

os_pid(Port) ->
    case erlang:port_info(Port, os_pid) of
        {os_pid, OsPid} -> OsPid;
        undefined -> none
    end.

%% Output of the port. Cuts a line that is too long.
-spec data({eol | noeol, binary()}, state()) -> state().
data(Data, State) ->
    line(Data, State).

line({noeol, Piece}, #{begun_line := <<>>} = State) ->
    State#{begun_line := Piece};
line({noeol, _Piece}, State) ->
    State;
line({eol, Line}, #{begun_line := <<>>} = State) ->
    take(Line, State);
line({eol, _Piece}, #{begun_line := Line} = State) ->
    take(Line, State#{begun_line := <<>>}).

take(Line, #{log := Log} = State) ->
    State#{last_line := Line, log := rancher_cnode_log:line(Line, Log)}.

-spec event(rancher_cnode:event(), state()) -> state().
event(Event, #{log := Log} = State) ->
    State#{log := rancher_cnode_log:event(Event, Log)}.

%% At the message `held_lines'.
-spec write_held(state()) -> state().
write_held(#{log := Log} = State) ->
    State#{log := rancher_cnode_log:write_held(Log)}.

-spec warn(binary(), state()) -> ok.
warn(Text, #{log := Log}) ->
    rancher_cnode_log:write(#{level => warning, text => Text}, Log).

%% -- end

%% It has ended by itself.
-spec ended(non_neg_integer(), state()) -> {why(), state()}.
ended(Status, State) ->
    Ended = write_held(drain(State)),
    {why(Status, Ended), not_running(Ended)}.

not_running(State) ->
    State#{port := none, os_pid := none}.

%% Exit status 2 means a bad setting; the last line names it.
why(2, #{last_line := Line}) ->
    {bad_setting, Line};
why(Status, #{last_line := Line, program := Program}) ->
    {ended, text("~ts exited with status ~b; last line: ~ts", [Program, Status, Line])}.

%% The port is closed, not the program: a program that hangs would keep its name in epmd.
-spec closed(term(), state()) -> {why(), state()}.
closed(Reason, #{program := Program} = State) ->
    {{ended, text("the port to ~ts was closed: ~tp", [Program, Reason])}, stop(State)}.

%% A last line without a newline arrives after the exit status.
drain(#{port := Port, begun_line := Begun} = State) ->
    receive
        {Port, {data, Data}} -> drain(line(Data, State));
        {'EXIT', Port, _Closed} when Begun =:= <<>> -> State;
        {'EXIT', Port, _Closed} -> take(Begun, State)
    after ?END_MS ->
        State
    end.

%% Returns when it has ended.
-spec stop(state()) -> state().
stop(#{port := none} = State) ->
    State;
stop(#{port := Port, os_pid := OsPid} = State) ->
    try
        true = port_close(Port)
    catch
        error:badarg -> closed_already
    end,
    ok = await_end(OsPid, now_ms() + ?END_MS),
    not_running(State).

await_end(none, _Deadline) ->
    ok;
await_end(OsPid, Deadline) ->
    case {filelib:is_dir("/proc/" ++ integer_to_list(OsPid)), now_ms() >= Deadline} of
        {false, _} ->
            ok;
        {true, true} ->
            %% Stopped or stuck: it does not notice that its standard input has closed.
            _ = os:cmd("kill -KILL " ++ integer_to_list(OsPid)),
            ok;
        {true, false} ->
            receive after ?POLL_MS -> ok end,
            await_end(OsPid, Deadline)
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).

text(Format, Values) ->
    unicode:characters_to_binary(io_lib:format(Format, Values)).
