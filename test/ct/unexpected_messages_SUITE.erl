%% Messages that a C-node gets because it looks like a BEAM: those of sys, and unexpected ones.
-module(unexpected_messages_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([system_messages_are_answered/1, a_flood_of_unexpected_messages_costs_neither_memory_nor_log_lines/1]).
%% Run inside a BEAM under test.
-export([flood/3]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [system_messages_are_answered, a_flood_of_unexpected_messages_costs_neither_memory_nor_log_lines].

-spec system_messages_are_answered([term()]) -> ok.
system_messages_are_answered(Config) ->
    #{beams := [Beam | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    Name = test_cnode:name(Cnode),
    Server = {rancher_cnode, Name},
    Sys = fun(Function, Args) -> test_beam:call(Beam, sys, Function, Args) end,
    #{node := Name, peers := [_]} = Sys(get_state, [Server]),
    {status, Pid, {module, rancher_cnode}, [[], running, Pid, [], #{node := Name, peers := [_]}]} =
        Sys(get_status, [Server]),
    Name = node(Pid),
    #{node := Name} = Sys(get_state, [Pid]),
    [{error, {unknown_system_msg, Request}} = Sys(Function, [Server | Args])
     || {Function, Args, Request} <- [{suspend, [], suspend}, {resume, [], resume},
                                      {change_code, [rancher_cnode, 1, []], {change_code, rancher_cnode, 1, []}},
                                      {terminate, [normal], {terminate, normal}},
                                      {trace, [true], {debug, {trace, true}}}]],
    {error, {unknown_system_msg, get_status}} = Sys(get_status, [{net_kernel, Name}]),
    {error, {unknown_request, longnames}} = test_beam:call(Beam, gen_server, call, [{net_kernel, Name}, longnames]),
    #{node := Name} = test_cnode:call(Cnode, Beam, status),
    ok.

-spec a_flood_of_unexpected_messages_costs_neither_memory_nor_log_lines([term()]) -> ok.
a_flood_of_unexpected_messages_costs_neither_memory_nor_log_lines(Config) ->
    #{beams := [Beam | _] = Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    {Messages, Bytes} = {60000, 1000},
    %% What the first of them cost is what any message costs.
    Flood = fun() -> test_beam:call(Beam, ?MODULE, flood, [test_cnode:name(Cnode), Messages, Bytes], 200000) end,
    Dropped = fun() -> #{counters := #{messages_dropped := N}} = test_cnode:call(Cnode, Beam, status), N end,
    ok = Flood(),
    Before = {test_cnode:resident_kib(Cnode), Dropped(), length(test_cnode:log(Cnode))},
    ok = Flood(),
    After = {test_cnode:resident_kib(Cnode), Dropped(), length(test_cnode:log(Cnode))},
    {{Kib, Count, Lines}, {KibAfter, CountAfter, Lines}} = {Before, After},
    {Messages, true} = {CountAfter - Count, KibAfter - Kib < 4096},
    [] = test_cluster:lost_connections(Beams),
    ok.

%% -- inside a BEAM

%% To its names, and to an unregistered one: each kind of message that is not understood.
%% Ordinary calls come between, so that the sender does not run ahead of the node.
-spec flood(node(), pos_integer(), pos_integer()) -> ok.
flood(Node, Messages, Bytes) ->
    Server = {rancher_cnode, Node},
    Filling = binary:copy(<<"x">>, Bytes),
    Kinds = [{Server, Filling}, {Server, {'$gen_cast', Filling}}, {Server, {'$gen_call', odd, Filling}},
             {{nobody_here, Node}, Filling}, {Server, {system, odd, Filling}},
             {{net_kernel, Node}, {'$gen_cast', Filling}}],
    [begin
         [To ! Message || {To, Message} <- Kinds],
         N rem 100 =:= 0 andalso gen_server:call(Server, version, 60000)
     end || N <- lists:seq(1, Messages div length(Kinds))],
    [{nobody_here, Node} ! rest || _ <- lists:seq(1, Messages rem length(Kinds))],
    <<_, _/binary>> = gen_server:call(Server, version, 60000),
    ok.
