%% When the first round is done, and what is told of BEAMs that are not there or do not answer.
-module(rounds_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_good_read_without_peers_ends_the_first_round/1, a_container_without_an_address_ends_the_first_round/1,
         all_targets_are_awaited_though_one_is_dead/1, all_targets_are_awaited_though_one_has_departed/1,
         all_targets_forget_a_departed_one_that_is_away/1,
         all_targets_tell_only_what_is_not_linked/1, a_suspended_beam_is_told_as_not_responding/1,
         places_of_a_node_that_went_are_free_again/1, places_of_callers_that_ended_are_free_again/1,
         the_log_tells_the_reason_that_status_tells/1,
         the_log_tells_who_is_held_and_who_no_longer/1]).
%% Run inside a BEAM under test.
-export([await_many/2]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_good_read_without_peers_ends_the_first_round, a_container_without_an_address_ends_the_first_round,
     all_targets_are_awaited_though_one_is_dead, all_targets_are_awaited_though_one_has_departed,
     all_targets_forget_a_departed_one_that_is_away,
     all_targets_tell_only_what_is_not_linked, a_suspended_beam_is_told_as_not_responding,
     places_of_a_node_that_went_are_free_again, places_of_callers_that_ended_are_free_again,
     the_log_tells_the_reason_that_status_tells, the_log_tells_who_is_held_and_who_no_longer].

-spec a_good_read_without_peers_ends_the_first_round([term()]) -> ok.
a_good_read_without_peers_ends_the_first_round(Config) ->
    ends_the_first_round(Config, []).

-spec a_container_without_an_address_ends_the_first_round([term()]) -> ok.
a_container_without_an_address_ends_the_first_round(Config) ->
    ends_the_first_round(Config, [#{address => test_host:fresh_address(), primary_ip => null, ips => [],
                                    state => <<"starting">>}]).

