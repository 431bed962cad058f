%% When the initial sync is done, and what is reported of BEAMs that are absent or do not answer.
-module(initial_sync_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_read_without_peers_completes_the_initial_sync/1, a_container_without_an_address_completes_the_initial_sync/1,
         all_targets_sync_although_one_is_dead/1, all_targets_sync_although_one_has_departed/1,
         all_targets_forget_a_departed_one_that_is_away/1,
         with_all_targets_only_unconnected_peers_are_listed/1, a_suspended_beam_is_unresponsive/1,
         places_of_a_lost_node_are_free_again/1, places_of_callers_that_ended_are_free_again/1,
         the_log_has_the_same_reason_as_status/1,
         the_log_shows_held_and_released_peers/1]).
%% Run inside a BEAM under test.
-export([await_many/2]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_read_without_peers_completes_the_initial_sync, a_container_without_an_address_completes_the_initial_sync,
     all_targets_sync_although_one_is_dead, all_targets_sync_although_one_has_departed,
     all_targets_forget_a_departed_one_that_is_away,
     with_all_targets_only_unconnected_peers_are_listed, a_suspended_beam_is_unresponsive,
     places_of_a_lost_node_are_free_again, places_of_callers_that_ended_are_free_again,
     the_log_has_the_same_reason_as_status, the_log_shows_held_and_released_peers].

-spec a_read_without_peers_completes_the_initial_sync([term()]) -> ok.
a_read_without_peers_completes_the_initial_sync(Config) ->
    completes_the_initial_sync(Config, []).

-spec a_container_without_an_address_completes_the_initial_sync([term()]) -> ok.
a_container_without_an_address_completes_the_initial_sync(Config) ->
    completes_the_initial_sync(Config, [#{address => test_host:fresh_address(), primary_ip => null, ips => [],
                                    state => <<"starting">>}]).

