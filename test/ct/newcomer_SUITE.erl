%% A newcomer is dialled while a connected member cannot be looked up in its epmd: `global` would cut that member off.
-module(newcomer_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([it_waits_until_the_member_can_be_looked_up_and_nobody_loses_a_connection/1, it_waits_for_ten_seconds_at_most/1]).

%% What a probe has found counts for half a second.
-define(PROBED_MS, 1000).
%% Far more than it takes to dial a newcomer, and far less than its dial waits.
-define(NO_EPMD_MS, 2500).
-define(PATIENCE_US, 10000000).
-define(EARLY_US, 3000000).
-define(LATE_US, 20000000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [it_waits_until_the_member_can_be_looked_up_and_nobody_loses_a_connection, it_waits_for_ten_seconds_at_most].

-spec it_waits_until_the_member_can_be_looked_up_and_nobody_loses_a_connection([term()]) -> ok.
it_waits_until_the_member_can_be_looked_up_and_nobody_loses_a_connection(Config) ->
    {First, Members, Newcomer} = newcomer_without_members_epmd(Config),
    timer:sleep(?NO_EPMD_MS),
    [] = test_beam:visible_nodes(Newcomer),
    ok = test_host:start_epmd(First),
    ok = test_cluster:await_mesh([Newcomer | Members]),
    [] = test_cluster:lost_connections([Newcomer | Members]),
    ok.

-spec it_waits_for_ten_seconds_at_most([term()]) -> true.
it_waits_for_ten_seconds_at_most(Config) ->
    {_, [_ | Others], Newcomer} = newcomer_without_members_epmd(Config),
    Listed = os:perf_counter(microsecond),
    Names = [test_beam:name(Beam) || Beam <- Others],
    Connected = test_beam:connected_at(Newcomer, Names) - Listed,
    (Connected > ?PATIENCE_US - ?EARLY_US andalso Connected < ?PATIENCE_US + ?LATE_US)
        orelse error({connected_after_us, Connected}).

%% Three members of which the first has no epmd, and whose C-node cannot connect it to the newcomer itself.
newcomer_without_members_epmd(Config) ->
    #{hosts := [First | _] = Hosts, beams := Members, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 3),
    Host = test_host:add(),
    Newcomer = test_beam:start(Host),
    Own = test_cnode:start(Host),
    _ = test_cnode:await(Own, "target_connected"),
    ok = test_cnode:signal(Cnode, "STOP"),
    ok = test_host:stop_epmd(First),
    timer:sleep(?PROBED_MS),
    ok = test_cluster:list(metadata(Config), Hosts ++ [Host]),
    {First, Members, Newcomer}.
