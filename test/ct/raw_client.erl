%% A raw client of the distribution protocol that can misbehave at every step. Source: ERTS user's guide,
%% "Distribution Protocol". Runs in the controller, over the sandbox's bridge.
-module(raw_client).

-export([connect/1, name/2, shake_hands/3, send/2, frame/2, reg_send/2, pid/1, call/4, closed/2, address/1]).

%% Extended references, pids and ports, funs, bit strings, new floats, UTF-8 atoms, maps, big creation, the handshake of
%% OTP 23, UNLINK_ID and V4_NC: what every node since OTP 25 must offer.
-define(FLAGS, 16#403070f94).
-define(LIMIT_MS, 60000).

-spec address(test_cnode:cnode()) -> {inet:ip4_address(), inet:port_number()}.
address(Cnode) ->
    [Alive, Host] = string:lexemes(atom_to_list(test_cnode:name(Cnode)), "@"),
    {ok, Ip} = inet:parse_ipv4_address(Host),
    {port, Port, _} = erl_epmd:port_please(Alive, Ip, ?LIMIT_MS),
    {Ip, Port}.

-spec connect(test_cnode:cnode() | {inet:ip4_address(), inet:port_number()}) -> gen_tcp:socket().
connect({Ip, Port}) ->
    {ok, Socket} = gen_tcp:connect(Ip, Port, [binary, {active, false}, {nodelay, true}, {packet, raw}], ?LIMIT_MS),
    Socket;
connect(Cnode) ->
    connect(address(Cnode)).

%% SEND_NAME of version 6, framed.
-spec name(string(), non_neg_integer()) -> binary().
name(Name, Creation) ->
    packet(<<$N, ?FLAGS:64, Creation:32, (length(Name)):16, (list_to_binary(Name))/binary>>).

%% The whole handshake as the connecting side. {error, Stage} if the other side closes.
-spec shake_hands(gen_tcp:socket(), string(), string()) -> ok | {error, status | challenge | ack}.
shake_hands(Socket, Name, Cookie) ->
    ok = gen_tcp:send(Socket, name(Name, 1000)),
    case receive_packet(Socket) of
        {ok, <<"sok", _/binary>>} -> answer_challenge(Socket, Cookie);
        _ -> {error, status}
    end.

answer_challenge(Socket, Cookie) ->
    case receive_packet(Socket) of
        {ok, <<$N, _Flags:64, Challenge:32, _/binary>>} -> reply(Socket, Cookie, Challenge);
        {ok, <<$n, _Version:16, _Flags:32, Challenge:32, _/binary>>} -> reply(Socket, Cookie, Challenge);
        _ -> {error, challenge}
    end.

reply(Socket, Cookie, Challenge) ->
    Digest = erlang:md5([Cookie, integer_to_list(Challenge)]),
    ok = gen_tcp:send(Socket, packet(<<$r, 4711:32, Digest/binary>>)),
    Expected = erlang:md5([Cookie, "4711"]),
    case receive_packet(Socket) of
        {ok, <<$a, Expected:16/binary>>} -> ok;
        _ -> {error, ack}
    end.

receive_packet(Socket) ->
    case gen_tcp:recv(Socket, 2, ?LIMIT_MS) of
        {ok, <<Length:16>>} -> gen_tcp:recv(Socket, Length, ?LIMIT_MS);
        Error -> Error
    end.

%% True if the bytes went out; the other side may have closed.
-spec send(gen_tcp:socket(), iodata()) -> boolean().
send(Socket, Bytes) ->
    gen_tcp:send(Socket, Bytes) =:= ok.

%% A whole frame: control and, unless none, message.
-spec frame(term(), {message, term()} | none) -> binary().
frame(Control, none) ->
    framed([112, term_to_binary(Control)]);
frame(Control, {message, Message}) ->
    framed([112, term_to_binary(Control), term_to_binary(Message)]).

-spec reg_send(atom(), term()) -> binary().
reg_send(Name, Message) ->
    frame({6, self(), '', Name}, {message, Message}).

%% A process of the client's node that answers can be sent to.
-spec pid(string()) -> pid().
pid(Node) ->
    binary_to_term(<<131, 88, 119, (length(Node)), (list_to_binary(Node))/binary, 1:32, 0:32, 1000:32>>).

%% Calls a registered process as gen_server:call/2 does, over a connection of the client Node. Other messages meanwhile
%% are skipped.
-spec call(gen_tcp:socket(), string(), atom(), term()) -> {ok, term()} | closed.
call(Socket, Node, Name, Request) ->
    Tag = make_ref(),
    _ = send(Socket, reg_send(Name, {'$gen_call', {pid(Node), Tag}, Request})),
    await_reply(Socket, Tag).

await_reply(Socket, Tag) ->
    case receive_frame(Socket) of
        {ok, {2, _, _}, {Tag, Reply}} -> {ok, Reply};
        {ok, _, _} -> await_reply(Socket, Tag);
        closed -> closed
    end.

%% Control and message; none for a tick and a frame without one.
receive_frame(Socket) ->
    case gen_tcp:recv(Socket, 4, ?LIMIT_MS) of
        {ok, <<0:32>>} -> {ok, none, none};
        {ok, <<Length:32>>} -> terms(gen_tcp:recv(Socket, Length, ?LIMIT_MS));
        {error, timeout} -> error(no_answer);
        {error, _} -> closed
    end.

terms({ok, <<112, Terms/binary>>}) ->
    {Control, Used} = binary_to_term(Terms, [used]),
    case Terms of
        <<_:Used/binary>> -> {ok, Control, none};
        <<_:Used/binary, Message/binary>> -> {ok, Control, binary_to_term(Message)}
    end;
terms({error, _}) ->
    closed.

%% Waits until the other side has closed; true if it did within Timeout (ms).
-spec closed(gen_tcp:socket(), timeout()) -> boolean().
closed(Socket, Timeout) ->
    case gen_tcp:recv(Socket, 0, Timeout) of
        {ok, _} -> closed(Socket, Timeout);
        {error, timeout} -> false;
        {error, _} -> true
    end.

packet(Body) ->
    <<(byte_size(Body)):16, Body/binary>>.

framed(Parts) ->
    Body = iolist_to_binary(Parts),
    <<(byte_size(Body)):32, Body/binary>>.
