%% Not knowing is never "no peers": whatever the metadata service does, it costs no link. One cluster lives through the
%% quick cases; those that last as long as a long-poll run beside it, each with a metadata service and a cluster of
%% their own.
-module(metadata_trouble_SUITE).

-export([suite/0, all/0, groups/0, init_per_group/2, end_per_group/2, init_per_testcase/2, end_per_testcase/2]).
-export([metadata_that_is_down_costs_no_link/1, metadata_that_answers_404_costs_no_link/1,
         metadata_that_answers_500_costs_no_link/1, metadata_that_answers_garbage_costs_no_link/1,
         metadata_that_answers_html_costs_no_link/1, metadata_that_answers_nothing_costs_no_link/1,
         metadata_that_answers_half_a_document_costs_no_link/1, metadata_that_breaks_off_costs_no_link/1,
         metadata_that_hangs_costs_no_link/1, metadata_that_hangs_after_its_headers_costs_no_link/1,
         metadata_whose_packets_vanish_costs_no_link/1, metadata_that_has_lost_its_data_costs_no_link/1,
         a_half_joined_answer_costs_no_link/1, an_emptied_list_costs_no_link/1, a_null_list_costs_no_link/1]).

%% How often every C-node must have met the trouble before it counts as lived through.
-define(TIMES, 2).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}].

-spec all() -> [term()].
all() ->
    [{group, beside_one_another}].

-spec groups() -> [term()].
groups() ->
    [{beside_one_another, [parallel],
      [metadata_that_hangs_costs_no_link, metadata_that_hangs_after_its_headers_costs_no_link,
       metadata_that_has_lost_its_data_costs_no_link, {group, one_after_the_other}]},
     {one_after_the_other, [],
      [metadata_that_is_down_costs_no_link, metadata_that_answers_404_costs_no_link,
       metadata_that_answers_500_costs_no_link, metadata_that_answers_garbage_costs_no_link,
       metadata_that_answers_html_costs_no_link, metadata_that_answers_nothing_costs_no_link,
       metadata_that_answers_half_a_document_costs_no_link, metadata_that_breaks_off_costs_no_link,
       metadata_whose_packets_vanish_costs_no_link, a_half_joined_answer_costs_no_link, an_emptied_list_costs_no_link,
       a_null_list_costs_no_link]}].

-spec init_per_group(atom(), [term()]) -> [term()].
init_per_group(one_after_the_other, Config) ->
    start_cluster(3) ++ Config;
init_per_group(_Group, Config) ->
    Config.

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(one_after_the_other, Config) ->
    end_cluster(Config);
end_per_group(_Group, _Config) ->
    ok.

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    case proplists:is_defined(cluster, Config) of
        true -> Config;
        false -> [{alone, true} | start_cluster(2)] ++ Config
    end.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_Case, Config) ->
    case proplists:is_defined(alone, Config) of
        true -> end_cluster(Config);
        false -> well_again(Config)
    end.

-spec metadata_that_is_down_costs_no_link([term()]) -> ok.
metadata_that_is_down_costs_no_link(Config) ->
    #{cnodes := Cnodes} = proplists:get_value(cluster, Config),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    [_ = test_cnode:await_event(Cnode, fun(#{event := Event}) -> Event =:= <<"metadata_unavailable">> end, 10000)
     || Cnode <- Cnodes],
    nothing_was_lost(Config).

-spec metadata_that_answers_404_costs_no_link([term()]) -> ok.
metadata_that_answers_404_costs_no_link(Config) ->
    lives_through(not_found, Config).

-spec metadata_that_answers_500_costs_no_link([term()]) -> ok.
metadata_that_answers_500_costs_no_link(Config) ->
    lives_through(server_error, Config).

-spec metadata_that_answers_garbage_costs_no_link([term()]) -> ok.
metadata_that_answers_garbage_costs_no_link(Config) ->
    lives_through(garbage, Config).

-spec metadata_that_answers_html_costs_no_link([term()]) -> ok.
metadata_that_answers_html_costs_no_link(Config) ->
    lives_through(html, Config).

-spec metadata_that_answers_nothing_costs_no_link([term()]) -> ok.
metadata_that_answers_nothing_costs_no_link(Config) ->
    lives_through(empty, Config).

-spec metadata_that_answers_half_a_document_costs_no_link([term()]) -> ok.
metadata_that_answers_half_a_document_costs_no_link(Config) ->
    lives_through(half_json, Config).

-spec metadata_that_breaks_off_costs_no_link([term()]) -> ok.
metadata_that_breaks_off_costs_no_link(Config) ->
    lives_through(truncated, Config).

-spec metadata_that_hangs_costs_no_link([term()]) -> ok.
metadata_that_hangs_costs_no_link(Config) ->
    lives_through(hang, Config).

