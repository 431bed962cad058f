%% @doc The C-node `rancher_cnode' from the BEAM: a supervised child that runs the program, and calls to a running C-node,
%% whoever started it.
%%
%% As a child, in Elixir `{:rancher_cnode, node_basename: "myapp", polling_interval: 10_000}', in Erlang
%% `rancher_cnode:child_spec([{node_basename, <<"myapp">>}])'. It is also a strategy of libcluster, versions 2.5 and
%% 3.x: `strategy: :rancher_cnode' in `topologies'.
%%
%% Settings are those of the program with underscores (see `rancher_cnode --help'), except those that the BEAM provides:
%% its address, its cookie, and the end of the program. In addition:
%% <ul>
%% <li>`program': the file to run. Default: `priv/rancher_cnode' of this application, then `rancher_cnode' on PATH.</li>
%% <li>`await_timeout': how long the start waits for the initial sync, in milliseconds or `infinity' (5000). 0 does not
%%     wait. After the timeout the start continues. Only the first start in a VM waits; a restart does not, because it
%%     would block the supervisor.</li>
%% <li>`node_basename': the alive name of the peers; that of this node by default.</li>
%% <li>`service' and `stack': the service by its name and that of its stack, each `self' or a name; or `service' alone, as
%%     a path. Default: the own service.</li>
%% <li>`connect', `disconnect', `list_nodes': `{Module, Function, Arguments}' as in libcluster.</li>
%% </ul>
%% Several children, or topologies, of one node share one program, one node name and one poll: each adds its services when
%% it starts, and takes them back when it stops. Their peers stay connected then. Only `service', `stack', `node_basename',
%% `connect', `disconnect', `list_nodes', `await_timeout' and `polling_interval' may differ among them; the first one's
%% `polling_interval' counts. A child with another `basename' has a program of its own.
%%
%% The calls may be made from any process, and never crash it.
-module(rancher_cnode).

-export([child_spec/1, start_link/1]).
-export([status/0, status/1, peers/0, peers/1, await/1, await/2, refresh/0, refresh/1, which_cnode/0]).
-export([subscribe/0, subscribe/1, unsubscribe/1]).
-export_type([settings/0, topology/0, error/0, call_error/0, event/0]).

-type settings() :: [{atom(), term()}] | #{atom() => term()}.
%% The arguments from libcluster: `[#{'__struct__' := 'Elixir.Cluster.Strategy.State', ...}]', or a keyword list of
%% `topology', `connect', `disconnect', `list_nodes' and `config'.
-type topology() :: [map()] | [{atom(), term()}].
%% An atom to match on, and a sentence for people.
-type error() :: {not_alive | short_names | not_an_address | program_not_found | bad_setting |
                  function_taken | not_shared, binary()}.
%% What the C-node has logged, or left out of its log, then with `logged => false'. `event' and `fields' are those of
%% docs/events.md. `time' is in milliseconds since 1970; ids grow by one, so that a gap shows that events were lost.
-type event() :: #{id := pos_integer(), time := integer(), level := info | warning | error, event := atom(),
                   message := binary(), fields := #{atom() => binary() | integer() | boolean()}, logged := boolean()}.
-type call_error() :: {error, timeout | not_alive | noproc | {nodedown, node()} | term()}.

-define(CALL_MS, 5000).
-define(RETRY_MS, 50).
-define(ASK_MS, 1000).

%% @doc For a supervisor's list of children.
-spec child_spec(settings() | topology()) -> supervisor:child_spec().
child_spec(Args) ->
    #{id => rancher_cnode_settings:child_id(Args),
      start => {?MODULE, start_link, [Args]},
      restart => permanent,
      shutdown => 5000,
      type => worker,
      modules => [rancher_cnode_server]}.

%% @doc Runs the program in a process linked to the caller, and returns when the initial sync is done or `await_timeout'
%% has passed; at once if this VM has already waited for this C-node.
%% The program ends with the returned process, unless another one shares it. If the program ends by itself, it is
%% restarted, after 500 ms at first and up to 60 s while it ends early, with a warning each time. Only a bad setting that
%% is found before the start has returned is an error.
-spec start_link(settings() | topology()) -> {ok, pid()} | {error, error()}.
start_link(Args) ->
    gen_server:start_link(rancher_cnode_server, Args, []).

%% @doc The status of the C-node: itself, its metadata, every peer with state and reason, departed peers, counters. Times
%% are milliseconds ago, texts are binaries.
-spec status() -> {ok, map()} | call_error().
status() ->
    status(which_cnode()).

-spec status(node() | undefined) -> {ok, map()} | call_error().
status(CNode) ->
    call(CNode, status, ?CALL_MS).

%% @doc Every peer of the service: `#{node, target, state, reason, since_ms_ago, attempts}'.
-spec peers() -> {ok, [map()]} | call_error().
peers() ->
    peers(which_cnode()).

-spec peers(node() | undefined) -> {ok, [map()]} | call_error().
peers(CNode) ->
    call(CNode, peers, ?CALL_MS).

%% @doc Waits until the C-node runs and its initial sync is done: it has read the metadata, and every dialable peer is
%% connected or was tried at least once.
-spec await(timeout()) -> ok | call_error().
await(Timeout) ->
    await_until(fun which_cnode/0, deadline(Timeout)).

-spec await(node() | undefined, timeout()) -> ok | call_error().
await(CNode, Timeout) ->
    await_until(fun() -> CNode end, deadline(Timeout)).

%% @doc Reads the metadata and retries pending connections now.
-spec refresh() -> ok | call_error().
refresh() ->
    refresh(which_cnode()).

-spec refresh(node() | undefined) -> ok | call_error().
refresh(CNode) ->
    case call(CNode, refresh, ?CALL_MS) of
        {ok, ok} -> ok;
        {error, _} = Error -> Error
    end.

%% @doc Sends each event of the C-node from now on to the calling process, as `{rancher_cnode_event, CNode, Event}' (see
%% {@link event()}): every event of level info and above, whatever the program's log level is, those included that its log
%% leaves out because there are too many.
%%
%% The subscription ends with the calling process, or by {@link unsubscribe/1}. It outlasts a restart of the C-node and a
%% loss of its connection, as soon as the C-node is connected to this node again, as that of this node does by itself: then
%% come the events since. Ids start again with a restart. A C-node that does not run yet is awaited.
%%
%% A C-node has 32 subscriptions at most; another one is `{error, too_many_subscribers}'.
-spec subscribe() -> {ok, pid()} | call_error().
subscribe() ->
    subscribe(which_cnode()).

-spec subscribe(node() | undefined) -> {ok, pid()} | call_error().
subscribe(undefined) ->
    {error, not_alive};
subscribe(CNode) ->
    rancher_cnode_subscription:start(CNode, new, self(), now).

%% @doc Ends a subscription. Events that have come before may still be in the mailbox.
-spec unsubscribe(pid()) -> ok.
unsubscribe(Subscription) ->
    try
        gen_server:stop(Subscription)
    catch
        exit:_ -> ok
    end.

%% @doc The C-node of this node: the one started last by {@link start_link/1}, else the connected one, whatever its name,
%% else the default name. `undefined' while this node is not alive. Does not mean that it runs.
-spec which_cnode() -> node() | undefined.
which_cnode() ->
    case rancher_cnode_server:cnode() of
        undefined -> connected_cnode(rancher_cnode_settings:default_cnode(node()));
        CNode -> CNode
    end.

