%% The command `plan' beside real BEAMs, and what then happens when the C-node is started again with those settings.
-module(plan_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [contains/2, lines/1]).

-export([suite/0, all/0]).
-export([what_is_planned_for_new_settings_happens/1, settings_that_decide_who_is_a_peer_need_a_restart/1,
         a_peer_that_is_no_longer_listed_is_planned_to_depart_and_departs/1,
         a_configuration_is_tried_before_it_is_used/1, metadata_from_a_file_is_tried_before_it_is_used/1,
         a_plan_changes_nothing/1, what_cannot_be_read_is_one_line/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [what_is_planned_for_new_settings_happens, settings_that_decide_who_is_a_peer_need_a_restart,
     a_peer_that_is_no_longer_listed_is_planned_to_depart_and_departs,
     a_configuration_is_tried_before_it_is_used, metadata_from_a_file_is_tried_before_it_is_used,
     a_plan_changes_nothing, what_cannot_be_read_is_one_line].

%% From one service to another one: `api' shares one container with `worker', has one more, and one that is stopped. With
%% immediate removal, a C-node that remembered the peer that `api' lacks would disconnect it by the first answer.
-spec what_is_planned_for_new_settings_happens([term()]) -> ok.
what_is_planned_for_new_settings_happens(Config) ->
    #{hosts := [One, Two, Three], beams := [Beam | _] = Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 3),
    [Four, Five] = test_cluster:hosts(2),
    _ = test_beam:start_all([Four, Five]),
    Stopped = #{address => test_host:address(Five), state => <<"stopped">>},
    Api = [test_host:address(Host) || Host <- [One, Two, Four]] ++ [Stopped],
    ok = metadata_server:list(metadata(Config), "Shop", "api", Api),
    Settings = ["--service", "stacks/shop/services/api", "--removal", "immediate"],
    {0, Table} = plan(One, Settings),
    Planned = [{<<"keep">>, name(Two)}, {<<"dial">>, name(Four)}, {<<"hold">>, name(Five)}, {<<"leave">>, name(Three)}],
    Planned = rows(Table),
    contains(Table, ["stopped", "not a member by these settings; a restart does not disconnect it",
                     "The running C-node has other settings (--service, --removal)", "Nothing was changed."]),
    ok = test_cnode:stop(Cnode),
    Again = test_cnode:start(One, #{args => Settings}),
    _ = test_cnode:await(Again, "cluster_completed"),
    ok = test_cluster:await_nodes(Beam, [node_of(Host) || Host <- [Two, Three, Four]]),
    [] = test_cluster:lost_connections(Beams),
    %% Those are its settings now.
    {0, Settled} = plan(One, Settings),
    [{<<"keep">>, _}, {<<"keep">>, _}, {<<"hold">>, _}, {<<"leave">>, Left}] = rows(Settled),
    Left = name(Three),
    nomatch = binary:match(Settled, <<"other settings">>),
    ok.

%% A C-node that starts with them does not remember the peer that the metadata have lost.
-spec settings_that_decide_who_is_a_peer_need_a_restart([term()]) -> ok.
settings_that_decide_who_is_a_peer_need_a_restart(Config) ->
    Own = ["--removal-delay", "120s"],
    #{hosts := [One, Two, Three]} = test_cluster:form(metadata(Config), 3, #{args => Own}),
    ok = test_cluster:list(metadata(Config), [One, Two]),
    Lost = fun(Args) ->
                   {0, Table} = plan(One, Args),
                   {Action, _} = lists:keyfind(name(Three), 2, rows(Table)),
                   {Action, Table}
           end,
    [{<<"depart">>, _} = Lost(Own ++ Same) || Same <- [[], ["--log-level", "debug"], ["--service", "self/service=myapp"]]],
    [begin
         {<<"leave">>, Table} = Lost(Other),
         contains(Table, ["other settings (" ++ Names ++ ")"])
     end || {Names, Other} <- [{"--removal-delay", []},
                               {"--label", ["--label", "tier=web" | Own]},
                               {"--health", ["--health", "passing" | Own]},
                               {"--node-basename", ["--node-basename", "other" | Own]},
                               {"--service", ["--service", "self/service=other" | Own]}]],
    ok.

-spec a_peer_that_is_no_longer_listed_is_planned_to_depart_and_departs([term()]) -> ok.
a_peer_that_is_no_longer_listed_is_planned_to_depart_and_departs(Config) ->
    Fast = #{args => ["--removal-delay", "12000"]},
    #{hosts := [One, Two, Three, Four], beams := [Beam | _]} = test_cluster:form(metadata(Config), 4, Fast),
    ok = test_cluster:list(metadata(Config), [One, Two, Three]),
    {0, Table} = plan(One, ["--removal-delay", "12000"]),
    [{<<"keep">>, _}, {<<"keep">>, _}, {<<"depart">>, Departing}] = rows(Table),
    Departing = name(Four),
    ok = test_cluster:await_nodes(Beam, [node_of(Two), node_of(Three)]),
    {0, After} = plan(One, ["--removal-delay", "12000"]),
    [{<<"keep">>, _}, {<<"keep">>, _} | Rest] = rows(After),
    true = lists:all(fun({Action, _}) -> Action =:= <<"depart">> end, Rest),
    ok.

-spec a_configuration_is_tried_before_it_is_used([term()]) -> ok.
a_configuration_is_tried_before_it_is_used(Config) ->
    #{hosts := [One, Two]} = test_cluster:form(metadata(Config), 2),
    [Three] = test_cluster:hosts(1),
    ok = metadata_server:list(metadata(Config), "Shop", "api", [test_host:address(Host) || Host <- [One, Two, Three]]),
    New = file(Config, "new.toml", "service = 'stacks/shop/services/api'\n"),
    {0, Table} = plan(One, ["--config", New]),
    [{<<"keep">>, Kept}, {<<"dial">>, Dialled}] = rows(Table),
    {Kept, Dialled} = {name(Two), name(Three)},
    {0, Unchanged} = plan(One, []),
    [{<<"keep">>, Kept}] = rows(Unchanged),
    ok.

%% What the metadata answers, with one container more, as a file.
-spec metadata_from_a_file_is_tried_before_it_is_used([term()]) -> ok.
metadata_from_a_file_is_tried_before_it_is_used(Config) ->
    #{hosts := [One, Two]} = test_cluster:form(metadata(Config), 2),
    [Three] = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), [One, Two, Three]),
    {0, Body} = test_host:run(One, "curl", ["-sf", "-H", "Accept: application/json",
                                            "http://rancher-metadata/latest/self/service"]),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    _ = file(Config, "root/latest/self/service", Body),
    Root = filename:join(proplists:get_value(priv_dir, Config), "root"),
    Url = lists:flatten(["file://", string:replace(Root, "@", "%40", all)]),
    {0, Table} = plan(One, ["--metadata-url", Url]),
    contains(Table, ["by " ++ Url ++ ": 1 keep, 1 dial"]),
    [{<<"keep">>, Kept}, {<<"dial">>, Dialled}] = rows(Table),
    {Kept, Dialled} = {name(Two), name(Three)},
    ok.

-spec a_plan_changes_nothing([term()]) -> ok.
a_plan_changes_nothing(Config) ->
    Hosts = [One | _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    {0, Json} = plan(One, ["--format", "json"]),
    contains(Json, ["No C-node answers", "\"action\":\"dial\"", "\"target\":\"myapp@" ++ test_host:address(One)]),
    [[], []] = [test_beam:visible_nodes(Beam) || Beam <- Beams],
    ok.

-spec what_cannot_be_read_is_one_line([term()]) -> ok.
what_cannot_be_read_is_one_line(Config) ->
    One = test_host:add(),
    ok = test_cluster:list(metadata(Config), [One]),
    Beam = test_beam:start(One),
    {1, Unread} = plan(One, ["--metadata-url", "file:///nowhere"]),
    contains(one_line(Unread), ["cannot read the metadata: file:///nowhere"]),
    ok = test_beam:stop(Beam),
    {1, Absent} = plan(One, []),
    contains(one_line(Absent), ["found no BEAM"]).

%% -- helpers

plan(Host, Args) ->
    test_host:run(Host, test_cnode:program(), ["plan", "--timeout", "60000" | Args]).

file(Config, Name, Contents) ->
    Path = filename:join(proplists:get_value(priv_dir, Config), Name),
    ok = filelib:ensure_dir(Path),
    ok = file:write_file(Path, Contents),
    Path.

%% {Action, Node} of each peer, in the order of the output.
rows(Table) ->
    [_ | Lines] = lines(Table),
    [{Action, Node} || Line <- Lines,
                       [Action, Node | _] <- [binary:split(Line, <<" ">>, [global, trim_all])],
                       binary:match(Node, <<"@">>) =/= nomatch].

one_line(Output) ->
    [Line] = lines(Output),
    Line.

node_of(Host) ->
    test_host:node_name("myapp", Host).

name(Host) ->
    atom_to_binary(node_of(Host)).
