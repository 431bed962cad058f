%% --state-file: a C-node that starts while the metadata cannot be read.
-module(state_file_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_restart_without_metadata_goes_on_with_the_members/1, kept_members_are_not_used_once_the_metadata_answers/1,
         kept_members_that_the_metadata_lacks_lose_no_connection/1, a_damaged_file_is_reported_and_ignored/1,
         a_kill_at_any_time_leaves_a_whole_file/1]).

-define(OFFLINE, refuse).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_restart_without_metadata_goes_on_with_the_members, kept_members_are_not_used_once_the_metadata_answers,
     kept_members_that_the_metadata_lacks_lose_no_connection, a_damaged_file_is_reported_and_ignored,
     a_kill_at_any_time_leaves_a_whole_file].

%% BEAMs and C-nodes end and start again: nothing but the files knows the members.
-spec a_restart_without_metadata_goes_on_with_the_members([term()]) -> ok.
a_restart_without_metadata_goes_on_with_the_members(Config) ->
    {Hosts, Beams, Cnodes} = formed(Config, 3),
    stop(Beams, Cnodes),
    ok = metadata_server:misbehave(metadata(Config), ?OFFLINE),
    New = test_beam:start_all(Hosts),
    [Cnode | _] = Restarted = start(Config, Hosts),
    ok = test_cluster:await_mesh(New),
    #{fields := #{<<"members">> := <<"3">>}} = test_cnode:await(Cnode, "members_restored"),
    ok = metadata_server:misbehave(metadata(Config), normal),
    [_ = test_cnode:await(Each, "metadata_available") || Each <- Restarted],
    [] = test_cluster:lost_connections(New),
    ok.

-spec kept_members_are_not_used_once_the_metadata_answers([term()]) -> ok.
kept_members_are_not_used_once_the_metadata_answers(Config) ->
    {Hosts, Beams, Cnodes} = formed(Config, 2),
    stop(Beams, Cnodes),
    _ = test_beam:start_all(Hosts),
    [Cnode | _] = start(Config, Hosts),
    _ = test_cnode:await(Cnode, "metadata_available"),
    [] = test_cnode:events(Cnode, "members_restored"),
    ok.

%% The third has left the service meanwhile: it is forgotten, and nobody is disconnected on the word of a file.
-spec kept_members_that_the_metadata_lacks_lose_no_connection([term()]) -> ok.
kept_members_that_the_metadata_lacks_lose_no_connection(Config) ->
    {[A, B, _] = Hosts, Beams, Cnodes} = formed(Config, 3),
    stop(Beams, Cnodes),
    ok = metadata_server:misbehave(metadata(Config), ?OFFLINE),
    New = test_beam:start_all(Hosts),
    Restarted = start(Config, [A, B]),
    ok = test_cluster:await_mesh(New),
    ok = test_cluster:list(metadata(Config), [A, B]),
    ok = metadata_server:misbehave(metadata(Config), normal),
    ok = test_service:await_watching(metadata(Config), [A, B]),
    ok = test_service:keep_reloading(metadata(Config), [A, B], 3000),
    Third = atom_to_binary(test_beam:name(lists:last(New))),
    [#{fields := #{<<"peer">> := Third}} = test_cnode:await(Cnode, "peer_held") || Cnode <- Restarted],
    [[_] = test_cnode:events(Cnode, "peer_held") || Cnode <- Restarted],
    [] = lists:append([test_cnode:events(Cnode, "peer_departed") || Cnode <- Restarted]),
    ok = test_cluster:await_mesh(New),
    [] = test_cluster:lost_connections(New),
    ok.

-spec a_damaged_file_is_reported_and_ignored([term()]) -> ok.
a_damaged_file_is_reported_and_ignored(Config) ->
    {[Host | _], _Beams, [Cnode | _]} = formed(Config, 2),
    ok = test_cnode:stop(Cnode),
    {ok, <<Half:40/binary, _/binary>>} = file:read_file(file(Config, Host)),
    ok = file:write_file(file(Config, Host), Half),
    ok = metadata_server:misbehave(metadata(Config), ?OFFLINE),
    [Restarted] = start(Config, [Host]),
    #{level := <<"warning">>} = test_cnode:await(Restarted, "state_file_ignored"),
    ok = metadata_server:misbehave(metadata(Config), normal),
    _ = test_cnode:await(Restarted, "metadata_available"),
    test_wait:until("a whole file", fun() -> whole(Config, Host) end),
    ok.

%% The service changes at each step, so that each step writes.
-spec a_kill_at_any_time_leaves_a_whole_file([term()]) -> ok.
a_kill_at_any_time_leaves_a_whole_file(Config) ->
    {[Host, Other], _Beams, [Cnode | _]} = formed(Config, 2),
    lists:foldl(fun(Step, Running) ->
                        Dead = ["10.99.0." ++ integer_to_list(N) || N <- lists:seq(1, Step)],
                        ok = test_cluster:list(metadata(Config), [Host, Other | Dead]),
                        timer:sleep(Step * 7),
                        ok = test_cnode:kill(Running),
                        {done, _} = whole(Config, Host),
                        [Next] = start(Config, [Host]),
                        _ = test_cnode:await(Next, "metadata_available"),
                        Next
                end,
                Cnode, lists:seq(1, 8)),
    ok.

%% -- helpers

%% Each has its file.
formed(Config, Count) ->
    Hosts = test_cluster:hosts(Count),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    Cnodes = start(Config, Hosts),
    ok = test_cluster:await_mesh(Beams),
    ok = test_service:await_watching(metadata(Config), Hosts),
    [test_wait:until("a file", fun() -> whole(Config, Host) end) || Host <- Hosts],
    {Hosts, Beams, Cnodes}.

start(Config, Hosts) ->
    [test_cnode:start(Host, #{args => ["--state-file", file(Config, Host), "--removal-delay", "300"]}) || Host <- Hosts].

stop(Beams, Cnodes) ->
    [ok = test_cnode:stop(Cnode) || Cnode <- Cnodes],
    [ok = test_beam:stop(Beam) || Beam <- Beams].

file(Config, Host) ->
    filename:join(proplists:get_value(priv_dir, Config), "members-" ++ test_host:address(Host) ++ ".json").

whole(Config, Host) ->
    case file:read_file(file(Config, Host)) of
        {ok, Text} ->
            case binary:last(Text) of
                $\n -> {done, Text};
                _ -> {wait, Text}
            end;
        {error, Reason} ->
            {wait, Reason}
    end.
