%% Anyone who reaches the port may connect as often as they like, and stop anywhere in the handshake. That
%% costs at most their own connections: others are accepted meanwhile, and the node stays the same size.
-module(hostile_connections_SUITE).

-import(attacked_cluster, [cnode/1, beams/1, max_connections/0, connect/2, connected_client/1,
                           answers_promptly/1, promptly_us/0, status/1, await_connections/2]).

-export([suite/0, all/0]).
-export([a_client_with_the_cookie_is_accepted/1, a_wrong_cookie_is_refused_and_logged/1,
         hundreds_of_half_handshakes_delay_nobody/1, a_byte_per_second_is_cut_off/1,
         handshake_packets_of_any_shape/1, ten_thousand_connections_leave_nothing_behind/1,
         connections_above_the_limit_are_refused/1]).

%% The whole of a handshake may take five seconds; and what a busy machine adds to that. One without a limit
%% would last on.
-define(HANDSHAKE_MS, 5000).
-define(LATE_MS, 15000).
-define(EARLY_MS, 500).
%% Allowed growth of memory after ten thousand connections: a few pages.
-define(MEMORY_KIB, 2000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [attacked_cluster]}].

-spec all() -> [atom()].
all() ->
    [a_client_with_the_cookie_is_accepted, a_wrong_cookie_is_refused_and_logged,
     hundreds_of_half_handshakes_delay_nobody, a_byte_per_second_is_cut_off, handshake_packets_of_any_shape,
     ten_thousand_connections_leave_nothing_behind, connections_above_the_limit_are_refused].

-spec a_client_with_the_cookie_is_accepted([term()]) -> ok.
a_client_with_the_cookie_is_accepted(Config) ->
    Socket = connected_client(Config),
    test_wait:until("a tick is answered, unless something was sent just before",
                    fun() -> true = raw_client:send(Socket, <<0:32>>),
                             case gen_tcp:recv(Socket, 4, 100) of
                                 {ok, <<0:32>>} -> {done, ok};
                                 {error, timeout} -> {wait, silence}
                             end
                    end),
    gen_tcp:close(Socket).

