%% Runs inside a BEAM under test and records the nodes that it was asked to connect, and those that it dialled for any
%% reason.
-module(dial_log).

-export([start/0, dialled/0]).

%% Starts recording, in existing and new processes.
-spec start() -> ok.
start() ->
    recorder:start(?MODULE,
                   fun() ->
                           _ = erlang:trace(all, true, [call]),
                           1 = erlang:trace_pattern({net_kernel, connect_node, 1}, true, [global]),
                           1 = erlang:trace_pattern({inet_tcp_dist, setup, 5}, true, [global])
                   end).

%% The nodes dialled so far, in order.
-spec dialled() -> [node()].
dialled() ->
    [Node || {trace, _, call, {_, _, [Node | _]}} <- recorder:kept(?MODULE)].
