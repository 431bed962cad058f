%% @private
%% Parses the program's lines on standard error, `Time Level event=... msg="..." key=value', and writes them to logger.
-module(rancher_cnode_log).

-export([parse/1, write/2, format/1]).
-export_type([entry/0]).

%% A line in another format (from a library, or the last line of a crash) has only a text.
-type entry() :: #{level := logger:level(), event := binary(), message := binary(), fields := #{binary() => binary()}}
               | #{level := logger:level(), text := binary()}.

-spec parse(binary()) -> entry().
parse(Line) ->
    try
        [_Time, Level, Body] = split(Line, 2),
        Fields = fields(Body),
        #{level => level(Level),
          event => map_get(<<"event">>, Fields),
          message => maps:get(<<"msg">>, Fields, <<>>),
          fields => maps:without([<<"event">>, <<"msg">>], Fields)}
    catch
        error:_ -> #{level => warning, text => Line}
    end.

%% Skips entries below the level Least.
-spec write(entry(), logger:level()) -> ok.
write(#{level := Level} = Entry, Least) ->
    case logger:compare_levels(Level, Least) of
        lt -> ok;
        _ -> logger:log(Level, (maps:remove(level, Entry))#{program => rancher_cnode},
                        #{domain => [rancher_cnode], report_cb => fun ?MODULE:format/1})
    end.

%% logger's report_cb.
-spec format(map()) -> {io:format(), [term()]}.
format(#{text := Text}) ->
    {"rancher_cnode: ~ts", [Text]};
format(#{event := Event, message := Message, fields := Fields}) ->
    Pairs = [[$\s, Key, $=, Value] || {Key, Value} <- lists:sort(maps:to_list(Fields))],
    Colon = case Message of
                <<>> -> "";
                _ -> ": "
            end,
    {"rancher_cnode ~ts~s~ts~ts", [Event, Colon, Message, Pairs]}.

split(Line, 0) -> [Line];
split(Line, Times) ->
    [First, Rest] = binary:split(Line, <<" ">>),
    [First | split(Rest, Times - 1)].

level(<<"debug">>) -> debug;
level(<<"info">>) -> info;
level(<<"warning">>) -> warning;
level(<<"error">>) -> error.

fields(<<>>) ->
    #{};
fields(Body) ->
    [Key, Rest] = binary:split(Body, <<"=">>),
    {Value, Others} = value(Rest),
    maps:put(Key, Value, fields(Others)).

value(<<$", Quoted/binary>>) ->
    {Value, Rest} = quoted(Quoted, <<>>),
    {Value, after_blank(Rest)};
value(Plain) ->
    case binary:split(Plain, <<" ">>) of
        [Value, Rest] -> {Value, Rest};
        [Value] -> {Value, <<>>}
    end.

after_blank(<<>>) -> <<>>;
after_blank(<<$\s, Rest/binary>>) -> Rest.

%% JSON escapes.
quoted(<<$", Rest/binary>>, Value) -> {Value, Rest};
quoted(<<$\\, $u, Hex:4/binary, Rest/binary>>, Value) ->
    quoted(Rest, <<Value/binary, (binary_to_integer(Hex, 16))/utf8>>);
quoted(<<$\\, $n, Rest/binary>>, Value) -> quoted(Rest, <<Value/binary, $\n>>);
quoted(<<$\\, $r, Rest/binary>>, Value) -> quoted(Rest, <<Value/binary, $\r>>);
quoted(<<$\\, $t, Rest/binary>>, Value) -> quoted(Rest, <<Value/binary, $\t>>);
quoted(<<$\\, Char, Rest/binary>>, Value) -> quoted(Rest, <<Value/binary, Char>>);
quoted(<<Char, Rest/binary>>, Value) -> quoted(Rest, <<Value/binary, Char>>).
