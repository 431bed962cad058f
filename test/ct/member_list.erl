%% Runs inside a BEAM under test: the member lists that registries and rings make of the nodes they are connected to.
%%
%% swarm: the tracker of Swarm 3.4 starts from nodes(connected). Of nodes that come later it asks whether they run Swarm.
%% libring: a ring of libring 1.7 with its default `node_type: :all' starts from nodes(connected), and takes in every
%% node that comes later. Both skip names that their default blacklists match: those that begin with `remsh', and
%% for libring those that begin with `rem-', too.
-module(member_list).

-export([start/1, members/1]).
-export_type([kind/0]).

-type kind() :: swarm | libring.

-spec start(kind()) -> ok.
start(Kind) ->
    Starter = self(),
    Pid = spawn(fun() ->
                        true = register(Kind, self()),
                        ok = net_kernel:monitor_nodes(true, [{node_type, all}]),
                        Members = [node() | [Node || Node <- nodes(connected), not is_ignored(Kind, Node)]],
                        Starter ! {self(), started},
                        keep(Kind, Members)
                end),
    receive {Pid, started} -> ok end.

%% Sorted. Every change that came before the call is in it.
-spec members(kind()) -> [node()].
members(Kind) ->
    Request = make_ref(),
    Kind ! {members, self(), Request},
    receive {Request, Members} -> lists:usort(Members) end.

keep(Kind, Members) ->
    receive
        {nodeup, Node, _Info} ->
            case not is_ignored(Kind, Node) andalso takes_in(Kind, Node) of
                true -> keep(Kind, [Node | Members]);
                false -> keep(Kind, Members)
            end;
        {nodedown, Node, _Info} ->
            keep(Kind, lists:delete(Node, Members));
        {members, From, Request} ->
            From ! {Request, Members},
            keep(Kind, Members)
    end.

takes_in(libring, _Node) -> true;
takes_in(swarm, Node) -> is_list(rpc:call(Node, application, which_applications, [], 30000)).

is_ignored(Kind, Node) ->
    lists:any(fun(Begin) -> lists:prefix(Begin, atom_to_list(Node)) end, blacklist(Kind)).

blacklist(swarm) -> ["remsh"];
blacklist(libring) -> ["remsh", "rem-"].
