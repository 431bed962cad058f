%% Missing information never means "no peers": no failure of the metadata service loses a connection. Each failure lasts
%% longer than it would take to cut a connection. Two clusters are used for the quick cases; those that last as long as many
%% deadlines run beside them, each with a metadata service and a cluster of their own.
-module(metadata_failures_SUITE).

-export([suite/0, all/0, groups/0, init_per_group/2, end_per_group/2, init_per_testcase/2, end_per_testcase/2]).
-export([metadata_that_is_down_loses_no_connection/1, metadata_that_answers_404_loses_no_connection/1,
         metadata_that_answers_500_loses_no_connection/1, metadata_that_answers_garbage_loses_no_connection/1,
         metadata_that_answers_html_loses_no_connection/1, metadata_that_answers_nothing_loses_no_connection/1,
         metadata_that_answers_half_a_document_loses_no_connection/1, metadata_that_breaks_off_loses_no_connection/1,
         metadata_that_hangs_loses_no_connection/1, metadata_that_hangs_after_its_headers_loses_no_connection/1,
         metadata_whose_packets_are_dropped_loses_no_connection/1, metadata_that_has_lost_its_data_loses_no_connection/1,
         a_half_joined_answer_loses_no_connection/1, an_emptied_list_loses_no_connection/1, a_null_list_loses_no_connection/1]).

%% The shortest removal delay by evidence.
-define(REMOVAL_MS, 500).
%% From the moment when a departure is confirmed until the connection is cut: a random wait of up to 500 ms, and the list
%% of connections every second.
-define(CUT_MS, 1500).
-define(SLACK_MS, 500).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 120}}].

-spec all() -> [term()].
all() ->
    [{group, beside_one_another}].

-spec groups() -> [term()].
groups() ->
    [{beside_one_another, [parallel],
      [metadata_that_hangs_loses_no_connection, metadata_that_hangs_after_its_headers_loses_no_connection,
       metadata_that_has_lost_its_data_loses_no_connection, {group, no_answers}, {group, incomplete_answers}]},
     {no_answers, [],
      [metadata_that_is_down_loses_no_connection, metadata_that_answers_404_loses_no_connection,
       metadata_that_answers_500_loses_no_connection, metadata_that_answers_garbage_loses_no_connection,
       metadata_that_answers_html_loses_no_connection, metadata_that_answers_nothing_loses_no_connection]},
     {incomplete_answers, [],
      [metadata_that_answers_half_a_document_loses_no_connection, metadata_that_breaks_off_loses_no_connection,
       metadata_whose_packets_are_dropped_loses_no_connection, a_half_joined_answer_loses_no_connection, an_emptied_list_loses_no_connection,
       a_null_list_loses_no_connection]}].

-spec init_per_group(atom(), [term()]) -> [term()].
init_per_group(beside_one_another, Config) ->
    Config;
init_per_group(_Group, Config) ->
    start_cluster(3) ++ Config.

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(beside_one_another, _Config) ->
    ok;
end_per_group(_Group, Config) ->
    end_cluster(Config).

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    case proplists:is_defined(cluster, Config) of
        true -> Config;
        false -> [{alone, true} | start_cluster(2)] ++ Config
    end.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_Case, Config) ->
    case {proplists:is_defined(alone, Config), proplists:get_value(tc_status, Config)} of
        {true, _} -> end_cluster(Config);
        %% It has restored everything itself. To do so once more would end the waits once more, and a server whose waits
        %% fail in a row is one that is polled.
        {false, ok} -> ok;
        {false, _} -> recover(Config)
    end.

-spec metadata_that_is_down_loses_no_connection([term()]) -> ok.
metadata_that_is_down_loses_no_connection(Config) ->
    #{cnodes := Cnodes} = proplists:get_value(cluster, Config),
    Since = os:perf_counter(microsecond),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    [_ = test_cnode:await(Cnode, "metadata_unavailable", Since) || Cnode <- Cnodes],
    outlasts_every_delay(Config).

-spec metadata_that_answers_404_loses_no_connection([term()]) -> ok.
metadata_that_answers_404_loses_no_connection(Config) ->
    lives_through(not_found, Config).

-spec metadata_that_answers_500_loses_no_connection([term()]) -> ok.
metadata_that_answers_500_loses_no_connection(Config) ->
    lives_through(server_error, Config).

-spec metadata_that_answers_garbage_loses_no_connection([term()]) -> ok.
metadata_that_answers_garbage_loses_no_connection(Config) ->
    lives_through(garbage, Config).

-spec metadata_that_answers_html_loses_no_connection([term()]) -> ok.
metadata_that_answers_html_loses_no_connection(Config) ->
    lives_through(html, Config).

-spec metadata_that_answers_nothing_loses_no_connection([term()]) -> ok.
metadata_that_answers_nothing_loses_no_connection(Config) ->
    lives_through(empty, Config).

-spec metadata_that_answers_half_a_document_loses_no_connection([term()]) -> ok.
metadata_that_answers_half_a_document_loses_no_connection(Config) ->
    lives_through(half_json, Config).

-spec metadata_that_breaks_off_loses_no_connection([term()]) -> ok.
metadata_that_breaks_off_loses_no_connection(Config) ->
    lives_through(truncated, Config).

-spec metadata_that_hangs_loses_no_connection([term()]) -> ok.
metadata_that_hangs_loses_no_connection(Config) ->
    lives_through(hang, Config).

-spec metadata_that_hangs_after_its_headers_loses_no_connection([term()]) -> ok.
metadata_that_hangs_after_its_headers_loses_no_connection(Config) ->
    lives_through(hang_after_headers, Config).

