%% Runs inside a BEAM under test and records the nodes that it was asked to connect, and those that it dialled for any
%% reason.
-module(dial_log).

-export([start/0, dialled/0]).

%% Starts recording, in existing and new processes.
-spec start() -> ok.
start() ->
    Starter = self(),
    Pid = spawn(fun() ->
                        register(?MODULE, self()),
                        _ = erlang:trace(all, true, [call]),
                        1 = erlang:trace_pattern({net_kernel, connect_node, 1}, true, [global]),
                        1 = erlang:trace_pattern({inet_tcp_dist, setup, 5}, true, [global]),
                        Starter ! {self(), ready},
                        loop([])
                end),
    receive
        {Pid, ready} -> ok
    end.

%% The nodes dialled so far, in order.
-spec dialled() -> [node()].
dialled() ->
    Request = make_ref(),
    ?MODULE ! {dialled, self(), Request},
    receive
        {Request, Nodes} -> Nodes
    end.

loop(Nodes) ->
    receive
        {trace, _, call, {net_kernel, connect_node, [Node]}} ->
            loop([Node | Nodes]);
        {trace, _, call, {inet_tcp_dist, setup, [Node | _]}} ->
            loop([Node | Nodes]);
        {dialled, From, Request} ->
            From ! {Request, lists:reverse(Nodes)},
            loop(Nodes)
    end.
