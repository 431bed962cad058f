%% @private
%% Writes to logger: the events of the C-node, and what the program prints.
%%
%% A line of an event is held for a while, and then written only if the event has not come: before the C-node is connected
%% to this node, or where it cannot be. All other output is written at once: that of libraries, the last words of a crash.
-module(rancher_cnode_log).

-export([new/1, event/2, line/2, write_held/1, write/2, format/1]).
-export_type([state/0, report/0]).

%% Events may come later than their lines.
-define(HOLD_MS, 2000).
%% Two threads may log a moment apart; what is earlier by more shows that the clock was set back.
-define(SET_BACK_MS, 1000).
%% Time, level and event in either format.
-define(EVENT_LINE, "^(?|(\\d{4}-[^ ]+) (debug|info|warning|error) event=(\\w+)"
                    "|\\{\"time\":\"([^\"]+)\",\"level\":\"(debug|info|warning|error)\",\"event\":\"(\\w+)\")").

-type report() :: #{level := logger:level(), event := atom(), message := binary(), fields := #{atom() => term()}}
                | #{level := logger:level(), text := binary()}.
%% The times are those of the program, in milliseconds since 1970.
-type state() :: #{least := logger:level(),
                   held := [{integer(), report()}],
                   last_event := integer(),
                   last_line := integer()}.

%% Nothing below the level Least is written.
-spec new(logger:level()) -> state().
new(Least) ->
    #{least => Least, held => [], last_event => 0, last_line => 0}.

%% Writes an event that the program has logged, unless its line has been written.
-spec event(map(), state()) -> state().
event(#{time := Time} = Event, #{last_event := LastEvent} = State) when Time < LastEvent - ?SET_BACK_MS ->
    %% The clock was set back: what was written before cannot be this event.
    event(Event, State#{last_event := Time, last_line := 0});
event(#{logged := Logged, time := Time} = Event, #{last_line := LastLine} = State) ->
    _ = [write(maps:with([level, time, event, message, fields], Event), State) || Logged, Time > LastLine],
    State#{last_event := Time}.

%% The owner of the state gets the message `held_lines' when it is time for {@link write_held/1}.
-spec line(binary(), state()) -> state().
line(Line, #{held := Held, last_line := LastLine} = State) ->
    case read(Line) of
        {_Level, Time} when is_integer(Time), Time < LastLine - ?SET_BACK_MS ->
            %% Lines come in their order: the clock was set back.
            line(Line, State#{last_line := 0, last_event := 0});
        {Level, none} ->
            ok = write(#{level => Level, text => Line}, State),
            State;
        {Level, Time} ->
            _ = [erlang:send_after(?HOLD_MS, self(), held_lines) || Held =:= []],
            State#{held := [{Time, #{level => Level, text => Line}} | Held]}
    end.

-spec write_held(state()) -> state().
write_held(#{held := Held, last_event := LastEvent, last_line := LastLine} = State) ->
    Missing = [Timed || {Time, _} = Timed <- lists:reverse(Held), Time > LastEvent],
    _ = [write(Report, State) || {_, Report} <- Missing],
    State#{held := [], last_line := lists:max([LastLine | [Time || {Time, _} <- Missing]])}.

-spec write(report(), state()) -> ok.
write(#{level := Level} = Report, #{least := Least}) ->
    case logger:compare_levels(Level, Least) of
        lt -> ok;
        _ ->
            Time = maps:map(fun(time, Ms) -> Ms * 1000 end, maps:with([time], Report)),
            logger:log(Level, (maps:without([level, time], Report))#{program => rancher_cnode},
                       Time#{domain => [rancher_cnode], report_cb => fun ?MODULE:format/1})
    end.

%% logger's report_cb.
-spec format(map()) -> {io:format(), [term()]}.
format(#{text := Text}) ->
    {"rancher_cnode: ~ts", [Text]};
format(#{event := Event, message := Message, fields := Fields}) ->
    Pairs = [io_lib:format(" ~ts=~ts", [Key, value(Value)]) || {Key, Value} <- lists:sort(maps:to_list(Fields))],
    Colon = case Message of
                <<>> -> "";
                _ -> ": "
            end,
    {"rancher_cnode ~ts~s~ts~ts", [Event, Colon, Message, Pairs]}.

value(Value) when is_binary(Value) -> Value;
value(Value) -> io_lib:format("~tp", [Value]).

%% Level and time, none unless the event of the line comes from the C-node: not at debug, nor does a status that was asked
%% for by a signal.
read(Line) ->
    case re:run(Line, ?EVENT_LINE, [{capture, all_but_first, list}]) of
        {match, [_Time, "debug", _Event]} -> {debug, none};
        {match, [_Time, _Level, "status_line"]} -> {info, none};
        {match, [Time, Level, _Event]} -> {list_to_existing_atom(Level), ms(Time)};
        nomatch -> {warning, none}
    end.

ms(Time) ->
    try
        calendar:rfc3339_to_system_time(Time, [{unit, millisecond}])
    catch
        error:_ -> none
    end.
