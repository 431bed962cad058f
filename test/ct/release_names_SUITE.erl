%% Name and cookie are those of the BEAM that runs, wherever it has them from and whenever they change. Bare BEAMs, started
%% as releases and people start them.
-module(release_names_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([flags_in_variables_are_found/1, the_cookie_that_the_beam_makes_is_found/1,
         a_cookie_flag_that_the_beam_ignores_is_not_used/1, a_release_cookie_that_the_beam_would_ignore_is_status_2/1,
         a_beam_restarted_with_another_cookie_is_found_again/1, a_beam_restarted_with_another_name_is_found_again/1,
         peers_may_have_another_basename_than_the_beam/1, a_beam_that_peers_cannot_dial_is_named_in_one_line/1,
         a_maintenance_node_is_not_taken_for_the_beam/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [flags_in_variables_are_found, the_cookie_that_the_beam_makes_is_found, a_cookie_flag_that_the_beam_ignores_is_not_used,
     a_release_cookie_that_the_beam_would_ignore_is_status_2, a_beam_restarted_with_another_cookie_is_found_again,
     a_beam_restarted_with_another_name_is_found_again, peers_may_have_another_basename_than_the_beam,
     a_beam_that_peers_cannot_dial_is_named_in_one_line, a_maintenance_node_is_not_taken_for_the_beam].

-spec flags_in_variables_are_found([term()]) -> ok.
flags_in_variables_are_found(Config) ->
    Erl = ["erl", "-noinput"],
    Commands = [{"ERL_FLAGS", Erl}, {"ERL_AFLAGS", Erl}, {"ERL_ZFLAGS", Erl},
                {"ELIXIR_ERL_OPTIONS", ["elixir", "--no-halt", "-e", ":ok"]},
                %% As Distillery's script passes it on.
                {"ERL_OPTS", ["sh", "-c", "exec erl -noinput $ERL_OPTS"]}],
    {Witness, Hosts} = release_scripts:witness(metadata(Config), length(Commands), #{cookie => "in_flags"}),
    Containers = [start(Config, Host, Command, [{Variable, "-setcookie in_flags -name myapp@" ++ test_host:address(Host)}])
                  || {Host, {Variable, Command}} <- lists:zip(Hosts, Commands)],
    release_scripts:await_connected(Witness, "myapp", Containers).

-spec the_cookie_that_the_beam_makes_is_found([term()]) -> ok.
the_cookie_that_the_beam_makes_is_found(Config) ->
    [Host, Other] = Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Home = home(Config),
    Container = start(Config, Host, named_erl(), [{"HOME", Home}]),
    {0, _} = release_container:execute(Container, ["rancher_cnode", "wait", "--timeout", "60000"]),
    {ok, Made} = file:read_file(filename:join(Home, ".erlang.cookie")),
    Witness = test_beam:start(Other, #{cookie => binary_to_list(string:trim(Made))}),
    release_scripts:await_connected(Witness, "myapp", [Container]).

-spec a_cookie_flag_that_the_beam_ignores_is_not_used([term()]) -> ok.
a_cookie_flag_that_the_beam_ignores_is_not_used(Config) ->
    Home = home(Config),
    Path = filename:join(Home, ".erlang.cookie"),
    ok = file:write_file(Path, "in_the_file"),
    ok = file:change_mode(Path, 8#400),
    {Witness, [Host]} = release_scripts:witness(metadata(Config), 1, #{cookie => "in_the_file"}),
    Container = start(Config, Host, named_erl() ++ " -setcookie -begins_with_a_dash", [{"HOME", Home}]),
    release_scripts:await_connected(Witness, "myapp", [Container]).

-spec a_release_cookie_that_the_beam_would_ignore_is_status_2([term()]) -> ok.
a_release_cookie_that_the_beam_would_ignore_is_status_2(Config) ->
    Container = start(Config, test_host:add(), ["echo", "started"], [{"RELEASE_COOKIE", "-secret"}]),
    2 = release_container:await_end(Container),
    Output = release_container:output(Container),
    [Line] = binary:split(Output, <<"\n">>, [global, trim]),
    {_, _} = binary:match(Line, <<"bad setting: $RELEASE_COOKIE begins with '-'">>),
    nomatch = binary:match(Line, <<"secret">>),
    ok.

-spec a_beam_restarted_with_another_cookie_is_found_again([term()]) -> ok.
a_beam_restarted_with_another_cookie_is_found_again(Config) ->
    [Host, First, Second] = Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Before = test_beam:start(First, #{cookie => "before"}),
    After = test_beam:start(Second, #{cookie => "after"}),
    Container = start_again_and_again(Config, Host, "myapp", "before", []),
    ok = release_scripts:await_connected(Before, "myapp", [Container]),
    ok = restart_with(Config, Container, "myapp", "after"),
    ok = test_cluster:await_nodes(After, [test_host:node_name("myapp", Host)]),
    ok = test_cluster:await_nodes(Before, []).

-spec a_beam_restarted_with_another_name_is_found_again([term()]) -> ok.
a_beam_restarted_with_another_name_is_found_again(Config) ->
    [Host, First, Second] = Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Before = test_beam:start(First, #{basename => "before"}),
    After = test_beam:start(Second, #{basename => "after"}),
    Container = start_again_and_again(Config, Host, "before", "monster", []),
    ok = release_scripts:await_connected(Before, "before", [Container]),
    ok = restart_with(Config, Container, "after", "monster"),
    ok = test_cluster:await_nodes(After, [test_host:node_name("after", Host)]),
    ok = test_cluster:await_nodes(Before, []).

%% As two topologies with two basenames on one node have it.
-spec peers_may_have_another_basename_than_the_beam([term()]) -> ok.
peers_may_have_another_basename_than_the_beam(Config) ->
    {Witness, [Host]} = release_scripts:witness(metadata(Config), 1, #{basename => "worker"}),
    Container = start_again_and_again(Config, Host, "web", "monster", [{"RANCHER_CNODE_NODE_BASENAME", "worker"}]),
    ok = release_scripts:await_connected(Witness, "web", [Container]),
    ok = restart_with(Config, Container, "other", "monster"),
    release_scripts:await_connected(Witness, "other", [Container]).

-spec a_beam_that_peers_cannot_dial_is_named_in_one_line([term()]) -> ok.
a_beam_that_peers_cannot_dial_is_named_in_one_line(Config) ->
    Table = [{"-sname app", <<"found app, a short name; start the BEAM with -name app@">>},
             {"-sname app@here", <<"found app@here, a short name; start the BEAM with -name app@">>},
             {"", <<"found nonode, a BEAM without a name">>},
             %% Of a variable that is not set: the BEAM takes it for a flag.
             {"-name -@", <<"found nonode, a BEAM without a name">>},
             {"-name app@127.0.0.1", <<"found app@127.0.0.1, but our address is ">>},
             {"-name app@other.example.org", <<"found app@other.example.org, whose host is not an IPv4 address">>}],
    Hosts = test_cluster:hosts(length(Table)),
    ok = test_cluster:list(metadata(Config), Hosts),
    Containers = [start(Config, Host, "erl -noinput " ++ Flags, []) || {Host, {Flags, _}} <- lists:zip(Hosts, Table)],
    [begin
         ok = release_container:await_output(Container, Sentence),
         %% It has been reported once, and beside it nothing.
         {Sentence, [_]} = {Sentence, binary:matches(release_container:output(Container), <<"beam_awaited">>)}
     end || {Container, {_, Sentence}} <- lists:zip(Containers, Table)],
    ok.

%% Distillery's commands boot a hidden BEAM of a similar name beside the release, or before it.
-spec a_maintenance_node_is_not_taken_for_the_beam([term()]) -> ok.
a_maintenance_node_is_not_taken_for_the_beam(Config) ->
    {Witness, [Host]} = release_scripts:witness(metadata(Config), 1, #{}),
    Start = "erl -noinput -setcookie monster -hidden -name \"myapp_maint_1@$CONTAINER_IP\" & sleep 1; exec " ++ named_erl()
            ++ " -setcookie monster",
    Container = start(Config, Host, Start, []),
    release_scripts:await_connected(Witness, "myapp", [Container]).

%% -- helpers

named_erl() ->
    "erl -noinput -name \"myapp@$CONTAINER_IP\"".

start(Config, Host, [[_ | _] | _] = Command, Env) ->
    release_container:start(Host, #{release => folder(Config), command => ["rancher_cnode", "exec", "--" | Command], env => Env});
start(Config, Host, Line, Env) ->
    start(Config, Host, ["sh", "-c", Line], Env).

%% As a daemon tool does. The next one may have another name and cookie.
start_again_and_again(Config, Host, Name, Cookie, Env) ->
    ok = next(Config, Name, Cookie),
    Line = "while :; do erl -noinput -name \"$(cat name)@$CONTAINER_IP\" -setcookie \"$(cat cookie)\"; done",
    start(Config, Host, Line, Env).

restart_with(Config, Container, Name, Cookie) ->
    ok = next(Config, Name, Cookie),
    test_command:signal("KILL", [release_processes:release_pid(Container)]).

next(Config, Name, Cookie) ->
    ok = file:write_file(filename:join(folder(Config), "name"), Name),
    file:write_file(filename:join(folder(Config), "cookie"), Cookie).

folder(Config) ->
    proplists:get_value(priv_dir, Config).

home(Config) ->
    Home = filename:join(folder(Config), integer_to_list(erlang:unique_integer([positive]))),
    ok = file:make_dir(Home),
    Home.
