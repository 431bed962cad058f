%% Runs inside a BEAM under test as its logger's default handler, and records the lines of the application's log, and the
%% disconnections by `global`. Times as in connection_log.
-module(beam_log).

-export([start/0, events/0]).
%% Called by logger.
-export([log/2]).
-export_type([event/0]).

%% cut: the node that `global` disconnected, or asked to disconnect, "to prevent overlapping partitions".
%% unreachable: the node that it failed to connect by itself.
-type event() :: #{at := integer(), level := logger:level(), text := binary(), cut => node(), unreachable => node()}.

-define(TEXT_CHARACTERS, 200).

%% Starts recording, from level notice.
-spec start() -> ok.
start() ->
    Starter = self(),
    Owner = spawn(fun() ->
                          ?MODULE = ets:new(?MODULE, [named_table, public, ordered_set]),
                          Starter ! {self(), ready},
                          receive after infinity -> ok end
                  end),
    receive
        {Owner, ready} -> ok
    end,
    ok = logger:add_handler(?MODULE, ?MODULE, #{}),
    _ = logger:remove_handler(default),
    logger:set_primary_config(level, notice).

%% All events so far, oldest first.
-spec events() -> [event()].
events() ->
    [Event || {_, Event} <- ets:tab2list(?MODULE)].

-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(#{level := Level, msg := Message} = Logged, _Config) ->
    Text = unicode:characters_to_binary(logger_formatter:format(Logged, #{template => [msg], single_line => true,
                                                                          max_size => ?TEXT_CHARACTERS})),
    Event = #{at => os:perf_counter(microsecond), level => Level, text => Text},
    true = ets:insert(?MODULE, {erlang:unique_integer([monotonic]), maps:merge(Event, of_global(Message))}),
    ok.

of_global({"'global' at node" ++ _, [_Own, _What, Other]}) when is_atom(Other) -> #{cut => Other};
of_global({"'global' at ~w failed to connect" ++ _, [_Own, Other]}) -> #{unreachable => Other};
of_global(_) -> #{}.
