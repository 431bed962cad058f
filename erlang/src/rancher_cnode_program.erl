%% @private
%% Owns the program for all topologies of one C-node: runs it, restarts it when it ends, passes its events to logger
%% and to the topologies, and sets its services to those of the topologies.
%%
%% - The first topology starts this process, and the last one ends it. It is linked to none: each may stop or be killed
%%   alone. The topologies monitor it, and it monitors them.
%% - It is registered under the name of the C-node. An application that stops kills every process with its group leader,
%%   and another application may still have a topology: so this process has that of init.
%% - The program must not outlive this process. It ends when its standard input closes, which is this process's port:
%%   however the process or the VM ends, the port closes. The last topology to leave waits for its end, because a
%%   successor would find its name taken in epmd.
%% - The end of the program must not become the end of the application: a supervisor gives up after a few ends of a child.
%%   So the program is restarted here, with growing delays while it ends early.
%% - The services of the first topology are on the command line. Those of others are set by a request to the C-node, one
%%   topology at a time, so that a bad one is refused alone. Only what was accepted is on the command line of a restart.
%% - The functions of a topology are flags of the program: it is restarted when other ones are needed. Connections stay.
-module(rancher_cnode_program).
-behaviour(gen_server).

-export([join/2, started/1, leave/1, service_of/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
-export_type([await/0]).

-define(FIRST_DELAY_MS, 500).
-define(LAST_DELAY_MS, 60000).
%% A program that ran this long is restarted after the first delay.
-define(LASTED_MS, 60000).
-define(CALL_MS, 5000).
-define(RETRY_MS, 1000).

%% What a topology asks the C-node to wait for: that of a first one is on the command line.
-type await() :: initial_sync | [binary()].
%% Does not contain a launch: states are logged when a process ends, and the environment of the program contains the cookie.
-type state() :: #{cnode := node(),
                   topologies := [rancher_cnode_topologies:topology()],
                   basename := binary(),
                   roles := [rancher_cnode_functions:role()],
                   set := [binary()],
                   setting := none | {pid(), reference(), [binary()]},
                   peers := #{binary() => binary()},
                   started_at := integer(),
                   next_delay := pos_integer(),
                   run := rancher_cnode_port:state()}.

%% The calling process becomes a topology. The pid is to be monitored: the program ends with it.
-spec join(term(), rancher_cnode_settings:launch()) -> {ok, pid(), await()} | {error, rancher_cnode:error()}.
join(Settings, #{cnode := CNode} = Launch) ->
    Owner = case gen_server:start({local, CNode}, ?MODULE, {self(), Launch}, []) of
                {ok, Pid} -> Pid;
                {error, {already_started, Pid}} -> Pid
            end,
    try
        gen_server:call(Owner, {join, Settings, Launch}, infinity)
    catch
        %% The last topology has left it.
        exit:{Reason, _} when Reason =:= noproc; Reason =:= normal -> join(Settings, Launch)
    end.

%% The start of the calling topology has returned: from now on it gets no errors.
-spec started(pid()) -> ok.
started(Owner) ->
    gen_server:cast(Owner, {started, self()}).

%% The calling topology takes its services back. The last one waits for the end of the program.
-spec leave(pid()) -> ok.
leave(Owner) ->
    try
        gen_server:call(Owner, leave, infinity)
    catch
        exit:_ -> ok
    end.

%% The service on whose account a node is a peer of this C-node.
-spec service_of(node(), node()) -> binary() | undefined.
service_of(CNode, Node) ->
    try
        gen_server:call(CNode, {service_of, Node}, ?CALL_MS)
    catch
        exit:_ -> undefined
    end.

-spec init({pid(), rancher_cnode_settings:launch()}) -> {ok, state()}.
init({First, #{cnode := CNode, log_level := LogLevel, node_basename := Basename}}) ->
    %% For the port.
    process_flag(trap_exit, true),
    true = group_leader(whereis(init), self()),
    %% If it ends before it joins.
    _ = monitor(process, First),
    %% Before the program runs, so that its nodeup is not missed.
    ok = net_kernel:monitor_nodes(true, [{node_type, hidden}]),
    {ok, #{cnode => CNode, topologies => [], basename => Basename, roles => [], set => [], setting => none,
           peers => #{}, started_at => now_ms(), next_delay => ?FIRST_DELAY_MS, run => rancher_cnode_port:new(LogLevel)}}.

-spec handle_call(term(), gen_server:from(), state()) ->
          {reply, term(), state()} | {stop, normal, term(), state()}.
handle_call({join, Settings, #{node_basename := Basename} = Launch}, {Pid, _}, #{topologies := []} = State) ->
    First = State#{topologies := [topology(Pid, Settings, Launch, accepted)], basename := Basename},
    case run(Launch, First) of
        {ok, #{cnode := CNode} = Running} ->
            %% Also the events of before it was connected.
            {ok, _} = rancher_cnode_subscription:start(CNode, {0, 0}, self(), once_connected),
            {reply, {ok, self(), initial_sync}, Running};
        {error, _} = Error ->
            {stop, normal, Error, State}
    end;
handle_call({join, Settings, Launch}, {Pid, _}, #{topologies := [Lead | _] = Topologies, basename := Basename} = State) ->
    case differences(Lead, Launch) of
        [] ->
            Topology = topology(Pid, Settings, Launch, joining),
            Joined = State#{topologies := Topologies ++ [Topology]},
            {reply, {ok, self(), rancher_cnode_topologies:texts([Topology], Basename)}, adapt(Joined)};
        Names ->
            {reply, {error, not_shared(Names, Lead)}, State}
    end;
handle_call(leave, {Pid, _}, State) ->
    case remove(Pid, State) of
        #{topologies := []} = Last -> {stop, normal, ok, ended_by_last(Last)};
        Others -> {reply, ok, adapt(Others)}
    end;
handle_call({service_of, Node}, _From, #{peers := Peers} = State) ->
    {reply, maps:get(atom_to_binary(Node, utf8), Peers, undefined), State};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_request, Request}}, State}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast({started, Pid}, State) ->
    {noreply, change(Pid, #{starting => false}, State)};
handle_cast(_Request, State) ->
    {noreply, State}.

-spec handle_info(term(), state()) -> {noreply, state()} | {stop, normal, state()}.
handle_info({rancher_cnode_event, CNode, Event}, #{cnode := CNode, run := Run} = State) ->
    {noreply, pass_on(Event, State#{run := rancher_cnode_port:event(Event, Run)})};
handle_info(held_lines, #{run := Run} = State) ->
    {noreply, State#{run := rancher_cnode_port:write_held(Run)}};
handle_info({Port, {data, Data}}, #{run := #{port := Port} = Run} = State) ->
    {noreply, State#{run := rancher_cnode_port:data(Data, Run)}};
handle_info({Port, {exit_status, Status}}, #{run := #{port := Port} = Run} = State) ->
    {Error, Ended} = rancher_cnode_port:ended(Status, Run),
    {noreply, program_ended(Error, State#{run := Ended})};
handle_info({'EXIT', Port, Reason}, #{run := #{port := Port} = Run} = State) ->
    {Error, Closed} = rancher_cnode_port:closed(Reason, Run),
    {noreply, restart_later(Error, State#{run := Closed})};
handle_info(restart, #{run := #{port := none}} = State) ->
    {noreply, restart(State)};
handle_info({nodeup, CNode, _Info}, #{cnode := CNode} = State) ->
    {noreply, set_services(State)};
handle_info(set_services, State) ->
    {noreply, set_services(State)};
handle_info({services_set, Pid, Answer}, #{setting := {Pid, Monitor, Services}} = State) ->
    true = demonitor(Monitor, [flush]),
    {noreply, services_set(Answer, Services, State#{setting := none})};
%% The C-node has gone, or does not answer.
handle_info({'DOWN', Monitor, process, Pid, _Reason}, #{setting := {Pid, Monitor, _Services}} = State) ->
    _ = erlang:send_after(?RETRY_MS, self(), set_services),
    {noreply, State#{setting := none}};
handle_info({'DOWN', _Monitor, process, Pid, _Reason}, State) ->
    case remove(Pid, State) of
        #{topologies := []} = Last -> {stop, normal, ended_by_last(Last)};
        Others -> {noreply, adapt(Others)}
    end;
handle_info(_Other, State) ->
    {noreply, State}.

%% -- topologies

topology(Pid, Settings, Launch, State) ->
    rancher_cnode_topologies:new(Pid, monitor(process, Pid), Settings, Launch, State).

change(Pid, Changes, #{topologies := Topologies} = State) ->
    State#{topologies := rancher_cnode_topologies:change(Pid, Changes, Topologies)}.

remove(Pid, #{topologies := Topologies} = State) ->
    {Gone, Others} = rancher_cnode_topologies:remove(Pid, Topologies),
    _ = [demonitor(Monitor, [flush]) || #{monitor := Monitor} <- Gone],
    State#{topologies := Others}.

ended_by_last(#{cnode := CNode, run := Run} = State) ->
    Stopped = rancher_cnode_port:stop(Run),
    ok = rancher_cnode_server:forget(CNode),
    State#{run := Stopped}.

%% Settings of the program that are not those of the first topology. How often is polled is only a fallback.
differences(#{settings := Settings}, #{program := Program, plain := Plain}) ->
    case launch(Settings) of
        {ok, #{program := OtherProgram, plain := OtherPlain}} ->
            Flags = (Plain -- OtherPlain) ++ (OtherPlain -- Plain),
            Names = lists:usort([hd(binary:split(Flag, <<"=">>)) || Flag <- Flags]) -- [<<"--polling-interval">>],
            [<<"program">> || Program =/= OtherProgram] ++ Names;
        {error, _} ->
            []
    end.

not_shared(Names, #{name := Name}) ->
    {not_shared, text("~ts must be as in the topology ~ts, because both share one program; give it a basename of its own "
                      "where they must differ", [lists:join(<<", ">>, Names), Name])}.

launch(Settings) ->
    rancher_cnode_settings:launch(Settings, rancher_cnode_settings:facts()).

%% -- services and functions

adapt(#{run := Run, roles := Running, topologies := Topologies} = State) ->
    case {rancher_cnode_topologies:roles(Topologies), Run} of
        {Running, _} -> set_services(State);
        {_, #{port := none}} -> State;
        _ -> restart(State#{run := rancher_cnode_port:stop(Run)})
    end.

set_services(#{setting := none, cnode := CNode, set := Set, topologies := Topologies, basename := Basename} = State) ->
    %% Its services may be those of other topologies.
    Accepted = rancher_cnode_topologies:accept(Set, Topologies, Basename),
    Wanted = rancher_cnode_topologies:wanted(Accepted, Basename),
    case Wanted =/= Set andalso lists:member(CNode, nodes(hidden)) of
        true -> State#{topologies := Accepted, setting := request(Wanted, CNode)};
        false -> State#{topologies := Accepted}
    end;
set_services(State) ->
    State.

request(Services, CNode) ->
    Owner = self(),
    Call = fun() -> gen_server:call({rancher_cnode, CNode}, {set_services, Services}, ?CALL_MS) end,
    {Pid, Monitor} = spawn_monitor(fun() -> Owner ! {services_set, self(), Call()} end),
    {Pid, Monitor, Services}.

services_set(ok, Services, State) ->
    set_services(State#{set := Services});
services_set({error, Why}, Services, #{topologies := Topologies, basename := Basename} = State) ->
    Error = case Why of
                Text when is_binary(Text) -> {bad_setting, Text};
                _ -> {not_shared, <<"the program does not know the request for several topologies: it is too old">>}
            end,
    case rancher_cnode_topologies:joining(Services, Topologies, Basename) of
        [] ->
            ok = warn(element(2, Error), State),
            State;
        Refused ->
            Others = lists:foldl(fun(#{pid := Pid}, Each) -> change(Pid, #{state => refused}, Each) end, State, Refused),
            set_services(refuse(Error, Refused, Others))
    end.

%% Whose start has returned can only be warned.
refuse({_, Why} = Error, Topologies, State) ->
    _ = [Pid ! {program_failed, Error} || #{pid := Pid, starting := true} <- Topologies],
    _ = [ok = warn(text("~ts: ~ts", [Name, Why]), State) || #{name := Name, starting := false} <- Topologies],
    State.

%% -- the program

run(#{program := Program} = Launch, #{basename := Basename, run := Run, topologies := Topologies} = State) ->
    Services = rancher_cnode_topologies:accepted(Topologies, Basename),
    Roles = rancher_cnode_topologies:roles(Topologies),
    {Args, Env} = rancher_cnode_settings:command(Launch, Basename, Services, Roles),
    case rancher_cnode_port:run(Program, Args, Env, Run) of
        {ok, Running} ->
            {ok, State#{run := Running, set := Services, setting := none, roles := Roles, started_at := now_ms()}};
        {error, _} = Error -> Error
    end.

%% A bad setting is an error of the starts that wait; nobody else needs to hear of it then.
program_ended({bad_setting, _} = Error, #{topologies := Topologies} = State) ->
    case [Topology || #{starting := true, state := accepted} = Topology <- Topologies] of
        [] -> restart_later(Error, State);
        Starting -> restart_in(?FIRST_DELAY_MS, refuse(Error, Starting, State))
    end;
program_ended(Error, State) ->
    restart_later(Error, State).

restart_later({_Word, Why}, #{started_at := StartedAt, next_delay := NextDelay} = State) ->
    Delay = case now_ms() - StartedAt of
                Lasted when Lasted >= ?LASTED_MS -> ?FIRST_DELAY_MS;
                _ -> NextDelay
            end,
    ok = warn(text("~ts; restarting in ~b ms", [Why, Delay]), State),
    restart_in(Delay, State).

restart_in(Delay, State) ->
    _ = erlang:send_after(Delay, self(), restart),
    State#{next_delay := min(2 * Delay, ?LAST_DELAY_MS)}.

%% The node's cookie and the path of the program may have changed.
restart(#{topologies := [#{settings := Settings} | _]} = State) ->
    Started = case launch(Settings) of
                  {ok, Launch} -> run(Launch, State);
                  {error, _} = Bad -> Bad
              end,
    case Started of
        {ok, Running} -> Running;
        {error, Error} -> restart_later(Error, State#{started_at := now_ms()})
    end.

%% -- events

%% An event about a peer goes to the topologies that have its service.
pass_on(#{fields := #{peer := Peer}} = Event, #{cnode := CNode, topologies := Topologies, basename := Basename} = State) ->
    #{peers := Peers} = Noted = note(Event, State),
    Service = maps:get(Peer, Peers, unknown),
    _ = [Pid ! {rancher_cnode_event, CNode, Event}
         || #{pid := Pid} = Topology <- Topologies,
            rancher_cnode_topologies:has(Service, Topology, Topologies, Basename)],
    forget_peer(Event, Noted);
pass_on(_Event, State) ->
    State.

note(#{event := peer_listed, fields := #{peer := Peer, service := Service}}, #{peers := Peers} = State) ->
    State#{peers := Peers#{Peer => Service}};
note(_Event, State) ->
    State.

forget_peer(#{event := peer_forgotten, fields := #{peer := Peer}}, #{peers := Peers} = State) ->
    State#{peers := maps:remove(Peer, Peers)};
forget_peer(_Event, State) ->
    State.

warn(Text, #{run := Run}) ->
    rancher_cnode_port:warn(Text, Run).

now_ms() ->
    erlang:monotonic_time(millisecond).

text(Format, Values) ->
    unicode:characters_to_binary(io_lib:format(Format, Values)).
