%% A stand-in for the Rancher metadata service: answers each caller, by source address, as the real one would, with
%% versions that change at every reload and the long-poll of the real one. It can be made to misbehave. The world that
%% it serves is metadata_world's; metadata_connection speaks HTTP.
-module(metadata_server).
-behaviour(gen_server).

-export([start/0, start/2, stop/1]).
-export([reload/1, reload/2, list/4, list/5, misbehave/2, reset/1]).
-export([url/1, requests/1, requests/2, version/1, waiting/1, due/1]).
-export([answer/2, mode/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export_type([server/0, mode/0, request/0, answer/0]).

-type server() :: pid().
%% refuse: no listener, and open connections end without a byte. hang: connections are accepted and never answered.
%% hang_after_headers, {drip, Bytes per second}, truncated: the answer never arrives, arrives slowly, is cut off.
%% half_json: a whole answer with half a document. half_joined: the caller's container is known, its service is not.
%% empty_list, null_list: services have lost their containers. unloaded: 404, without data.
%% ignore_wait: waits are answered at once, as by servers before v0.6.2. {address_of_before, Address}: callers get this
%% for their own address, as after a restart of their container.
-type mode() :: normal | refuse | hang | hang_after_headers | {drip, pos_integer()} | truncated | half_json |
                not_found | server_error | garbage | html | empty | half_joined | empty_list |
                null_list | unloaded | ignore_wait | {address_of_before, string()}.
-type request() :: #{source := string(), api := binary(), path := metadata_world:path(),
                     query := #{binary() => binary()}, form := json | text, at => integer(), mode => mode()}.
-type answer() :: {200 | 404, iodata()}.

-define(DEFAULT_WAIT_S, 60).
-define(LONGEST_WAIT_S, 120).
%% The real server notices that a wait has expired only at this tick.
-define(EXPIRY_TICK_MS, 5000).

%% On the addresses of the sandbox that rancher-metadata resolves to.
-spec start() -> server().
start() ->
    start({0, 0, 0, 0}, 80).

%% Port 0 takes any free one. Nothing is loaded yet: 404 to everything, until the first reload. Runs until stop/1, not
%% linked to the caller.
-spec start(inet:ip4_address(), inet:port_number()) -> server().
start(Ip, Port) ->
    {ok, Server} = gen_server:start(?MODULE, {Ip, Port}, []),
    Server.

-spec stop(server()) -> ok.
stop(Server) ->
    gen_server:stop(Server).

%% Loads the same once more, under a new version.
-spec reload(server()) -> ok.
reload(Server) ->
    reload(Server, fun(World) -> World end).

%% Loads the world changed by Change, under a new version, whether or not anything changed.
-spec reload(server(), fun((metadata_world:world()) -> metadata_world:world())) -> ok.
reload(Server, Change) ->
    gen_server:call(Server, {reload, Change}, infinity).

%% A service has exactly these containers from now on.
-spec list(server(), string(), string(), [metadata_world:spec()] | null) -> ok.
list(Server, Stack, Name, Specs) ->
    list(Server, Stack, Name, Specs, #{}).

-spec list(server(), string(), string(), [metadata_world:spec()] | null, #{atom() => term()}) -> ok.
list(Server, Stack, Name, Specs, Options) ->
    reload(Server, fun(World) -> metadata_world:list(World, Stack, Name, Specs, Options) end).

%% Until the next call. Open connections are closed at once, so that every client is affected.
-spec misbehave(server(), mode()) -> ok.
misbehave(Server, Mode) ->
    gen_server:call(Server, {mode, Mode}, infinity).

%% An empty, well-behaved server without a past: for the start of a case.
-spec reset(server()) -> ok.
reset(Server) ->
    gen_server:call(Server, reset, infinity).

%% The base URL for the test hosts.
-spec url(server()) -> string().
url(Server) ->
    "http://169.254.169.250:" ++ integer_to_list(gen_server:call(Server, port, infinity)).

%% The requests since start or reset, oldest first.
-spec requests(server()) -> [request()].
requests(Server) ->
    gen_server:call(Server, requests, infinity).

%% Those of one caller.
-spec requests(server(), string()) -> [request()].
requests(Server, Address) ->
    [Request || #{source := Source} = Request <- requests(Server), Source =:= Address].

-spec version(server()) -> binary() | none.
version(Server) ->
    gen_server:call(Server, version, infinity).

%% The callers that wait for another version at this moment.
-spec waiting(server()) -> [string()].
waiting(Server) ->
    gen_server:call(Server, waiting, infinity).

%% In how many milliseconds each wait expires at the earliest; the tick that notices it comes later.
-spec due(server()) -> [{string(), integer()}].
due(Server) ->
    gen_server:call(Server, due, infinity).

%% -- for metadata_connection

-spec answer(server(), request()) -> {mode(), answer()}.
answer(Server, Request) ->
    gen_server:call(Server, {answer, Request}, infinity).

-spec mode(server()) -> mode().
mode(Server) ->
    gen_server:call(Server, mode, infinity).

%% -- gen_server

init({Ip, Port}) ->
    process_flag(trap_exit, true),
    {ok, _} = timer:send_interval(?EXPIRY_TICK_MS, expire),
    {ok, listen(empty(#{ip => Ip, port => Port, listener => none}))}.

handle_call({reload, Change}, _From, #{world := World} = State) ->
    {reply, ok, wake(loaded(Change(World), State))};
handle_call({mode, Mode}, _From, State) ->
    {reply, ok, listen(disconnect(State#{mode := Mode}))};
handle_call(reset, _From, State) ->
    {reply, ok, listen(empty(disconnect(State)))};
handle_call(requests, _From, #{requests := Requests} = State) ->
    {reply, lists:reverse(Requests), State};
handle_call(port, _From, #{port := Port} = State) ->
    {reply, Port, State};
handle_call(version, _From, #{version := Version} = State) ->
    {reply, Version, State};
handle_call(waiting, _From, #{waiters := Waiters} = State) ->
    {reply, [Source || #{request := #{source := Source}} <- Waiters], State};
handle_call(due, _From, #{waiters := Waiters} = State) ->
    Now = erlang:monotonic_time(millisecond),
    Due = [{Source, Deadline - Now} || #{request := #{source := Source}, deadline := Deadline} <- Waiters],
    {reply, Due, State};
handle_call(mode, _From, #{mode := Mode} = State) ->
    {reply, Mode, State};
handle_call({answer, Request}, From, #{mode := Mode, requests := Requests} = State) ->
    Noted = Request#{at => os:perf_counter(microsecond), mode => Mode},
    serve(Request, From, State#{requests := [Noted | Requests]}).

handle_cast({connected, Connection}, #{connections := Connections} = State) ->
    {noreply, State#{connections := [Connection | Connections]}}.

handle_info(expire, #{waiters := Waiters} = State) ->
    Now = erlang:monotonic_time(millisecond),
    {Expired, Waiting} = lists:partition(fun(#{deadline := Deadline}) -> Deadline =< Now end, Waiters),
    {noreply, reply_all(Expired, State#{waiters := Waiting})};
handle_info({'EXIT', Pid, _}, #{connections := Connections} = State) ->
    {noreply, State#{connections := lists:delete(Pid, Connections)}}.

terminate(_Reason, State) ->
    disconnect(State).

%% -- answers

serve(Request, From, #{mode := Mode, waiters := Waiters} = State) ->
    case must_wait(Request, State) of
        true ->
            Deadline = erlang:monotonic_time(millisecond) + 1000 * wait_seconds(Request),
            Waiter = #{from => From, deadline => Deadline, request => Request, stuck => nothing_loaded(State)},
            {noreply, State#{waiters := [Waiter | Waiters]}};
        false ->
            Answer = body(Request, State),
            {reply, {Mode, Answer}, remember(Request, Answer, State)}
    end.

%% Only the bare version can equal what the caller has: a map never does, and is answered at once. While nothing is
%% loaded, every value waits.
must_wait(_Request, #{mode := ignore_wait}) ->
    false;
must_wait(#{path := [<<"version">>], query := #{<<"wait">> := <<"true">>} = Query}, #{version := Version} = State) ->
    nothing_loaded(State) orelse maps:get(<<"value">>, Query, <<>>) =:= Version;
must_wait(_Request, _State) ->
    false.

nothing_loaded(#{mode := Mode, version := Version}) ->
    Mode =:= unloaded orelse Version =:= none.

body(#{form := Form} = Request, State) ->
    case nothing_loaded(State) of
        true -> not_found(Form);
        false -> loaded_body(Request, State)
    end.

loaded_body(#{path := [<<"version">>], form := Form}, #{version := Version}) ->
    {200, encode(Form, Version)};
loaded_body(Request, #{bodies := Bodies} = State) ->
    case Bodies of
        #{Request := Known} -> Known;
        #{} -> fresh_body(Request, State)
    end.

fresh_body(#{source := Source, api := Api, path := Path, form := Form}, State) ->
    #{mode := Mode, world := World, token_for := TokenFor} = State,
    case find(Mode, World, Api, Path, Source, TokenFor) of
        {ok, Value} -> {200, encode(Form, Value)};
        not_found -> not_found(Form)
    end.

find(half_joined, _World, _Api, [<<"self">>, What | _], _Source, _TokenFor)
  when What =:= <<"service">>; What =:= <<"stack">> ->
    not_found;
find({address_of_before, Address}, _World, _Api, [<<"self">>, <<"container">>, <<"primary_ip">>], _Source, _TokenFor) ->
    {ok, list_to_binary(Address)};
find(Mode, World, Api, Path, Source, TokenFor) ->
    case metadata_world:find(World, Api, Path, Source, TokenFor) of
        {ok, #{<<"containers">> := Containers} = Service} ->
            {ok, Service#{<<"containers">> := containers(Mode, Containers)}};
        Other ->
            Other
    end.

containers(half_joined, _) -> null;
containers(null_list, _) -> null;
containers(empty_list, _) -> [];
containers(_Mode, Containers) -> Containers.

encode(json, Value) -> iolist_to_binary(metadata_json:encode(Value));
encode(text, Value) -> iolist_to_binary(metadata_json:text(Value)).

not_found(json) -> {404, <<"{\"code\":404,\"message\":\"Not found\",\"type\":\"error\"}\n">>};
not_found(text) -> {404, <<"Not found\n">>}.

%% services/<name> is drawn anew at every request; all else stays until the next reload.
remember(#{path := [<<"services">> | _]}, _Answer, State) -> State;
remember(#{path := [<<"version">>]}, _Answer, State) -> State;
remember(Request, Answer, #{bodies := Bodies} = State) -> State#{bodies := Bodies#{Request => Answer}}.

wait_seconds(#{query := Query}) ->
    case binary_to_integer(maps:get(<<"maxWait">>, Query, <<"0">>)) of
        0 -> ?DEFAULT_WAIT_S;
        Seconds -> min(Seconds, ?LONGEST_WAIT_S)
    end.

%% -- state

empty(State) ->
    maps:merge(#{connections => []},
               State#{world => metadata_world:new(), version => none, token_for => null, mode => normal, bodies => #{},
                      requests => [], waiters => []}).

loaded(World, State) ->
    Containers = metadata_world:containers(World),
    TokenFor = case Containers of
                   [] -> null;
                   _ -> map_get(<<"uuid">>, lists:nth(rand:uniform(length(Containers)), Containers))
               end,
    State#{world := World, version := random_uuid(), token_for := TokenFor, bodies := #{}}.

%% A wait that began while nothing was loaded is not woken by a load: it is stuck until it expires.
wake(#{waiters := Waiters} = State) ->
    {Stuck, Woken} = lists:partition(fun(#{stuck := IsStuck}) -> IsStuck end, Waiters),
    reply_all(Woken, State#{waiters := Stuck}).

reply_all(Waiters, #{mode := Mode} = State) ->
    [gen_server:reply(From, {Mode, waited(Waiter, State)}) || #{from := From} = Waiter <- Waiters],
    State.

waited(#{stuck := true, request := #{form := Form}}, _State) -> not_found(Form);
waited(#{request := Request}, State) -> body(Request, State).

disconnect(#{connections := Connections} = State) ->
    [exit(Connection, kill) || Connection <- Connections],
    State#{connections := [], waiters := [], bodies := #{}}.

listen(#{mode := refuse, listener := none} = State) ->
    State;
listen(#{mode := refuse, listener := Listener} = State) ->
    ok = gen_tcp:close(Listener),
    State#{listener := none};
listen(#{listener := none, ip := Ip, port := Port} = State) ->
    {ok, Listener} = gen_tcp:listen(Port, [binary, {ip, Ip}, {packet, http_bin}, {active, false}, {reuseaddr, true},
                                           {backlog, 1024}, {nodelay, true}, {send_timeout, 10000}]),
    Server = self(),
    _ = spawn_link(fun() -> metadata_connection:accept(Server, Listener) end),
    {ok, Taken} = inet:port(Listener),
    State#{listener := Listener, port := Taken};
listen(State) ->
    State.

random_uuid() ->
    <<A:32, B:16, C:16, D:16, E:48>> = << <<(rand:uniform(256) - 1)>> || _ <- lists:seq(1, 16) >>,
    iolist_to_binary(io_lib:format("~8.16.0b-~4.16.0b-~4.16.0b-~4.16.0b-~12.16.0b", [A, B, C, D, E])).