-spec metadata_whose_packets_are_dropped_loses_no_connection([term()]) -> ok.
metadata_whose_packets_are_dropped_loses_no_connection(Config) ->
    #{hosts := Hosts, cnodes := Cnodes} = proplists:get_value(cluster, Config),
    Since = os:perf_counter(microsecond),
    [ok = test_host:cut_from_metadata(Host) || Host <- Hosts],
    %% Ends the waits that have already begun and would notice nothing for a long time.
    ok = metadata_server:misbehave(metadata(Config), normal),
    [_ = test_cnode:await(Cnode, "metadata_unavailable", Since) || Cnode <- Cnodes],
    ok = outlasts_every_delay(Config, fun() -> [ok = test_host:mend_with_metadata(Host) || Host <- Hosts] end).

-spec metadata_that_has_lost_its_data_loses_no_connection([term()]) -> ok.
metadata_that_has_lost_its_data_loses_no_connection(Config) ->
    lives_through(unloaded, Config).

-spec a_half_joined_answer_loses_no_connection([term()]) -> ok.
a_half_joined_answer_loses_no_connection(Config) ->
    lives_through(half_joined, Config).

-spec an_emptied_list_loses_no_connection([term()]) -> ok.
an_emptied_list_loses_no_connection(Config) ->
    lives_through(empty_list, Config).

-spec a_null_list_loses_no_connection([term()]) -> ok.
a_null_list_loses_no_connection(Config) ->
    lives_through(null_list, Config).

lives_through(Mode, Config) ->
    ok = metadata_server:misbehave(metadata(Config), Mode),
    ok = outlasts_every_delay(Config),
    #{hosts := Hosts} = proplists:get_value(cluster, Config),
    [true = met(Mode, metadata_server:requests(metadata(Config), test_host:address(Host))) >= 2 || Host <- Hosts],
    ok.

%% How often a C-node met the failure: in the answer about its service if there are answers, else in any request.
met(Mode, Requests) ->
    length([Path || #{mode := Met, path := Path} <- Requests, Met =:= Mode,
                    not answers(Mode) orelse Path =:= [<<"self">>, <<"service">>]]).

answers(Mode) ->
    lists:member(Mode, [half_joined, empty_list, null_list]).

outlasts_every_delay(Config) ->
    outlasts_every_delay(Config, fun() -> ok end).

%% Two authoritative reads (a third may have begun before), the removal delay, another read that would confirm a departure, and the
%% time to cut its connection. Then every BEAM sees the others as before, none lost a connection, and metadata recovers.
outlasts_every_delay(Config, Mend) ->
    #{hosts := Hosts, beams := Beams} = proplists:get_value(cluster, Config),
    ok = all_read(3, Config),
    timer:sleep(?REMOVAL_MS),
    ok = all_read(2, Config),
    timer:sleep(?CUT_MS),
    %% Lets the waits end successfully, here and below: after two failed ones in a row the C-nodes poll for a minute.
    ok = metadata_server:reload(metadata(Config)),
    timer:sleep(?SLACK_MS),
    [] = test_cluster:lost_connections(Beams),
    ok = test_cluster:await_mesh(Beams, 0),
    Mend(),
    ok = recover(Config),
    ok = test_service:await_watching(metadata(Config), Hosts),
    ok = test_service:keep_reloading(metadata(Config), Hosts, 0),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% Waits until every C-node has read this often from now on, by its status. Each is asked to, because it
%% may wait for a change: a wait that hangs would last for half a minute.
all_read(0, _Config) ->
    ok;
all_read(Times, Config) ->
    #{beams := Beams, cnodes := Cnodes} = proplists:get_value(cluster, Config),
    Before = [reads(Cnode, Beam) || {Cnode, Beam} <- lists:zip(Cnodes, Beams)],
    [ok = test_cnode:call(Cnode, Beam, refresh) || {Cnode, Beam} <- lists:zip(Cnodes, Beams)],
    [test_wait:until("the C-node reads once more",
                     fun() -> case reads(Cnode, Beam) of
                                  Then -> {wait, Then};
                                  _ -> {done, ok}
                              end
                     end) || {Cnode, Beam, Then} <- lists:zip3(Cnodes, Beams, Before)],
    all_read(Times - 1, Config).

reads(Cnode, Beam) ->
    #{metadata := #{authoritative_reads := Authoritative, incomplete_reads := Incomplete,
                    failed_reads := Failed}} =
        test_cnode:call(Cnode, Beam, status),
    Authoritative + Incomplete + Failed.

recover(Config) ->
    #{hosts := Hosts} = proplists:get_value(cluster, Config),
    ok = metadata_server:misbehave(metadata(Config), normal),
    test_cluster:list(metadata(Config), Hosts).

start_cluster(Count) ->
    Metadata = metadata_server:start({0, 0, 0, 0}, 0),
    Delay = integer_to_list(?REMOVAL_MS),
    Args = ["--removal-delay", Delay, "--mass-removal-delay", Delay, "--polling-interval", "250",
            "--metadata-url", metadata_server:url(Metadata)],
    [{metadata, Metadata}, {cluster, test_cluster:form(Metadata, Count, #{args => Args})}].

end_cluster(Config) ->
    #{hosts := Hosts} = proplists:get_value(cluster, Config),
    ok = lists:foreach(fun test_host:remove/1, Hosts),
    metadata_server:stop(metadata(Config)).

metadata(Config) ->
    proplists:get_value(metadata, Config).
