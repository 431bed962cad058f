%% The C-node's events as messages to processes of the BEAM.
-module(library_subscription_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2]).

-export([suite/0, all/0]).
-export([events_are_typed/1, what_the_log_leaves_out_comes_too/1, a_subscription_outlasts_a_lost_connection/1,
         a_subscription_outlasts_a_restart_of_the_c_node/1, a_c_node_that_does_not_run_is_awaited/1,
         one_too_many_is_an_error_until_another_ends/1, a_suspended_subscriber_costs_little_and_goes_on/1,
         a_c_node_that_is_none_is_an_error/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [events_are_typed, what_the_log_leaves_out_comes_too, a_subscription_outlasts_a_lost_connection,
     a_subscription_outlasts_a_restart_of_the_c_node, a_c_node_that_does_not_run_is_awaited,
     one_too_many_is_an_error_until_another_ends, a_suspended_subscriber_costs_little_and_goes_on,
     a_c_node_that_is_none_is_an_error].

-spec events_are_typed([term()]) -> ok.
events_are_typed(Config) ->
    [A, B] = beams(Config, 2),
    ok = test_cluster:list(metadata(Config), [test_beam:host(A)]),
    Cnode = connected(A, []),
    {ok, Subscriber} = start(A, own),
    ok = test_cluster:list(metadata(Config), [test_beam:host(A), test_beam:host(B)]),
    Connected = await(A, Subscriber, peer_connected),
    [{rancher_cnode_event, Name, _} | _] = got(A, Subscriber),
    Name = test_cnode:name(Cnode),
    Peer = atom_to_binary(test_beam:name(B)),
    Target = atom_to_binary(test_beam:name(A)),
    #{id := Id, time := Time, level := info, message := Message, logged := true,
      fields := #{peer := Peer, target := Target, took_ms := Took}} = Connected,
    true = is_integer(Id) andalso is_integer(Took) andalso is_binary(Message),
    true = abs(os:system_time(millisecond) - Time) < 60000,
    ok = test_beam:kill(B),
    #{level := warning, fields := #{peer := Peer}} = await(A, Subscriber, peer_lost),
    ok = no_gap(A, Subscriber),
    ok = test_beam:call(A, library_subscriber, unsubscribe, [Subscriber]),
    Before = got(A, Subscriber),
    {ok, Other} = start(A, own),
    ok = requested(A, Other, Cnode, 1),
    Before = got(A, Subscriber),
    ok.

-spec what_the_log_leaves_out_comes_too([term()]) -> ok.
what_the_log_leaves_out_comes_too(Config) ->
    [A] = beams(Config, 1),
    Cnode = connected(A, []),
    {ok, Subscriber} = start(A, own),
    [ok = requested(A, Subscriber, Cnode, N) || N <- lists:seq(1, 6)],
    [true, true, true, true, false, false] = [Logged || #{event := reload_requested, logged := Logged}
                                                            <- events(A, Subscriber)],
    test_wait:equals("the log has four of them", 4, fun() -> length(test_cnode:events(Cnode, "reload_requested")) end).

-spec a_subscription_outlasts_a_lost_connection([term()]) -> ok.
a_subscription_outlasts_a_lost_connection(Config) ->
    [A] = beams(Config, 1),
    Cnode = connected(A, []),
    {ok, Subscriber} = start(A, own),
    ok = requested(A, Subscriber, Cnode, 1),
    true = test_beam:call(A, erlang, disconnect_node, [test_cnode:name(Cnode)]),
    _ = await(A, Subscriber, target_connected),
    ok = requested(A, Subscriber, Cnode, 2),
    no_gap(A, Subscriber).

-spec a_subscription_outlasts_a_restart_of_the_c_node([term()]) -> ok.
a_subscription_outlasts_a_restart_of_the_c_node(Config) ->
    [A] = beams(Config, 1),
    Cnode = connected(A, []),
    {ok, Subscriber} = start(A, own),
    ok = test_cnode:kill(Cnode),
    _ = test_cnode:start(test_beam:host(A)),
    #{id := 1} = await(A, Subscriber, starting),
    _ = await(A, Subscriber, target_connected),
    no_gap(A, Subscriber).

-spec a_c_node_that_does_not_run_is_awaited([term()]) -> ok.
a_c_node_that_does_not_run_is_awaited(Config) ->
    [A] = beams(Config, 1),
    {ok, Subscriber} = start(A, own),
    Cnode = connected(A, []),
    requested(A, Subscriber, Cnode, 1).

-spec one_too_many_is_an_error_until_another_ends([term()]) -> ok.
one_too_many_is_an_error_until_another_ends(Config) ->
    [A, B] = beams(Config, 2),
    Cnode = connected(A, []),
    [First, Second | _] = [Pid || _ <- lists:seq(1, 32), {ok, Pid} <- [start(A, own)]],
    Refused = {error, too_many_subscribers},
    %% One of another node's.
    Beside = fun() -> start(B, test_cnode:name(Cnode)) end,
    Refused = Beside(),
    Refused = start(A, own),
    ok = test_beam:call(A, library_subscriber, unsubscribe, [First]),
    {ok, _} = await_place(Beside),
    Refused = start(A, own),
    true = test_beam:call(A, library_subscriber, stop, [Second]),
    {ok, _} = await_place(fun() -> start(A, own) end),
    Refused = Beside(),
    ok = test_beam:kill(A),
    {ok, _} = await_place(Beside),
    ok.

%% The C-node remembers the last 1,000 events.
-spec a_suspended_subscriber_costs_little_and_goes_on([term()]) -> ok.
a_suspended_subscriber_costs_little_and_goes_on(Config) ->
    [A, B] = beams(Config, 2),
    Cnode = connected(A, []),
    {ok, Suspended} = start(B, test_cnode:name(Cnode)),
    {ok, Subscriber} = start(A, own),
    ok = test_beam:suspend(B),
    Before = test_cnode:resident_kib(Cnode),
    Signals = io_lib:format("i=0; while [ $i -lt 20000 ]; do kill -HUP ~b; i=$((i+1)); done", [test_cnode:os_pid(Cnode)]),
    %% Signals that come at once are one event.
    Last = test_wait:until("more events than are remembered",
                           fun() ->
                                   <<>> = test_command:ok("sh", ["-c", lists:flatten(Signals)]),
                                   case last_id(A, Subscriber) of
                                       Id when Id > 1200 -> {done, Id};
                                       Id -> {wait, Id}
                                   end
                           end),
    More = test_cnode:resident_kib(Cnode) - Before,
    true = More < 4096 orelse error({kib_more, More}),
    ok = test_beam:resume(B),
    test_wait:until("the suspended one has got the last event",
                    fun() -> case last_id(B, Suspended) of
                                 Id when Id >= Last -> {done, ok};
                                 Id -> {wait, {Id, Last}}
                             end
                    end).

-spec a_c_node_that_is_none_is_an_error([term()]) -> ok.
a_c_node_that_is_none_is_an_error(Config) ->
    [A, B] = beams(Config, 2),
    {error, noproc} = start(A, test_beam:name(B)),
    ok.

%% -- helpers

%% A C-node beside the BEAM, started from outside and connected to it.
connected(Beam, Args) ->
    Cnode = test_cnode:start(test_beam:host(Beam), #{args => Args}),
    _ = test_cnode:await(Cnode, "target_connected"),
    Cnode.

start(Beam, Cnode) ->
    test_beam:call(Beam, library_subscriber, start, [Cnode]).

got(Beam, Subscriber) ->
    test_beam:call(Beam, library_subscriber, got, [Subscriber]).

events(Beam, Subscriber) ->
    [Event || {rancher_cnode_event, _CNode, Event} <- got(Beam, Subscriber)].

last_id(Beam, Subscriber) ->
    lists:max([0 | [Id || #{id := Id} <- events(Beam, Subscriber)]]).

%% The first event of this name, once it has come.
await(Beam, Subscriber, Name) ->
    test_wait:until("an event",
                    fun() ->
                            Events = events(Beam, Subscriber),
                            case lists:search(fun(#{event := Event}) -> Event =:= Name end, Events) of
                                {value, Event} -> {done, Event};
                                false -> {wait, {Name, Events}}
                            end
                    end).

%% Makes the C-node log an event, and waits until the subscriber has got so many of that.
requested(Beam, Subscriber, Cnode, Times) ->
    ok = test_cnode:signal(Cnode, "HUP"),
    test_wait:equals("the event has come", Times,
                     fun() -> length([reload || #{event := reload_requested} <- events(Beam, Subscriber)]) end).

%% No event is missing, and none has come twice. Ids start again with a restart.
no_gap(Beam, Subscriber) ->
    Ids = [Id || #{id := Id} <- events(Beam, Subscriber)],
    [] = [{Id, Next} || {Id, Next} <- lists:zip(lists:droplast(Ids), tl(Ids)), Next =/= Id + 1, Next =/= 1],
    ok.

await_place(Start) ->
    test_wait:until("a place is free",
                    fun() -> case Start() of
                                 {ok, _} = Ok -> {done, Ok};
                                 Error -> {wait, Error}
                             end
                    end).
