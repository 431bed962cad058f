%% @private
%% One subscription to the events of a C-node: passes them on to the subscriber, and ends with it. Subscribes again when
%% the C-node has started again or its connection was lost, and goes on after the event that it passed on last.
%%
%% The C-node keeps a subscription as long as the monitor that it names: that ends with this process.
-module(rancher_cnode_subscription).
-behaviour(gen_server).

-export([start/4]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
-export_type([position/0]).

-define(CALL_MS, 5000).
-define(RETRY_MS, 1000).

%% The start of a C-node and the event after which events are wanted; {0, 0} for all that the C-node remembers.
-type position() :: new | {integer(), non_neg_integer()}.
-type state() :: #{cnode := node(), subscriber := pid(), position := position(), monitor := reference() | none}.

%% With `now' a C-node that refuses is an error. One that does not run is awaited in either case.
-spec start(node(), position(), pid(), now | once_connected) -> {ok, pid()} | {error, term()}.
start(CNode, Position, Subscriber, When) ->
    State = #{cnode => CNode, subscriber => Subscriber, position => Position, monitor => none},
    case gen_server:start(?MODULE, {When, State}, []) of
        {error, {shutdown, Reason}} -> {error, Reason};
        Started -> Started
    end.

-spec init({now | once_connected, state()}) -> {ok, state()} | {stop, {shutdown, term()}}.
init({When, #{subscriber := Subscriber} = State}) ->
    _ = monitor(process, Subscriber),
    ok = net_kernel:monitor_nodes(true, [{node_type, hidden}]),
    case When of
        once_connected ->
            self() ! subscribe,
            {ok, State};
        now ->
            case subscribe(State) of
                {error, noconnection} -> {ok, State};
                {error, {nodedown, _}} -> {ok, State};
                {error, Reason} -> {stop, {shutdown, Reason}};
                Subscribed -> {ok, Subscribed}
            end
    end.

-spec handle_call(term(), gen_server:from(), state()) -> {reply, term(), state()}.
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_request, Request}}, State}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(_Request, State) ->
    {noreply, State}.

-spec handle_info(term(), state()) -> {noreply, state()} | {stop, normal, state()}.
handle_info({rancher_cnode_event, Monitor, #{id := Id} = Event},
            #{monitor := Monitor, cnode := CNode, subscriber := Subscriber, position := {Instance, _}} = State) ->
    Subscriber ! {rancher_cnode_event, CNode, Event},
    {noreply, State#{position := {Instance, Id}}};
handle_info({nodeup, CNode, _Info}, #{cnode := CNode} = State) ->
    {noreply, renew(State)};
handle_info(subscribe, State) ->
    {noreply, renew(State)};
handle_info({'DOWN', Monitor, process, _CNode, _Reason}, #{monitor := Monitor} = State) ->
    {noreply, renew(State#{monitor := none})};
handle_info({'DOWN', _, process, Subscriber, _Reason}, #{subscriber := Subscriber} = State) ->
    {stop, normal, State};
handle_info(_Other, State) ->
    {noreply, State}.

%% The C-node connects by itself: until then it is not asked.
renew(#{monitor := none, cnode := CNode} = State) ->
    case lists:member(CNode, nodes(hidden)) andalso subscribe(State) of
        #{} = Subscribed ->
            Subscribed;
        false ->
            State;
        {error, _} ->
            _ = erlang:send_after(?RETRY_MS, self(), subscribe),
            State
    end;
renew(State) ->
    State.

subscribe(#{cnode := CNode, position := Position} = State) ->
    Monitor = monitor(process, {rancher_cnode, CNode}),
    try gen_server:call({rancher_cnode, CNode}, {subscribe, Monitor, Position}, ?CALL_MS) of
        {ok, Place} ->
            State#{monitor := Monitor, position := Place};
        {error, _} = Error ->
            true = demonitor(Monitor, [flush]),
            Error
    catch
        exit:{Reason, _} ->
            true = demonitor(Monitor, [flush]),
            {error, Reason}
    end.
