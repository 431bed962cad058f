%% A layer between rancher_cnode and the distribution: loaded into a BEAM under test, it calls net_kernel and erlang and
%% records its calls.
-module(layer).

-export([start/0, asked/0, connect/1, disconnect/1, nodes/0]).

%% To be called once, before the C-node starts.
-spec start() -> ok.
start() ->
    Starter = self(),
    Pid = spawn(fun() ->
                        register(?MODULE, self()),
                        Starter ! {self(), ready},
                        loop([])
                end),
    receive
        {Pid, ready} -> ok
    end.

%% The calls so far, each once.
-spec asked() -> [{connect | disconnect, node()} | nodes].
asked() ->
    Request = make_ref(),
    ?MODULE ! {asked, self(), Request},
    receive
        {Request, Asked} -> Asked
    end.

-spec connect(node()) -> boolean() | ignored.
connect(Node) ->
    ?MODULE ! {note, {connect, Node}},
    net_kernel:connect_node(Node).

-spec disconnect(node()) -> boolean() | ignored.
disconnect(Node) ->
    ?MODULE ! {note, {disconnect, Node}},
    erlang:disconnect_node(Node).

-spec nodes() -> [node()].
nodes() ->
    ?MODULE ! {note, nodes},
    erlang:nodes(connected).

loop(Asked) ->
    receive
        {note, What} ->
            loop(lists:usort([What | Asked]));
        {asked, From, Request} ->
            From ! {Request, Asked},
            loop(Asked)
    end.
