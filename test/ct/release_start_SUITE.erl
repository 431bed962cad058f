%% How people start what runs in a container: each leads to a BEAM with a C-node beside it.
-module(release_start_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([phoenixs_server_and_migrate_start_the_release/1, a_script_that_leads_to_a_release_gives_the_node_its_name/1,
         relx_console_boot_console_clean_and_daemon_boot_are_joined/1, elixir_without_a_release_is_joined/1,
         init_programs_may_be_process_1/1, heart_starts_the_beam_again_and_it_is_joined/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [phoenixs_server_and_migrate_start_the_release, a_script_that_leads_to_a_release_gives_the_node_its_name,
     relx_console_boot_console_clean_and_daemon_boot_are_joined, elixir_without_a_release_is_joined,
     init_programs_may_be_process_1, heart_starts_the_beam_again_and_it_is_joined].

%% The start script's name is not the node's.
-spec phoenixs_server_and_migrate_start_the_release([term()]) -> ok.
phoenixs_server_and_migrate_start_the_release(Config) ->
    Release = release_scripts:phoenix(release_build:release(), filename:join(proplists:get_value(priv_dir, Config), "phoenix")),
    Script = fun(Name) -> filename:join([Release, "bin", Name]) end,
    Commands = [["sh", "-c", Script("migrate") ++ " && " ++ Script("server")], [Script("server_1_6")]],
    Hosts = test_cluster:hosts(length(Commands)),
    ok = test_cluster:list(metadata(Config), Hosts),
    [One, _] = Containers = [release_container:start(Host, #{release => Release, command => executed(Command)})
                             || {Host, Command} <- lists:zip(Hosts, Commands)],
    ok = release_page:await_mesh(Containers),
    ok = release_container:await_output(One, <<"migrated on nonode@nohost\n">>),
    [_ = release_processes:await_cnode(Container) || Container <- Containers],
    ok.

-spec a_script_that_leads_to_a_release_gives_the_node_its_name([term()]) -> ok.
a_script_that_leads_to_a_release_gives_the_node_its_name(Config) ->
    Elsewhere = filename:join(proplists:get_value(priv_dir, Config), "elsewhere"),
    Release = release_scripts:mix(filename:join(proplists:get_value(priv_dir, Config), "mix")),
    Own = filename:join([Release, "bin", "myapp"]),
    _ = release_scripts:write(Elsewhere,
                              [{"entrypoint.sh", "#!/bin/sh\nset -e\nexec \"$@\"\n"},
                               {"wait.sh", "#!/bin/sh\nuntil [ -d /proc/1 ]; do sleep 1; done\nsleep 1\nexec " ++ Own ++ " start\n"}]),
    _ = release_scripts:write(Release, [{"start.sh", "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nexec bin/myapp start\n"}]),
    Commands = [[filename:join(Elsewhere, "entrypoint.sh"), Own, "start"], [filename:join(Elsewhere, "wait.sh")],
                [filename:join(Release, "start.sh")]],
    {Witness, Hosts} = release_scripts:witness(metadata(Config), length(Commands), #{}),
    Containers = [release_container:start(Host, #{release => Elsewhere, command => executed(Command)})
                  || {Host, Command} <- lists:zip(Hosts, Commands)],
    release_scripts:await_connected(Witness, "myapp", Containers).

-spec relx_console_boot_console_clean_and_daemon_boot_are_joined([term()]) -> ok.
relx_console_boot_console_clean_and_daemon_boot_are_joined(Config) ->
    Release = release_build:relx_release(),
    Commands = [fun(Copy) -> executed(["RELEASE", "console_boot", filename:join(Copy, "releases/1.0.0/start")]) end,
                fun(_Copy) -> executed(["RELEASE", "console_clean"]) end,
                fun(Copy) -> ["sh", "-c", "rancher_cnode exec -- \"$0\" daemon_boot \"$1\"; exec sleep 600", "RELEASE",
                              filename:join(Copy, "releases/1.0.0/start")] end],
    {Witness, Hosts} = release_scripts:witness(metadata(Config), length(Commands), #{basename => "stall", cookie => "c"}),
    Containers = [begin
                      Copy = release_build:copy(Release, Host, Config),
                      release_container:start(Host, #{release => Copy, script => "stall", command => Command(Copy),
                                                      env => [{"STALL_COOKIE", "c"}, {"PIPE_DIR", filename:join(Copy, "pipe/")}]})
                  end || {Host, Command} <- lists:zip(Hosts, Commands)],
    release_scripts:await_connected(Witness, "stall", Containers).

-spec elixir_without_a_release_is_joined([term()]) -> ok.
elixir_without_a_release_is_joined(Config) ->
    Project = "defmodule Bare.MixProject do\n  use Mix.Project\n  def project, do: [app: :bare, version: \"1.0.0\"]\nend\n",
    Folder = release_scripts:write(filename:join(proplists:get_value(priv_dir, Config), "bare"), [{"mix.exs", Project}]),
    {Witness, [Host]} = release_scripts:witness(metadata(Config), 1, #{}),
    Start = "exec elixir --name \"myapp@$CONTAINER_IP\" --cookie monster -S mix run --no-halt",
    Container = release_container:start(Host, #{release => Folder, command => executed(["sh", "-c", Start])}),
    release_scripts:await_connected(Witness, "myapp", [Container]).

%% Commands get the name and the cookie of the BEAM that runs there.
-spec init_programs_may_be_process_1([term()]) -> ok.
init_programs_may_be_process_1(Config) ->
    Release = release_scripts:phoenix(release_build:release(), filename:join(proplists:get_value(priv_dir, Config), "tini")),
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    [One, Two] = Containers = [release_container:start(Host, #{release => Release, command => Init ++ executed(["RELEASE", "start"])})
                               || {Host, Init} <- lists:zip(Hosts, [["tini", "--"], ["dumb-init", "--"]])],
    ok = release_page:await_mesh(Containers),
    Other = release_container:name("shop", Two),
    {0, Shown} = release_container:execute(One, executed(["RELEASE", "rpc", "IO.puts(Shop.Cluster.show())"])),
    {_, _} = binary:match(Shown, <<"peers ", Other/binary>>),
    Remote = release_container:converse(Two, executed(["RELEASE", "remote"]),
                                        [{<<")1>">>, "length(Node.list()) + 1000\n"}, {<<")2>">>, <<7>>}, {<<"-->">>, <<"q\n">>}]),
    {_, _} = binary:match(Remote, <<"1001">>),
    [_ = release_processes:await_cnode(Container) || Container <- Containers],
    [ok = release_container:signal(Container, "TERM") || Container <- Containers],
    [0, 0] = [release_container:await_end(Container) || Container <- Containers],
    ok.

-spec heart_starts_the_beam_again_and_it_is_joined([term()]) -> ok.
heart_starts_the_beam_again_and_it_is_joined(Config) ->
    Release = release_scripts:mix(filename:join(proplists:get_value(priv_dir, Config), "heart")),
    %% As the comment in the env.sh of Mix has it.
    _ = release_scripts:write(Release,
                              [{"releases/0.1.0/env.sh", "case $RELEASE_COMMAND in\n  daemon*)\n"
                                "    export HEART_COMMAND=\"$RELEASE_ROOT/bin/$RELEASE_NAME $RELEASE_COMMAND\"\n"
                                "    export ELIXIR_ERL_OPTIONS=\"-heart\"\n    ;;\nesac\n"}]),
    {Witness, [Host]} = release_scripts:witness(metadata(Config), 1, #{}),
    One = release_container:start(Host, #{release => Release, script => "myapp",
                                          command => executed(["sh", "-c", "\"$0\" daemon && exec sleep 600", "RELEASE"])}),
    ok = release_scripts:await_connected(Witness, "myapp", [One]),
    Cnode = release_processes:await_cnode(One),
    Beam = release_processes:release_pid(One),
    Before = length(test_beam:downs(Witness)),
    ok = test_command:signal("KILL", [Beam]),
    %% It may be there again soon.
    test_wait:equals("the witness has lost it", Before + 1, fun() -> length(test_beam:downs(Witness)) end),
    ok = release_scripts:await_connected(Witness, "myapp", [One]),
    false = Beam =:= release_processes:release_pid(One),
    Cnode = release_processes:await_cnode(One),
    ok.

%% -- helpers

executed(Command) ->
    ["rancher_cnode", "exec", "--" | Command].
