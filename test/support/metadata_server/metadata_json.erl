%% JSON as Go's encoder writes it (sorted keys, <, > and & escaped), and the text listing that the metadata service
%% returns to clients that do not ask for JSON.
-module(metadata_json).

-export([encode/1, text/1]).
-export_type([json/0]).

-type json() :: null | boolean() | number() | binary() | [json()] | #{binary() => json()}.

-spec encode(json()) -> iodata().
encode(null) -> <<"null">>;
encode(true) -> <<"true">>;
encode(false) -> <<"false">>;
encode(Number) when is_integer(Number) -> integer_to_binary(Number);
encode(Number) when is_float(Number) -> float_to_binary(Number, [short]);
encode(Text) when is_binary(Text) -> [$", escape(Text), $"];
encode([]) -> <<"[]">>;
encode(List) when is_list(List) -> [$[, lists:join($,, [encode(Value) || Value <- List]), $]];
encode(Map) when is_map(Map) ->
    Members = [[encode(Key), $:, encode(Value)] || {Key, Value} <- lists:sort(maps:to_list(Map))],
    [${, lists:join($,, Members), $}].

%% One line a key, "/" after those that have more below; elements of a list as "0=name".
-spec text(json()) -> iodata().
text(null) -> <<>>;
text(Text) when is_binary(Text) -> Text;
text(Map) when is_map(Map) -> [[Key, below(Value), $\n] || {Key, Value} <- lists:sort(maps:to_list(Map))];
text(List) when is_list(List) -> lists:map(fun element_text/1, lists:enumerate(0, List));
text(Scalar) -> encode(Scalar).

below(Value) when is_map(Value); is_list(Value) -> <<"/">>;
below(_) -> <<>>.

element_text({Index, #{<<"name">> := Name}}) -> [integer_to_binary(Index), $=, Name, $\n];
element_text({Index, Value}) when is_map(Value); is_list(Value) -> [integer_to_binary(Index), "/\n"];
element_text({Index, _}) -> [integer_to_binary(Index), $\n].

escape(Text) ->
    case is_plain(Text) of
        true -> Text;
        false -> << <<(escape_byte(Byte))/binary>> || <<Byte>> <= Text >>
    end.

is_plain(<<Byte, Rest/binary>>) when Byte >= 32, Byte =/= $", Byte =/= $\\, Byte =/= $<, Byte =/= $>, Byte =/= $& ->
    is_plain(Rest);
is_plain(Rest) ->
    Rest =:= <<>>.

escape_byte($") -> <<"\\\"">>;
escape_byte($\\) -> <<"\\\\">>;
escape_byte($\n) -> <<"\\n">>;
escape_byte($\r) -> <<"\\r">>;
escape_byte($\t) -> <<"\\t">>;
escape_byte(Byte) when Byte < 32; Byte =:= $<; Byte =:= $>; Byte =:= $& ->
    iolist_to_binary(io_lib:format("\\u~4.16.0b", [Byte]));
escape_byte(Byte) ->
    <<Byte>>.
