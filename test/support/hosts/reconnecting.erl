%% An application that connects to every visible node again that it loses, as Swarm and RabbitMQ do: loaded into a BEAM
%% under test.
-module(reconnecting).

-export([start/0]).

-spec start() -> ok.
start() ->
    Starter = self(),
    Pid = spawn(fun() ->
                        ok = net_kernel:monitor_nodes(true),
                        Starter ! {self(), ready},
                        loop()
                end),
    receive
        {Pid, ready} -> ok
    end.

loop() ->
    receive
        {nodedown, Node} ->
            _ = net_kernel:connect_node(Node),
            loop();
        {nodeup, _} ->
            loop()
    end.
