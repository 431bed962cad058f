%% Calls to all connected nodes including the C-node, and which of them wait for a C-node that hangs.
-module(hanging_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([calls_to_all_connected_nodes_do_not_wait_for_it/1, a_c_node_that_hangs_ends_and_releases_its_callers/1]).

%% More than six ticks of 5 s, and a busy machine.
-define(STALL_MS, 120000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [calls_to_all_connected_nodes_do_not_wait_for_it, a_c_node_that_hangs_ends_and_releases_its_callers].

-spec calls_to_all_connected_nodes_do_not_wait_for_it([term()]) -> ok.
calls_to_all_connected_nodes_do_not_wait_for_it(Config) ->
    #{beams := [Beam, Other], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    Name = test_cnode:name(Cnode),
    Nodes = [test_beam:name(Beam), test_beam:name(Other), Name],
    %% Each in the BEAM, where a busy machine matters less; a call that waits for the C-node would take at least 5 s.
    Timed = fun(Module, Function, Args) ->
                    {Us, Result} = test_beam:call(Beam, timer, tc, [Module, Function, Args]),
                    Us < 4000000 orelse error({took_us, Us, {Module, Function}}),
                    Result
            end,
    pong = Timed(net_adm, ping, [Name]),
    true = Timed(global, set_lock, [{a_lock, self()}, Nodes, 0]),
    true = Timed(global, del_lock, [{a_lock, self()}, Nodes]),
    {[_, _], [Name]} = Timed(gen_server, multi_call, [Nodes, kernel_sup, which_children]),
    abcast = Timed(gen_server, abcast, [Nodes, nobody_here, hello]),
    [_, _, {badrpc, notsup}] = element(1, Timed(rpc, multicall, [Nodes, erlang, node, []])),
    [{error, {erpc, notsup}}] = Timed(erpc, multicall, [[Name], erlang, node, []]),
    [] = [Event || Event = #{what := down} <- test_beam:events(Beam)],
    ok.

%% Only its main thread is stopped: the other threads run, and its host acknowledges packets.
-spec a_c_node_that_hangs_ends_and_releases_its_callers([term()]) -> ok.
a_c_node_that_hangs_ends_and_releases_its_callers(Config) ->
    #{beams := [Beam | _] = Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    _ = test_cnode:await(Cnode, "cluster_completed"),
    Holder = hold(test_cnode:os_pid(Cnode)),
    Lines = length(test_cnode:log(Cnode)),
    pang = test_beam:call(Beam, net_adm, ping, [test_cnode:name(Cnode)], ?STALL_MS),
    {1, _} = test_cnode:await_exit(Cnode),
    [#{level := <<"error">>, event := <<"loop_stalled">>}] = lists:nthtail(Lines, test_cnode:log(Cnode)),
    true = receive {Holder, {exit_status, 0}} -> true after 60000 -> false end,
    [] = test_cluster:lost_connections(Beams),
    ok.

%% -- helpers

hold(OsPid) ->
    Script = filename:join([release_build:root(), "test", "ct", "hold_thread.py"]),
    Port = open_port({spawn_executable, "/usr/bin/python3"}, [{args, [Script, integer_to_list(OsPid)]}, {line, 80},
                                                              exit_status, hide]),
    receive {Port, {data, {eol, "held"}}} -> Port after 60000 -> error(not_held) end.
