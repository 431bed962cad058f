%% A small HTTP client with an address of its own, for the suite of the stand-in metadata server on loopback.
-module(metadata_client).

-export([version/1, status/2, get_json/2, get/3, ask/3, wait/3, request/2, answer/2, connect/1, receive_head/1]).

-define(PORT, 8080).
-define(JSON, "Accept: application/json\r\n").
-define(LIMIT_MS, 60000).

%% Status, headers by their names in lower case, and body; or what came before the server closed.
-type answer() :: {integer(), #{binary() => binary()}, binary()} | {closed, binary()}.

-spec version(string()) -> binary().
version(Source) ->
    {200, _, Version} = get(Source, "/latest/version", ""),
    Version.

-spec status(string(), iodata()) -> integer().
status(Source, Target) ->
    {Status, _, _} = get(Source, Target, ?JSON),
    Status.

-spec get_json(string(), iodata()) -> binary().
get_json(Source, Target) ->
    {200, _, Body} = get(Source, Target, ?JSON),
    Body.

-spec get(string(), iodata(), iodata()) -> answer().
get(Source, Target, Headers) ->
    Socket = ask(Source, Target, Headers),
    Answer = receive_answer(Socket),
    ok = gen_tcp:close(Socket),
    Answer.

-spec ask(string(), iodata(), iodata()) -> gen_tcp:socket().
ask(Source, Target, Headers) ->
    {ok, Socket} = connect(Source),
    ok = gen_tcp:send(Socket, ["GET ", Target, " HTTP/1.1\r\nHost: rancher-metadata\r\n", Headers, "\r\n"]),
    Socket.

-spec wait(string(), iodata(), string()) -> reference().
wait(Source, Value, Seconds) ->
    request(Source, ["/latest/version?wait=true&value=", Value, "&maxWait=", Seconds]).

%% A request in the background; answer/2 returns the result, and when it came.
-spec request(string(), iodata()) -> reference().
request(Source, Target) ->
    {_, Monitor} = spawn_monitor(fun() ->
                                         Answer = get(Source, Target, ?JSON),
                                         exit({answer, erlang:monotonic_time(millisecond), Answer})
                                 end),
    Monitor.

-spec answer(reference(), timeout()) -> {integer(), answer()} | silent.
answer(Monitor, Timeout) ->
    receive
        {'DOWN', Monitor, process, _, {answer, At, Answer}} -> {At, Answer}
    after Timeout ->
        silent
    end.

-spec connect(string()) -> {ok, gen_tcp:socket()} | {error, term()}.
connect(Source) ->
    {ok, Ip} = inet:parse_ipv4_address(Source),
    gen_tcp:connect({127, 0, 0, 1}, ?PORT, [binary, {ip, Ip}, {active, false}, {packet, http_bin}], ?LIMIT_MS).

receive_answer(Socket) ->
    case receive_head(Socket) of
        {Status, Headers} -> receive_body(Socket, Status, Headers);
        closed -> {closed, <<>>}
    end.

-spec receive_head(gen_tcp:socket()) -> {integer(), #{binary() => binary()}} | closed.
receive_head(Socket) ->
    case gen_tcp:recv(Socket, 0, ?LIMIT_MS) of
        {ok, {http_response, _, Status, _}} -> {Status, receive_headers(Socket, #{})};
        {error, closed} -> closed
    end.

receive_headers(Socket, Headers) ->
    case gen_tcp:recv(Socket, 0, ?LIMIT_MS) of
        {ok, {http_header, _, Name, _, Value}} ->
            Key = string:lowercase(iolist_to_binary(io_lib:format("~s", [Name]))),
            receive_headers(Socket, Headers#{Key => Value});
        {ok, http_eoh} ->
            Headers
    end.

receive_body(Socket, Status, #{<<"content-length">> := <<"0">>} = Headers) ->
    ok = inet:setopts(Socket, [{packet, raw}]),
    {Status, Headers, <<>>};
receive_body(Socket, Status, #{<<"content-length">> := Length} = Headers) ->
    ok = inet:setopts(Socket, [{packet, raw}]),
    case receive_exactly(Socket, binary_to_integer(Length), <<>>) of
        {whole, Body} -> {Status, Headers, Body};
        {part, Body} -> {closed, Body}
    end;
receive_body(Socket, Status, #{<<"transfer-encoding">> := <<"chunked">>} = Headers) ->
    ok = inet:setopts(Socket, [{packet, line}]),
    {ok, Size} = gen_tcp:recv(Socket, 0, ?LIMIT_MS),
    ok = inet:setopts(Socket, [{packet, raw}]),
    {ok, Body} = gen_tcp:recv(Socket, binary_to_integer(string:trim(Size), 16), ?LIMIT_MS),
    {ok, <<"\r\n0\r\n\r\n">>} = gen_tcp:recv(Socket, 7, ?LIMIT_MS),
    {Status, Headers, Body}.

receive_exactly(_Socket, 0, Got) ->
    {whole, Got};
receive_exactly(Socket, Left, Got) ->
    case gen_tcp:recv(Socket, 0, ?LIMIT_MS) of
        {ok, Data} -> receive_exactly(Socket, Left - byte_size(Data), <<Got/binary, Data/binary>>);
        {error, closed} -> {part, Got}
    end.
