%% One HTTP connection to the stand-in metadata server: reads requests, writes answers as Go's server does, and
%% spoils them as the server's mode demands.
-module(metadata_connection).

-export([accept/2]).

-define(CHUNKED_ABOVE, 2048).
-define(DRIP_PAUSE_MS, 200).

%% Accepts connections until the listener closes; each gets its own process, known to the server.
-spec accept(metadata_server:server(), gen_tcp:socket()) -> ok.
accept(Server, Listener) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Connection = spawn(fun() -> receive go -> link(Server), serve(Server, Socket) end end),
            gen_server:cast(Server, {connected, Connection}),
            ok = gen_tcp:controlling_process(Socket, Connection),
            Connection ! go,
            accept(Server, Listener);
        {error, _} ->
            ok
    end.

serve(Server, Socket) ->
    case read_request(Socket) of
        {ok, Target, Headers} ->
            case respond(Server, Socket, Target, Headers) of
                keep_alive -> serve(Server, Socket);
                close -> gen_tcp:close(Socket)
            end;
        closed ->
            gen_tcp:close(Socket)
    end.

read_request(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_request, 'GET', {abs_path, Target}, _Version}} -> read_headers(Socket, Target, #{});
        {ok, _} -> closed;
        {error, _} -> closed
    end.

read_headers(Socket, Target, Headers) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_header, _, Name, _, Value}} ->
            read_headers(Socket, Target, Headers#{string:lowercase(header_name(Name)) => Value});
        {ok, http_eoh} -> {ok, Target, Headers};
        _ -> closed
    end.

header_name(Name) when is_atom(Name) -> atom_to_binary(Name);
header_name(Name) -> Name.

respond(Server, Socket, Target, Headers) ->
    #{path := Path} = Uri = uri_string:parse(Target),
    case cleaned(Path) of
        Path ->
            {Mode, Answer} = metadata_server:answer(Server, request(Socket, Uri, Headers)),
            spoil(Mode, Socket, Answer, after_answer(Headers));
        Clean ->
            send(Socket, 301, ["Location: ", Clean, "\r\n"], <<>>),
            after_answer(Headers)
    end.

request(Socket, #{path := Path} = Uri, Headers) ->
    {ok, {Address, _}} = inet:peername(Socket),
    [Api | Segments] = case binary:split(Path, <<"/">>, [global, trim_all]) of
                           [] -> [<<>>];
                           Parts -> Parts
                       end,
    Query = [Pair || {_, Value} = Pair <- uri_string:dissect_query(maps:get(query, Uri, <<>>)), is_binary(Value)],
    #{source => inet:ntoa(Address), api => Api, path => [uri_string:percent_decode(Segment) || Segment <- Segments],
      query => maps:from_list(Query), form => form(Headers)}.

form(#{<<"accept">> := Accept}) ->
    case binary:match(Accept, <<"application/json">>) of
        nomatch -> text;
        _ -> json
    end;
form(_) ->
    text.

after_answer(#{<<"connection">> := Connection}) ->
    case string:lowercase(Connection) of
        <<"close">> -> close;
        _ -> keep_alive
    end;
after_answer(_) ->
    keep_alive.

%% As Go's path.Clean: the way to 301 for // and ..
cleaned(Path) ->
    Segments = lists:foldl(fun(<<".">>, Kept) -> Kept;
                              (<<"..">>, []) -> [];
                              (<<"..">>, [_ | Kept]) -> Kept;
                              (Segment, Kept) -> [Segment | Kept]
                           end,
                           [],
                           binary:split(Path, <<"/">>, [global, trim_all])),
    Clean = iolist_to_binary([["/", Segment] || Segment <- lists:reverse(Segments)]),
    case Path =/= <<>> andalso binary:last(Path) of
        $/ -> <<Clean/binary, "/">>;
        _ -> Clean
    end.

%% -- the ways to answer

spoil(refuse, _Socket, _Answer, _Then) ->
    close;
spoil(hang, _Socket, _Answer, _Then) ->
    receive after infinity -> close end;
spoil(hang_after_headers, Socket, {Status, Body}, _Then) ->
    send_raw(Socket, head(Status, length_of(Body), [])),
    receive after infinity -> close end;
spoil({drip, Bytes}, Socket, {Status, Body}, Then) ->
    send_raw(Socket, head(Status, length_of(Body), [])),
    drip(Socket, iolist_to_binary(Body), max(1, Bytes * ?DRIP_PAUSE_MS div 1000)),
    Then;
spoil(truncated, Socket, {Status, Body}, _Then) ->
    send_raw(Socket, [head(Status, length_of(Body), []), half(Body)]),
    close;
spoil(half_json, Socket, {Status, Body}, Then) ->
    answer(Socket, {Status, half(Body)}, Then);
spoil(not_found, Socket, _Answer, Then) ->
    answer(Socket, {404, <<"{\"code\":404,\"message\":\"Not found\",\"type\":\"error\"}\n">>}, Then);
spoil(server_error, Socket, _Answer, Then) ->
    answer(Socket, {500, <<"Internal Server Error\n">>}, Then);
spoil(garbage, Socket, _Answer, Then) ->
    answer(Socket, {200, << <<(rand:uniform(256) - 1)>> || _ <- lists:seq(1, 3000) >>}, Then);
spoil(html, Socket, _Answer, Then) ->
    answer(Socket, {200, <<"<!DOCTYPE html><html><body><h1>Welcome to nginx!</h1></body></html>\n">>}, Then);
spoil(empty, Socket, _Answer, Then) ->
    answer(Socket, {200, <<>>}, Then);
spoil(_WellBehaved, Socket, Answer, Then) ->
    answer(Socket, Answer, Then).

answer(Socket, {Status, Body}, Then) ->
    send(Socket, Status, [], Body),
    Then.

drip(_Socket, <<>>, _Step) ->
    ok;
drip(Socket, Body, Step) ->
    Size = min(Step, byte_size(Body)),
    <<Now:Size/binary, Later/binary>> = Body,
    send_raw(Socket, Now),
    receive after ?DRIP_PAUSE_MS -> ok end,
    drip(Socket, Later, Step).

half(Body) ->
    binary:part(iolist_to_binary(Body), 0, iolist_size(Body) div 2).

send(Socket, Status, Headers, Body) ->
    Size = iolist_size(Body),
    case Size > ?CHUNKED_ABOVE of
        true ->
            send_raw(Socket, [head(Status, "Transfer-Encoding: chunked\r\n", Headers),
                              integer_to_binary(Size, 16), "\r\n", Body, "\r\n0\r\n\r\n"]);
        false ->
            send_raw(Socket, [head(Status, length_of(Body), Headers), Body])
    end.

head(Status, Framing, Headers) ->
    ["HTTP/1.1 ", integer_to_list(Status), " ", phrase(Status), "\r\nContent-Type: text/plain; charset=utf-8\r\n",
     Framing, Headers, "\r\n"].

length_of(Body) ->
    ["Content-Length: ", integer_to_list(iolist_size(Body)), "\r\n"].

phrase(200) -> "OK";
phrase(301) -> "Moved Permanently";
phrase(404) -> "Not Found";
phrase(500) -> "Internal Server Error".

%% A client that has closed ends only the process of its connection.
send_raw(Socket, Data) ->
    case gen_tcp:send(Socket, Data) of
        ok -> ok;
        {error, _} -> exit(normal)
    end.
