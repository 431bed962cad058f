%% A layer between rancher_cnode and the distribution: loaded into a BEAM under test, it calls net_kernel and erlang and
%% records its calls.
-module(layer).

-export([start/0, asked/0, connect/1, disconnect/1, nodes/0]).

%% To be called once, before the C-node starts.
-spec start() -> ok.
start() ->
    recorder:start(?MODULE).

%% The calls so far, each once.
-spec asked() -> [{connect | disconnect, node()} | nodes].
asked() ->
    lists:usort(recorder:kept(?MODULE)).

-spec connect(node()) -> boolean() | ignored.
connect(Node) ->
    ok = recorder:note(?MODULE, {connect, Node}),
    net_kernel:connect_node(Node).

-spec disconnect(node()) -> boolean() | ignored.
disconnect(Node) ->
    ok = recorder:note(?MODULE, {disconnect, Node}),
    erlang:disconnect_node(Node).

-spec nodes() -> [node()].
nodes() ->
    ok = recorder:note(?MODULE, nodes),
    erlang:nodes(connected).
