%% Whoever has the cookie may send anything over a connection. Each attack costs at most that connection: the
%% BEAM keeps its own and gets its answers, and the node stays the same size.
-module(hostile_messages_SUITE).

-import(attacked_cluster, [cnode/1, connected_client/1, client_pid/0, call/3, unharmed/1, answers_promptly/1,
                           status/1]).

-export([suite/0, all/0]).
-export([frames_with_a_wrong_length/1, every_possible_control_message/1, random_bytes/1,
         broken_and_deep_terms/1, names_of_255_characters/1, a_million_messages_to_unregistered_names/1]).

%% The last operation of the protocol, UNLINK_ID_ACK, is 36.
-define(FIRST_UNKNOWN, 40).
%% Allowed growth of memory after a million messages: a few pages.
-define(MEMORY_KIB, 2000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [attacked_cluster]}].

-spec all() -> [atom()].
all() ->
    [frames_with_a_wrong_length, every_possible_control_message, random_bytes, broken_and_deep_terms,
     names_of_255_characters, a_million_messages_to_unregistered_names].

-spec frames_with_a_wrong_length([term()]) -> ok.
frames_with_a_wrong_length(Config) ->
    [begin
         Socket = connected_client(Config),
         _ = raw_client:send(Socket, Bytes),
         true = raw_client:closed(Socket, test_wait:patience())
     end || Bytes <- [<<16#ffffffff:32, 0:800>>, <<16#fffffffe:32, 112>>, <<16#80000000:32, 112>>,
                      <<(16#1000001):32, 112>>, <<1:32, 0>>, <<1:32, 112>>, <<3:32, 112, 131, 104>>]],
    ok.

%% Every operation with arguments of every shape that the protocol has, and some more, with a message and
%% without. After each the node answers, over the same connection or over a new one; unknown operations do not
%% close it.
-spec every_possible_control_message([term()]) -> ok.
every_possible_control_message(Config) ->
    Pid = client_pid(),
    Shapes = [[], [Pid], ['', Pid], [Pid, Pid], [Pid, Pid, reason], [Pid, '', net_kernel], [1, Pid, Pid],
              [Pid, rancher_cnode, make_ref()], [Pid, Pid, make_ref()], [Pid, make_ref()],
              [make_ref(), Pid, Pid, {a, b, 0}, []], [make_ref(), Pid, 0, Pid]],
    Frames = fun(Operation) ->
                     [raw_client:frame(list_to_tuple([Operation | Shape]), Message)
                      || Shape <- Shapes, Message <- [none, {message, hello}]]
             end,
    Last = lists:foldl(fun(Operation, Socket) -> survives_all(Frames(Operation), Operation, Socket, Config) end,
                       connected_client(Config), lists:seq(0, 255)),
    gen_tcp:close(Last).

survives_all(Frames, Operation, First, Config) ->
    lists:foldl(fun(Frame, Socket) ->
                        _ = raw_client:send(Socket, Frame),
                        case call(Socket, net_kernel, {is_auth, node(client_pid())}) of
                            {ok, yes} -> Socket;
                            closed when Operation < ?FIRST_UNKNOWN -> connected_client(Config);
                            closed -> error({closed_by_unknown_operation, Operation, Frame})
                        end
                end,
                First, Frames).

%% With SEED set to the value in a failure the run is the same again.
-spec random_bytes([term()]) -> ok.
random_bytes(Config) ->
    Seed = case os:getenv("SEED") of
               false -> rand:uniform(1 bsl 32);
               Text -> list_to_integer(Text)
           end,
    _ = rand:seed(exsss, Seed),
    try
        [send_random_bytes(N, Config) || N <- lists:seq(1, 150)],
        unharmed(Config)
    catch
        Class:Reason:Stack -> error({with_seed, Seed, Class, Reason, Stack})
    end.

send_random_bytes(N, Config) ->
    Socket = connected_client(Config),
    Body = rand:bytes(rand:uniform(2000)),
    _ = raw_client:send(Socket, case N rem 3 of
                                  0 -> Body;
                                  1 -> <<(byte_size(Body)):32, Body/binary>>;
                                  2 -> <<(byte_size(Body) + 2):32, 112, 131, Body/binary>>
                              end),
    gen_tcp:close(Socket).

-spec broken_and_deep_terms([term()]) -> ok.
broken_and_deep_terms(Config) ->
    Control = term_to_binary({6, self(), '', rancher_cnode}),
    Message = term_to_binary({'$gen_call', {self(), make_ref()}, {status, "text", #{a => [1.5, 1 bsl 70]}}}),
    Deep = iolist_to_binary([131, [<<108, 1:32>> || _ <- lists:seq(1, 500000)]]),
    Wide = <<131, 104, 255, 108, 16#ffffffff:32>>,
    Whole = [Deep, Wide, <<131, 116, 16#ffffffff:32>>, <<131, 109, 16#ffffffff:32, 0>>, <<131, 110, 255, 0, 1>>,
             <<131, 80, 0:32, 1, 2, 3>>, reference(0), reference(6), reference(65535)],
    Cut = [binary:part(Message, 0, Length) || Length <- lists:seq(1, byte_size(Message) - 1)],
    [begin
         Socket = connected_client(Config),
         Frame = <<112, Control/binary, Bytes/binary>>,
         _ = raw_client:send(Socket, <<(byte_size(Frame)):32, Frame/binary>>),
         true = raw_client:closed(Socket, test_wait:patience())
     end || Bytes <- Whole ++ Cut],
    ok.

%% NEWER_REFERENCE_EXT with all its words; a reference has 1 to 5 of them.
reference(Words) ->
    <<131, 90, Words:16, 119, 3, "a@b", 1:32, 0:(32 * Words)>>.

-spec names_of_255_characters([term()]) -> ok.
names_of_255_characters(Config) ->
    Socket = connected_client(Config),
    Long = list_to_atom(lists:duplicate(255, $x)),
    Wide = list_to_atom(lists:duplicate(255, 16#1F600)),
    From = {client_pid(), make_ref()},
    [true = raw_client:send(Socket, raw_client:reg_send(Name, {'$gen_call', From, Name})) || Name <- [Long, Wide]],
    {ok, {error, {unknown_request, {Long, Wide}}}} = call(Socket, rancher_cnode, {Long, Wide}),
    gen_tcp:close(Socket).

-spec a_million_messages_to_unregistered_names([term()]) -> ok.
a_million_messages_to_unregistered_names(Config) ->
    Socket = connected_client(Config),
    Before = test_cnode:resident_kib(cnode(Config)),
    Dropped = messages_dropped(Config),
    Thousand = binary:copy(raw_client:reg_send(nobody_here, hello), 1000),
    [true = raw_client:send(Socket, Thousand) || _ <- lists:seq(1, 1000)],
    answers_promptly(Config),
    test_wait:equals("all have arrived", Dropped + 1000000, fun() -> messages_dropped(Config) end),
    gen_tcp:close(Socket),
    After = test_cnode:resident_kib(cnode(Config)),
    progress:note("a million messages: resident KiB ~b -> ~b", [Before, After]),
    true = After - Before < ?MEMORY_KIB,
    ok.

%% -- helpers

messages_dropped(Config) ->
    #{counters := #{messages_dropped := Dropped}} = status(Config),
    Dropped.