-spec all_targets_sync_although_one_is_dead([term()]) -> ok.
all_targets_sync_although_one_is_dead(Config) ->
    #{beams := [Beam | _], cnode := Cnode, alone := Alone} = lone(Config, 2, [test_host:vanishing_address()]),
    ok = test_cnode:call(Cnode, Beam, {await, 30000}),
    {0, _} = test_cnode:await_exit(test_cnode:start(Alone, #{basename => "once", args => ["--once" | all_args()]})),
    ok.

%% A departed target is kept while it is connected, but does not count for the initial sync.
-spec all_targets_sync_although_one_has_departed([term()]) -> ok.
all_targets_sync_although_one_has_departed(Config) ->
    #{hosts := [_, _, Gone] = Hosts, beams := [Beam, _, Departed], cnode := Cnode} = lone(Config, 3, []),
    ok = test_cluster:list(metadata(Config), Hosts -- [Gone]),
    _ = test_cnode:await(Cnode, "peer_departed"),
    ok = test_cluster:await_nodes(Departed, []),
    %% Once reconnected it has to sync, and may dial nobody.
    Dropped = os:perf_counter(microsecond),
    true = test_beam:call(Departed, erlang, disconnect_node, [test_cnode:name(Cnode)]),
    _ = test_cnode:await(Cnode, "target_connected", Dropped),
    ok = test_cnode:call(Cnode, Beam, {await, 30000}),
    ok = test_beam:kill(Departed),
    test_wait:equals("the departed one is no longer driven", 2, fun() -> length(targets(Cnode, Beam)) end),
    ok = test_cnode:call(Cnode, Beam, {await, 30000}).

%% One goes down when it has left already, the other was down before.
-spec all_targets_forget_a_departed_one_that_is_away([term()]) -> ok.
all_targets_forget_a_departed_one_that_is_away(Config) ->
    #{hosts := Hosts, beams := [Beam, Other, Departed], cnode := Cnode} =
        lone(Config, 3, [test_host:vanishing_address()]),
    ok = test_cluster:list(metadata(Config), lists:sublist(Hosts, 2)),
    test_wait:equals("the departed target that is connected is kept, the other one is not", names([Beam, Other, Departed]),
                     fun() -> targets(Cnode, Beam) end),
    ok = test_beam:kill(Departed),
    test_wait:equals("only those of the service are driven", names([Beam, Other]),
                     fun() -> targets(Cnode, Beam) end).

-spec with_all_targets_only_unconnected_peers_are_listed([term()]) -> ok.
with_all_targets_only_unconnected_peers_are_listed(Config) ->
    Dead = test_host:vanishing_address(),
    #{beams := [Beam | _] = Beams, cnode := Cnode} = lone(Config, 3, [Dead]),
    Targets = [test_beam:name(Each) || Each <- Beams],
    Wanted = lists:sort([{Target, list_to_atom("myapp@" ++ Dead)} || Target <- Targets]),
    test_wait:equals("each target lists only the dead peer", Wanted,
                     fun() -> lists:sort([{Target, Node} || #{target := Target, node := Node}
                                                                <- test_cnode:call(Cnode, Beam, peers),
                                                            lists:member(Target, Targets)])
                     end),
    ok = test_cnode:call(Cnode, Beam, {await, 30000}),
    #{targets := Listed} = test_cnode:call(Cnode, Beam, status),
    [2, 2, 2] = [Connected || #{node := Node, connected := Connected} <- Listed, lists:member(Node, Targets)],
    [{awaited, epmd}] = [{State, Stage} || #{node := Node, state := State, stage := Stage} <- Listed,
                                           not lists:member(Node, Targets)],
    ok.

%% The kernel accepts the connection, and nothing answers: that is not a refusal.
-spec a_suspended_beam_is_unresponsive([term()]) -> ok.
a_suspended_beam_is_unresponsive(Config) ->
    Hosts = [First | _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    [Beam, Other] = test_beam:start_all(Hosts),
    ok = test_beam:suspend(Beam),
    Cnode = test_cnode:start(First),
    _ = test_cnode:await(Cnode, "target_unresponsive"),
    #{targets := [#{state := unresponsive, reason := <<_, _/binary>>, stage := name}]} =
        test_cnode:call(Cnode, Other, status),
    ok = test_beam:resume(Beam),
    ok = test_cluster:await_mesh([Beam, Other]),
    %% Once it has ended, all that it has logged is there.
    ok = test_cnode:stop(Cnode),
    [] = test_cnode:events(Cnode, "target_refused"),
    ok.

-spec places_of_a_lost_node_are_free_again([term()]) -> ok.
places_of_a_lost_node_are_free_again(Config) ->
    {Cnode, First, Second, _Callers} = all_places_taken(Config),
    ok = test_beam:kill(Second),
    places_again(Cnode, First).

-spec places_of_callers_that_ended_are_free_again([term()]) -> ok.
places_of_callers_that_ended_are_free_again(Config) ->
    {Cnode, First, Second, Callers} = all_places_taken(Config),
    _ = [test_beam:call(Second, erlang, exit, [Caller, kill]) || Caller <- lists:sublist(Callers, 10)],
    ok = places_again(Cnode, First),
    %% The connection to those that ended is still there.
    true = lists:member(test_cnode:name(Cnode), test_beam:call(Second, erlang, nodes, [hidden])),
    ok.

%% A host that is not there: sometimes the kernel reports it, sometimes nothing answers.
-spec the_log_has_the_same_reason_as_status([term()]) -> ok.
the_log_has_the_same_reason_as_status(Config) ->
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
                                     end),
    [#{reason := Reason}] = test_cnode:call(Cnode, Beam, peers),
    ok = test_cnode:stop(Cnode),
    [#{fields := #{<<"msg">> := Reason}}] = test_cnode:events(Cnode, "peer_unreachable"),
    ok.

-spec the_log_shows_held_and_released_peers([term()]) -> ok.
the_log_shows_held_and_released_peers(Config) ->
    Hosts = [First, Second] = test_cluster:hosts(2),
    Stopped = #{address => test_host:address(Second), state => <<"stopped">>},
    ok = test_cluster:list(metadata(Config), [First, Stopped]),
    Beams = test_beam:start_all(Hosts),
    Cnode = test_cnode:start(First),
    Peer = atom_to_binary(test_host:node_name("myapp", Second)),
    #{level := <<"info">>, fields := #{<<"peer">> := Peer, <<"reason">> := <<"state is stopped">>}} =
        test_cnode:await(Cnode, "peer_held"),
    ok = test_cnode:call(Cnode, hd(Beams), {await, 30000}),
    [] = test_cnode:events(Cnode, "peer_released"),
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_mesh(Beams),
    ok = test_cnode:stop(Cnode),
    [#{fields := #{<<"peer">> := Peer}}] = test_cnode:events(Cnode, "peer_released"),
    [_] = test_cnode:events(Cnode, "peer_held"),
    ok.

%% -- inside a BEAM

%% Many processes that wait without a limit.
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

%% -- helpers

completes_the_initial_sync(Config, Containers) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    ok = metadata_server:list(metadata(Config), "Shop", "other", Containers),
    Beam = test_beam:start(Host),
    Args = ["--service", "stacks/shop/services/other"],
    Cnode = test_cnode:start(Host, #{args => Args}),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok = test_cnode:call(Cnode, Beam, {await, 30000}),
    {0, _} = test_cnode:await_exit(test_cnode:start(Host, #{basename => "once", args => ["--once" | Args]})),
    ok.

%% Some hosts with BEAMs, and one separate C-node with --targets all; the mesh is complete.
lone(Config, Count, More) ->
    test_cluster:lone(metadata(Config), Count, More, ["--removal-delay", "500"]).

%% The second BEAM's calls have all places of those that await the initial sync.
all_places_taken(Config) ->
    ok = metadata_server:misbehave(metadata(Config), not_found),
    [First, Second] = test_beam:start_all(test_cluster:hosts(2)),
    Cnode = test_cnode:start(test_beam:host(First)),
    _ = test_cnode:await(Cnode, "target_connected"),
    Callers = test_beam:call(Second, ?MODULE, await_many, [test_cnode:name(Cnode), 1024]),
    ok = await_answer("every place is taken", too_many_waiting, Cnode, First),
    {Cnode, First, Second, Callers}.

places_again(Cnode, Beam) ->
    await_answer("there are places again", timeout, Cnode, Beam).

await_answer(What, Error, Cnode, Beam) ->
    test_wait:equals(What, {error, Error}, fun() -> test_cnode:call(Cnode, Beam, {await, 1}) end).

names(Beams) ->
    lists:sort([test_beam:name(Beam) || Beam <- Beams]).

%% The targets of the C-node.
targets(Cnode, Beam) ->
    #{targets := Targets} = test_cnode:call(Cnode, Beam, status),
    lists:sort([Node || #{node := Node} <- Targets]).

all_args() ->
    ["--service", "stacks/shop/services/worker", "--targets", "all", "--removal-delay", "500"].
