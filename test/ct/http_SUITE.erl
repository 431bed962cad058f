%% The HTTP listener of the real program: its paths in every phase, clients that flood it, and a port that is taken.
-module(http_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [contains/2]).

-export([suite/0, all/0]).
-export([it_answers_before_anything_is_known/1, it_reports_a_whole_cluster/1, readiness_waits_for_the_required_peers/1,
         readiness_waits_for_peers_no_longer_than_its_grace/1,
         readiness_is_lost_with_the_beam_and_not_with_the_metadata/1, it_answers_on_after_the_beam_was_renamed/1,
         metrics_of_peers_in_several_states_are_sound/1, a_flood_delays_neither_the_listener_nor_the_cluster/1,
         a_port_in_use_is_one_line_and_is_taken_once_it_is_free/1, the_alert_rules_fire_when_they_should/1,
         promtool_parses_every_query_of_the_dashboard/1]).

-define(PORT, 9100).
-define(LISTENING, #{args => ["--http-listen", "9100"]}).
-define(PATIENCE_MS, 60000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [it_answers_before_anything_is_known, it_reports_a_whole_cluster, readiness_waits_for_the_required_peers,
     readiness_waits_for_peers_no_longer_than_its_grace, readiness_is_lost_with_the_beam_and_not_with_the_metadata,
     it_answers_on_after_the_beam_was_renamed, metrics_of_peers_in_several_states_are_sound,
     a_flood_delays_neither_the_listener_nor_the_cluster, a_port_in_use_is_one_line_and_is_taken_once_it_is_free,
     the_alert_rules_fire_when_they_should, promtool_parses_every_query_of_the_dashboard].

%% No address, no metadata, no BEAM, no cookie.
-spec it_answers_before_anything_is_known([term()]) -> ok.
it_answers_before_anything_is_known(Config) ->
    Host = test_host:add(),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    Cnode = test_cnode:start(Host, #{args => ["--http-listen", "9100"], env => [{"CONTAINER_IP", false}],
                                     node_basename => none, cookie => none}),
    _ = test_cnode:await(Cnode, "http_listener_started"),
    {200, <<"alive\n">>} = get(Host, "/livez"),
    {503, <<"no BEAM is known yet: the own address is not known yet", _/binary>>} = get(Host, "/readyz"),
    {200, <<"{\"node\":null,\"awaits\":\"the own address is not known yet", _/binary>>} = get(Host, "/status"),
    {200, Page} = get(Host, "/"),
    contains(Page, [<<"NOT DRIVING">>, <<"no BEAM is known yet: the own address is not known yet">>,
                    <<"The members have not been asked yet.">>]),
    {200, Metrics} = get(Host, "/metrics"),
    contains(Metrics, [<<"rancher_cnode_whole 0\n">>, <<"rancher_cnode_build_info{version=">>, <<"process_start_time_seconds ">>]),
    checked(Metrics).

-spec it_reports_a_whole_cluster([term()]) -> ok.
it_reports_a_whole_cluster(Config) ->
    #{hosts := [One | _]} = test_cluster:form(metadata(Config), 2, ?LISTENING),
    ok = await_answer(One, "/readyz", {200, <<"ready\n">>}),
    {200, Status} = get(One, "/status"),
    Node = atom_to_binary(test_cnode:default_name(One)),
    contains(Status, [<<"{\"node\":\"", Node/binary, "\",">>, <<"\"state\":\"connected\"">>]),
    {200, Metrics} = get(One, "/metrics"),
    contains(Metrics, [<<"rancher_cnode_whole 1\n">>, <<"rancher_cnode_peers_connected 1\n">>]),
    {404, _} = get(One, "/cookie"),
    [nomatch = binary:match(Text, <<"monster">>) || Text <- [Status, Metrics]],
    ok.

-spec readiness_waits_for_the_required_peers([term()]) -> ok.
readiness_waits_for_the_required_peers(Config) ->
    #{hosts := [One, _] = Hosts} =
        test_cluster:form(metadata(Config), 2, #{args => ["--http-listen", "9100", "--ready-peers", "2"]}),
    Own = atom_to_binary(test_host:node_name("myapp", One)),
    ok = await_answer(One, "/readyz", {503, <<Own/binary, " is connected to 1 peers, not to 2\n">>}),
    Third = test_host:add(),
    ok = test_cluster:list(metadata(Config), Hosts ++ [Third]),
    _ = test_beam:start(Third),
    await_answer(One, "/readyz", {200, <<"ready\n">>}).

%% Alone, after its BEAM has restarted, and when its only peer has gone.
-spec readiness_waits_for_peers_no_longer_than_its_grace([term()]) -> ok.
readiness_waits_for_peers_no_longer_than_its_grace(Config) ->
    Args = ["--http-listen", "9100", "--ready-peers", "1", "--ready-grace", "3s"],
    #{hosts := [One], beams := [Beam]} = test_cluster:form(metadata(Config), 1, #{args => Args}),
    Own = atom_to_binary(test_host:node_name("myapp", One)),
    Excused = <<"ready; not waiting for peers any more: ", Own/binary, " is connected to 0 peers, not to 1\n">>,
    ok = await_answer(One, "/readyz", {200, Excused}),
    ok = test_beam:stop(Beam),
    ok = await_no_beam(One),
    Before = erlang:monotonic_time(millisecond),
    _ = test_beam:start(One),
    ok = await_answer(One, "/readyz", {200, Excused}),
    true = erlang:monotonic_time(millisecond) - Before >= 3000,
    Two = test_host:add(),
    ok = test_cluster:list(metadata(Config), [One, Two]),
    Peer = test_beam:start(Two),
    ok = await_answer(One, "/readyz", {200, <<"ready\n">>}),
    ok = test_beam:stop(Peer),
    await_answer(One, "/readyz", {200, Excused}).

-spec readiness_is_lost_with_the_beam_and_not_with_the_metadata([term()]) -> ok.
readiness_is_lost_with_the_beam_and_not_with_the_metadata(Config) ->
    #{hosts := [One, Two], beams := [Beam, _], cnodes := [Cnode | _]} =
        test_cluster:form(metadata(Config), 2, ?LISTENING),
    ok = await_answer(One, "/readyz", {200, <<"ready\n">>}),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    _ = test_cnode:await(Cnode, "metadata_unavailable"),
    {200, <<"ready\n">>} = get(One, "/readyz"),
    {200, <<"alive\n">>} = get(One, "/livez"),
    ok = test_beam:stop(Beam),
    ok = await_no_beam(One),
    {200, <<"alive\n">>} = get(One, "/livez"),
    {200, <<"ready\n">>} = get(Two, "/readyz"),
    ok.

%% The C-node starts again for it, and the listener stays.
-spec it_answers_on_after_the_beam_was_renamed([term()]) -> ok.
it_answers_on_after_the_beam_was_renamed(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    First = test_beam:start(Host),
    Cnode = test_cnode:start(Host, #{args => ["--http-listen", "9100"], node_basename => none, cookie => none}),
    _ = test_cnode:await(Cnode, "http_listener_started"),
    ok = await_answer(Host, "/readyz", {200, <<"ready\n">>}),
    ok = test_beam:stop(First),
    _ = test_beam:start(Host, #{basename => "other"}),
    _ = test_cnode:await(Cnode, "beam_renamed"),
    ok = await_answer(Host, "/readyz", {200, <<"ready\n">>}),
    [_] = test_cnode:events(Cnode, "http_listener_started"),
    ok.

-spec metrics_of_peers_in_several_states_are_sound([term()]) -> ok.
metrics_of_peers_in_several_states_are_sound(Config) ->
    #{hosts := Hosts} = test_cluster:form(metadata(Config), 2, ?LISTENING),
    [One | _] = Hosts,
    Stopped = #{address => test_host:fresh_address(), state => <<"stopped">>},
    ok = test_cluster:list(metadata(Config), Hosts ++ [test_host:fresh_address(), Stopped]),
    Metrics = test_wait:until("a peer is held and a probe has failed",
                              fun() ->
                                      {200, Text} = get(One, "/metrics"),
                                      case {has(Text, <<"rancher_cnode_peers_held{reason=\"state is stopped\"} 1\n">>),
                                            has(Text, <<"rancher_cnode_peers_missing 1\n">>)} of
                                          {true, true} -> {done, Text};
                                          _ -> {wait, Text}
                                      end
                              end),
    contains(Metrics, [<<"rancher_cnode_peers_desired 3\n">>, <<"rancher_cnode_peers_dialable 2\n">>,
                       <<"rancher_cnode_peers_connected 1\n">>, <<"rancher_cnode_whole 0\n">>,
                       <<"rancher_cnode_dial_duration_seconds_bucket{result=\"connected\",le=\"15.000\"} ">>]),
    checked(Metrics).

%% A thousand connections that send nothing, some that send half a request, some that do not read.
-spec a_flood_delays_neither_the_listener_nor_the_cluster([term()]) -> ok.
a_flood_delays_neither_the_listener_nor_the_cluster(Config) ->
    #{hosts := [One, _] = Hosts, cnodes := [Cnode | _], beams := Beams} =
        test_cluster:form(metadata(Config), 2, ?LISTENING),
    ok = await_answer(One, "/readyz", {200, <<"ready\n">>}),
    Before = test_cnode:descriptors(Cnode),
    Unread = [open(One, [request("/metrics") || _ <- lists:seq(1, 200)]) || _ <- lists:seq(1, 20)],
    Halves = [open(One, "GET /livez HTTP/1.1\r\nHost: a\r\n") || _ <- lists:seq(1, 100)],
    Silent = [open(One, "") || _ <- lists:seq(1, 1000)],
    {200, <<"ready\n">>} = get(One, "/readyz"),
    true = test_cnode:descriptors(Cnode) =< Before + 32 + 5,
    Third = test_host:add(),
    ok = test_cluster:list(metadata(Config), Hosts ++ [Third]),
    Beam = test_beam:start(Third),
    ok = test_cluster:await_mesh([Beam | Beams]),
    {200, <<"alive\n">>} = get(One, "/livez"),
    [] = test_cnode:events(Cnode, "http_accept_failed"),
    lists:foreach(fun gen_tcp:close/1, Unread ++ Halves ++ Silent).

-spec a_port_in_use_is_one_line_and_is_taken_once_it_is_free([term()]) -> ok.
a_port_in_use_is_one_line_and_is_taken_once_it_is_free(Config) ->
    #{hosts := [One | _]} = test_cluster:form(metadata(Config), 1, ?LISTENING),
    ok = await_answer(One, "/readyz", {200, <<"ready\n">>}),
    Second = test_cnode:start(One, #{args => ["--http-listen", "9100"], basename => "second"}),
    #{text := Text} = test_cnode:await(Second, "http_listener_failed"),
    contains(Text, [<<"port 9100 is in use on 0.0.0.0; retrying">>]),
    _ = test_cnode:await(Second, "target_connected"),
    [First] = test_host:pids(One, <<"rancher_cnode">>) -- [test_cnode:os_pid(Second)],
    ok = test_command:signal("KILL", [First]),
    _ = test_cnode:await(Second, "http_listener_started"),
    {200, <<"alive\n">>} = get(One, "/livez"),
    [_] = test_cnode:events(Second, "http_listener_failed"),
    ok.

-spec the_alert_rules_fire_when_they_should([term()]) -> ok.
the_alert_rules_fire_when_they_should(_Config) ->
    Folder = filename:join([os:getenv("FIXTURES"), "..", "..", "examples", "monitoring"]),
    _ = test_command:ok("promtool", ["check", "rules", filename:join(Folder, "alerts.yml")]),
    _ = test_command:ok("promtool", ["test", "rules", filename:join(Folder, "alerts_test.yml")]),
    ok.

%% As rules, which promtool parses; Grafana puts in what $job and $__rate_interval stand for.
-spec promtool_parses_every_query_of_the_dashboard([term()]) -> ok.
promtool_parses_every_query_of_the_dashboard(_Config) ->
    {ok, Dashboard} = file:read_file(filename:join([os:getenv("FIXTURES"), "..", "..", "examples", "monitoring", "dashboard.json"])),
    {match, Queries} = re:run(Dashboard, <<"\"expr\": *(\"(?:[^\"\\\\]|\\\\.)*\")">>, [global, {capture, [1], binary}]),
    Rules = [["  - record: panel\n    expr: ", Query, "\n"] || [Query] <- Queries],
    Variables = [{"\\$__rate_interval", "1m"}, {"\\$job", ".*"}],
    Replaced = lists:foldl(fun({Variable, Value}, Text) -> re:replace(Text, Variable, Value, [global]) end, Rules, Variables),
    File = filename:join(os:getenv("LOGS"), "dashboard_rules.yml"),
    ok = file:write_file(File, ["groups:\n- name: dashboard\n  rules:\n", Replaced]),
    Found = test_command:ok("promtool", ["check", "rules", "--lint=none", File]),
    true = has(Found, [integer_to_binary(length(Queries)), <<" rules found">>]),
    ok.

%% -- helpers

get(Host, Path) ->
    Socket = open(Host, ["GET ", Path, " HTTP/1.1\r\nHost: ", test_host:address(Host), ":9100\r\nConnection: close\r\n\r\n"]),
    Answer = until_closed(Socket, []),
    [Head, Body] = binary:split(Answer, <<"\r\n\r\n">>),
    <<"HTTP/1.1 ", Status:3/binary, " ", _/binary>> = Head,
    contains(Head, [<<"X-Content-Type-Options: nosniff">>, <<"Cache-Control: no-store">>]),
    {binary_to_integer(Status), Body}.

request(Path) ->
    ["GET ", Path, " HTTP/1.1\r\nHost: localhost\r\n\r\n"].

open(Host, Request) ->
    {ok, Socket} = gen_tcp:connect(test_host:address(Host), ?PORT, [binary, {active, false}, {recbuf, 4096}], ?PATIENCE_MS),
    _ = gen_tcp:send(Socket, Request),
    Socket.

until_closed(Socket, Got) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE_MS) of
        {ok, Data} ->
            until_closed(Socket, [Got, Data]);
        {error, closed} ->
            ok = gen_tcp:close(Socket),
            iolist_to_binary(Got)
    end.

await_answer(Host, Path, Expected) ->
    test_wait:equals("the answer of " ++ Path, Expected, fun() -> get(Host, Path) end).

await_no_beam(Host) ->
    test_wait:until("readiness is lost with the BEAM",
                    fun() ->
                            case get(Host, "/readyz") of
                                {503, <<"BEAM ", _/binary>>} -> {done, ok};
                                Other -> {wait, Other}
                            end
                    end).

checked(Metrics) ->
    File = filename:join(os:getenv("LOGS"), "metrics.txt"),
    ok = file:write_file(File, Metrics),
    <<>> = test_command:ok("sh", ["-c", "promtool check metrics <\"$0\" 2>&1", File]),
    ok.

has(Text, Part) ->
    binary:match(Text, iolist_to_binary(Part)) =/= nomatch.
