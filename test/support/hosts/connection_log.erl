%% Runs inside each BEAM under test and records when connections were made and lost. Times are os:perf_counter/1 in
%% microseconds, which all BEAMs of one machine share, so that figures of several BEAMs can be compared.
-module(connection_log).

-export([start/0, events/0, connected_at/2]).
-export_type([event/0]).

-type event() :: #{at := integer(), what := booted | up | down, node := node(), type => visible | hidden,
                   reason => term()}.

%% Called by `erl -run connection_log` at boot. Existing connections count as made now.
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

%% When the last of Nodes was connected, waiting up to Timeout (ms) for it; the missing ones if that is too short.
-spec connected_at([node()], timeout()) -> {ok, integer()} | {missing, [node()]}.
connected_at(Nodes, Timeout) ->
    Request = make_ref(),
    ?MODULE ! {connected_at, self(), Request, Nodes},
    receive
        {Request, At} -> {ok, At}
    after Timeout ->
        {missing, Nodes -- nodes(connected)}
    end.

init(Starter) ->
    ok = net_kernel:monitor_nodes(true, [{node_type, all}, nodedown_reason]),
    %% From now on it answers.
    register(?MODULE, self()),
    Booted = #{at => now_us(), what => booted, node => node()},
    Hidden = nodes(hidden),
    Present = [#{at => now_us(), what => up, node => Node, type => type(Node, Hidden)} || Node <- nodes(connected)],
    Starter ! {self(), ready},
    loop(#{events => lists:reverse([Booted | Present]), waiting => []}).

loop(#{events := Events, waiting := Waiting} = State) ->
    receive
        {nodeup, Node, Info} ->
            Up = #{at => now_us(), what => up, node => Node, type => proplists:get_value(node_type, Info, visible)},
            loop(answer(State#{events := [Up | Events]}));
        {nodedown, Node, Info} ->
            Down = #{at => now_us(), what => down, node => Node, type => proplists:get_value(node_type, Info, visible),
                     reason => proplists:get_value(nodedown_reason, Info, unknown)},
            loop(State#{events := [Down | Events]});
        {events, From, Request} ->
            From ! {Request, lists:reverse(Events)},
            loop(State);
        {connected_at, From, Request, Nodes} ->
            loop(answer(State#{waiting := [{From, Request, Nodes} | Waiting]}))
    end.

answer(#{events := Events, waiting := Waiting} = State) ->
    Up = maps:from_list(lists:foldr(fun connected/2, [], Events)),
    {Answered, Waits} = lists:partition(fun({_, _, Nodes}) -> lists:all(fun(N) -> is_map_key(N, Up) end, Nodes) end,
                                        Waiting),
    [From ! {Request, lists:max([0 | [map_get(Node, Up) || Node <- Nodes]])} || {From, Request, Nodes} <- Answered],
    State#{waiting := Waits}.

connected(#{what := up, node := Node, at := At}, Nodes) -> lists:keystore(Node, 1, Nodes, {Node, At});
connected(#{what := down, node := Node}, Nodes) -> lists:keydelete(Node, 1, Nodes);
connected(#{what := booted}, Nodes) -> Nodes.

type(Node, Hidden) ->
    case lists:member(Node, Hidden) of
        true -> hidden;
        false -> visible
    end.

now_us() ->
    os:perf_counter(microsecond).
