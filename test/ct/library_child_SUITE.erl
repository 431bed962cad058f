%% The library's child under a supervisor, in real BEAMs without a release: what it passes to the program and gets from
%% it, and how both end.
-module(library_child_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2, beams/3, start_child/2, spec/1, child/1, cnodes/1, noted/1, await_logged/3,
                       script/2]).

-export([suite/0, all/0]).
-export([the_start_returns_when_the_mesh_is_complete/1, a_start_that_waits_for_nothing_returns_at_once/1,
         unusual_names_and_cookies_are_passed_on/1,
         cookie_and_names_are_in_no_argument/1, a_bad_setting_is_reported_with_the_programs_message/1,
         a_program_that_dies_is_restarted/1, a_child_that_is_stopped_leaves_nothing/1,
         a_program_that_hangs_is_stopped_too/1, calls_return_the_state_of_the_cluster/1,
         a_c_node_from_outside_is_found_whatever_its_name/1, calls_without_a_c_node_are_errors/1,
         an_await_ends_at_its_timeout/1, unexpected_messages_change_nothing/1,
         functions_with_arguments_are_called/1, a_second_topology_cannot_change_the_functions/1,
         a_topology_that_stops_leaves_the_other_its_functions_and_name/1,
         a_function_stays_taken_while_one_of_two_topologies_runs/1, the_last_line_is_reported/1,
         a_closed_port_restarts_the_program/1,
         a_program_that_dies_early_does_not_fail_the_start/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [the_start_returns_when_the_mesh_is_complete, a_start_that_waits_for_nothing_returns_at_once,
     unusual_names_and_cookies_are_passed_on,
     cookie_and_names_are_in_no_argument, a_bad_setting_is_reported_with_the_programs_message,
     a_program_that_dies_is_restarted, a_child_that_is_stopped_leaves_nothing, a_program_that_hangs_is_stopped_too,
     calls_return_the_state_of_the_cluster, a_c_node_from_outside_is_found_whatever_its_name,
     calls_without_a_c_node_are_errors, an_await_ends_at_its_timeout, unexpected_messages_change_nothing,
     functions_with_arguments_are_called, a_second_topology_cannot_change_the_functions,
     a_topology_that_stops_leaves_the_other_its_functions_and_name,
     a_function_stays_taken_while_one_of_two_topologies_runs, the_last_line_is_reported,
     a_closed_port_restarts_the_program, a_program_that_dies_early_does_not_fail_the_start].

-spec the_start_returns_when_the_mesh_is_complete([term()]) -> ok.
the_start_returns_when_the_mesh_is_complete(Config) ->
    [A, B] = Beams = beams(Config, 2),
    {ok, _} = start_child(A, [{node_basename, <<"myapp">>}, {await_timeout, infinity}]),
    [Other] = test_beam:visible_nodes(A),
    Other = test_beam:name(B),
    [] = test_cluster:lost_connections(Beams),
    ok.

-spec a_start_that_waits_for_nothing_returns_at_once([term()]) -> ok.
a_start_that_waits_for_nothing_returns_at_once(Config) ->
    [A] = beams(Config, 1),
    ok = metadata_server:misbehave(metadata(Config), hang),
    %% In the BEAM, where a busy machine does not count; the default waits for 5 s.
    Spec = spec([{program, test_cnode:program()}, {await_timeout, 0}]),
    {Took, {ok, _}} = test_beam:call(A, timer, tc, [supervisor, start_child, [library_supervisor, Spec]]),
    true = Took < 4000000,
    ok.

-spec unusual_names_and_cookies_are_passed_on([term()]) -> ok.
unusual_names_and_cookies_are_passed_on(Config) ->
    Name = "0_My-App_" ++ lists:duplicate(60, $x),
    Beams = [A, _] = beams(Config, 2, #{basename => Name, cookie => "it's $HOME `id` \"&|;*\" ~{}<>#%!?=,:@^_-+()[]/\\"}),
    {ok, _} = start_child(A, [{node_basename, Name}, {basename, "0-C_node-"}, {await_timeout, infinity}]),
    ok = test_cluster:await_mesh(Beams).

-spec cookie_and_names_are_in_no_argument([term()]) -> ok.
cookie_and_names_are_in_no_argument(Config) ->
    [A] = beams(Config, 1),
    {ok, _} = start_child(A, [{node_basename, <<"myapp">>}, {polling_interval, 10000}, {start_epmd, false}]),
    [OsPid] = cnodes(A),
    [_Program, <<"--exit-on-eof">>, <<"--log-level=info">>, <<"--polling-interval=10000">>, <<"--start-epmd=off">>] =
        test_process:arguments(OsPid),
    ok.

-spec a_bad_setting_is_reported_with_the_programs_message([term()]) -> ok.
a_bad_setting_is_reported_with_the_programs_message(Config) ->
    [A] = beams(Config, 1),
    Table = [{[{polling_interval, 7}], "polling-interval"}, {[{no_such_setting, 7}], "no-such-setting"},
             {[{health, excellent}], "health"}],
    [begin
         {error, {{bad_setting, Sentence}, _Child}} = start_child(A, Settings),
         {_, _} = binary:match(Sentence, list_to_binary(Named))
     end || {Settings, Named} <- Table],
    [] = cnodes(A),
    ok.

-spec a_program_that_dies_is_restarted([term()]) -> ok.
a_program_that_dies_is_restarted(Config) ->
    [A] = beams(Config, 1),
    {ok, Child} = start_child(A, []),
    [OsPid] = cnodes(A),
    ok = test_command:signal("KILL", [OsPid]),
    ok = await_another_program(A, OsPid),
    ok = test_beam:call(A, rancher_cnode, await, [30000]),
    Child = child(A),
    ok.

-spec a_child_that_is_stopped_leaves_nothing([term()]) -> ok.
a_child_that_is_stopped_leaves_nothing(Config) ->
    [A, B] = Beams = beams(Config, 2),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    ok = test_cluster:await_mesh(Beams),
    ok = test_beam:call(A, supervisor, terminate_child, [library_supervisor, rancher_cnode]),
    [] = cnodes(A),
    [_] = test_beam:visible_nodes(B),
    %% Its name is free at once, so that a successor can register it.
    {ok, _} = test_beam:call(A, supervisor, restart_child, [library_supervisor, rancher_cnode]),
    test_wait:equals("the program runs again", 1, fun() -> length(cnodes(A)) end).

-spec a_program_that_hangs_is_stopped_too([term()]) -> ok.
a_program_that_hangs_is_stopped_too(Config) ->
    [A] = beams(Config, 1),
    {ok, _} = start_child(A, []),
    ok = test_command:signal("STOP", cnodes(A)),
    ok = test_beam:call(A, supervisor, terminate_child, [library_supervisor, rancher_cnode]),
    test_wait:equals("the stopped program is gone", [], fun() -> cnodes(A) end).

-spec calls_return_the_state_of_the_cluster([term()]) -> ok.
calls_return_the_state_of_the_cluster(Config) ->
    [A, B] = beams(Config, 2),
    {ok, _} = start_child(A, [{basename, "c-node"}, {await_timeout, infinity}]),
    Cnode = test_host:node_name("c-node", test_beam:host(A)),
    Cnode = test_beam:call(A, rancher_cnode, which_cnode, []),
    {ok, #{node := Cnode, peers := [_], metadata := #{}}} = test_beam:call(A, rancher_cnode, status, []),
    {ok, [#{node := Peer, state := connected}]} = test_beam:call(A, rancher_cnode, peers, []),
    Peer = test_beam:name(B),
    ok = test_beam:call(A, rancher_cnode, refresh, []),
    ok = test_beam:call(A, rancher_cnode, await, [30000]),
    %% Any node can ask any C-node.
    {ok, #{node := Cnode}} = test_beam:call(B, rancher_cnode, status, [Cnode]),
    ok = test_beam:call(B, rancher_cnode, await, [Cnode, infinity]).

-spec a_c_node_from_outside_is_found_whatever_its_name([term()]) -> ok.
a_c_node_from_outside_is_found_whatever_its_name(Config) ->
    [A] = beams(Config, 1),
    %% As the shell of somebody in the container.
    Shell = test_beam:start(test_beam:host(A), #{basename => "shell", args => ["-hidden"]}),
    pong = test_beam:call(Shell, net_adm, ping, [test_beam:name(A)]),
    Cnode = test_cnode:start(test_beam:host(A), #{basename => "another-name"}),
    _ = test_cnode:await(Cnode, "target_connected"),
    Name = test_cnode:name(Cnode),
    {ok, #{node := Name}} = test_beam:call(A, rancher_cnode, status, []),
    Name = test_beam:call(A, rancher_cnode, which_cnode, []),
    ok.

-spec calls_without_a_c_node_are_errors([term()]) -> ok.
calls_without_a_c_node_are_errors(Config) ->
    [A] = beams(Config, 1),
    Usual = test_cnode:default_name(test_beam:host(A)),
    Usual = test_beam:call(A, rancher_cnode, which_cnode, []),
    {error, {nodedown, Usual}} = test_beam:call(A, rancher_cnode, status, []),
    {error, {nodedown, Usual}} = test_beam:call(A, rancher_cnode, peers, []),
    {error, {nodedown, Usual}} = test_beam:call(A, rancher_cnode, refresh, []),
    {error, timeout} = test_beam:call(A, rancher_cnode, await, [0]),
    ok.

-spec an_await_ends_at_its_timeout([term()]) -> ok.
an_await_ends_at_its_timeout(Config) ->
    [A] = beams(Config, 1),
    {Took, {error, timeout}} = test_beam:call(A, timer, tc, [rancher_cnode, await, [2000]]),
    true = Took >= 2000000 andalso Took < 15000000,
    ok.

-spec unexpected_messages_change_nothing([term()]) -> ok.
unexpected_messages_change_nothing(Config) ->
    [A] = beams(Config, 1),
    {ok, Child} = start_child(A, []),
    hello = test_beam:call(A, erlang, send, [Child, hello]),
    ok = test_beam:call(A, gen_server, cast, [Child, hello]),
    {error, {unknown_request, hello}} = test_beam:call(A, gen_server, call, [Child, hello]),
    Child = child(A),
    ok.

-spec functions_with_arguments_are_called([term()]) -> ok.
functions_with_arguments_are_called(Config) ->
    [A, B] = beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    Functions = #{connect => {library_witness, connect, [own]}, disconnect => {library_witness, disconnect, [own]},
                  list_nodes => {library_witness, list_nodes, [own]}},
    Topology = Functions#{'__struct__' => 'Elixir.Cluster.Strategy.State', topology => rancher, meta => nil,
                          config => [{program, test_cnode:program()}, {removal_delay, 100}, {mass_removal_delay, 100},
                                   {await_timeout, infinity}]},
    {ok, _} = test_beam:call(A, supervisor, start_child, [library_supervisor, #{id => rancher_cnode, start =>
                             {rancher_cnode, start_link, [[Topology]]}}]),
    %% Before it has read that there is another one, none can depart.
    Peer = test_beam:name(B),
    [Peer] = test_beam:visible_nodes(A),
    true = is_noted(A, {connect, own, Peer}),
    true = is_noted(A, {list_nodes, own}),
    ok = test_cluster:list(metadata(Config), [test_beam:host(A)]),
    test_wait:equals("the user's function was asked to disconnect", true,
                     fun() -> is_noted(A, {disconnect, own, Peer}) end),
    %% It is noted before it is done.
    ok = test_cluster:await_nodes(A, []).

-spec a_second_topology_cannot_change_the_functions([term()]) -> ok.
a_second_topology_cannot_change_the_functions(Config) ->
    [A] = beams(Config, 1),
    {ok, _} = start_child(A, [{list_nodes, {library_witness, list_nodes, [one]}}, {await_timeout, 0}]),
    Other = {list_nodes, {library_witness, list_nodes, [two]}},
    {error, {{function_taken, <<_/binary>>}, _Child}} = start_second(A, [Other]),
    ok.

-spec a_topology_that_stops_leaves_the_other_its_functions_and_name([term()]) -> ok.
a_topology_that_stops_leaves_the_other_its_functions_and_name(Config) ->
    [A] = beams(Config, 1),
    ok = test_beam:call(A, library_witness, start, []),
    Same = {list_nodes, {library_witness, list_nodes, [one]}},
    {ok, _} = start_child(A, [Same, {await_timeout, 0}]),
    {ok, _} = start_second(A, [Same]),
    ok = test_beam:call(A, supervisor, terminate_child, [library_supervisor, rancher_cnode]),
    Second = test_host:node_name("second", test_beam:host(A)),
    Second = test_beam:call(A, rancher_cnode, which_cnode, []),
    {ok, _} = test_beam:call(A, supervisor, restart_child, [library_supervisor, rancher_cnode]),
    ok = test_beam:call(A, supervisor, terminate_child, [library_supervisor, second]),
    [] = test_beam:call(A, rancher_cnode_functions, list_nodes, []),
    %% The first is still there, so its function is taken; when it ends, it no longer is.
    Other = {list_nodes, {library_witness, list_nodes, [two]}},
    ok = test_beam:call(A, supervisor, delete_child, [library_supervisor, second]),
    {error, {{function_taken, _}, _}} = start_second(A, [Other]),
    ok = test_beam:call(A, supervisor, terminate_child, [library_supervisor, rancher_cnode]),
    {ok, _} = start_second(A, [Other]),
    ok.

-spec a_function_stays_taken_while_one_of_two_topologies_runs([term()]) -> ok.
a_function_stays_taken_while_one_of_two_topologies_runs(Config) ->
    [A] = beams(Config, 1),
    Same = {list_nodes, {library_witness, list_nodes, [one]}},
    {ok, _} = start_child(A, [Same, {await_timeout, 0}]),
    {ok, _} = start_second(A, [Same]),
    ok = test_beam:call(A, supervisor, terminate_child, [library_supervisor, second]),
    ok = test_beam:call(A, supervisor, delete_child, [library_supervisor, second]),
    {error, {{function_taken, _}, _}} = start_second(A, [{list_nodes, {library_witness, list_nodes, [two]}}]),
    ok.

-spec the_last_line_is_reported([term()]) -> ok.
the_last_line_is_reported(Config) ->
    [A] = beams(Config, 1),
    ok = test_beam:call(A, library_witness, start, []),
    Program = fun(Status) -> script(Config, ["printf '%s' 'the last line' >&2; exit ", Status]) end,
    {error, {{bad_setting, <<"the last line">>}, _Child}} = start_child(A, [{program, Program("2")}]),
    {ok, _} = start_child(A, [{program, Program("7")}, {await_timeout, 0}]),
    await_logged(A, warning, <<"status 7; last line: the last line; restarting in 500 ms">>).

-spec a_closed_port_restarts_the_program([term()]) -> ok.
a_closed_port_restarts_the_program(Config) ->
    [A] = beams(Config, 1),
    {ok, Child} = start_child(A, []),
    [OsPid] = cnodes(A),
    %% It does not see its standard input close.
    ok = test_command:signal("STOP", [OsPid]),
    Owner = test_beam:call(A, erlang, whereis, [test_cnode:default_name(test_beam:host(A))]),
    [Port] = [Port || Port <- test_beam:call(A, erlang, ports, []),
                      test_beam:call(A, erlang, port_info, [Port, connected]) =:= {connected, Owner}],
    true = test_beam:call(A, erlang, port_close, [Port]),
    ok = await_another_program(A, OsPid),
    Child = child(A),
    ok.

-spec a_program_that_dies_early_does_not_fail_the_start([term()]) -> ok.
a_program_that_dies_early_does_not_fail_the_start(Config) ->
    [A] = beams(Config, 1),
    Died = filename:join(proplists:get_value(priv_dir, Config), "died"),
    Program = script(Config, ["[ -e ", Died, " ] || { : >", Died, "; kill -KILL $$; }\n",
                              "exec ", test_cnode:program(), " \"$@\""]),
    {ok, _} = start_child(A, [{program, Program}, {await_timeout, infinity}]),
    [_] = cnodes(A),
    ok.

%% -- helpers

await_another_program(Beam, OsPid) ->
    test_wait:until("another program",
                    fun() -> case cnodes(Beam) of
                                 [Other] when Other =/= OsPid -> {done, ok};
                                 Saw -> {wait, Saw}
                             end
                    end).

%% A topology beside the one of start_child/2.
start_second(Beam, Settings) ->
    Second = [{basename, second}, {await_timeout, 0}, {program, test_cnode:program()} | Settings],
    test_beam:call(Beam, supervisor, start_child, [library_supervisor, (spec(Second))#{id := second}]).

is_noted(Beam, What) ->
    lists:member(What, noted(Beam)).
