%% Tables of settings and the launch that the library makes of them, before any program runs.
-module(library_settings_SUITE).

-export([all/0, init_per_suite/1, end_per_suite/1]).
-export([all_formats_of_settings_mean_the_same/1, the_first_of_two_values_counts/1, values_become_flags/1,
         names_and_cookie_are_not_arguments/1, what_the_container_sets_for_others_is_cleared/1,
         libclusters_functions_are_called_by_the_library/1,
         libclusters_defaults_are_replaced/1, every_bad_setting_is_named/1, what_the_node_provides_cannot_be_set/1,
         limits_are_exact/1, a_node_that_cannot_take_part_gets_the_reason/1,
         each_topology_is_a_separate_child/1, a_start_that_is_not_alive_fails_with_a_sentence/1,
         the_program_is_found_on_path/1, the_c_node_of_exec_is_found_by_its_variable/1]).

-define(FACTS, #{node => 'myapp@10.42.0.7', long_names => true, cookie => 'a b'}).

-spec all() -> [atom()].
all() ->
    [all_formats_of_settings_mean_the_same, the_first_of_two_values_counts, values_become_flags,
     names_and_cookie_are_not_arguments, what_the_container_sets_for_others_is_cleared,
     libclusters_functions_are_called_by_the_library,
     libclusters_defaults_are_replaced, every_bad_setting_is_named, what_the_node_provides_cannot_be_set,
     limits_are_exact, a_node_that_cannot_take_part_gets_the_reason,
     each_topology_is_a_separate_child, a_start_that_is_not_alive_fails_with_a_sentence,
     the_program_is_found_on_path, the_c_node_of_exec_is_found_by_its_variable].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    true = code:add_patha(release_build:library()),
    Config.

-spec end_per_suite([term()]) -> ok.
end_per_suite(_Config) ->
    ok.

-spec all_formats_of_settings_mean_the_same([term()]) -> ok.
all_formats_of_settings_mean_the_same(_Config) ->
    Settings = [{node_basename, <<"myapp">>}, {polling_interval, 10000}],
    {ok, Launch} = launch(Settings),
    {ok, Launch} = launch(maps:from_list(Settings)),
    {ok, Launch} = launch([{node_basename, "myapp"}, {polling_interval, <<"10000">>}]),
    {ok, Launch} = launch([{polling_interval, 10000}, {node_basename, myapp}]),
    {ok, Launch} = launch([{polling_interval, 10000}]),
    OfTopology = Launch#{topology := rancher},
    {ok, OfTopology} = launch(libcluster3(Settings)),
    {ok, OfTopology} = launch(libcluster2(Settings)),
    ok.

%% As with the functions that Elixir and Erlang have for such lists.
-spec the_first_of_two_values_counts([term()]) -> ok.
the_first_of_two_values_counts(_Config) ->
    {ok, Launch} = launch([{polling_interval, 10000}]),
    {ok, Launch} = launch([{polling_interval, 10000}, {polling_interval, 20000}]),
    ok.

-spec values_become_flags([term()]) -> ok.
values_become_flags(_Config) ->
    Table = [{{polling_interval, 250}, [<<"--polling-interval=250">>]},
             {{health, passing}, [<<"--health=passing">>]},
             {{start_epmd, true}, [<<"--start-epmd=on">>]},
             {{watch, false}, [<<"--watch=off">>]},
             {{service, "stacks/a/services/b"}, [<<"--service=stacks/a/services/b">>]},
             {{service, self}, [<<"--service=self/service">>]},
             {{metadata_url, <<"http://a">>}, [<<"--metadata-url=http://a">>]},
             {{metadata_url, ["http://a", <<"http://b">>]}, [<<"--metadata-url=http://a">>, <<"--metadata-url=http://b">>]}],
    [begin
         {ok, #{args := [<<"--exit-on-eof">>, <<"--log-level=info">> | Flags]}} = launch([Setting])
     end || {Setting, Flags} <- Table],
    Services = [{self, "b", "self/stack/services/b"}, {self, self, "self/service"}, {"a", <<"b">>, "stacks/a/services/b"}],
    [begin
         Flag = iolist_to_binary(["--service=", Path]),
         Given = [{stack, Stack}, {service, Service}],
         [{ok, #{args := [_, _, Flag]}} = launch(Form) || Form <- [Given, libcluster2(Given), libcluster3(Given)]]
     end || {Stack, Service, Path} <- Services],
    {ok, #{args := [_, <<"--log-level=debug">>], log_level := debug}} = launch([{log_level, debug}]),
    {ok, #{args := [_, <<"--log-level=error">>], log_level := error}} = launch([{log_level, "error"}]),
    {ok, #{args := [_, <<"--log-level=info">>, <<"--log-format=json">>]}} = launch([{log_format, json}]),
    ok.

-spec names_and_cookie_are_not_arguments([term()]) -> ok.
names_and_cookie_are_not_arguments(_Config) ->
    {ok, #{args := Args, env := Env, cnode := 'other@10.42.0.7'}} = launch([{basename, other}, {node_basename, peers}]),
    [<<"--exit-on-eof">>, <<"--log-level=info">>] = Args,
    Expected = [{"RANCHER_CNODE_NODE_BASENAME", "peers"}, {"RANCHER_CNODE_BASENAME", "other"},
                {"RANCHER_CNODE_IP", "10.42.0.7"}, {"RANCHER_CNODE_COOKIE", "a b"}],
    [] = Expected -- Env,
    ok.

-spec what_the_container_sets_for_others_is_cleared([term()]) -> ok.
what_the_container_sets_for_others_is_cleared(_Config) ->
    {ok, #{env := Env}} = launch([]),
    [] = [{"RANCHER_CNODE_COOKIE_FILE", false}, {"RANCHER_CNODE_TARGETS", false}, {"RANCHER_CNODE_ONCE", false},
          {"RANCHER_CNODE_CONFIG", false},
          {"RANCHER_CNODE_WATCH_PID", os:getpid()}] -- Env,
    ok.

-spec libclusters_functions_are_called_by_the_library([term()]) -> ok.
libclusters_functions_are_called_by_the_library(_Config) ->
    Functions = #{connect => {mesh, join, [quickly]}, disconnect => {mesh, part, []}, list_nodes => {erlang, nodes, []}},
    {ok, #{args := Args, functions := Functions}} = launch(libcluster3([], Functions)),
    {ok, #{args := Args, functions := Functions}} = launch(libcluster2([], Functions)),
    {ok, #{args := Args, functions := Functions}} = launch(Functions),
    [_, _, <<"--connect=rancher_cnode_functions:connect">>, <<"--disconnect=rancher_cnode_functions:disconnect">>,
     <<"--list-nodes=rancher_cnode_functions:list_nodes">>] = Args,
    ok.

%% erlang:disconnect_node/1 would break connections among the remaining nodes; the program has another way.
-spec libclusters_defaults_are_replaced([term()]) -> ok.
libclusters_defaults_are_replaced(_Config) ->
    Of25 = #{connect => {net_kernel, connect, []}, disconnect => {net_kernel, disconnect, []},
             list_nodes => {erlang, nodes, [connected]}},
    [{ok, #{args := [_, _], functions := None}} = launch(Given)
     || None <- [#{}], Given <- [libcluster3([]), libcluster2([]), libcluster2([], Of25), Of25,
                                 #{connect => nil, disconnect => undefined}]],
    ok.

-spec every_bad_setting_is_named([term()]) -> ok.
every_bad_setting_is_named(_Config) ->
    Table = [{bad_setting, "keyword list", 7},
             {bad_setting, "{Name, Value}", [node_basename]},
             {bad_setting, "an atom", [{"node_basename", "myapp"}]},
             {bad_setting, "keyword list", [{node_basename, myapp} | improper]},
             {bad_setting, "neither text nor a number", [{service, [$a | b]}]},
             {bad_setting, "neither text nor a number", [{metadata_url, [<<"http://a">> | b]}]},
             {bad_setting, "connect must be", [{connect, {mesh, join, [quickly | improper]}}]},
             {bad_setting, "not Unicode", [{service, <<255, 254>>}]},
             {bad_setting, "zero character", [{service, <<"a", 0>>}]},
             {bad_setting, [379], [{log_level, [379]}]},
             {program_not_found, [379, 243, 322, $w], [{program, [379, 243, 322, $w]}]},
             {bad_setting, "log_level", [{log_level, loud}]},
             {bad_setting, "connect must be", [{connect, "net_kernel:connect_node"}]},
             {bad_setting, "neither text nor a number", [{polling_interval, 1.5}]},
             {bad_setting, "neither text nor a number", [{service, [a, b]}]},
             {bad_setting, "a child, or topology, connects one service", [{stacks, [[{name, "a"}]]}]},
             {bad_setting, "stack is set without service", [{stack, "a"}]},
             {bad_setting, "stack must be self", [{stack, "a"}, {service, self}]},
             {bad_setting, "are names", [{stack, 1}, {service, "b"}]},
             {program_not_found, "/no/such/program", [{program, "/no/such/program"}]},
             {program_not_found, "/etc/passwd", [{program, "/etc/passwd"}]}],
    ok = all_refused(Table).

%% This node knows them, or the program's end depends on them.
-spec what_the_node_provides_cannot_be_set([term()]) -> ok.
what_the_node_provides_cannot_be_set(_Config) ->
    Names = [ip, cookie, cookie_file, config, targets, watch_pid, exit_on_eof, once, exit_with_beam, print_config, help, version],
    all_refused([{bad_setting, atom_to_list(Name) ++ " cannot be set", Given}
                 || Name <- Names, Given <- [[{Name, "1"}], #{Name => true}]]).

-spec limits_are_exact([term()]) -> ok.
limits_are_exact(_Config) ->
    Basename = fun(Bytes) -> [{basename, lists:duplicate(Bytes - length("@10.42.0.7"), $x)}] end,
    {ok, _} = launch(Basename(255)),
    [{ok, #{await_timeout := Timeout}} = launch([{await_timeout, Timeout}]) || Timeout <- [0, 16#FFFFFFFF, infinity]],
    {ok, #{await_timeout := 5000}} = launch([]),
    all_refused([{bad_setting, "too long", Basename(256)},
                 {bad_setting, "await_timeout", [{await_timeout, -1}]},
                 {bad_setting, "await_timeout", [{await_timeout, 16#FFFFFFFF + 1}]},
                 {bad_setting, "await_timeout", [{await_timeout, 1.0}]}]).

-spec a_node_that_cannot_take_part_gets_the_reason([term()]) -> ok.
a_node_that_cannot_take_part_gets_the_reason(_Config) ->
    Table = [{not_alive, ?FACTS#{node := nonode@nohost, long_names := ignored}},
             {short_names, ?FACTS#{node := 'myapp@host-a', long_names := false}},
             {not_an_address, ?FACTS#{node := 'myapp@host-a.example.org'}},
             {not_an_address, ?FACTS#{node := 'myapp@::1'}}],
    [{error, {Word, <<_, _/binary>>}} = rancher_cnode_settings:launch([], Facts) || {Word, Facts} <- Table],
    ok.

-spec each_topology_is_a_separate_child([term()]) -> ok.
each_topology_is_a_separate_child(_Config) ->
    %% It waits for 2 s before it kills a program that is stuck.
    #{id := rancher_cnode, start := {rancher_cnode, start_link, [[{basename, a}]]}, restart := permanent,
      shutdown := 5000} = rancher_cnode:child_spec([{basename, a}]),
    Topology = libcluster3([]),
    #{id := {rancher_cnode, rancher}, start := {rancher_cnode, start_link, [Topology]}} =
        rancher_cnode:child_spec(Topology),
    #{id := {rancher_cnode, rancher}} = rancher_cnode:child_spec(libcluster2([])),
    ok.

-spec a_start_that_is_not_alive_fails_with_a_sentence([term()]) -> ok.
a_start_that_is_not_alive_fails_with_a_sentence(_Config) ->
    {ok, Peer, nonode@nohost} = peer:start(#{connection => standard_io, args => ["-pa", release_build:library()]}),
    Calls = [{start_link, [[]]}, {which_cnode, []}, {status, []}, {peers, []}, {refresh, []}, {await, [1000]}],
    Answers = [peer:call(Peer, rancher_cnode, Function, Args) || {Function, Args} <- Calls],
    ok = peer:stop(Peer),
    [{error, {not_alive, <<"this node is not alive", _/binary>>}}, undefined | Errors] = Answers,
    [{error, not_alive}] = lists:usort(Errors),
    ok.

-spec the_program_is_found_on_path([term()]) -> ok.
the_program_is_found_on_path(_Config) ->
    Programs = release_build:programs(),
    Found = filename:join(Programs, "rancher_cnode"),
    Launch = fun() -> rancher_cnode_settings:launch([], ?FACTS) end,
    {ok, #{program := Found}} = with_variable("PATH", Programs, Launch),
    {error, {program_not_found, _}} = with_variable("PATH", "/nowhere", Launch),
    ok.

-spec the_c_node_of_exec_is_found_by_its_variable([term()]) -> ok.
the_c_node_of_exec_is_found_by_its_variable(_Config) ->
    Default = fun() -> rancher_cnode_settings:default_cnode('myapp@10.42.0.7') end,
    'remsh-rancher_cnode@10.42.0.7' = Default(),
    'other@10.42.0.7' = with_variable("RANCHER_CNODE_BASENAME", "other", Default),
    undefined = with_variable("RANCHER_CNODE_BASENAME", lists:duplicate(255, $x), Default),
    ok.

%% -- helpers

all_refused(Table) ->
    Wrong = [{Settings, Answer}
             || {Word, Names, Settings} <- Table, Answer <- [rancher_cnode_settings:launch(Settings, ?FACTS)],
                not is_refused(Answer, Word, unicode:characters_to_binary(Names))],
    [] = Wrong,
    ok.

is_refused({error, {Word, Sentence}}, Word, Names) -> binary:match(Sentence, Names) =/= nomatch;
is_refused(_Answer, _Word, _Names) -> false.

with_variable(Name, Value, Fun) ->
    Before = os:getenv(Name),
    true = os:putenv(Name, Value),
    Result = Fun(),
    true = case Before of
               false -> os:unsetenv(Name);
               _ -> os:putenv(Name, Before)
           end,
    Result.

launch(Settings) ->
    Program = {program, test_cnode:program()},
    With = case Settings of
               [#{config := Given} = State] -> [State#{config := [Program | Given]}];
               #{} -> Settings#{program => element(2, Program)};
               _ ->
                   case lists:keytake(config, 1, Settings) of
                       {value, {config, Given}, Rest} -> [{config, [Program | Given]} | Rest];
                       false -> [Program | Settings]
                   end
           end,
    rancher_cnode_settings:launch(With, ?FACTS).

libcluster3(Given) ->
    libcluster3(Given, functions()).

libcluster3(Given, Functions) ->
    [Functions#{'__struct__' => 'Elixir.Cluster.Strategy.State', topology => rancher, config => Given, meta => nil}].

libcluster2(Given) ->
    libcluster2(Given, functions()).

libcluster2(Given, #{connect := Connect, disconnect := Disconnect, list_nodes := ListNodes}) ->
    [{topology, rancher}, {connect, Connect}, {disconnect, Disconnect}, {list_nodes, ListNodes}, {config, Given}].

functions() ->
    #{connect => {net_kernel, connect_node, []}, disconnect => {erlang, disconnect_node, []},
      list_nodes => {erlang, nodes, [connected]}}.
