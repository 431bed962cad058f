%% The request and the command `mesh': who is connected to whom by what the BEAMs report, against what the BEAMs themselves
%% see. Only the first host has a C-node where there are holes, and no BEAM connects to the others by itself.
-module(mesh_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [run/2, ask/2, contains/2, lines/1, await/3, await/4, await/5]).

-export([suite/0, all/0]).
-export([a_whole_mesh_is_what_every_beam_sees/1, a_hole_between_two_others_is_named/1,
         a_one_way_connection_has_its_direction/1, a_member_that_hangs_has_not_answered_within_the_time_limit/1,
         a_member_without_connection_is_not_asked/1, foreign_names_do_not_become_atoms/1,
         a_beam_that_has_stopped_is_reported/1, without_a_c_node_one_line_states_why/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_whole_mesh_is_what_every_beam_sees, a_hole_between_two_others_is_named, a_one_way_connection_has_its_direction,
     a_member_that_hangs_has_not_answered_within_the_time_limit, a_member_without_connection_is_not_asked,
     foreign_names_do_not_become_atoms, a_beam_that_has_stopped_is_reported, without_a_c_node_one_line_states_why].

-spec a_whole_mesh_is_what_every_beam_sees([term()]) -> ok.
a_whole_mesh_is_what_every_beam_sees(Config) ->
    #{hosts := [One | _], beams := [Beam | _] = Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 3),
    Table = await(One, 0, ["mesh"]),
    contains(Table, [<<"WHOLE, 3 of 3 connections between 3 members">>, <<"sees:">>]),
    Via = test_beam:name(Beam),
    %% Each one's C-node.
    Seen = [{Node, Sees, 1} || {Node, Sees} <- test_cluster:seen(Beams)],
    test_wait:equals("what the members see", {Via, 0, Seen},
                     fun() ->
                             #{via := Asked, omitted := Omitted, members := Members} = test_cnode:call(Cnode, Beam, mesh),
                             {Asked, Omitted, [{Node, lists:sort(Sees), Others}
                                               || #{node := Node, answer := answered, sees := Sees, others := Others}
                                                      <- Members]}
                     end).

-spec a_hole_between_two_others_is_named([term()]) -> ok.
a_hole_between_two_others_is_named(Config) ->
    #{hosts := [One | _], beams := [_, Two, Three] = Beams} = test_cluster:star(metadata(Config), 3, #{}),
    Hole = iolist_to_binary([name(Two), " and ", name(Three), " are not connected"]),
    _ = await(One, 3, ["mesh"], [], [<<"HOLES, 2 of 3 connections between 3 members, 1 missing">>, Hole, <<"NO">>,
                                     <<"in several ", (name(hd(Beams)))/binary>>]),
    {0, _} = ask(One, ["status"]),
    _ = await(One, 3, ["mesh", "--format", "svg"], [], [<<"<svg ">>, Hole]),
    _ = await(One, 3, ["mesh", "--format", "json"], [], [<<"\"verdict\":\"holes\"">>, <<"\"kind\":\"missing\"">>]),
    _ = await(One, 3, ["mesh", "--format", "dot"], [], [<<"style=dashed">>]),
    true = test_beam:call(Two, net_kernel, connect_node, [test_beam:name(Three)]),
    _ = await(One, 0, ["mesh"]),
    ok.

%% Two closes its connection to Three, which cannot notice.
-spec a_one_way_connection_has_its_direction([term()]) -> ok.
a_one_way_connection_has_its_direction(Config) ->
    #{hosts := [One, HostOfTwo, HostOfThree], beams := [_, Two, Three] = Beams} = test_cluster:star(metadata(Config), 3, #{}),
    true = test_beam:call(Two, net_kernel, connect_node, [test_beam:name(Three)]),
    ok = test_cluster:await_mesh(Beams),
    ok = test_host:cut(HostOfTwo, HostOfThree),
    ok = test_beam:drop_connection(Two, test_beam:name(Three)),
    Line = iolist_to_binary(["one-way    ", name(Three), " sees ", name(Two), ", which does not see it"]),
    _ = await(One, 3, ["mesh"], [], [<<"1 one-way">>, Line]),
    ok.

-spec a_member_that_hangs_has_not_answered_within_the_time_limit([term()]) -> ok.
a_member_that_hangs_has_not_answered_within_the_time_limit(Config) ->
    #{hosts := [One | _], beams := [_, _, Hung]} = test_cluster:star(metadata(Config), 3, #{}),
    ok = test_beam:suspend(Hung),
    Began = erlang:monotonic_time(millisecond),
    {3, Table} = ask(One, ["mesh"]),
    Took = erlang:monotonic_time(millisecond) - Began,
    ok = test_beam:resume(Hung),
    contains(Table, [<<"1 member has not answered">>,
                     <<"no answer  ", (name(Hung))/binary, ": it did not answer within 1500 ms">>]),
    true = Took >= 1500 andalso Took < 15000,
    ok.

%% It would be dialled.
-spec a_member_without_connection_is_not_asked([term()]) -> ok.
a_member_without_connection_is_not_asked(Config) ->
    Hosts = [One, _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Beam, Other] = test_beam:start_all(Hosts, #{args => test_cluster:without_connect_all()}),
    Cnode = test_cnode:start(One, #{args => ["--connect", "erlang:is_atom"]}),
    _ = test_cnode:await(Cnode, "target_connected"),
    _ = await(One, 3, ["mesh"], [],
              [<<"HOLES, 0 of 1 connection between 2 members, 1 missing">>,
               <<"no answer  ", (name(Other))/binary, ": the BEAM is not connected to it">>]),
    #{members := [#{answer := answered}, #{answer := not_asked}]} = test_cnode:call(Cnode, Beam, mesh),
    [{_, []}, {_, []}] = test_cluster:seen(Beams),
    ok.

-spec foreign_names_do_not_become_atoms([term()]) -> ok.
foreign_names_do_not_become_atoms(Config) ->
    #{hosts := [One, Host | _], beams := [Beam, Two], cnodes := [Cnode]} = test_cluster:star(metadata(Config), 2, #{}),
    Hidden = test_beam:start(Host, #{basename => "hidden", args => ["-hidden" | test_cluster:without_connect_all()]}),
    true = test_beam:call(Hidden, net_kernel, connect_node, [test_beam:name(Two)]),
    Others = fun() ->
                     #{members := Members} = test_cnode:call(Cnode, Beam, mesh),
                     [Count || #{node := Node, others := Count} <- Members, Node =:= test_beam:name(Two)]
             end,
    ok = test_wait:equals("the hidden node is counted", [1], Others),
    _ = await(One, 0, ["mesh"]),
    {'EXIT', {badarg, _}} = (catch test_beam:call(Beam, erlang, binary_to_existing_atom, [name(Hidden)])),
    true = is_atom(test_beam:call(Beam, erlang, binary_to_existing_atom, [name(Two)])),
    ok.

-spec a_beam_that_has_stopped_is_reported([term()]) -> ok.
a_beam_that_has_stopped_is_reported(Config) ->
    #{hosts := [One | _], beams := [Beam | _]} = test_cluster:star(metadata(Config), 2, #{}),
    ok = test_beam:stop(Beam),
    _ = await(One, 4, ["mesh"], [{"RANCHER_CNODE_COOKIE", "monster"}], [<<"NOT DRIVING, no BEAM is connected">>]),
    ok.

-spec without_a_c_node_one_line_states_why([term()]) -> ok.
without_a_c_node_one_line_states_why(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    _ = test_beam:start(Host),
    {1, Output} = run(Host, ["mesh"]),
    [Line] = lines(Output),
    contains(Line, [atom_to_binary(test_cnode:default_name(Host))]).

%% -- helpers

name(Beam) ->
    atom_to_binary(test_beam:name(Beam)).
