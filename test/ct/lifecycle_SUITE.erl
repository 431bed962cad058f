%% The life cycle of one C-node: signals, a name that is taken, a wrong cookie, a watched process.
-module(lifecycle_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([sigterm_ends_it_and_the_cluster_stays/1, sigint_ends_it_and_the_cluster_stays/1,
         sigterm_ends_it_while_everything_is_missing/1, sigterm_ends_it_while_metadata_hangs/1,
         sigkill_of_all_c_nodes_loses_no_connection_and_new_ones_take_over/1,
         a_second_node_of_the_same_name_logs_it_and_takes_over_later/1,
         a_wrong_cookie_is_a_clear_warning_and_no_crash/1, a_cookie_file_is_used/1,
         it_waits_for_a_cookie_file_that_is_not_there_yet/1,
         it_ends_with_the_watched_process/1, once_ends_after_the_initial_sync/1]).

%% Long before any time limit of what it may be waiting for.
-define(AT_ONCE_US, 4000000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [sigterm_ends_it_and_the_cluster_stays, sigint_ends_it_and_the_cluster_stays,
     sigterm_ends_it_while_everything_is_missing, sigterm_ends_it_while_metadata_hangs,
     sigkill_of_all_c_nodes_loses_no_connection_and_new_ones_take_over,
     a_second_node_of_the_same_name_logs_it_and_takes_over_later, a_wrong_cookie_is_a_clear_warning_and_no_crash,
     a_cookie_file_is_used, it_waits_for_a_cookie_file_that_is_not_there_yet, it_ends_with_the_watched_process, once_ends_after_the_initial_sync].

-spec sigterm_ends_it_and_the_cluster_stays([term()]) -> ok.
sigterm_ends_it_and_the_cluster_stays(Config) ->
    ends_and_the_cluster_stays("TERM", Config).

-spec sigint_ends_it_and_the_cluster_stays([term()]) -> ok.
sigint_ends_it_and_the_cluster_stays(Config) ->
    ends_and_the_cluster_stays("INT", Config).

-spec sigterm_ends_it_while_everything_is_missing([term()]) -> ok.
sigterm_ends_it_while_everything_is_missing(Config) ->
    ok = metadata_server:misbehave(metadata(Config), refuse),
    Cnode = test_cnode:start(test_host:add()),
    _ = test_cnode:await(Cnode, "epmd_awaited"),
    _ = test_cnode:await(Cnode, "metadata_unavailable"),
    ends_at_once(Cnode, "TERM").

-spec sigterm_ends_it_while_metadata_hangs([term()]) -> ok.
sigterm_ends_it_while_metadata_hangs(Config) ->
    ok = metadata_server:misbehave(metadata(Config), hang),
    Host = test_host:add(),
    Cnode = test_cnode:start(Host),
    ok = test_service:await_requests(metadata(Config), Host, 1),
    ends_at_once(Cnode, "TERM").

-spec sigkill_of_all_c_nodes_loses_no_connection_and_new_ones_take_over([term()]) -> ok.
sigkill_of_all_c_nodes_loses_no_connection_and_new_ones_take_over(Config) ->
    #{hosts := Hosts, beams := Beams, cnodes := Cnodes} = test_cluster:form(metadata(Config), 3),
    [ok = test_cnode:kill(Cnode) || Cnode <- Cnodes],
    [test_wait:equals("the killed C-node is forgotten", [], fun() -> test_beam:hidden_nodes(Beam) end)
     || Beam <- Beams],
    Again = test_cnode:start_all(Hosts),
    [_ = test_cnode:await(Cnode, "cluster_completed") || Cnode <- Again],
    [] = test_cluster:lost_connections(Beams),
    Fourth = test_host:add(),
    Beam = test_beam:start(Fourth),
    ok = test_cluster:list(metadata(Config), [Fourth | Hosts]),
    test_cluster:await_mesh([Beam | Beams]).

-spec a_second_node_of_the_same_name_logs_it_and_takes_over_later([term()]) -> ok.
a_second_node_of_the_same_name_logs_it_and_takes_over_later(Config) ->
    #{hosts := [Host | _], beams := [Beam | _] = Beams, cnodes := [First | _]} = test_cluster:form(metadata(Config), 2),
    Second = test_cnode:start(Host),
    #{level := <<"warning">>, text := Text} = test_cnode:await(Second, "node_name_taken"),
    {_, _} = binary:match(Text, atom_to_binary(test_cnode:name(First))),
    ok = test_cnode:stop(First),
    _ = test_cnode:await(Second, "node_registered"),
    _ = test_cnode:await(Second, "target_connected"),
    test_wait:equals("the second is connected to the BEAM", [test_cnode:name(Second)],
                     fun() -> test_beam:hidden_nodes(Beam) end),
    [] = test_cluster:lost_connections(Beams),
    ok.

-spec a_wrong_cookie_is_a_clear_warning_and_no_crash([term()]) -> ok.
a_wrong_cookie_is_a_clear_warning_and_no_crash(Config) ->
    Hosts = [Host | _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Beam | _] = test_beam:start_all(Hosts),
    Cnode = test_cnode:start(Host, #{cookie => "not_the_right_one"}),
    #{level := <<"warning">>, text := Text} = test_cnode:await(Cnode, "target_refused"),
    {_, _} = binary:match(Text, <<"cookie">>),
    nomatch = binary:match(Text, <<"not_the_right_one">>),
    [] = test_beam:hidden_nodes(Beam),
    [] = test_beam:visible_nodes(Beam),
    ok = test_cnode:stop(Cnode),
    _ = test_cnode:start(Host),
    test_cluster:await_mesh(Beams).

-spec a_cookie_file_is_used([term()]) -> ok.
a_cookie_file_is_used(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    File = filename:join(proplists:get_value(priv_dir, Config), "cookie"),
    ok = file:write_file(File, "from_a_file\n"),
    ok = file:change_mode(File, 8#400),
    Beams = test_beam:start_all(Hosts, #{cookie => "from_a_file"}),
    _ = test_cnode:start_all(Hosts, #{cookie => none, args => ["--cookie-file", File]}),
    test_cluster:await_mesh(Beams).

-spec it_waits_for_a_cookie_file_that_is_not_there_yet([term()]) -> ok.
it_waits_for_a_cookie_file_that_is_not_there_yet(Config) ->
    Hosts = [Host, _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    File = filename:join(proplists:get_value(priv_dir, Config), "later"),
    Cnode = test_cnode:start(Host, #{cookie => none, args => ["--cookie-file", File]}),
    ok = test_service:await_requests(metadata(Config), Host, 2),
    Beams = test_beam:start_all(Hosts),
    [] = test_cnode:events(Cnode, "listener_started"),
    ok = file:write_file(File ++ ".new", "monster"),
    ok = file:rename(File ++ ".new", File),
    test_cluster:await_mesh(Beams).

-spec it_ends_with_the_watched_process([term()]) -> ok.
it_ends_with_the_watched_process(_Config) ->
    Host = test_host:add(),
    Beam = test_beam:start(Host),
    Cnode = test_cnode:start(Host, #{args => ["--watch-pid", integer_to_list(test_beam:os_pid(Beam))]}),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok = test_command:signal("KILL", [test_beam:os_pid(Beam)]),
    ended_at_once(Cnode, os:perf_counter(microsecond)).

-spec once_ends_after_the_initial_sync([term()]) -> ok.
once_ends_after_the_initial_sync(Config) ->
    Hosts = [First | _] = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Beam | Others] = test_beam:start_all(Hosts),
    {0, _} = test_cnode:await_exit(test_cnode:start(First, #{args => ["--once"]})),
    test_cluster:await_nodes(Beam, [test_beam:name(Other) || Other <- Others], 0),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% -- helpers

ends_and_the_cluster_stays(Signal, Config) ->
    #{hosts := Hosts, beams := Beams, cnodes := Cnodes} = test_cluster:form(metadata(Config), 3),
    [ok = ends_at_once(Cnode, Signal) || Cnode <- Cnodes],
    [["myapp"] = test_host:epmd_names(Host) || Host <- Hosts],
    [test_wait:equals("the C-node is no longer connected", [], fun() -> test_beam:hidden_nodes(Beam) end)
     || Beam <- Beams],
    ok = test_cluster:await_mesh(Beams, 0),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% From the moment when the signal is there: to send it takes a program of its own, which may be slow to start.
ends_at_once(Cnode, Signal) ->
    ok = test_cnode:signal(Cnode, Signal),
    ended_at_once(Cnode, os:perf_counter(microsecond)).

ended_at_once(Cnode, Since) ->
    {0, At} = test_cnode:await_exit(Cnode),
    At - Since < ?AT_ONCE_US orelse error({took_us, At - Since}),
    ok.
