%% Runs inside each BEAM under test and remembers when links came and went. Times are os:perf_counter/1 in
%% microseconds, which all BEAMs of one machine share, so that figures of several BEAMs can be compared.
-module(link_log).

-export([start/0, events/0, linked_at/2]).
-export_type([event/0]).

-type event() :: #{at := integer(), what := booted | up | down, node := node(), type => visible | hidden,
                   reason => term()}.

%% Called by `erl -run link_log` at boot. Links that exist already count as coming now.
-spec start() -> ok.
start() ->
    Starter = self(),
    Pid = spawn(fun() -> init(Starter) end),
    receive
        {Pid, ready} -> ok
    end.

%% All events since boot, oldest first.
-spec events() -> [event()].
events() ->
    Request = make_ref(),
    ?MODULE ! {events, self(), Request},
    receive
        {Request, Events} -> Events
    end.

%% When the last of Nodes was linked, waiting up to Timeout (ms) for it; the missing ones if that is too short.
-spec linked_at([node()], timeout()) -> {ok, integer()} | {missing, [node()]}.
linked_at(Nodes, Timeout) ->
    Request = make_ref(),
    ?MODULE ! {linked_at, self(), Request, Nodes},
    receive
        {Request, At} -> {ok, At}
    after Timeout ->
        {missing, Nodes -- nodes(connected)}
    end.

init(Starter) ->
    register(?MODULE, self()),
    ok = net_kernel:monitor_nodes(true, #{node_type => all, nodedown_reason => true}),
    Booted = #{at => now_us(), what => booted, node => node()},
    Hidden = nodes(hidden),
    Present = [#{at => now_us(), what => up, node => Node, type => type(Node, Hidden)} || Node <- nodes(connected)],
    Starter ! {self(), ready},
    loop(#{events => lists:reverse([Booted | Present]), waiting => []}).

loop(#{events := Events, waiting := Waiting} = State) ->
    receive
        {nodeup, Node, Info} ->
            Up = #{at => now_us(), what => up, node => Node, type => maps:get(node_type, Info, visible)},
            loop(answer(State#{events := [Up | Events]}));
        {nodedown, Node, Info} ->
            Down = #{at => now_us(), what => down, node => Node, type => maps:get(node_type, Info, visible),
                     reason => maps:get(nodedown_reason, Info, unknown)},
            loop(State#{events := [Down | Events]});
        {events, From, Request} ->
            From ! {Request, lists:reverse(Events)},
            loop(State);
        {linked_at, From, Request, Nodes} ->
            loop(answer(State#{waiting := [{From, Request, Nodes} | Waiting]}))
    end.

answer(#{events := Events, waiting := Waiting} = State) ->
    Up = maps:from_list(lists:foldr(fun linked/2, [], Events)),
    {Answered, Waits} = lists:partition(fun({_, _, Nodes}) -> lists:all(fun(N) -> is_map_key(N, Up) end, Nodes) end,
                                        Waiting),
    [From ! {Request, lists:max([0 | [map_get(Node, Up) || Node <- Nodes]])} || {From, Request, Nodes} <- Answered],
    State#{waiting := Waits}.

linked(#{what := up, node := Node, at := At}, Links) -> lists:keystore(Node, 1, Links, {Node, At});
linked(#{what := down, node := Node}, Links) -> lists:keydelete(Node, 1, Links);
linked(#{what := booted}, Links) -> Links.

type(Node, Hidden) ->
    case lists:member(Node, Hidden) of
        true -> hidden;
        false -> visible
    end.

now_us() ->
    os:perf_counter(microsecond).
