%% The wrapper script with real releases: built by relx, and daemons; and the library as Mix builds it.
-module(release_builds_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_relx_release_forms_a_cluster/1, a_relx_daemon_keeps_its_vm_args/1, mix_takes_the_library_from_git/1,
         a_daemon_has_a_c_node_that_ends_with_it/1, a_daemons_c_node_outlives_its_terminal/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_relx_release_forms_a_cluster, a_relx_daemon_keeps_its_vm_args, mix_takes_the_library_from_git,
     a_daemon_has_a_c_node_that_ends_with_it, a_daemons_c_node_outlives_its_terminal].

-spec a_relx_release_forms_a_cluster([term()]) -> ok.
a_relx_release_forms_a_cluster(Config) ->
    Release = release_build:relx_release(),
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    [One, Two] = [release_container:start(Host, #{release => copy(Release, Host, Config), script => "stall",
                                                  env => [{"STALL_COOKIE", "c"}],
                                                  command => ["with-rancher-cnode", "RELEASE", "foreground"]})
                  || Host <- Hosts],
    {0, _} = release_container:command(One, ["wait", "--timeout", "15000"]),
    Expected = iolist_to_binary(["['", release_container:name("stall", Two), "']"]),
    test_wait:equals("the other node is connected", {0, Expected},
                     fun() ->
                             {Status, Output} = release_container:command(One, ["rpc", "erlang", "nodes"]),
                             {Status, string:trim(Output)}
                     end,
                     20000),
    [_] = release_container:cnodes(One),
    ok.

-spec a_relx_daemon_keeps_its_vm_args([term()]) -> ok.
a_relx_daemon_keeps_its_vm_args(Config) ->
    [Host] = Hosts = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), Hosts),
    Release = copy(release_build:relx_release(), Host, Config),
    VmArgs = filename:join([Release, "releases", "1.0.0", "vm.args"]),
    ok = file:rename(VmArgs ++ ".src", VmArgs),
    Env = [{"STALL_COOKIE", "c"}, {"PIPE_DIR", filename:join("/run/tmp", test_host:address(Host)) ++ "/pipe/"}],
    One = release_container:start(Host, #{release => Release, script => "stall", env => Env,
                                          command => ["sh", "-c", "with-rancher-cnode \"$0\" daemon; exec sleep 600",
                                                      "RELEASE"]}),
    {0, _} = release_container:command(One, ["wait", "--timeout", "60000"]),
    [_] = release_container:cnodes(One),
    {ok, Replaced} = file:read_file(VmArgs),
    Name = release_container:name("stall", One),
    [<<>>, <<"\n-setcookie c\n">>] = binary:split(Replaced, <<"-name ", Name/binary>>),
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
    One = daemon(Config, "told=$(with-rancher-cnode \"$0\" daemon); echo \"told $told.\"; exec sleep 600"),
    ok = release_container:await_output(One, <<"told .">>, 5000),
    {0, _} = release_container:command(One, ["stop"]),
    ok = release_container:await_stopped(One, 20000),
    test_wait:equals("no C-node is left", [], fun() -> release_container:cnodes(One) end, 5000).

-spec a_daemons_c_node_outlives_its_terminal([term()]) -> ok.
a_daemons_c_node_outlives_its_terminal(Config) ->
    %% The release itself may not be off its terminal yet when its script returns.
    One = daemon(Config, "script -qec \"with-rancher-cnode $0 daemon; until with-rancher-cnode $0 pid; do sleep 0.2; done\""
                         " /dev/null; exec sleep 600"),
    [_] = release_container:cnodes(One),
    ok.

%% A container whose process 1 is a shell that starts the example release as a daemon; its C-node is there.
daemon(Config, Shell) ->
    [Host] = Hosts = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), Hosts),
    Command = ["sh", "-c", Shell, "RELEASE"],
    One = release_container:start(Host, #{release => release_build:release(), command => Command}),
    ok = release_container:await_page(One, <<"cnode">>, [release_container:name(test_cnode:default_basename(), One)], 60000),
    One.

%% Such a release writes its vm.args into itself when it starts.
copy(Release, Host, Config) ->
    Copy = filename:join(proplists:get_value(priv_dir, Config), test_host:address(Host)),
    <<>> = test_command:ok("cp", ["-r", Release, Copy]),
    Copy.
