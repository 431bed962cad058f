%% Anyone who reaches the port may send anything. Each attack costs at most its own link: the BEAM keeps its link and
%% gets its answers, and the node stays the same size.
-module(hostile_SUITE).

-export([suite/0, all/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([a_stranger_with_the_cookie_is_let_in/1, half_handshakes_by_the_hundred_delay_nobody/1,
         a_byte_per_second_is_cut_off/1, a_wrong_cookie_is_refused_and_said/1, handshake_packets_of_any_shape/1,
         frames_that_lie_about_their_length/1, every_control_message_there_could_be/1, random_bytes/1,
         broken_and_deep_terms/1, names_of_255_characters/1, a_million_messages_to_nobody/1,
         ten_thousand_connections_leave_nothing_behind/1, links_above_the_limit_are_refused/1]).

-define(COOKIE, "monster").
%% The whole of a handshake may take five seconds.
-define(HANDSHAKE_MS, 5000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 120}}].

-spec all() -> [atom()].
all() ->
    [a_stranger_with_the_cookie_is_let_in, half_handshakes_by_the_hundred_delay_nobody, a_byte_per_second_is_cut_off,
     a_wrong_cookie_is_refused_and_said, handshake_packets_of_any_shape, frames_that_lie_about_their_length,
     every_control_message_there_could_be, random_bytes, broken_and_deep_terms, names_of_255_characters,
     a_million_messages_to_nobody, ten_thousand_connections_leave_nothing_behind, links_above_the_limit_are_refused].

%% One small cluster for all cases: it must survive them all.
-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    Metadata = metadata_server:start(),
    #{beams := [Beam | _] = Beams, cnodes := [Cnode | _]} = test_cluster:form(Metadata, 2, #{args => ["--max-links", "200"]}),
    [{metadata, Metadata}, {beam, Beam}, {beams, Beams}, {cnode, Cnode} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    ok = metadata_server:stop(proplists:get_value(metadata, Config)),
    test_host:remove_all().

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    unharmed(Config),
    Config.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_Case, Config) ->
    unharmed(Config).

-spec a_stranger_with_the_cookie_is_let_in([term()]) -> ok.
a_stranger_with_the_cookie_is_let_in(Config) ->
    Socket = let_in(Config, "guest"),
    test_wait:until("a tick is answered, unless something was said just before",
                    fun() -> true = stranger:send(Socket, <<0:32>>),
                             case gen_tcp:recv(Socket, 4, 100) of
                                 {ok, <<0:32>>} -> {done, ok};
                                 {error, timeout} -> {wait, silence}
                             end
                    end, 5000),
    gen_tcp:close(Socket).

-spec half_handshakes_by_the_hundred_delay_nobody([term()]) -> ok.
half_handshakes_by_the_hundred_delay_nobody(Config) ->
    Address = stranger:address(cnode(Config)),
    Silent = [stranger:connect(Address) || _ <- lists:seq(1, 50)],
    Named = [begin
                 Socket = stranger:connect(Address),
                 true = stranger:send(Socket, stranger:name("half" ++ integer_to_list(N) ++ "@10.42.1.1", 7)),
                 Socket
             end || N <- lists:seq(1, 50)],
    answers_within(1000, Config),
    pong = test_beam:call(proplists:get_value(beam, Config), net_adm, ping, [test_cnode:name(cnode(Config))]),
    [true = stranger:closed(Socket, 100 * ?HANDSHAKE_MS) || Socket <- Silent ++ Named],
    ok.

-spec a_byte_per_second_is_cut_off([term()]) -> ok.
a_byte_per_second_is_cut_off(Config) ->
    Socket = stranger:connect(cnode(Config)),
    Began = erlang:monotonic_time(millisecond),
    drip(Socket, stranger:name("slow@10.42.1.1", 7)),
    true = erlang:monotonic_time(millisecond) - Began < 2 * ?HANDSHAKE_MS,
    ok.

