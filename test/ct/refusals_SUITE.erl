%% Each attempt that a BEAM refuses causes a line in the application's own log: a BEAM that refuses the C-node is tried
%% less and less often, and at once when its process or the C-node's cookie has changed.
-module(refusals_SUITE).

-export([suite/0, all/0, groups/0, init_per_testcase/2, end_per_testcase/2]).
-export([a_different_cookie_causes_few_lines/1, distribution_over_tls_causes_few_lines/1,
         a_name_that_is_not_allowed_causes_few_lines/1, missing_flags_cause_few_lines/1,
         a_peer_that_closes_after_accept_is_tried_a_few_times/1,
         a_beam_that_restarts_with_the_cookie_is_connected_at_once/1,
         a_cookie_file_that_changes_is_tried_at_once/1]).
%% Run inside a BEAM under test.
-export([close_all/1, accepted/0]).

%% Attempts come after 0, 1, 5 and 21 s.
-define(WATCHED_MS, 12000).
-define(MOST, 3).
%% Long before the next attempt would be due.
-define(AT_ONCE_MS, 6000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}].

-spec all() -> [term()].
all() ->
    [{group, beside_one_another}].

-spec groups() -> [term()].
groups() ->
    [{beside_one_another, [parallel],
      [a_different_cookie_causes_few_lines, distribution_over_tls_causes_few_lines,
       a_name_that_is_not_allowed_causes_few_lines, missing_flags_cause_few_lines,
       a_peer_that_closes_after_accept_is_tried_a_few_times,
       a_beam_that_restarts_with_the_cookie_is_connected_at_once, a_cookie_file_that_changes_is_tried_at_once]}].

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    [{host, test_host:add()} | Config].

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_Case, Config) ->
    test_host:remove(host(Config)).

