%% The command `doctor' beside real BEAMs: a healthy set-up, and others that are broken in one place. Each of these shows one
%% failure or warning with its advice; all else is ok, or skipped because of it.
-module(doctor_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [contains/2, lines/1]).

-export([suite/0, all/0]).
-export([a_healthy_cluster_is_nothing_but_ok/1, a_wrong_cookie_is_named/1, a_wrong_basename_is_named/1,
         a_short_name_is_named/1, a_missing_epmd_is_named/1, metadata_that_is_down_is_named/1,
         a_404_of_the_metadata_is_named/1, a_firewalled_peer_is_named/1, another_cookie_of_a_peer_is_named/1,
         a_wrong_address_is_named/1, a_port_in_use_is_named/1, a_wrong_service_is_named_with_those_that_exist/1,
         another_ticktime_of_a_peer_is_a_warning/1, libclusters_own_strategy_is_named_where_it_runs/1,
         a_library_that_takes_the_c_node_for_a_worker_is_named/1, a_beam_keeps_one_atom_however_often_it_is_asked/1,
         json_is_read_by_a_parser/1, the_whole_time_is_bounded/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_healthy_cluster_is_nothing_but_ok, a_wrong_cookie_is_named, a_wrong_basename_is_named, a_short_name_is_named,
     a_missing_epmd_is_named, metadata_that_is_down_is_named, a_404_of_the_metadata_is_named, a_firewalled_peer_is_named,
     another_cookie_of_a_peer_is_named, a_wrong_address_is_named, a_port_in_use_is_named,
     a_wrong_service_is_named_with_those_that_exist, another_ticktime_of_a_peer_is_a_warning,
     libclusters_own_strategy_is_named_where_it_runs, a_library_that_takes_the_c_node_for_a_worker_is_named,
     a_beam_keeps_one_atom_however_often_it_is_asked, json_is_read_by_a_parser, the_whole_time_is_bounded].

%% With a C-node and without one.
-spec a_healthy_cluster_is_nothing_but_ok([term()]) -> ok.
a_healthy_cluster_is_nothing_but_ok(Config) ->
    #{hosts := [One | _], beams := Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 3),
    {0, With} = doctor(One, []),
    [<<"ok">>] = lists:usort([Outcome || {Outcome, _, _} <- findings(With)]),
    contains(text_of(With, "node-name"), ["is held by the running C-node"]),
    contains(text_of(With, "peer-handshake"), ["2 of 2 peers accept"]),
    ok = test_cnode:stop(Cnode),
    {0, Without} = doctor(One, []),
    [<<"ok">>] = lists:usort([Outcome || {Outcome, _, _} <- findings(Without)]),
    contains(text_of(Without, "node-name"), ["is free"]),
    [] = test_cluster:lost_connections(Beams),
    ok.

-spec a_wrong_cookie_is_named([term()]) -> ok.
a_wrong_cookie_is_named(Config) ->
    #{hosts := [One | _]} = beams(Config, 2),
    only_failure("beam-connection", ["cookies differ", "$RANCHER_CNODE_COOKIE overrides the cookie of the BEAM (-setcookie)"],
                 doctor(One, [], [{"RANCHER_CNODE_COOKIE", "wrong"}])).

-spec a_wrong_basename_is_named([term()]) -> ok.
a_wrong_basename_is_named(Config) ->
    #{hosts := [One | _]} = beams(Config, 2),
    only_failure("beam-basename", ["dialled as other", "the BEAM is called myapp", "leave --node-basename out"],
                 doctor(One, ["--node-basename", "other"])).

-spec a_short_name_is_named([term()]) -> ok.
a_short_name_is_named(Config) ->
    #{hosts := [Two]} = beams(Config, 1),
    One = test_host:add(),
    ok = test_cluster:list(metadata(Config), [One, Two]),
    ok = test_host:start_epmd(One),
    {Program, Args} = test_host:command(One, "erl", ["-noinput", "-sname", "myapp", "-setcookie", "monster"]),
    Short = open_port({spawn_executable, Program}, [{args, Args}, hide]),
    ok = test_wait:until("the BEAM is registered",
                         fun() ->
                                 case test_host:epmd_names(One) of
                                     ["myapp"] -> {done, ok};
                                     Other -> {wait, Other}
                                 end
                         end),
    only_failure("beam", ["myapp, a short name", "start the BEAM with -name myapp@" ++ test_host:address(One)], doctor(One, [])),
    true = port_close(Short),
    ok.

-spec a_missing_epmd_is_named([term()]) -> ok.
a_missing_epmd_is_named(Config) ->
    #{hosts := [One | _]} = beams(Config, 2),
    ok = test_host:stop_epmd(One),
    only_failure("epmd", [test_host:address(One) ++ ":4369: no epmd listens there", "start epmd"], doctor(One, [])).

-spec metadata_that_is_down_is_named([term()]) -> ok.
metadata_that_is_down_is_named(Config) ->
    #{hosts := [One | _]} = beams(Config, 2),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    only_failure("metadata", ["http://rancher-metadata", "http://169.254.169.250", "its metadata service runs"], doctor(One, [])).

-spec a_404_of_the_metadata_is_named([term()]) -> ok.
a_404_of_the_metadata_is_named(Config) ->
    #{hosts := [One | _]} = beams(Config, 2),
    only_failure("service", ["404 at /2016-07-28/self/service", "check --metadata-version 2016-07-28"],
                 doctor(One, ["--metadata-version", "2016-07-28"])),
    ok = metadata_server:misbehave(metadata(Config), not_found),
    only_failure("metadata", ["404 at /latest/version", "loaded nothing yet"], doctor(One, [])).

-spec a_firewalled_peer_is_named([term()]) -> ok.
a_firewalled_peer_is_named(Config) ->
    #{hosts := [One, Two | _]} = beams(Config, 3),
    ok = test_host:isolate(Two),
    only_failure("peer-epmd", ["1 of 2 peers found", "myapp@" ++ test_host:address(Two), "filters port 4369"], doctor(One, [])).

-spec another_cookie_of_a_peer_is_named([term()]) -> ok.
another_cookie_of_a_peer_is_named(Config) ->
    #{hosts := [One | _] = Hosts} = beams(Config, 2),
    Three = test_host:add(),
    _ = test_beam:start(Three, #{cookie => "another"}),
    ok = test_cluster:list(metadata(Config), Hosts ++ [Three]),
    only_failure("peer-handshake", ["1 of 2 peers accept", "myapp@" ++ test_host:address(Three), "cookies differ", "the same cookie"],
                 doctor(One, [])).

-spec a_wrong_address_is_named([term()]) -> ok.
a_wrong_address_is_named(Config) ->
    #{hosts := [One | _]} = beams(Config, 2),
    Own = test_host:address(One),
    only_failure("own-address", ["10.42.99.99 (--ip) is on no interface of this container: " ++ Own,
                                 "the metadata knows this container as " ++ Own],
                 doctor(One, ["--ip", "10.42.99.99"])).

%% By the BEAM's own distribution.
-spec a_port_in_use_is_named([term()]) -> ok.
a_port_in_use_is_named(Config) ->
    #{hosts := [Two]} = beams(Config, 1),
    One = test_host:add(),
    ok = test_cluster:list(metadata(Config), [One, Two]),
    Distribution = ["-kernel", "inet_dist_listen_min", "9100", "inet_dist_listen_max", "9100"],
    _ = test_beam:start(One, #{args => Distribution}),
    only_failure("listen-port", ["9100 is in use by another program", "another --listen-port"],
                 doctor(One, ["--listen-port", "9100"])).

-spec a_wrong_service_is_named_with_those_that_exist([term()]) -> ok.
a_wrong_service_is_named_with_those_that_exist(Config) ->
    #{hosts := [One | _]} = beams(Config, 2),
    only_failure("service", ["404 at /latest/stacks/shop/services/web", "set --service to one of: stacks/shop/services/worker"],
                 doctor(One, ["--service", "stacks/shop/services/web"])).

-spec another_ticktime_of_a_peer_is_a_warning([term()]) -> ok.
another_ticktime_of_a_peer_is_a_warning(Config) ->
    #{hosts := [One | _] = Hosts} = beams(Config, 1),
    Two = test_host:add(),
    _ = test_beam:start(Two, #{args => ["-kernel", "net_ticktime", "17"]}),
    ok = test_cluster:list(metadata(Config), Hosts ++ [Two]),
    {1, Table} = doctor(One, []),
    [{<<"warning">>, <<"net-ticktime">>, Text}] = unhealthy(Table),
    contains(Text, ["60 s, but myapp@" ++ test_host:address(Two) ++ ": 17 s"]).

%% By its configuration; where that does not name it, by the modules that are loaded, because it may be given to a supervisor.
%% In embedded mode, as in a release, all modules are.
-spec libclusters_own_strategy_is_named_where_it_runs([term()]) -> ok.
libclusters_own_strategy_is_named_where_it_runs(Config) ->
    Strategy = 'Elixir.Cluster.Strategy.Rancher',
    Other = 'Elixir.Cluster.Strategy.Epmd',
    Beside = fun(Named, Loaded, Mode) ->
                     [One] = test_cluster:hosts(1),
                     ok = test_cluster:list(metadata(Config), [One]),
                     Topologies = [{shop, [{strategy, Named}, {config, [{hosts, ['myapp@10.42.0.7']}]}]}],
                     Ebin = stub(Config, libcluster, [{topologies, Topologies}], [Strategy, Other]),
                     Beam = test_beam:start(One, in_mode(Mode, Ebin)),
                     [{module, _} = test_beam:call(Beam, code, load_abs, [filename:join(Ebin, Module)]) || Module <- Loaded],
                     ok = test_beam:call(Beam, application, start, [libcluster]),
                     doctor(One, [])
             end,
    [begin
         {1, Table} = Beside(Named, Loaded, Mode),
         [{<<"warning">>, <<"hazards">>, Text}] = unhealthy(Table),
         contains(Text, ["Cluster.Strategy.Rancher runs beside this C-node", "remove it from the topologies"]),
         documented:shows("docs/doctor.md", lines_of(Table, <<"hazards">>))
     end || {Named, Loaded, Mode} <- [{Strategy, [], interactive}, {Other, [Strategy], interactive}, {Strategy, [], embedded}]],
    [{0, _} = Beside(Other, Loaded, Mode) || {Loaded, Mode} <- [{[Other], interactive}, {[Strategy, Other], embedded}]],
    ok.

-spec a_library_that_takes_the_c_node_for_a_worker_is_named([term()]) -> ok.
a_library_that_takes_the_c_node_for_a_worker_is_named(Config) ->
    #{hosts := [One], beams := [Beam]} = beams(Config, 1),
    {0, _} = doctor(One, ["--basename", "helper"]),
    [begin
         true = test_beam:call(Beam, code, add_patha, [stub(Config, Library, [], [])]),
         ok = test_beam:call(Beam, application, start, [Library]),
         Name = atom_to_list(Library),
         {1, Table} = doctor(One, ["--basename", "helper"]),
         [{<<"warning">>, <<"hazards">>, Text}] = unhealthy(Table),
         contains(Text, [Name ++ " runs and takes helper for a worker", "node_blacklist of " ++ Name]),
         Library =/= swarm orelse documented:shows("docs/doctor.md", lines_of(Table, <<"hazards">>)),
         {0, _} = doctor(One, []),
         ok = test_beam:call(Beam, application, stop, [Library])
     end || Library <- [swarm, libring]],
    ok.

-spec a_beam_keeps_one_atom_however_often_it_is_asked([term()]) -> ok.
a_beam_keeps_one_atom_however_often_it_is_asked(Config) ->
    #{hosts := [One | _], beams := Beams} = beams(Config, 2),
    Count = fun() -> [test_beam:call(B, erlang, system_info, [atom_count]) || B <- Beams] end,
    %% The first time, the modules that answer are loaded, and the name of the asking node becomes an atom.
    {0, _} = doctor(One, []),
    _ = Count(),
    Before = Count(),
    {0, _} = doctor(One, []),
    {0, _} = doctor(One, []),
    Before = Count(),
    [[], []] = [test_beam:visible_nodes(B) || B <- Beams],
    ok.

-spec json_is_read_by_a_parser([term()]) -> ok.
json_is_read_by_a_parser(Config) ->
    #{hosts := [One | _]} = beams(Config, 1),
    {0, Json} = doctor(One, ["--format", "json"]),
    File = filename:join(proplists:get_value(priv_dir, Config), "doctor.json"),
    ok = file:write_file(File, Json),
    Read = "import json,sys; d = json.load(open(sys.argv[1])); print(d['outcome'], d['checks'][0]['check'], len(d['checks']))",
    <<"ok settings 25", _/binary>> = test_command:ok("python3", ["-c", Read, File]),
    ok.

%% Neither the metadata nor the peers answer.
-spec the_whole_time_is_bounded([term()]) -> ok.
the_whole_time_is_bounded(Config) ->
    #{hosts := [One | _] = Hosts} = beams(Config, 1),
    ok = test_cluster:list(metadata(Config), Hosts ++ [test_host:vanishing_address() || _ <- lists:seq(1, 3)]),
    {2, _} = within(10000, fun() -> doctor(One, ["--timeout", "2000"]) end),
    ok = metadata_server:misbehave(metadata(Config), hang),
    {2, _} = within(10000, fun() -> doctor(One, ["--timeout", "2000"]) end),
    ok.

%% -- helpers

%% BEAMs of one service, without C-nodes.
beams(Config, Count) ->
    Hosts = test_cluster:hosts(Count),
    ok = test_cluster:list(metadata(Config), Hosts),
    #{hosts => Hosts, beams => test_beam:start_all(Hosts)}.

doctor(Host, Args) ->
    doctor(Host, Args, []).

%% All checks together have ten seconds by default, which is little on a busy machine.
doctor(Host, Args, Env) ->
    Patient = case lists:member("--timeout", Args) of
                  true -> [];
                  false -> ["--timeout", "60000"]
              end,
    test_host:run(Host, test_cnode:program(), ["doctor" | Args ++ Patient], Env).

%% One check fails, with these texts in its line or its advice; the others are ok, or skipped.
only_failure(Check, Texts, {Status, Table}) ->
    Name = list_to_binary(Check),
    {[{<<"failure">>, Name, Text}], Others} =
        lists:partition(fun({Outcome, _, _}) -> Outcome =:= <<"failure">> end, findings(Table)),
    2 = Status,
    [] = [Other || {Outcome, _, _} = Other <- Others, Outcome =/= <<"ok">>, Outcome =/= <<"skipped">>],
    contains(Text, Texts),
    documented:shows("docs/doctor.md", lines_of(Table, Name)).

unhealthy(Table) ->
    [Finding || {Outcome, _, _} = Finding <- findings(Table), Outcome =/= <<"ok">>].

%% The ebin of an application of this name that does nothing.
stub(Config, Name, Env, Modules) ->
    Ebin = filename:join([proplists:get_value(priv_dir, Config), integer_to_list(erlang:unique_integer([positive])), "ebin"]),
    ok = filelib:ensure_path(Ebin),
    Application = {application, Name, [{vsn, "1.0.0"}, {modules, Modules}, {applications, [kernel, stdlib]}, {env, Env}]},
    ok = file:write_file(filename:join(Ebin, atom_to_list(Name) ++ ".app"), io_lib:format("~p.~n", [Application])),
    [begin
         {ok, Module, Code} = compile:forms([{attribute, 1, module, Module}]),
         ok = file:write_file(filename:join(Ebin, atom_to_list(Module) ++ ".beam"), Code)
     end || Module <- Modules],
    Ebin.

%% In embedded mode nothing is loaded when it is called, the helper of test_beam neither.
in_mode(interactive, Ebin) ->
    #{args => ["-pa", Ebin]};
in_mode(embedded, Ebin) ->
    Load = io_lib:format("-mode embedded -eval 'code:load_abs(\"~ts\")'", [filename:rootname(code:which(connection_log))]),
    #{args => ["-pa", Ebin], env => [{"ERL_AFLAGS", lists:flatten(Load)}]}.

%% The line of a check, and its advice below it.
lines_of(Table, Check) ->
    {match, [Lines]} = re:run(Table, ["^\\w+ +", Check, " .*\n(?: .*\n)*"], [multiline, {capture, first, binary}]),
    Lines.

text_of(Table, Check) ->
    {_, _, Text} = lists:keyfind(list_to_binary(Check), 2, findings(Table)),
    Text.

%% {Outcome, Check, Text}; the text with the advice in the line below. The last line sums up.
findings(Table) ->
    fold(lists:droplast(lines(Table)), []).

fold([<<" ", _/binary>> = Advice | Lines], [{Outcome, Check, Text} | Found]) ->
    fold(Lines, [{Outcome, Check, <<Text/binary, "\n", (string:trim(Advice))/binary>>} | Found]);
fold([Line | Lines], Found) ->
    [Outcome, Rest] = binary:split(Line, <<" ">>),
    [Check, Text] = binary:split(string:trim(Rest), <<" ">>),
    fold(Lines, [{Outcome, Check, string:trim(Text)} | Found]);
fold([], Found) ->
    lists:reverse(Found).

within(Limit, Run) ->
    Began = erlang:monotonic_time(millisecond),
    Result = Run(),
    Took = erlang:monotonic_time(millisecond) - Began,
    true = Took < Limit,
    Result.
