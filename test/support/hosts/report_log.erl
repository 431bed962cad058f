%% Runs inside a BEAM under test and keeps what the BEAM's own log would print by default: a line for each event of
%% level notice or above.
-module(report_log).

-export([start/0, lines/0]).
%% logger's callback.
-export([log/2]).

-spec start() -> ok.
start() ->
    ok = recorder:start(?MODULE),
    ok = logger:set_primary_config(level, notice),
    logger:add_handler(?MODULE, ?MODULE, #{}).

%% Oldest first.
-spec lines() -> [string()].
lines() ->
    recorder:kept(?MODULE).

-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(Event, _Config) ->
    recorder:note(?MODULE, unicode:characters_to_list(logger_formatter:format(Event, #{}))).