-spec a_wrong_cookie_is_refused_and_said([term()]) -> ok.
a_wrong_cookie_is_refused_and_said(Config) ->
    Socket = stranger:connect(cnode(Config)),
    {error, ack} = stranger:shake_hands(Socket, "liar@10.42.1.1", "not_the_cookie"),
    true = stranger:closed(Socket, ?HANDSHAKE_MS),
    _ = test_cnode:await_event(cnode(Config),
                               fun(#{event := Event, text := Text}) ->
                                       Event =:= <<"handshake_failed">> andalso
                                           binary:match(Text, <<"cookie">>) =/= nomatch
                               end, 5000),
    ok.

%% ei copies by differences of lengths: a packet that is too short for its tag must never reach it.
-spec handshake_packets_of_any_shape([term()]) -> ok.
handshake_packets_of_any_shape(Config) ->
    Address = stranger:address(cnode(Config)),
    Packets = [<<0:16>>, <<65535:16>>, <<1:16, "n">>, <<1:16, "N">>, <<3:16, "sok">>, <<2:16, "xx">>,
               <<15:16, $N, 0:64, 0:32, 0:16>>, <<16:16, $N, 0:64, 0:32, 900:16, "a">>, <<8:16, $n, 6:16, 0:32, "a">>,
               stranger:name(lists:duplicate(2000, $a), 1), stranger:name("", 1), stranger:name("\0\n\r@\e", 1),
               stranger:name(atom_to_list(test_cnode:name(cnode(Config))), 1),
               <<23:16, $r, 0:176>>, <<17:16, $a, 0:128>>, <<9:16, $c, 0:64>>],
    [begin
         Socket = stranger:connect(Address),
         _ = stranger:send(Socket, Packet),
         _ = gen_tcp:shutdown(Socket, write),
         true = stranger:closed(Socket, 2 * ?HANDSHAKE_MS)
     end || Packet <- Packets],
    ok.

-spec frames_that_lie_about_their_length([term()]) -> ok.
frames_that_lie_about_their_length(Config) ->
    [begin
         Socket = let_in(Config, "guest"),
         _ = stranger:send(Socket, Bytes),
         true = stranger:closed(Socket, 5000)
     end || Bytes <- [<<16#ffffffff:32, 0:800>>, <<-1:32, 112>>, <<(16#1000001):32, 112>>, <<1:32, 0>>, <<1:32, 112>>,
                      <<3:32, 112, 131, 104>>]],
    ok.

-spec every_control_message_there_could_be([term()]) -> ok.
every_control_message_there_could_be(Config) ->
    [begin
         Socket = let_in(Config, "guest"),
         [_ = stranger:send(Socket, stranger:frame(list_to_tuple([Operation | Arguments]), none))
          || Operation <- lists:seq(0, 255)],
         gen_tcp:close(Socket)
     end || Arguments <- [[], [self()], [self(), self()], [self(), '', net_kernel], [1, self(), self()],
                          [self(), rancher_cnode, make_ref()], [make_ref(), self(), self(), {a, b, 0}, []]]],
    ok.

-spec random_bytes([term()]) -> ok.
random_bytes(Config) ->
    Seed = rand:seed(exsss),
    ct:pal("seed ~p", [rand:export_seed_s(Seed)]),
    [begin
         Socket = let_in(Config, "guest"),
         Body = rand:bytes(rand:uniform(2000)),
         _ = stranger:send(Socket, case N rem 3 of
                                       0 -> Body;
                                       1 -> <<(byte_size(Body)):32, Body/binary>>;
                                       2 -> <<(byte_size(Body) + 2):32, 112, 131, Body/binary>>
                                   end),
         gen_tcp:close(Socket)
     end || N <- lists:seq(1, 150)],
    ok.

-spec broken_and_deep_terms([term()]) -> ok.
broken_and_deep_terms(Config) ->
    Control = term_to_binary({6, self(), '', rancher_cnode}),
    Message = term_to_binary({'$gen_call', {self(), make_ref()}, {status, "text", #{a => [1.5, 1 bsl 70]}}}),
    Deep = iolist_to_binary([131, [<<108, 1:32>> || _ <- lists:seq(1, 500000)]]),
    Wide = <<131, 104, 255, 108, 16#ffffffff:32>>,
    Whole = [Deep, Wide, <<131, 116, 16#ffffffff:32>>, <<131, 109, 16#ffffffff:32, 0>>, <<131, 110, 255, 0, 1>>,
             <<131, 114, 65535:16>>, <<131, 80, 0:32, 1, 2, 3>>],
    Cut = [binary:part(Message, 0, Length) || Length <- lists:seq(1, byte_size(Message) - 1)],
    [begin
         Socket = let_in(Config, "guest"),
         Frame = <<112, Control/binary, Bytes/binary>>,
         _ = stranger:send(Socket, <<(byte_size(Frame)):32, Frame/binary>>),
         true = stranger:closed(Socket, 5000)
     end || Bytes <- Whole ++ Cut],
    ok.

-spec names_of_255_characters([term()]) -> ok.
names_of_255_characters(Config) ->
    Socket = let_in(Config, "guest"),
    Long = list_to_atom(lists:duplicate(255, $x)),
    Wide = list_to_atom(lists:duplicate(255, 16#1F600)),
    [true = stranger:send(Socket, stranger:reg_send(Name, {'$gen_call', {self(), make_ref()}, Name}))
     || Name <- [Long, Wide, rancher_cnode, net_kernel]],
    true = stranger:send(Socket, stranger:reg_send(rancher_cnode, {'$gen_call', {self(), make_ref()}, {Long, Wide}})),
    gen_tcp:close(Socket).

-spec a_million_messages_to_nobody([term()]) -> ok.
a_million_messages_to_nobody(Config) ->
    Socket = let_in(Config, "guest"),
    Before = resident_kib(Config),
    Thousand = binary:copy(stranger:reg_send(nobody_here, hello), 1000),
    [true = stranger:send(Socket, Thousand) || _ <- lists:seq(1, 1000)],
    answers_within(1000, Config),
    gen_tcp:close(Socket),
    true = resident_kib(Config) - Before < 20000,
    ok.

-spec ten_thousand_connections_leave_nothing_behind([term()]) -> ok.
ten_thousand_connections_leave_nothing_behind(Config) ->
    Address = stranger:address(cnode(Config)),
    [gen_tcp:close(stranger:connect(Address)) || _ <- lists:seq(1, 500)],
    settle(Config),
    {Descriptors, Kib} = {descriptors(Config), resident_kib(Config)},
    [gen_tcp:close(stranger:connect(Address)) || _ <- lists:seq(1, 10000)],
    settle(Config),
    ct:pal("descriptors ~p -> ~p, resident KiB ~p -> ~p", [Descriptors, descriptors(Config), Kib, resident_kib(Config)]),
    %% When they were counted first, the last strangers may not have been done with yet.
    test_wait:until("the descriptors are back to what they were, or fewer",
                    fun() -> case descriptors(Config) of
                                 Now when Now =< Descriptors -> {done, ok};
                                 Now -> {wait, Now}
                             end
                    end, 20000),
    true = resident_kib(Config) - Kib < 10000,
    ok.

-spec links_above_the_limit_are_refused([term()]) -> ok.
links_above_the_limit_are_refused(Config) ->
    Sockets = [begin
                   Socket = stranger:connect(cnode(Config)),
                   {stranger:shake_hands(Socket, "many" ++ integer_to_list(N) ++ "@10.42.1.1", ?COOKIE), Socket}
               end || N <- lists:seq(1, 210)],
    %% The one to the local BEAM is of its own making and does not count.
    #{links := 201, counters := #{strangers_refused := Refused}} = status(Config),
    true = Refused >= 10,
    answers_within(1000, Config),
    [gen_tcp:close(Socket) || {_, Socket} <- Sockets],
    test_wait:until("the links are gone",
                    fun() -> case status(Config) of
                                 #{links := 1} -> {done, ok};
                                 #{links := Links} -> {wait, Links}
                             end
                    end, 10000).

%% -- what the cases share

let_in(Config, Name) ->
    Socket = stranger:connect(cnode(Config)),
    ok = stranger:shake_hands(Socket, Name ++ "@10.42.1.1", ?COOKIE),
    Socket.

%% Byte by byte until the other side has had enough.
drip(Socket, <<Byte, Rest/binary>>) ->
    case stranger:send(Socket, <<Byte>>) andalso not stranger:closed(Socket, 1000) of
        true -> drip(Socket, Rest);
        false -> ok
    end;
drip(_Socket, <<>>) ->
    error(never_cut_off).

%% The BEAM's own link was never lost, and its questions are answered.
unharmed(Config) ->
    answers_within(2000, Config),
    [] = [Event || Event = #{what := down} <- test_beam:events(proplists:get_value(beam, Config))],
    [] = test_cluster:lost_links(proplists:get_value(beams, Config)),
    ok.

answers_within(Milliseconds, Config) ->
    Began = erlang:monotonic_time(millisecond),
    #{targets := [#{state := linked}]} = status(Config),
    Took = erlang:monotonic_time(millisecond) - Began,
    Took < Milliseconds orelse error({took_ms, Took}).

status(Config) ->
    test_beam:call(proplists:get_value(beam, Config), gen_server, call,
                   [{rancher_cnode, test_cnode:name(cnode(Config))}, status, 10000]).

%% All strangers of the past have been dealt with.
settle(Config) ->
    test_wait:until("only the BEAM is linked and nobody waits",
                    fun() -> case {status(Config), descriptors(Config)} of
                                 {#{links := 1}, Descriptors} when Descriptors < 60 -> {done, ok};
                                 {#{links := Links}, Descriptors} -> {wait, {Links, Descriptors}}
                             end
                    end, 60000).

descriptors(Config) ->
    {ok, Names} = file:list_dir("/proc/" ++ os_pid(Config) ++ "/fd"),
    length(Names).

resident_kib(Config) ->
    {ok, Status} = file:read_file("/proc/" ++ os_pid(Config) ++ "/status"),
    {match, [Kib]} = re:run(Status, "VmRSS:\\s+(\\d+)", [{capture, all_but_first, list}]),
    list_to_integer(Kib).

os_pid(Config) ->
    integer_to_list(test_cnode:os_pid(cnode(Config))).

cnode(Config) ->
    proplists:get_value(cnode, Config).