-spec a_wrong_cookie_is_refused_and_logged([term()]) -> ok.
a_wrong_cookie_is_refused_and_logged(Config) ->
    Socket = raw_client:connect(cnode(Config)),
    {error, ack} = raw_client:shake_hands(Socket, "liar@10.42.1.1", "not_the_cookie"),
    true = raw_client:closed(Socket, test_wait:patience()),
    _ = test_cnode:await_event(cnode(Config),
                               fun(#{event := Event, text := Text}) ->
                                       Event =:= <<"inbound_handshake_failed">> andalso
                                           binary:match(Text, <<"cookie">>) =/= nomatch
                               end),
    ok.

-spec hundreds_of_half_handshakes_delay_nobody([term()]) -> ok.
hundreds_of_half_handshakes_delay_nobody(Config) ->
    Hosts = [Added, _] = [test_host:add(), test_host:add()],
    AddedBeam = test_beam:start(Added),
    Caller = test_beam:start(lists:last(Hosts), #{basename => "caller"}),
    Address = raw_client:address(cnode(Config)),
    Self = self(),
    Half = [spawn_link(fun() -> half_handshakes(Self, Address, N) end) || N <- lists:seq(1, 100)],
    [receive {Each, hangs} -> ok end || Each <- Half],
    answers_promptly(Config),
    {Took, pong} = test_beam:call(Caller, timer, tc, [net_adm, ping, [test_cnode:name(cnode(Config))]]),
    true = Took < promptly_us(),
    Listed = os:perf_counter(microsecond),
    ok = test_cluster:list(proplists:get_value(metadata, Config), [Added | proplists:get_value(hosts, Config)]),
    true = test_cluster:mesh_at([AddedBeam | beams(Config)]) - Listed < promptly_us(),
    [Each ! enough || Each <- Half],
    %% All of that while every one of them hung, and none for longer than it may.
    Lasted = lists:append([receive {Each, lasted, Times} -> Times end || Each <- Half]),
    [] = [Ms || Ms <- Lasted, Ms < ?HANDSHAKE_MS - ?EARLY_MS orelse Ms > ?HANDSHAKE_MS + ?LATE_MS],
    test_beam:kill(Caller).

%% One after the other, until it is enough. Every other process sends only a name; the others send nothing at
%% all.
half_handshakes(Case, Address, N) ->
    Opened = now_ms(),
    Socket = half_handshake(Address, N),
    Case ! {self(), hangs},
    half_handshakes(Case, Address, N, [lasted(Socket, Opened)]).

half_handshakes(Case, Address, N, Lasted) ->
    receive
        enough -> Case ! {self(), lasted, Lasted}
    after 0 ->
        Opened = now_ms(),
        half_handshakes(Case, Address, N, [lasted(half_handshake(Address, N), Opened) | Lasted])
    end.

half_handshake(Address, N) ->
    Socket = raw_client:connect(Address),
    N rem 2 =:= 0 orelse raw_client:send(Socket, raw_client:name("half" ++ integer_to_list(N) ++ "@10.42.1.1", 7)),
    Socket.

lasted(Socket, Opened) ->
    true = raw_client:closed(Socket, test_wait:patience()),
    ok = gen_tcp:close(Socket),
    now_ms() - Opened.

-spec a_byte_per_second_is_cut_off([term()]) -> ok.
a_byte_per_second_is_cut_off(Config) ->
    Socket = raw_client:connect(cnode(Config)),
    Began = now_ms(),
    drip(Socket, raw_client:name("slow@10.42.1.1", 7)),
    Took = now_ms() - Began,
    true = Took > ?HANDSHAKE_MS - ?EARLY_MS,
    true = Took < ?HANDSHAKE_MS + ?LATE_MS,
    ok.

%% ei copies by differences of lengths: a packet that is too short for its tag must never reach it.
-spec handshake_packets_of_any_shape([term()]) -> ok.
handshake_packets_of_any_shape(Config) ->
    Address = raw_client:address(cnode(Config)),
    Packets = [<<0:16>>, <<65535:16>>, <<1:16, "n">>, <<1:16, "N">>, <<3:16, "sok">>, <<2:16, "xx">>,
               <<15:16, $N, 0:64, 0:32, 0:16>>, <<16:16, $N, 0:64, 0:32, 900:16, "a">>, <<8:16, $n, 6:16, 0:32, "a">>,
               raw_client:name(lists:duplicate(2000, $a), 1), raw_client:name("", 1), raw_client:name("\0\n\r@\e", 1),
               raw_client:name(atom_to_list(test_cnode:name(cnode(Config))), 1),
               <<23:16, $r, 0:176>>, <<17:16, $a, 0:128>>, <<9:16, $c, 0:64>>],
    [begin
         Socket = raw_client:connect(Address),
         _ = raw_client:send(Socket, Packet),
         _ = gen_tcp:shutdown(Socket, write),
         true = raw_client:closed(Socket, test_wait:patience())
     end || Packet <- Packets],
    ok.

%% Most send nothing; some hundreds complete the handshake. The first of both are for memory that grows only
%% once.
-spec ten_thousand_connections_leave_nothing_behind([term()]) -> ok.
ten_thousand_connections_leave_nothing_behind(Config) ->
    Address = raw_client:address(cnode(Config)),
    Idle = test_cnode:descriptors(cnode(Config)),
    Come = fun(Complete, Silent) ->
                   [gen_tcp:close(connected_client(Config)) || _ <- lists:seq(1, Complete)],
                   [gen_tcp:close(raw_client:connect(Address)) || _ <- lists:seq(1, Silent)],
                   await_connections(1, Config),
                   Descriptors = await_descriptors(Idle, Config),
                   {Descriptors, test_cnode:resident_kib(cnode(Config))}
           end,
    {Before, KibBefore} = Come(100, 1000),
    {After, KibAfter} = Come(500, 10000),
    progress:note("10,000 connections and 500 complete ones: descriptors ~b -> ~b, resident KiB ~b -> ~b",
                  [Before, After, KibBefore, KibAfter]),
    true = KibAfter - KibBefore < ?MEMORY_KIB,
    ok.

-spec connections_above_the_limit_are_refused([term()]) -> ok.
connections_above_the_limit_are_refused(Config) ->
    Limit = max_connections(),
    Clients = [connect("many" ++ integer_to_list(N) ++ "@10.42.1.1", Config)
               || N <- lists:seq(1, Limit + 10)],
    %% The connection to the local BEAM is outbound and does not count.
    await_connections(Limit + 1, Config),
    #{counters := #{inbound_refused := Refused}} = status(Config),
    true = Refused >= 10,
    answers_promptly(Config),
    [gen_tcp:close(Socket) || {_, Socket} <- Clients],
    await_connections(1, Config).

%% -- helpers

%% Byte by byte until the other side closes.
drip(Socket, <<Byte, Rest/binary>>) ->
    case raw_client:send(Socket, <<Byte>>) andalso not raw_client:closed(Socket, 1000) of
        true -> drip(Socket, Rest);
        false -> ok
    end;
drip(_Socket, <<>>) ->
    error(never_cut_off).

%% Until no earlier client holds one any more.
await_descriptors(Most, Config) ->
    test_wait:until("no more descriptors than before",
                    fun() -> case test_cnode:descriptors(cnode(Config)) of
                                 Now when Now =< Most -> {done, Now};
                                 Now -> {wait, Now}
                             end
                    end).

now_ms() ->
    erlang:monotonic_time(millisecond).
