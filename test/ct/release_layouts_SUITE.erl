%% Releases of relx, whose vm.args contains the name, and of Mix as a daemon.
-module(release_layouts_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([relx_releases_form_a_cluster_whatever_their_vm_args/1, relx_releases_form_a_cluster_without_epmd/1,
         mix_takes_the_library_from_git/1, a_daemon_has_a_c_node_that_ends_with_it/1, a_daemons_c_node_outlives_its_terminal/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [relx_releases_form_a_cluster_whatever_their_vm_args, relx_releases_form_a_cluster_without_epmd,
     mix_takes_the_library_from_git, a_daemon_has_a_c_node_that_ends_with_it, a_daemons_c_node_outlives_its_terminal].

%% The name as it comes with the release; in a variable that contains another; in a file beside the release.
-spec relx_releases_form_a_cluster_whatever_their_vm_args([term()]) -> ok.
relx_releases_form_a_cluster_whatever_their_vm_args(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    [Plain, Variable, Beside] = [release_build:copy(release_build:relx_release(), Host, Config) || Host <- Hosts],
    ok = file:write_file(filename:join(Variable, "releases/1.0.0/vm.args.src"), "-name ${NODE_NAME}\n-setcookie c\n"),
    VmArgs = filename:join(Beside, "other.args"),
    ok = file:write_file(VmArgs, "-name stall@${CONTAINER_IP}\n-setcookie c\n"),
    Starts = [{Plain, {"STALL_COOKIE", "c"}}, {Variable, {"NODE_NAME", "stall@${CONTAINER_IP}"}}, {Beside, {"VMARGS_PATH", VmArgs}}],
    [One, Two, Three] = Containers =
        [release_container:start(Host, #{release => Release, script => "stall", env => [Env],
                                         command => ["rancher_cnode", "exec", "--", "RELEASE", "foreground"]})
         || {Host, {Release, Env}} <- lists:zip(Hosts, Starts)],
    %% Every command of relx rewrites vm.args, so none may run while a release boots.
    [test_wait:equals("the initial sync", 0,
                      fun() -> element(1, release_container:execute(Container, ["rancher_cnode", "wait", "--timeout", "10000"])) end)
     || Container <- Containers],
    Expected = lists:sort([binary_to_list(release_container:name("stall", Other)) || Other <- [Two, Three]]),
    test_wait:equals("the other nodes are connected", Expected,
                     fun() ->
                             {_, Output} = release_container:execute(One, ["rancher_cnode", "exec", "--", "RELEASE", "rpc", "erlang", "nodes"]),
                             lists:sort(string:lexemes(binary_to_list(Output), "[]',\n "))
                     end),
    [_ = release_processes:await_cnode(Container) || Container <- Containers],
    ok.

%% By the port in their environment, of which the script of relx makes arguments.
-spec relx_releases_form_a_cluster_without_epmd([term()]) -> ok.
relx_releases_form_a_cluster_without_epmd(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Containers =
        [release_container:start(Host, #{release => release_build:copy(release_build:relx_release(), Host, Config),
                                         script => "stall", env => [{"STALL_COOKIE", "c"}, {"ERL_DIST_PORT", "6789"}],
                                         command => ["rancher_cnode", "exec", "--", "RELEASE", "foreground"]})
         || Host <- Hosts],
    [test_wait:equals("the cluster is whole", 0,
                      fun() -> element(1, release_container:execute(Container, ["rancher_cnode", "check", "--expect", "2"])) end)
     || Container <- Containers],
    [{error, _} = test_host:epmd_names(Host) || Host <- Hosts],
    ok.

-spec mix_takes_the_library_from_git([term()]) -> ok.
mix_takes_the_library_from_git(_Config) ->
    Ebin = release_build:mix_library(),
    {ok, Modules} = file:list_dir(Ebin),
    true = lists:member("rancher_cnode.beam", Modules),
    {ok, [{application, rancher_cnode, _}]} = file:consult(filename:join(Ebin, "rancher_cnode.app")),
    ok.

-spec a_daemon_has_a_c_node_that_ends_with_it([term()]) -> ok.
a_daemon_has_a_c_node_that_ends_with_it(Config) ->
    %% A reader of the command's output is not blocked.
    One = daemon(Config, "printed=$(rancher_cnode exec -- \"$0\" daemon); echo \"printed $printed.\"; exec sleep 600"),
    ok = release_container:await_output(One, <<"printed .">>),
    {0, _} = release_container:command(One, ["stop"]),
    ok = release_processes:await_stopped(One),
    test_wait:equals("no C-node is left", [], fun() -> release_processes:cnodes(One) end).

-spec a_daemons_c_node_outlives_its_terminal([term()]) -> ok.
a_daemons_c_node_outlives_its_terminal(Config) ->
    %% The release itself may not be off its terminal yet when its script returns.
    One = daemon(Config, "script -qec \"rancher_cnode exec -- $0 daemon; until $0 pid; do sleep 0.2; done\" /dev/null;"
                         " echo \"no terminal.\"; exec sleep 600"),
    ok = release_container:await_output(One, <<"no terminal.">>),
    {0, _} = release_container:execute(One, ["rancher_cnode", "wait", "--timeout", "60000"]),
    _ = release_processes:await_cnode(One),
    ok.

%% A container whose process 1 is a shell that starts the example release as a daemon; its C-node is there.
daemon(Config, Shell) ->
    [Host] = Hosts = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), Hosts),
    Command = ["sh", "-c", Shell, "RELEASE"],
    One = release_container:start(Host, #{release => release_build:release(), command => Command}),
    ok = release_page:await(One, <<"cnode">>, [release_container:name(test_cnode:default_basename(), One)]),
    One.