%% Other hidden nodes of this host, such as shells, are distinguished by asking them.
connected_cnode(undefined) ->
    undefined;
connected_cnode(Default) ->
    Hidden = nodes(hidden),
    case lists:member(Default, Hidden) of
        true -> Default;
        false -> first_cnode([Node || Node <- Hidden, host(Node) =:= host(Default)], Default)
    end.

first_cnode([], Default) ->
    Default;
first_cnode([Node | Others], Default) ->
    case call(Node, version, ?ASK_MS) of
        {ok, _} -> Node;
        {error, _} -> first_cnode(Others, Default)
    end.

host(Node) ->
    [_Alive, Host] = string:split(atom_to_list(Node), "@"),
    Host.

%% Determined at each attempt, since it may be found later.
await_until(WhichCNode, Deadline) ->
    Left = left(Deadline),
    case call(WhichCNode(), {await, Left}, with_slack(Left)) of
        {ok, Answer} -> Answer;
        {error, not_alive} = Error -> Error;
        {error, _} when Left =:= 0 -> {error, timeout};
        {error, _} ->
            receive after ?RETRY_MS -> ok end,
            await_until(WhichCNode, Deadline)
    end.

call(undefined, _Request, _Timeout) ->
    {error, not_alive};
call(CNode, Request, Timeout) ->
    try gen_server:call({rancher_cnode, CNode}, Request, Timeout) of
        Answer -> {ok, Answer}
    catch
        exit:{noconnection, _} -> {error, {nodedown, CNode}};
        exit:{Reason, _} -> {error, Reason}
    end.

deadline(infinity) -> infinity;
deadline(Timeout) -> now_ms() + Timeout.

left(infinity) -> infinity;
left(Deadline) -> max(0, Deadline - now_ms()).

%% The C-node enforces the limit; this is for the case that it does not.
with_slack(infinity) -> infinity;
with_slack(Left) -> Left + 1000.

now_ms() ->
    erlang:monotonic_time(millisecond).