-spec metadata_that_hangs_after_its_headers_costs_no_link([term()]) -> ok.
metadata_that_hangs_after_its_headers_costs_no_link(Config) ->
    lives_through(hang_after_headers, Config).

-spec metadata_whose_packets_vanish_costs_no_link([term()]) -> ok.
metadata_whose_packets_vanish_costs_no_link(Config) ->
    #{hosts := Hosts, cnodes := Cnodes} = proplists:get_value(cluster, Config),
    Before = [length(test_cnode:events(Cnode, "metadata_unavailable")) || Cnode <- Cnodes],
    [ok = test_host:cut_from_metadata(Host) || Host <- Hosts],
    ok = metadata_server:misbehave(metadata(Config), normal),
    [test_wait:until("the C-node misses metadata",
                     fun() ->
                             case length(test_cnode:events(Cnode, "metadata_unavailable")) of
                                 Now when Now > Then -> {done, ok};
                                 Now -> {wait, Now}
                             end
                     end,
                     60000) || {Cnode, Then} <- lists:zip(Cnodes, Before)],
    [ok = test_host:mend_with_metadata(Host) || Host <- Hosts],
    nothing_was_lost(Config).

-spec metadata_that_has_lost_its_data_costs_no_link([term()]) -> ok.
metadata_that_has_lost_its_data_costs_no_link(Config) ->
    lives_through(unloaded, Config).

-spec a_half_joined_answer_costs_no_link([term()]) -> ok.
a_half_joined_answer_costs_no_link(Config) ->
    lives_through(half_joined, Config).

-spec an_emptied_list_costs_no_link([term()]) -> ok.
an_emptied_list_costs_no_link(Config) ->
    lives_through(empty_list, Config).

-spec a_null_list_costs_no_link([term()]) -> ok.
a_null_list_costs_no_link(Config) ->
    lives_through(null_list, Config).

%% A reload makes those look again that would wait for another version; it changes nothing.
lives_through(Mode, Config) ->
    ok = metadata_server:misbehave(metadata(Config), Mode),
    [begin
         ok = metadata_server:reload(metadata(Config), fun(World) -> World end),
         ok = met_by_all(Mode, Times, Config)
     end || Times <- lists:seq(1, ?TIMES)],
    nothing_was_lost(Config).

%% Those who get answers meet it in the answer about their service; the others wherever they ask.
met_by_all(Mode, Times, Config) ->
    #{hosts := Hosts} = proplists:get_value(cluster, Config),
    Counts = fun(#{mode := Met, path := Path}) ->
                     Met =:= Mode andalso (not answers(Mode) orelse Path =:= [<<"self">>, <<"service">>])
             end,
    [test_wait:until("the C-node has met the trouble",
                     fun() ->
                             Requests = metadata_server:requests(metadata(Config), test_host:address(Host)),
                             case length(lists:filter(Counts, Requests)) of
                                 Met when Met >= Times -> {done, ok};
                                 Met -> {wait, {Met, of_requests, length(Requests)}}
                             end
                     end,
                     60000) || Host <- Hosts],
    ok.

answers(Mode) ->
    lists:member(Mode, [half_joined, empty_list, null_list]).

%% Every BEAM sees the others as before, none saw any link go since the cluster formed, and all is well again.
nothing_was_lost(Config) ->
    #{hosts := Hosts, beams := Beams} = proplists:get_value(cluster, Config),
    [] = test_cluster:lost_links(Beams),
    ok = test_cluster:await_mesh(Beams, 0),
    ok = well_again(Config),
    Addresses = lists:sort([test_host:address(Host) || Host <- Hosts]),
    test_wait:equals("all C-nodes wait for changes again", Addresses,
                     fun() -> lists:usort(metadata_server:waiting(metadata(Config))) end, 60000),
    [] = test_cluster:lost_links(Beams),
    ok.

well_again(Config) ->
    #{hosts := Hosts} = proplists:get_value(cluster, Config),
    ok = metadata_server:misbehave(metadata(Config), normal),
    test_cluster:list(metadata(Config), Hosts).

%% Removal as quick as it gets while it goes by evidence, so that a wrong conclusion shows at once.
start_cluster(Count) ->
    Metadata = metadata_server:start({0, 0, 0, 0}, 0),
    Args = ["--removal-delay", "0", "--mass-removal-delay", "0", "--polling-interval", "250",
            "--metadata-url", metadata_server:url(Metadata)],
    [{metadata, Metadata}, {cluster, test_cluster:form(Metadata, Count, #{args => Args})}].

end_cluster(Config) ->
    #{hosts := Hosts} = proplists:get_value(cluster, Config),
    ok = lists:foreach(fun test_host:remove/1, Hosts),
    metadata_server:stop(metadata(Config)).

metadata(Config) ->
    proplists:get_value(metadata, Config).
