%% @private
%% One topology: shares the program of its C-node with the others, waits for its initial sync, and passes the events of its
%% peers to telemetry.
%%
%% - The start blocks, so events and errors of the program are handled while waiting. It also blocks the supervisor, which
%%   can then neither restart a sibling nor stop: so only the first start of a topology waits, a restart does not.
%% - Only a bad setting, before the start has returned, ends this process; the end of the program does not.
%% - The C-node connects to this node when it is ready: nodeup is the signal to ask it, not a timer.
%% - While an application stops, application_controller waits for it and serves no requests: start and end must not call
%%   it, so state of the VM is kept in a persistent_term, not in an application variable.
-module(rancher_cnode_server).
-behaviour(gen_server).

-export([cnode/0, forget/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-type state() :: #{cnode := node(),
                   owner := pid(),
                   monitor := reference(),
                   await := rancher_cnode_program:await(),
                   topology := atom(),
                   log_level := logger:level(),
                   telemetry := rancher_cnode_telemetry:state()}.

%% The C-node that was started last and was not stopped.
-spec cnode() -> node() | undefined.
cnode() ->
    persistent_term:get({?MODULE, cnode}, undefined).

%% The C-node has been stopped. Another one may have been started after it.
-spec forget(node()) -> ok.
forget(CNode) ->
    _ = [persistent_term:erase({?MODULE, cnode}) || cnode() =:= CNode],
    ok.

-spec init(term()) -> {ok, state()} | {stop, rancher_cnode:error()}.
init(Settings) ->
    process_flag(trap_exit, true),
    case rancher_cnode_settings:launch(Settings, rancher_cnode_settings:facts()) of
        {ok, Launch} ->
            case rancher_cnode_functions:claim(Launch) of
                ok -> start(Settings, Launch);
                {error, Error} -> {stop, Error}
            end;
        {error, Error} ->
            {stop, Error}
    end.

-spec handle_call(term(), gen_server:from(), state()) -> {reply, term(), state()}.
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_request, Request}}, State}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(_Request, State) ->
    {noreply, State}.

-spec handle_info(term(), state()) -> {noreply, state()} | {stop, term(), state()}.
handle_info({rancher_cnode_event, CNode, Event}, #{cnode := CNode} = State) ->
    {noreply, event(Event, State)};
handle_info({nodedown, Node}, State) ->
    {noreply, node_down(Node, State)};
handle_info({'DOWN', Monitor, process, _Owner, Reason}, #{monitor := Monitor} = State) ->
    {stop, {program_owner_ended, Reason}, State};
handle_info(_Other, State) ->
    {noreply, State}.

-spec terminate(term(), state()) -> ok.
terminate(_Reason, #{owner := Owner}) ->
    rancher_cnode_program:leave(Owner).

%% -- start

start(Settings, #{cnode := CNode, topology := Topology, log_level := LogLevel, await_timeout := Timeout} = Launch) ->
    %% Before the program runs, so that its nodeup is not missed.
    ok = net_kernel:monitor_nodes(true),
    ok = net_kernel:monitor_nodes(true, [{node_type, hidden}]),
    Telemetry = rancher_cnode_telemetry:new(Topology, nodes()),
    case rancher_cnode_program:join(Settings, Launch) of
        {ok, Owner, Await} ->
            initial_sync(Timeout, #{cnode => CNode, owner => Owner, monitor => monitor(process, Owner), await => Await,
                                    topology => Topology, log_level => LogLevel, telemetry => Telemetry});
        {error, Error} ->
            {stop, Error}
    end.

initial_sync(Timeout, #{cnode := CNode} = State) ->
    case Timeout =:= 0 orelse persistent_term:get(waited_for(State), false) of
        true ->
            started(State);
        false ->
            Deadline = deadline(Timeout),
            Asked = case lists:member(CNode, nodes(hidden)) of
                        true -> ask(Deadline, State);
                        false -> none
                    end,
            await(Asked, Deadline, State)
    end.

%% Asked is the monitor of the process that asks the C-node, none while the C-node is not connected.
await(Asked, Deadline, #{cnode := CNode, monitor := Monitor} = State) ->
    receive
        {rancher_cnode_event, CNode, Event} ->
            await(Asked, Deadline, event(Event, State));
        {program_failed, Error} ->
            ok = terminate(Error, State),
            {stop, Error};
        {nodeup, CNode, _Info} when Asked =:= none ->
            await(ask(Deadline, State), Deadline, State);
        {initial_sync, ok} ->
            waited(State);
        {nodedown, Node} ->
            await(Asked, Deadline, node_down(Node, State));
        {'DOWN', Asked, process, _Pid, _ConnectionLost} ->
            await(none, Deadline, State);
        {'DOWN', Monitor, process, _Owner, Reason} ->
            {stop, {program_owner_ended, Reason}};
        {'EXIT', _Parent, Reason} ->
            ok = terminate(Reason, State),
            exit(Reason)
    after left(Deadline) ->
        ok = warn(<<"initial sync not done within await_timeout; continuing the start">>, State),
        waited(State)
    end.

%% Also after the timeout: the children after this one must not be delayed again.
waited(State) ->
    ok = persistent_term:put(waited_for(State), true),
    started(State).

waited_for(#{cnode := CNode, topology := Topology}) ->
    {?MODULE, waited_for, CNode, Topology}.

started(#{cnode := CNode, owner := Owner} = State) ->
    ok = net_kernel:monitor_nodes(false, [{node_type, hidden}]),
    ok = rancher_cnode_program:started(Owner),
    ok = persistent_term:put({?MODULE, cnode}, CNode),
    {ok, State}.

ask(Deadline, #{cnode := CNode, await := Await}) ->
    Self = self(),
    Request = case Await of
                  initial_sync -> {await, left(Deadline)};
                  Services -> {await, left(Deadline), Services}
              end,
    Call = fun() -> gen_server:call({rancher_cnode, CNode}, Request, infinity) end,
    {_Pid, Monitor} = spawn_monitor(fun() -> Self ! {initial_sync, Call()} end),
    Monitor.

deadline(infinity) -> infinity;
deadline(Timeout) -> now_ms() + Timeout.

left(infinity) -> infinity;
left(Deadline) -> max(0, Deadline - now_ms()).

now_ms() ->
    erlang:monotonic_time(millisecond).

%% -- events

event(Event, #{telemetry := Telemetry} = State) ->
    State#{telemetry := rancher_cnode_telemetry:observe(Event, Telemetry)}.

node_down(Node, #{telemetry := Telemetry} = State) ->
    State#{telemetry := rancher_cnode_telemetry:node_down(Node, Telemetry)}.

warn(Text, #{log_level := LogLevel}) ->
    rancher_cnode_log:write(#{level => warning, text => Text}, rancher_cnode_log:new(LogLevel)).