-spec all_targets_are_awaited_though_one_is_dead([term()]) -> ok.
all_targets_are_awaited_though_one_is_dead(Config) ->
    #{beams := [Beam | _], cnode := Cnode, alone := Alone} = lone(Config, 2, [test_host:vanishing_address()]),
    ok = test_cnode:call(Cnode, Beam, {await, 10000}),
    {0, _} = test_cnode:await_exit(test_cnode:start(Alone, #{basename => "once", args => ["--once" | all_args()]}),
                                   15000),
    ok.

%% A departed one is driven on while it is linked, but nobody waits for it.
-spec all_targets_are_awaited_though_one_has_departed([term()]) -> ok.
all_targets_are_awaited_though_one_has_departed(Config) ->
    #{hosts := [_, _, Gone] = Hosts, beams := [Beam, _, Departed], cnode := Cnode} = lone(Config, 3, []),
    ok = test_cluster:list(metadata(Config), Hosts -- [Gone]),
    _ = test_cnode:await(Cnode, "peer_departed"),
    ok = test_cluster:await_nodes(Departed, [], 10000),
    %% Linked anew it has to begin a round, and may dial nobody.
    Dropped = os:perf_counter(microsecond),
    true = test_beam:call(Departed, erlang, disconnect_node, [test_cnode:name(Cnode)]),
    _ = test_cnode:await(Cnode, "target_connected", Dropped),
    ok = test_cnode:call(Cnode, Beam, {await, 10000}),
    ok = test_beam:kill(Departed),
    test_wait:equals("the departed one is no longer driven", 2, fun() -> length(targets(Cnode, Beam)) end, 10000),
    ok = test_cnode:call(Cnode, Beam, {await, 10000}).

%% One goes down when it has left already, the other was down before.
-spec all_targets_forget_a_departed_one_that_is_away([term()]) -> ok.
all_targets_forget_a_departed_one_that_is_away(Config) ->
    #{hosts := Hosts, beams := [Beam, Other, Departed], cnode := Cnode} =
        lone(Config, 3, [test_host:vanishing_address()]),
    ok = test_cluster:list(metadata(Config), lists:sublist(Hosts, 2)),
    test_wait:equals("the departed one that is linked is driven, the one that is away is not", names([Beam, Other, Departed]),
                     fun() -> targets(Cnode, Beam) end, 10000),
    ok = test_beam:kill(Departed),
    test_wait:equals("only those of the service are driven", names([Beam, Other]),
                     fun() -> targets(Cnode, Beam) end, 10000).

-spec all_targets_tell_only_what_is_not_linked([term()]) -> ok.
all_targets_tell_only_what_is_not_linked(Config) ->
    Dead = test_host:vanishing_address(),
    #{beams := [Beam | _] = Beams, cnode := Cnode} = lone(Config, 3, [Dead]),
    Targets = [test_beam:name(Each) || Each <- Beams],
    Wanted = lists:sort([{Target, list_to_atom("myapp@" ++ Dead)} || Target <- Targets]),
    test_wait:equals("each target tells the dead peer alone", Wanted,
                     fun() -> lists:sort([{Target, Node} || #{target := Target, node := Node}
                                                                <- test_cnode:call(Cnode, Beam, peers),
                                                            lists:member(Target, Targets)])
                     end, 10000),
    ok = test_cnode:call(Cnode, Beam, {await, 10000}),
    #{targets := Told} = test_cnode:call(Cnode, Beam, status),
    [2, 2, 2] = [Connected || #{node := Node, connected := Connected} <- Told, lists:member(Node, Targets)],
    [{awaited, epmd}] = [{State, Stage} || #{node := Node, state := State, stage := Stage} <- Told,
                                           not lists:member(Node, Targets)],
    ok.

%% The kernel takes the connection, and nobody says a word: that is no refusal.
-spec a_suspended_beam_is_told_as_not_responding([term()]) -> ok.
a_suspended_beam_is_told_as_not_responding(Config) ->
    Hosts = [First | _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    [Beam, Other] = test_beam:start_all(Hosts),
    ok = test_beam:suspend(Beam),
    Cnode = test_cnode:start(First),
    _ = test_cnode:await(Cnode, "target_unresponsive"),
    #{targets := [#{state := unresponsive, reason := <<_, _/binary>>, stage := name}]} =
        test_cnode:call(Cnode, Other, status),
    ok = test_beam:resume(Beam),
    ok = test_cluster:await_mesh([Beam, Other], 15000),
    %% Once it has ended, all that it has logged is there.
    ok = test_cnode:stop(Cnode),
    [] = test_cnode:events(Cnode, "target_refused"),
    ok.

-spec places_of_a_node_that_went_are_free_again([term()]) -> ok.
places_of_a_node_that_went_are_free_again(Config) ->
    ok = metadata_server:misbehave(metadata(Config), not_found),
    [First, Second] = test_beam:start_all(test_cluster:hosts(2)),
    Cnode = test_cnode:start(test_beam:host(First)),
    _ = test_cnode:await(Cnode, "target_connected"),
    _ = test_beam:call(Second, ?MODULE, await_many, [test_cnode:name(Cnode), 1024]),
    test_wait:equals("every place is taken", {error, too_many_waiting},
                     fun() -> test_cnode:call(Cnode, First, {await, 1}) end, 10000),
    ok = test_beam:kill(Second),
    test_wait:equals("there are places again", {error, timeout},
                     fun() -> test_cnode:call(Cnode, First, {await, 1}) end, 10000),
    ok.

-spec places_of_callers_that_ended_are_free_again([term()]) -> ok.
places_of_callers_that_ended_are_free_again(Config) ->
    ok = metadata_server:misbehave(metadata(Config), not_found),
    [First, Second] = test_beam:start_all(test_cluster:hosts(2)),
    Cnode = test_cnode:start(test_beam:host(First)),
    _ = test_cnode:await(Cnode, "target_connected"),
    Callers = test_beam:call(Second, ?MODULE, await_many, [test_cnode:name(Cnode), 1024]),
    test_wait:equals("every place is taken", {error, too_many_waiting},
                     fun() -> test_cnode:call(Cnode, First, {await, 1}) end, 10000),
    _ = [test_beam:call(Second, erlang, exit, [Caller, kill]) || Caller <- lists:sublist(Callers, 10)],
    test_wait:equals("there are places again", {error, timeout},
                     fun() -> test_cnode:call(Cnode, First, {await, 1}) end, 10000),
    %% The link to those that ended is still there.
    true = lists:member(test_cnode:name(Cnode), test_beam:call(Second, erlang, nodes, [hidden])),
    ok.

%% A host that is not there: now the kernel says so, now nobody says anything.
-spec the_log_tells_the_reason_that_status_tells([term()]) -> ok.
the_log_tells_the_reason_that_status_tells(Config) ->
    Host = test_host:add(),
    Dead = test_host:fresh_address(),
    ok = test_cluster:list(metadata(Config), [Host, Dead]),
    Beam = test_beam:start(Host),
    Cnode = test_cnode:start(Host),
    _ = test_cnode:await(Cnode, "target_connected"),
    test_wait:until("several tries", fun() -> case test_cnode:call(Cnode, Beam, peers) of
                                                  [#{attempts := N}] when N >= 6 -> {done, ok};
                                                  Peers -> {wait, Peers}
                                              end
                                     end, 30000),
    [#{reason := Reason}] = test_cnode:call(Cnode, Beam, peers),
    ok = test_cnode:stop(Cnode),
    [#{fields := #{<<"msg">> := Reason}}] = test_cnode:events(Cnode, "peer_unreachable"),
    ok.

-spec the_log_tells_who_is_held_and_who_no_longer([term()]) -> ok.
the_log_tells_who_is_held_and_who_no_longer(Config) ->
    Hosts = [First, Second] = test_cluster:hosts(2),
    Stopped = #{address => test_host:address(Second), state => <<"stopped">>},
    ok = test_cluster:list(metadata(Config), [First, Stopped]),
    Beams = test_beam:start_all(Hosts),
    Cnode = test_cnode:start(First),
    Peer = atom_to_binary(test_host:node_name("myapp", Second)),
    #{level := <<"info">>, fields := #{<<"peer">> := Peer, <<"reason">> := <<"state is stopped">>}} =
        test_cnode:await(Cnode, "peer_held"),
    ok = test_cnode:call(Cnode, hd(Beams), {await, 10000}),
    [] = test_cnode:events(Cnode, "peer_released"),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_mesh(Beams, 15000),
    ok = test_cnode:stop(Cnode),
    [#{fields := #{<<"peer">> := Peer}}] = test_cnode:events(Cnode, "peer_released"),
    [_] = test_cnode:events(Cnode, "peer_held"),
    ok.

%% -- inside a BEAM

%% Many processes that wait for ever.
-spec await_many(node(), pos_integer()) -> [pid()].
await_many(Node, Count) ->
    pong = net_adm:ping(Node),
    [spawn(fun() -> await_a_place(Node) end) || _ <- lists:seq(1, Count)].

%% The one who asks whether all places are taken may hold one for a moment.
await_a_place(Node) ->
    case gen_server:call({rancher_cnode, Node}, {await, infinity}, infinity) of
        {error, too_many_waiting} -> await_a_place(Node);
        ok -> ok
    end.

%% -- what the cases share

ends_the_first_round(Config, Containers) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    ok = metadata_server:list(metadata(Config), "Shop", "other", Containers),
    Beam = test_beam:start(Host),
    Args = ["--service", "stacks/shop/services/other"],
    Cnode = test_cnode:start(Host, #{args => Args}),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok = test_cnode:call(Cnode, Beam, {await, 5000}),
    {0, _} = test_cnode:await_exit(test_cnode:start(Host, #{basename => "once", args => ["--once" | Args]}), 10000),
    ok.

%% Some hosts with BEAMs, and one C-node that stands alone and drives them all; the mesh is there.
lone(Config, Count, More) ->
    Alone = test_host:add(),
    Hosts = test_cluster:hosts(Count),
    ok = metadata_server:list(metadata(Config), "Ops", "former", [test_host:address(Alone)]),
    ok = test_cluster:list(metadata(Config), Hosts ++ More),
    Beams = test_beam:start_all(Hosts),
    ok = test_host:start_epmd(Alone),
    Cnode = test_cnode:start(Alone, #{args => all_args()}),
    ok = test_cluster:await_mesh(Beams, 10000),
    #{alone => Alone, hosts => Hosts, beams => Beams, cnode => Cnode}.

names(Beams) ->
    lists:sort([test_beam:name(Beam) || Beam <- Beams]).

%% The BEAMs that the C-node drives.
targets(Cnode, Beam) ->
    #{targets := Targets} = test_cnode:call(Cnode, Beam, status),
    lists:sort([Node || #{node := Node} <- Targets]).

all_args() ->
    ["--service", "stacks/shop/services/worker", "--targets", "all", "--removal-delay", "500"].
