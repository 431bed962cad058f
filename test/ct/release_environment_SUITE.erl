%% What goes wrong around a release: an env.sh that hangs or has holes, no address, a C-node that is killed.
-module(release_environment_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([sigterm_ends_a_container_whose_env_sh_hangs/1, a_name_with_a_hole_ends_the_container_with_the_beams_words/1,
         env_prints_nothing_where_no_address_is_known/1, env_sh_gives_commands_the_name_of_the_beam/1,
         a_killed_c_node_is_replaced_and_no_connection_is_lost/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [sigterm_ends_a_container_whose_env_sh_hangs, a_name_with_a_hole_ends_the_container_with_the_beams_words,
     env_prints_nothing_where_no_address_is_known, env_sh_gives_commands_the_name_of_the_beam,
     a_killed_c_node_is_replaced_and_no_connection_is_lost].

-spec sigterm_ends_a_container_whose_env_sh_hangs([term()]) -> ok.
sigterm_ends_a_container_whose_env_sh_hangs(Config) ->
    [Host] = Hosts = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), Hosts),
    Container = start(Config, Host, "hangs", "echo \"reading.\"\nsleep 1000\n"),
    ok = release_container:await_output(Container, <<"reading.">>),
    ok = release_container:signal(Container, "TERM"),
    %% It would sleep for a quarter of an hour.
    143 = release_container:await_end(Container),
    ok.

%% env.sh outweighs what `exec' sets.
-spec a_name_with_a_hole_ends_the_container_with_the_beams_words([term()]) -> ok.
a_name_with_a_hole_ends_the_container_with_the_beams_words(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Containers = [start(Config, Host, test_host:address(Host), "RELEASE_NODE=" ++ Name ++ "\n")
                  || {Host, Name} <- lists:zip(Hosts, ["\"myapp@$POD_IP\"", "\"$POD@$POD_IP\""])],
    [1, 1] = [release_container:await_end(Container) || Container <- Containers],
    [ok = release_container:await_output(Container, <<"node name">>) || Container <- Containers],
    ok.

%% With two addresses only metadata knows the right one.
-spec env_prints_nothing_where_no_address_is_known([term()]) -> ok.
env_prints_nothing_where_no_address_is_known(Config) ->
    [Host] = Hosts = test_cluster:hosts(1),
    {0, _} = test_host:run(Host, "ip", ["address", "add", "172.17.0.2/16", "dev", "eth0"]),
    ok = metadata_server:misbehave(metadata(Config), refuse),
    Ask = fun(Timeout) ->
                  Script = "echo \"($(RELEASE_NAME=myapp \"$0\" env --timeout " ++ Timeout ++ " 2>/dev/null))\"",
                  test_host:run(Host, "env", ["--unset", "CONTAINER_IP", "sh", "-c", Script, test_cnode:program()])
          end,
    {0, <<"()\n">>} = Ask("300"),
    ok = metadata_server:misbehave(metadata(Config), normal),
    ok = test_cluster:list(metadata(Config), Hosts),
    Address = test_host:address(Host),
    Known = iolist_to_binary(["(export CONTAINER_IP='", Address, "'\nexport RELEASE_DISTRIBUTION='name'\n"
                              "export RELEASE_NODE='myapp@", Address, "')\n"]),
    {0, Known} = Ask("60000"),
    ok.

%% Whatever name the BEAM was given; and although metadata does not answer any more.
-spec env_sh_gives_commands_the_name_of_the_beam([term()]) -> ok.
env_sh_gives_commands_the_name_of_the_beam(Config) ->
    {Witness, [Host]} = release_scripts:witness(metadata(Config), 1, #{basename => "other"}),
    Release = release(Config, "env", "eval \"$(rancher_cnode env)\"\n"),
    Command = ["rancher_cnode", "exec", "--", "env", test_host_node("RELEASE_NODE=other", Host), "RELEASE", "start"],
    Container = release_container:start(Host, #{release => Release, script => "myapp", command => Command}),
    ok = release_scripts:await_connected(Witness, "other", [Container]),
    ok = metadata_server:misbehave(metadata(Config), hang),
    Expected = iolist_to_binary(["rpc of ", test_host_node("other", Host), "\n"]),
    {0, Expected} = release_container:command(Container, ["rpc"]),
    ok.

-spec a_killed_c_node_is_replaced_and_no_connection_is_lost([term()]) -> ok.
a_killed_c_node_is_replaced_and_no_connection_is_lost(Config) ->
    {Witness, [Host, Later]} = release_scripts:witness(metadata(Config), 2, #{}),
    Container = start(Config, Host, "killed", ""),
    ok = release_scripts:await_connected(Witness, "myapp", [Container]),
    Beam = release_processes:release_pid(Container),
    ok = release_processes:replace_cnode(Container),
    ok = release_container:await_output(Container, <<"event=cnode_died">>),
    ok = release_container:await_output(Container, <<"status=137 restart_in_ms=1000">>),
    Newcomer = test_beam:start(Later),
    ok = release_scripts:await_connected(Newcomer, "myapp", [Container]),
    [] = test_cluster:lost_connections([Witness]),
    Beam = release_processes:release_pid(Container),
    ok.

%% -- helpers

start(Config, Host, Folder, EnvSh) ->
    release_container:start(Host, #{release => release(Config, Folder, EnvSh), script => "myapp"}).

release(Config, Folder, EnvSh) ->
    Release = release_scripts:mix(filename:join(proplists:get_value(priv_dir, Config), Folder)),
    release_scripts:write(Release, [{"releases/0.1.0/env.sh", EnvSh}]).

test_host_node(AliveName, Host) ->
    AliveName ++ "@" ++ test_host:address(Host).
