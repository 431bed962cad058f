%% The second and third way in: the example release runs the program as a child of its own supervisor, given as a plain
%% child, as libcluster 3.x gives a strategy, and as libcluster 2.5 does.
-module(release_supervised_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0, groups/0, init_per_group/2, end_per_group/2]).
-export([three_containers_form_a_cluster/1, the_code_after_the_child_sees_the_mesh/1,
         a_killed_c_node_is_replaced_and_the_release_continues/1, a_release_that_stops_leaves_no_c_node/1,
         a_killed_c_node_is_replaced_and_a_stop_leaves_none/1,
         a_release_that_crashes_leaves_no_c_node/1, a_release_restarted_in_place_is_connected_again/1,
         without_metadata_the_release_boots/1,
         commands_of_the_release_start_no_second_c_node/1, unusual_cookies_are_passed_on/1,
         a_release_of_rebar3_has_no_sources_of_the_program/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [fresh_service]}].

-spec all() -> [term()].
all() ->
    [{group, supervised}, {group, libcluster3}, {group, libcluster2},
     a_release_of_rebar3_has_no_sources_of_the_program].

-spec groups() -> [term()].
groups() ->
    Everywhere = [three_containers_form_a_cluster, the_code_after_the_child_sees_the_mesh],
    ByLibcluster = Everywhere ++ [a_killed_c_node_is_replaced_and_a_stop_leaves_none],
    [{supervised, Everywhere ++ [a_killed_c_node_is_replaced_and_the_release_continues,
                                 a_release_that_stops_leaves_no_c_node, a_release_that_crashes_leaves_no_c_node,
                                 a_release_restarted_in_place_is_connected_again,
                                 without_metadata_the_release_boots,
                                 commands_of_the_release_start_no_second_c_node, unusual_cookies_are_passed_on]},
     {libcluster3, ByLibcluster},
     {libcluster2, ByLibcluster}].

-spec init_per_group(atom(), [term()]) -> [term()].
init_per_group(Way, Config) ->
    [{way, atom_to_list(Way)} | Config].

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(_Way, _Config) ->
    ok.

-spec three_containers_form_a_cluster([term()]) -> ok.
three_containers_form_a_cluster(Config) ->
    Containers = containers(Config, 3),
    ok = release_page:await_mesh(Containers),
    [_ = release_processes:await_cnode(Container) || Container <- Containers],
    ok.

-spec the_code_after_the_child_sees_the_mesh([term()]) -> ok.
the_code_after_the_child_sees_the_mesh(Config) ->
    [First, Second, Third] = Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    There = [start(Config, Host, []) || Host <- [First, Second]],
    ok = release_page:await_mesh(There),
    Names = [release_container:name("shop", Container) || Container <- There],
    ok = release_page:await(start(Config, Third, []), <<"peers_at_start">>, Names).

