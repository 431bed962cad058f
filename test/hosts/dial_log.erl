%% Runs inside a BEAM under test and remembers which nodes it was asked to connect, by whomever, and which it set out to
%% dial for whatever reason.
-module(dial_log).

-export([start/0, dialled/0]).

%% From now on, in processes old and new.
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
