%% What is wrong with TLS between a BEAM and the C-node: each is one clear line in the program's log and one failure of
%% `doctor', and causes few lines in the BEAM's own log. And clients that never complete a handshake.
-module(tls_failures_SUITE).

-import(fresh_service, [metadata/1]).
-import(tls_files, [certificates/2, optfile/2, beam_options/1, settings/2, file/2]).

-export([suite/0, all/0]).
-export([a_broken_certificate_of_ours_is_named/1, a_certificate_of_ours_for_another_host_is_named/1,
         a_broken_certificate_of_the_beam_is_named/1, a_missing_certificate_of_ours_is_named/1,
         a_fifo_in_place_of_a_certificate_blocks_nothing/1, plain_text_against_tls_is_named/1, tls_against_plain_text_is_named/1,
         clients_that_never_complete_the_handshake_delay_nobody/1]).

%% Attempts that a BEAM refuses come after 0, 1, 5 and 21 s.
-define(WATCHED_MS, 5000).
-define(MOST, 3).
%% The whole of a handshake may take five seconds; and what a busy machine adds to that. One without a limit would last on.
-define(HANDSHAKE_MS, 5000).
-define(LATE_MS, 15000).
%% Long before the end of a handshake that hangs.
-define(PROMPTLY_US, 3000000).
%% Files and sockets that come and go by themselves.
-define(OTHERS, 4).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [term()].
all() ->
    [a_broken_certificate_of_ours_is_named, a_certificate_of_ours_for_another_host_is_named,
     a_broken_certificate_of_the_beam_is_named, a_missing_certificate_of_ours_is_named,
     a_fifo_in_place_of_a_certificate_blocks_nothing, plain_text_against_tls_is_named,
     tls_against_plain_text_is_named, clients_that_never_complete_the_handshake_delay_nobody].

-spec a_broken_certificate_of_ours_is_named([term()]) -> ok.
a_broken_certificate_of_ours_is_named(Config) ->
    Cnodes = broken(Config, [both_ways("expired", "good", "the peer refuses our certificate: expired"),
                             both_ways("self_signed", "good", "the peer refuses our certificate"),
                             both_ways("foreign", "good", "the peer refuses our certificate: unknown CA")]),
    [degraded(Cnode, Why) || {Cnode, Why} <- lists:zip(Cnodes, ["is expired", "is self-signed", "is of another CA"])],
    ok.

%% Only a client looks for the host, and the C-node is not the client of this BEAM.
-spec a_certificate_of_ours_for_another_host_is_named([term()]) -> ok.
a_certificate_of_ours_for_another_host_is_named(Config) ->
    Hosts = [Host, Other] = [test_host:add(), test_host:add()],
    Folder = certificates(Config, Hosts),
    Beam = beam(Other, beam_options(optfile(Folder, "good"))),
    ok = test_host:start_epmd(Host),
    Cnode = test_cnode:start(Host, #{args => ["--proto-dist", "inet_tls" | settings(Folder, "other_host")]}),
    _ = test_cnode:await(Cnode, "node_registered"),
    degraded(Cnode, "is for another host"),
    inbound(Beam, Cnode, "most likely our certificate is for another host"),
    noted("our certificate is for another host", Beam).

-spec a_broken_certificate_of_the_beam_is_named([term()]) -> ok.
a_broken_certificate_of_the_beam_is_named(Config) ->
    _ = broken(Config, [both_ways("good", "expired", "the peer's certificate is expired"),
                        both_ways("good", "self_signed", "the peer's certificate is self-signed"),
                        both_ways("good", "foreign", "the peer's certificate is of another CA"),
                        {"good", "other_host", "the peer's certificate is for another host", none}]),
    ok.

-spec a_missing_certificate_of_ours_is_named([term()]) -> ok.
a_missing_certificate_of_ours_is_named(Config) ->
    Host = listed(Config),
    Folder = certificates(Config, [Host]),
    Beam = beam(Host, beam_options(optfile(Folder, "good"))),
    File = filename:join(Folder, "without"),
    ok = file:write_file(File, "[{client, [{cacertfile, \"" ++ file(Folder, "ca") ++ "\"}]}]."),
    Args = ["--ssl-dist-optfile", File],
    refused(test_cnode:start(Host, #{args => Args}), "requires a certificate of ours"),
    few_lines("no certificate", Beam),
    doctor_names(Host, Args, "requires a certificate of ours").

%% Neither the start, nor a handshake, nor the end: it has no writer.
-spec a_fifo_in_place_of_a_certificate_blocks_nothing([term()]) -> ok.
a_fifo_in_place_of_a_certificate_blocks_nothing(Config) ->
    Host = listed(Config),
    Folder = certificates(Config, [Host]),
    Beam = beam(Host, beam_options(optfile(Folder, "good"))),
    Fifo = file(Folder, "ours"),
    _ = test_command:ok("mkfifo", [Fifo]),
    Args = settings(Folder, "ours"),
    Stopped = test_cnode:start(Host, #{args => Args}),
    #{fields := #{<<"msg">> := Message}} = test_cnode:await(Stopped, "tls_degraded"),
    contains(Message, "ours.pem: not a regular file"),
    pang = test_beam:call(Beam, net_adm, ping, [test_cnode:name(Stopped)]),
    ok = test_cnode:stop(Stopped),
    Cnode = test_cnode:start(Host, #{args => Args}),
    _ = test_cnode:await(Cnode, "tls_degraded"),
    ok = tls_files:replace(Fifo, file(Folder, "good")),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok.

-spec plain_text_against_tls_is_named([term()]) -> ok.
plain_text_against_tls_is_named(Config) ->
    Host = listed(Config),
    Beam = beam(Host, beam_options(optfile(certificates(Config, [Host]), "good"))),
    Cnode = test_cnode:start(Host, #{args => ["--proto-dist", "inet_tcp"]}),
    refused(Cnode, "the peer speaks TLS; this node does not"),
    few_lines("plain text", Beam),
    inbound(Beam, Cnode, "the peer speaks TLS; this node does not"),
    doctor_names(Host, ["--proto-dist", "inet_tcp"], "the BEAM speaks inet_tls, --proto-dist is inet_tcp").

%% The BEAM waits for the rest of a packet whose length was the begin of ours; the other way round it is refused at once.
-spec tls_against_plain_text_is_named([term()]) -> ok.
tls_against_plain_text_is_named(Config) ->
    Host = listed(Config),
    Args = ["--proto-dist", "inet_tls" | settings(certificates(Config, [Host]), "good")],
    Beam = beam(Host, #{}),
    Cnode = test_cnode:start(Host, #{args => Args}),
    #{fields := #{<<"msg">> := Why}} = test_cnode:await(Cnode, "target_unresponsive"),
    {match, _} = re:run(Why, "the peer does not speak TLS, or hangs"),
    few_lines("TLS", Beam),
    inbound(Beam, Cnode, "the peer does not speak TLS"),
    doctor_names(Host, Args, "the BEAM speaks inet_tcp, --proto-dist is inet_tls").

%% Those that send nothing, that stop in the middle of a record or after one, or that claim one of 64 KiB; those that
%% send anything else are closed at once.
-spec clients_that_never_complete_the_handshake_delay_nobody([term()]) -> ok.
clients_that_never_complete_the_handshake_delay_nobody(Config) ->
    Host = test_host:add(),
    Beam = test_beam:start(Host, beam_options(optfile(certificates(Config, [Host]), "good"))),
    Cnode = test_cnode:start(Host),
    _ = test_cnode:await(Cnode, "target_connected"),
    Address = raw_client:address(Cnode),
    Before = test_cnode:descriptors(Cnode),
    Hello = <<1, 508:24, 3, 3>>,
    Stopping = [<<>>, <<16#16>>, <<16#16, 3, 1, 512:16, Hello/binary>>,
                <<16#16, 3, 1, (byte_size(Hello)):16, Hello/binary>>],
    Began = os:perf_counter(microsecond),
    Waiting = [sent(Address, Bytes) || Bytes <- Stopping, _ <- lists:seq(1, 20)],
    Wrong = [sent(Address, Bytes) || Bytes <- [<<16#16, 3, 1, 65535:16, 0:8000>>, <<"GET / HTTP/1.0\r\n\r\n">>,
                                               raw_client:name("plain@10.42.1.1", 7)]],
    {Asked, #{}} = test_cnode:timed_call(Cnode, Beam, status),
    true = Asked < ?PROMPTLY_US,
    Left = fun() -> ?HANDSHAKE_MS + ?LATE_MS - (os:perf_counter(microsecond) - Began) div 1000 end,
    [true = raw_client:closed(Socket, max(1, Left())) || Socket <- Wrong ++ Waiting],
    test_wait:until("nothing is left of them",
                    fun() -> case test_cnode:descriptors(Cnode) of
                                 Now when Now =< Before + ?OTHERS -> {done, ok};
                                 Now -> {wait, {Now, Before}}
                             end
                    end),
    true = length(test_cnode:events(Cnode, "inbound_handshake_failed")) < 20,
    {_, #{}} = test_cnode:timed_call(Cnode, Beam, status),
    ok.

%% -- helpers

listed(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    Host.

sent(Address, Bytes) ->
    Socket = raw_client:connect(Address),
    true = raw_client:send(Socket, Bytes),
    Socket.

beam(Host, Options) ->
    Beam = test_beam:start(Host, Options),
    ok = test_beam:call(Beam, beam_log, start, []),
    Beam.

%% Our certificate, that of the BEAM, and why our connection and that of the BEAM fail.
both_ways(Ours, Its, Reason) ->
    {Ours, Its, Reason, Reason}.

%% Each pair on a host of its own, all at once: a BEAM and a C-node that require a certificate of each other.
broken(Config, Rows) ->
    Hosts = [test_host:add() || _ <- Rows],
    ok = test_cluster:list(metadata(Config), Hosts),
    Pairs = [begin
                 Folder = certificates(Config, [Host]),
                 Args = settings(Folder, Ours),
                 {Host, beam(Host, beam_options(optfile(Folder, Its))), test_cnode:start(Host, #{args => Args}), Args, Row}
             end || {Host, {Ours, Its, _, _} = Row} <- lists:zip(Hosts, Rows)],
    [refused(Cnode, Reason) || {_, _, Cnode, _, {_, _, Reason, _}} <- Pairs],
    timer:sleep(?WATCHED_MS),
    [noted(io_lib:format("~s, ~s", [Ours, Its]), Beam) || {_, Beam, _, _, {Ours, Its, _, _}} <- Pairs],
    [[_] = test_cnode:events(Cnode, "target_refused") || {_, _, Cnode, _, _} <- Pairs],
    [inbound(Beam, Cnode, Reason) || {_, Beam, Cnode, _, {_, _, _, Reason}} <- Pairs],
    [doctor_names(Host, Args, Reason) || {Host, _, _, Args, {_, _, Reason, _}} <- Pairs],
    [Cnode || {_, _, Cnode, _, _} <- Pairs].

%% Before anybody refuses it.
degraded(Cnode, Why) ->
    #{fields := #{<<"msg">> := Message}} = test_cnode:await(Cnode, "tls_degraded"),
    contains(Message, "our certificate in "),
    contains(Message, Why).

refused(Cnode, Reason) ->
    #{fields := #{<<"msg">> := Message}} = test_cnode:await(Cnode, "target_refused"),
    contains(Message, Reason).

%% The BEAM connects to the C-node; if it is refused, that is logged once.
inbound(Beam, Cnode, none) ->
    pong = test_beam:call(Beam, net_adm, ping, [test_cnode:name(Cnode)]),
    ok;
inbound(Beam, Cnode, Reason) ->
    pang = test_beam:call(Beam, net_adm, ping, [test_cnode:name(Cnode)]),
    #{fields := #{<<"reason">> := Message}} = test_cnode:await(Cnode, "inbound_handshake_failed"),
    [_] = test_cnode:events(Cnode, "inbound_handshake_failed"),
    contains(Message, Reason).

contains(Text, Part) ->
    case string:find(Text, Part) of
        nomatch -> error({another_text, Text, {expected, Part}});
        _ -> ok
    end.

%% One finding of doctor fails, and names the reason: all else is as it should be.
doctor_names(Host, Args, Reason) ->
    {2, Table} = test_host:run(Host, test_cnode:program(), ["doctor", "--timeout", "60000" | Args],
                               [{"RANCHER_CNODE_COOKIE", "monster"}]),
    Lines = [Line || <<"failure", _/binary>> = Line <- binary:split(Table, <<"\n">>, [global])],
    progress:note("~s", [lists:join("\n", Lines)]),
    [Line] = Lines,
    contains(Line, Reason).

few_lines(What, Beam) ->
    timer:sleep(?WATCHED_MS),
    noted(What, Beam).

noted(What, Beam) ->
    Lines = [Text || #{text := Text} <- test_beam:call(Beam, beam_log, events, [])],
    progress:note("~s: ~b lines in ~b s: ~p", [What, length(Lines), ?WATCHED_MS div 1000, Lines]),
    true = length(Lines) =< ?MOST,
    ok.