-spec a_killed_c_node_is_replaced_and_the_release_continues([term()]) -> ok.
a_killed_c_node_is_replaced_and_the_release_continues(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    [One, Two] = Containers = [start(Config, Host, [{"RELEASE_COOKIE", "never-logged"}]) || Host <- Hosts],
    ok = release_page:await_mesh(Containers),
    Beam = release_processes:release_pid(One),
    ok = release_processes:replace_cnode(One),
    Name = release_container:name(test_cnode:default_basename(), One),
    ok = release_page:await(One, <<"cnode">>, [Name]),
    ok = release_page:await(Two, <<"peers">>, [release_container:name("shop", One)]),
    Beam = release_processes:release_pid(One),
    ok = release_container:await_output(One, <<"exited with status 137">>),
    nomatch = binary:match(release_container:output(One), <<"never-logged">>),
    ok.

-spec a_release_that_stops_leaves_no_c_node([term()]) -> ok.
a_release_that_stops_leaves_no_c_node(Config) ->
    stop_leaves_none(alone_beside_a_shell(Config)).

-spec a_killed_c_node_is_replaced_and_a_stop_leaves_none([term()]) -> ok.
a_killed_c_node_is_replaced_and_a_stop_leaves_none(Config) ->
    One = alone_beside_a_shell(Config),
    ok = release_processes:replace_cnode(One),
    stop_leaves_none(One).

-spec a_release_that_crashes_leaves_no_c_node([term()]) -> ok.
a_release_that_crashes_leaves_no_c_node(Config) ->
    [begin
         One = alone_beside_a_shell(Config),
         ok = Crash(One),
         ok = release_processes:await_stopped(One),
         test_wait:equals("the C-node is gone", [], fun() -> release_processes:cnodes(One) end),
         ok = test_host:remove_all()
     end || Crash <- [fun(One) -> test_command:signal("KILL", [release_processes:release_pid(One)]) end,
                      %% No orderly stop.
                      fun(One) -> rpc(One, ":erlang.halt(1, flush: false)") end,
                      %% The supervisor of the application gives up, and the VM ends with it.
                      fun(One) -> rpc(One, "Process.exit(Process.whereis(Shop.Supervisor), :kill)") end]],
    ok.

-spec a_release_restarted_in_place_is_connected_again([term()]) -> ok.
a_release_restarted_in_place_is_connected_again(Config) ->
    [One, _] = Containers = containers(Config, 2),
    ok = release_page:await_mesh(Containers),
    Beam = release_processes:release_pid(One),
    Before = release_page:read(One),
    {0, _} = release_container:execute(One, ["RELEASE", "restart"]),
    ok = release_page:await_restart(One, Before),
    ok = release_page:await_mesh(Containers),
    Beam = release_processes:release_pid(One),
    _ = release_processes:await_cnode(One),
    %% The name was free when the second one came.
    nomatch = binary:match(release_container:output(One), <<"node_name_taken">>),
    ok.

-spec without_metadata_the_release_boots([term()]) -> ok.
without_metadata_the_release_boots(Config) ->
    [Host, Plain, Other] = test_cluster:hosts(3),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    %% Without it both would wait half a minute for metadata to give a better one than the container's only one.
    Address = fun(Of) -> [{"CONTAINER_IP", test_host:address(Of)}] end,
    One = start(Config, Host, Address(Host)),
    WithoutChild = start([{way, "exec"} | Config], Plain, Address(Plain)),
    ok = release_page:await(WithoutChild, <<"peers_at_start">>, []),
    %% It would wait without end.
    ok = release_page:await(One, <<"peers_at_start">>, []),
    ok = release_container:await_output(One, <<"continuing the start">>),
    {0, _} = release_container:execute(One, ["RELEASE", "version"]),
    ok = metadata_server:misbehave(metadata(Config), normal),
    ok = test_cluster:list(metadata(Config), [Host, Other]),
    ok = release_page:await_mesh([One, start(Config, Other, [])]).

-spec commands_of_the_release_start_no_second_c_node([term()]) -> ok.
commands_of_the_release_start_no_second_c_node(Config) ->
    [One] = Containers = containers(Config, 1),
    ok = release_page:await_mesh(Containers),
    Cnode = release_processes:await_cnode(One),
    %% The commands themselves count C-nodes while they run.
    [begin
         {0, Printed} = release_container:execute(One, ["RELEASE", Command, release_processes:count_cnodes()]),
         {_, _} = binary:match(Printed, <<"cnodes 1\n">>)
     end || Command <- ["rpc", "eval"]],
    Remote = release_container:converse(One, ["RELEASE", "remote"],
                                        [{<<")1>">>, [release_processes:count_cnodes(), $\n]}, {<<")2>">>, <<7>>},
                                         {<<"-->">>, <<"q\n">>}]),
    {_, _} = binary:match(Remote, <<"cnodes 1\r\n">>),
    {0, <<"1\n">>} = release_container:execute(One, ["RELEASE", "pid"]),
    Cnode = release_processes:await_cnode(One),
    {0, _} = release_container:execute(One, ["RELEASE", "stop"]),
    0 = release_container:await_end(One),
    ok.

-spec unusual_cookies_are_passed_on([term()]) -> ok.
unusual_cookies_are_passed_on(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Cookie = {"RELEASE_COOKIE", "it's $HOME `id` \"&|;*\" ~{}<>#%!?=,:@^_-+()[]/"},
    ok = release_page:await_mesh([start(Config, Host, [Cookie]) || Host <- Hosts]).

-spec a_release_of_rebar3_has_no_sources_of_the_program([term()]) -> ok.
a_release_of_rebar3_has_no_sources_of_the_program(_Config) ->
    [Library] = filelib:wildcard(filename:join([release_build:relx_release(), "lib", "rancher_cnode-*"])),
    {ok, Folders} = file:list_dir(Library),
    %% relx leaves no application's headers out.
    ["ebin", "include"] = lists:sort(Folders),
    [_] = filelib:wildcard(filename:join([Library, "ebin", "rancher_cnode.app"])),
    ok.

%% -- helpers

containers(Config, Count) ->
    Hosts = test_cluster:hosts(Count),
    ok = test_cluster:list(metadata(Config), Hosts),
    [start(Config, Host, []) || Host <- Hosts].

%% The release's own script is the entry point.
start(Config, Host, Env) ->
    release_container:start(Host, #{release => release_build:release(), command => ["RELEASE", "start"],
                                    env => [{"CLUSTERING", way(Config)} | Env]}).

%% The node may be gone before it can answer.
rpc(Container, Expression) ->
    _ = release_container:execute(Container, ["RELEASE", "rpc", Expression]),
    ok.

%% How long the child takes to stop is what library_lifecycle_SUITE measures.
stop_leaves_none(Container) ->
    {0, _} = release_container:command(Container, ["stop"]),
    ok = release_processes:await_stopped(Container),
    %% The child has waited for its end.
    [] = release_processes:cnodes(Container),
    ok.

%% Process 1 is a shell that stays when the release has ended.
alone_beside_a_shell(Config) ->
    [Host] = Hosts = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), Hosts),
    One = release_container:start(Host, #{release => release_build:release(),
                                          command => ["sh", "-c", "\"$0\" start; sleep 600", "RELEASE"],
                                          env => [{"CLUSTERING", way(Config)}]}),
    ok = release_page:await_mesh([One]),
    _ = release_processes:await_cnode(One),
    One.

%% A case that is run by itself has no group.
way(Config) ->
    proplists:get_value(way, Config, "supervised").