-spec a_different_cookie_causes_few_lines([term()]) -> ok.
a_different_cookie_causes_few_lines(Config) ->
    few_lines("another cookie", test_beam:start(host(Config), #{cookie => "another"}), Config).

-spec distribution_over_tls_causes_few_lines([term()]) -> ok.
distribution_over_tls_causes_few_lines(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "tls.pem"),
    ok = certificate(File),
    Args = ["-proto_dist", "inet_tls", "-ssl_dist_opt", "server_certfile", File, "server_keyfile", File],
    few_lines("TLS", test_beam:start(host(Config), #{args => Args}), Config, #{args => ["--proto-dist", "inet_tcp"]}).

-spec a_name_that_is_not_allowed_causes_few_lines([term()]) -> ok.
a_name_that_is_not_allowed_causes_few_lines(Config) ->
    Beam = test_beam:start(host(Config)),
    ok = test_beam:call(Beam, net_kernel, allow, [['nobody@10.42.0.1']]),
    few_lines("name not allowed", Beam, Config).

-spec missing_flags_cause_few_lines([term()]) -> ok.
missing_flags_cause_few_lines(Config) ->
    few_lines("missing flags", test_beam:start(host(Config), #{args => ["-proto_dist", "strict"]}), Config).

-spec a_peer_that_closes_after_accept_is_tried_a_few_times([term()]) -> ok.
a_peer_that_closes_after_accept_is_tried_a_few_times(Config) ->
    %% Hidden, so that it is not taken for the BEAM of this host.
    Beam = test_beam:start(host(Config), #{basename => "other", args => ["-hidden"]}),
    ok = test_beam:call(Beam, ?MODULE, close_all, ["myapp"]),
    _ = refused(Config),
    few("closes after accept", fun() -> test_beam:call(Beam, ?MODULE, accepted, []) end).

-spec a_beam_that_restarts_with_the_cookie_is_connected_at_once([term()]) -> ok.
a_beam_that_restarts_with_the_cookie_is_connected_at_once(Config) ->
    Refusing = test_beam:start(host(Config), #{cookie => "another"}),
    Cnode = refused(Config),
    timer:sleep(?WATCHED_MS),
    ok = test_beam:kill(Refusing),
    Again = test_beam:start(host(Config)),
    connects(Cnode, Again).

-spec a_cookie_file_that_changes_is_tried_at_once([term()]) -> ok.
a_cookie_file_that_changes_is_tried_at_once(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "cookie"),
    ok = file:write_file(File, "old"),
    Beam = test_beam:start(host(Config)),
    Cnode = refused(Config, #{cookie => none, args => ["--cookie-file", File]}),
    timer:sleep(?WATCHED_MS),
    ok = file:write_file(File ++ ".new", "monster"),
    ok = file:rename(File ++ ".new", File),
    connects(Cnode, Beam).

%% -- helpers

few_lines(Kind, Beam, Config) ->
    few_lines(Kind, Beam, Config, #{}).

few_lines(Kind, Beam, Config, Options) ->
    ok = test_beam:call(Beam, report_log, start, []),
    _ = refused(Config, Options),
    few(Kind, fun() -> test_beam:call(Beam, report_log, lines, []) end).

few(Kind, Lines) ->
    timer:sleep(?WATCHED_MS),
    noted(Kind, Lines()).

noted(Kind, Lines) ->
    progress:note("~s: ~b lines in ~b s, the last: ~p", [Kind, length(Lines), ?WATCHED_MS div 1000, last(Lines)]),
    true = length(Lines) =< ?MOST,
    ok.

last([]) -> none;
last(Lines) -> lists:last(Lines).

refused(Config) ->
    refused(Config, #{}).

refused(Config, Options) ->
    Cnode = test_cnode:start(host(Config), Options),
    _ = test_cnode:await(Cnode, "target_refused"),
    Cnode.

connects(Cnode, Beam) ->
    test_wait:equals("the C-node connects", [test_cnode:name(Cnode)], fun() -> test_beam:hidden_nodes(Beam) end,
                     ?AT_ONCE_MS).

%% A key and an untrusted certificate.
certificate(File) ->
    Key = [{key, {namedCurve, secp256r1}}],
    #{server_config := Server} =
        public_key:pkix_test_data(#{server_chain => #{root => Key, intermediates => [], peer => Key},
                                    client_chain => #{root => Key, intermediates => [], peer => Key}}),
    {KeyType, KeyDer} = proplists:get_value(key, Server),
    Entries = [{'Certificate', proplists:get_value(cert, Server), not_encrypted}, {KeyType, KeyDer, not_encrypted}],
    file:write_file(File, public_key:pem_encode(Entries)).

%% Registers Name in the host's epmd for a port where each connection is accepted and closed. ALIVE2_REQ: a visible node (77)
%% of versions 5 to 6.
-spec close_all(string()) -> ok.
close_all(Name) ->
    Starter = self(),
    Pid = spawn(fun() ->
                        true = register(?MODULE, self()),
                        {ok, Listen} = gen_tcp:listen(0, [{active, false}]),
                        {ok, Port} = inet:port(Listen),
                        {ok, Epmd} = gen_tcp:connect({127, 0, 0, 1}, 4369, [binary, {active, false}, {packet, 2}]),
                        Alive = list_to_binary(Name),
                        ok = gen_tcp:send(Epmd, <<120, Port:16, 77, 0, 6:16, 5:16, (byte_size(Alive)):16, Alive/binary,
                                                  0:16>>),
                        ok = inet:setopts(Epmd, [{packet, raw}]),
                        {ok, <<118, 0, _/binary>>} = gen_tcp:recv(Epmd, 6),
                        Server = self(),
                        _ = spawn_link(fun() -> accept_and_close(Server, Listen) end),
                        Starter ! {self(), ready},
                        count([])
                end),
    receive {Pid, ready} -> ok end.

%% One item for each connection.
-spec accepted() -> [accepted].
accepted() ->
    Request = make_ref(),
    ?MODULE ! {accepted, self(), Request},
    receive {Request, Accepted} -> Accepted end.

accept_and_close(Server, Listen) ->
    {ok, Socket} = gen_tcp:accept(Listen),
    Server ! accepted,
    ok = gen_tcp:close(Socket),
    accept_and_close(Server, Listen).

count(Accepted) ->
    receive
        accepted ->
            count([accepted | Accepted]);
        {accepted, From, Request} ->
            From ! {Request, Accepted},
            count(Accepted)
    end.

host(Config) ->
    proplists:get_value(host, Config).
