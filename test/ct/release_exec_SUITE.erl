%% The first way in: `rancher_cnode exec' as process 1 of a container, before the example release.
-module(release_exec_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([three_containers_form_a_cluster/1, commands_of_the_release_work_and_start_no_second_c_node/1,
         a_release_that_is_stopped_leaves_no_c_node/1, sigterm_to_process_1_stops_the_release_in_order/1,
         a_killed_release_leaves_no_c_node/1, a_release_restarted_in_place_is_connected_again/1,
         unusual_names_and_cookies_are_passed_on/1, commands_need_no_metadata_once_a_node_is_there/1,
         a_container_that_awaits_its_address_can_be_stopped/1, wait_blocks_until_the_mesh_is_complete/1,
         without_metadata_the_only_address_is_used/1, the_script_of_older_images_does_the_same/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [three_containers_form_a_cluster, commands_of_the_release_work_and_start_no_second_c_node,
     a_release_that_is_stopped_leaves_no_c_node, sigterm_to_process_1_stops_the_release_in_order,
     a_killed_release_leaves_no_c_node, a_release_restarted_in_place_is_connected_again,
     unusual_names_and_cookies_are_passed_on, commands_need_no_metadata_once_a_node_is_there,
     a_container_that_awaits_its_address_can_be_stopped, wait_blocks_until_the_mesh_is_complete,
     without_metadata_the_only_address_is_used, the_script_of_older_images_does_the_same].

-spec three_containers_form_a_cluster([term()]) -> ok.
three_containers_form_a_cluster(Config) ->
    Containers = containers(Config, 3, #{}),
    ok = release_page:await_mesh(Containers),
    [begin
         _ = release_processes:await_cnode(Container),
         Name = release_container:name(test_cnode:default_basename(), Container),
         ok = release_page:await(Container, <<"cnode">>, [Name])
     end || Container <- Containers],
    ok.

-spec commands_of_the_release_work_and_start_no_second_c_node([term()]) -> ok.
commands_of_the_release_work_and_start_no_second_c_node(Config) ->
    [One, Two] = Containers = containers(Config, 2, #{}),
    ok = release_page:await_mesh(Containers),
    _ = release_processes:await_cnode(One),
    Other = release_container:name("shop", Two),
    {0, Printed} = release_container:command(One, ["rpc", "IO.puts(Shop.Cluster.show())"]),
    ok = contains(Other, Printed),
    %% The commands themselves count C-nodes while they run.
    {0, Counted} = release_container:command(One, ["rpc", release_processes:count_cnodes()]),
    ok = contains(<<"cnodes 1\n">>, Counted),
    {0, CountedOutside} = release_container:command(One, ["eval", release_processes:count_cnodes()]),
    ok = contains(<<"cnodes 1\n">>, CountedOutside),
    {0, Pid} = release_container:command(One, ["pid"]),
    {0, <<"beam.smp\n">>} = release_container:execute(One, ["ps", "-o", "comm=", "-p", string:trim(binary_to_list(Pid))]),
    %% Ctrl-G and q end the remote shell and nothing else.
    Remote = release_container:converse(One, ["RELEASE", "remote"],
                                        [{<<")1>">>, [release_processes:count_cnodes(), "; length(Node.list()) + 1000\n"]},
                                         {<<")2>">>, <<7>>}, {<<"-->">>, <<"q\n">>}]),
    ok = contains(<<"cnodes 1\r\n">>, Remote),
    ok = contains(<<"1001">>, Remote).

-spec commands_need_no_metadata_once_a_node_is_there([term()]) -> ok.
commands_need_no_metadata_once_a_node_is_there(Config) ->
    [One] = Containers = containers(Config, 1, #{}),
    ok = release_page:await_mesh(Containers),
    ok = metadata_server:misbehave(metadata(Config), hang),
    Address = list_to_binary(test_host:address(release_container:host(One))),
    %% The node's name contains it, so no command waits: longer than a command may take here.
    Command = ["rancher_cnode", "exec", "--timeout", "600000", "--", "sh", "-c", "echo \"at $CONTAINER_IP.\""],
    {0, Printed} = release_container:execute(One, Command),
    ok = contains(<<"at ", Address/binary, ".\n">>, Printed),
    {0, _} = release_container:command(One, ["pid"]),
    ok.

-spec a_container_that_awaits_its_address_can_be_stopped([term()]) -> ok.
a_container_that_awaits_its_address_can_be_stopped(Config) ->
    ok = metadata_server:misbehave(metadata(Config), hang),
    [One] = containers(Config, 1, #{command => ["rancher_cnode", "exec", "--timeout", "600000", "--", "RELEASE", "start"]}),
    ok = test_service:await_requests(metadata(Config), release_container:host(One), 1),
    ok = release_container:signal(One, "TERM"),
    143 = release_container:await_end(One),
    ok.

-spec a_release_that_is_stopped_leaves_no_c_node([term()]) -> ok.
a_release_that_is_stopped_leaves_no_c_node(Config) ->
    %% Not as process 1, which would take everything with it.
    [One] = Containers = containers(Config, 1, #{command => shell_of_its_own()}),
    ok = release_page:await_mesh(Containers),
    _ = release_processes:await_cnode(One),
    {0, _} = release_container:command(One, ["stop"]),
    ok = release_processes:await_stopped(One),
    no_cnode(One).

-spec sigterm_to_process_1_stops_the_release_in_order([term()]) -> ok.
sigterm_to_process_1_stops_the_release_in_order(Config) ->
    [One] = Containers = containers(Config, 1, #{}),
    ok = release_page:await_mesh(Containers),
    ok = release_container:signal(One, "TERM"),
    0 = release_container:await_end(One),
    ok.

-spec a_killed_release_leaves_no_c_node([term()]) -> ok.
a_killed_release_leaves_no_c_node(Config) ->
    [One] = Containers = containers(Config, 1, #{command => shell_of_its_own()}),
    ok = release_page:await_mesh(Containers),
    _ = release_processes:await_cnode(One),
    ok = test_command:signal("KILL", [release_processes:release_pid(One)]),
    no_cnode(One).

-spec a_release_restarted_in_place_is_connected_again([term()]) -> ok.
a_release_restarted_in_place_is_connected_again(Config) ->
    [One, _] = Containers = containers(Config, 2, #{}),
    ok = release_page:await_mesh(Containers),
    Cnode = release_processes:await_cnode(One),
    Before = release_page:read(One),
    {0, _} = release_container:command(One, ["restart"]),
    ok = release_page:await_restart(One, Before),
    ok = release_page:await_mesh(Containers),
    Cnode = release_processes:await_cnode(One),
    ok.

-spec unusual_names_and_cookies_are_passed_on([term()]) -> ok.
unusual_names_and_cookies_are_passed_on(Config) ->
    Odd = #{env => [{"RELEASE_COOKIE", "it's $HOME `id` \"&|;*\" ~{}<>#%!?=,:@^_-+()[]/"},
                    {"RANCHER_CNODE_BASENAME", "0-Rancher_C-node"}, {"RANCHER_CNODE_NODE_BASENAME", "0_My-Shop_"}]},
    Containers = containers(Config, 2, Odd),
    ok = release_page:await_mesh("0_My-Shop_", Containers),
    [begin
         Name = release_container:name("0-Rancher_C-node", Container),
         ok = release_page:await(Container, <<"cnode">>, [Name])
     end || Container <- Containers],
    ok.

-spec wait_blocks_until_the_mesh_is_complete([term()]) -> ok.
wait_blocks_until_the_mesh_is_complete(Config) ->
    [One, _Two] = Containers = containers(Config, 2, #{}),
    {0, _} = release_container:execute(One, ["rancher_cnode", "wait", "--timeout", "60000"]),
    _ = release_processes:await_cnode(One),
    ok = release_page:await_mesh(Containers).

-spec without_metadata_the_only_address_is_used([term()]) -> ok.
without_metadata_the_only_address_is_used(Config) ->
    ok = metadata_server:misbehave(metadata(Config), refuse),
    [One] = containers(Config, 1, #{command => ["rancher_cnode", "exec", "--timeout", "500", "--", "RELEASE", "start"]}),
    ok = release_page:await(One, <<"node">>, [release_container:name("shop", One)]).

-spec the_script_of_older_images_does_the_same([term()]) -> ok.
the_script_of_older_images_does_the_same(Config) ->
    [One, _] = Containers = containers(Config, 2, #{command => ["with-rancher-cnode", "RELEASE", "start"]}),
    {0, _} = release_container:execute(One, ["with-rancher-cnode", "RELEASE", "wait", "--timeout", "60000"]),
    ok = release_page:await_mesh(Containers),
    {0, Node} = release_container:execute(One, ["with-rancher-cnode", "RELEASE", "rpc", "IO.puts(node())"]),
    Node = <<(release_container:name("shop", One))/binary, "\n">>,
    {1, Usage} = release_container:execute(One, ["with-rancher-cnode"]),
    contains("usage: with-rancher-cnode", Usage).

%% -- helpers

containers(Config, Count, Options) ->
    Hosts = test_cluster:hosts(Count),
    ok = test_cluster:list(metadata(Config), Hosts),
    release_container:start_all(Hosts, Options#{release => release_build:release()}).

%% Process 1 is a shell that stays when the release has ended.
shell_of_its_own() ->
    ["sh", "-c", "rancher_cnode exec -- \"$0\" start; sleep 600", "RELEASE"].

no_cnode(Container) ->
    test_wait:equals("no C-node is left", [], fun() -> release_processes:cnodes(Container) end).

contains(Part, Text) ->
    case binary:match(Text, iolist_to_binary(Part)) of
        nomatch -> error({Part, is_not_in, Text});
        _ -> ok
    end.
