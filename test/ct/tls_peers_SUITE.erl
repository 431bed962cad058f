%% TLS between BEAMs that their C-nodes ask to connect: `doctor' names what is wrong with a peer, and the logs of both BEAMs
%% have few lines about it.
-module(tls_peers_SUITE).

-import(fresh_service, [metadata/1]).
-import(tls_files, [certificates/2, optfile/2, beam_options/1]).

-export([suite/0, all/0]).
-export([a_peer_with_another_certificate_is_named/1, a_peer_of_another_host_or_without_tls_is_named/1]).

%% A dial that fails is a line in both BEAMs. The first are made after 0, 100, 300, 700, 1500, 3100 and 6300 ms, or up to a
%% fifth sooner; one more comes from the other BEAM of the mesh, which `global' lets connect by itself.
-define(WATCHED_MS, 8000).
-define(MOST, 9).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_peer_with_another_certificate_is_named, a_peer_of_another_host_or_without_tls_is_named].

-spec a_peer_with_another_certificate_is_named([term()]) -> ok.
a_peer_with_another_certificate_is_named(Config) ->
    differing(Config, [{"expired", "the peer's certificate is expired"},
                       {"foreign", "the peer's certificate is of another CA"},
                       {"self_signed", "the peer's certificate is self-signed"}]).

-spec a_peer_of_another_host_or_without_tls_is_named([term()]) -> ok.
a_peer_of_another_host_or_without_tls_is_named(Config) ->
    differing(Config, [{"other_host", "the peer's certificate is for another host"},
                       {plain, "no answer in time at stage tls: the peer does not speak TLS, or hangs"}]).

%% -- helpers

%% A cluster of two, and a peer of each kind that neither can be connected to.
differing(Config, Rows) ->
    [One, Two | Others] = Hosts = test_cluster:hosts(2 + length(Rows)),
    Folder = certificates(Config, Hosts),
    ok = test_cluster:list(metadata(Config), Hosts),
    [Beam, _] = [beam(Host, options(Folder, "good")) || Host <- [One, Two]],
    Peers = [{beam(Host, options(Folder, Which)), Row} || {Host, {Which, _} = Row} <- lists:zip(Others, Rows)],
    Cnode = test_cnode:start(One),
    _ = test_cnode:await(Cnode, "peer_connected"),
    [_ = test_cnode:await_event(Cnode, fun(Line) -> has_failed(Line, Peer) end)
     || {Peer, {Which, _}} <- Peers, Which =/= plain],
    %% A fixed time: in it the lines must stay few.
    timer:sleep(?WATCHED_MS),
    Logs = [{One, lines_of(Beam)} | [{Which, lines_of(Peer)} || {Peer, {Which, _}} <- Peers]],
    progress:note("in ~b s: ~p", [?WATCHED_MS div 1000, [{Which, length(Lines)} || {Which, Lines} <- Logs]]),
    [{_, Own} | Theirs] = Logs,
    [] = [{Which, Lines} || {Which, Lines} <- Theirs, length(Lines) > ?MOST],
    true = length(Own) =< ?MOST * length(Rows) orelse error({own, Own}),
    {2, Table} = test_host:run(One, test_cnode:program(), ["doctor", "--timeout", "60000"],
                               [{"RANCHER_CNODE_COOKIE", "monster"}]),
    {match, [Failed]} = re:run(Table, "\nfailure *(peer-handshake.*\n.*)\n", [{capture, all_but_first, binary}]),
    progress:note("~s", [Failed]),
    [{_, _} = binary:match(Failed, iolist_to_binary([atom_to_binary(test_beam:name(Peer)), ": ", Reason]))
     || {Peer, {_, Reason}} <- Peers],
    {_, _} = binary:match(Failed, <<"the same -proto_dist, and certificates that the others accept">>),
    ok.

has_failed(#{event := Event, fields := Fields}, Peer) ->
    Node = atom_to_binary(test_beam:name(Peer)),
    case Fields of
        #{<<"peer">> := Node, <<"msg">> := Why} when Event =:= <<"peer_unreachable">> ->
            string:find(Why, "the dial failed") =/= nomatch andalso string:find(Why, "certificate") =/= nomatch;
        _ ->
            false
    end.

beam(Host, Options) ->
    Beam = test_beam:start(Host, Options),
    ok = test_beam:call(Beam, beam_log, start, []),
    Beam.

lines_of(Beam) ->
    test_beam:call(Beam, beam_log, events, []).

options(_, plain) ->
    #{};
options(Folder, Which) ->
    File = optfile(Folder, Which),
    Own = File ++ "." ++ Which,
    ok = file:rename(File, Own),
    beam_options(Own).
