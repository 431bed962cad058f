%% A common_test hook for suites that attack a C-node: one small cluster for all cases, which must survive
%% them all: it is unharmed before and after each. There is one C-node, so that no other does its work.
-module(attacked_cluster).

-export([cnode/1, beams/1, max_connections/0, connect/2, connected_client/1, client_pid/0, call/3]).
-export([unharmed/1, answers_promptly/1, promptly_us/0, status/1, await_connections/2]).
-export([init/2, pre_init_per_suite/3, pre_init_per_testcase/4, post_end_per_testcase/5, post_end_per_suite/4]).

-define(COOKIE, "monster").
-define(CLIENT, "guest@10.42.1.1").

-spec cnode([term()]) -> test_cnode:cnode().
cnode(Config) ->
    proplists:get_value(cnode, Config).

%% The first is the one whose connections the C-node manages.
-spec beams([term()]) -> [test_beam:beam()].
beams(Config) ->
    proplists:get_value(beams, Config).

-spec max_connections() -> pos_integer().
max_connections() ->
    200.

%% A connection, and what became of its handshake as a node of this name that has the cookie.
-spec connect(string(), [term()]) -> {ok | {error, status | challenge | ack}, gen_tcp:socket()}.
connect(Name, Config) ->
    Socket = raw_client:connect(cnode(Config)),
    {raw_client:shake_hands(Socket, Name, ?COOKIE), Socket}.

-spec connected_client([term()]) -> gen_tcp:socket().
connected_client(Config) ->
    {ok, Socket} = connect(?CLIENT, Config),
    Socket.

%% A process of the node that connected_client/1 connects.
-spec client_pid() -> pid().
client_pid() ->
    raw_client:pid(?CLIENT).

%% That process calls one of the C-node.
-spec call(gen_tcp:socket(), atom(), term()) -> {ok, term()} | closed.
call(Socket, Name, Request) ->
    raw_client:call(Socket, ?CLIENT, Name, Request).

%% The BEAM's own connection was never lost, and its calls are answered.
-spec unharmed([term()]) -> ok.
unharmed(Config) ->
    ok = answers_promptly(Config),
    [] = [Event || Event = #{what := down} <- test_beam:events(beam(Config))],
    [] = test_cluster:lost_connections(beams(Config)),
    ok.

%% By the clock of the asking BEAM.
-spec answers_promptly([term()]) -> ok.
answers_promptly(Config) ->
    {Took, #{targets := [#{state := connected}]}} = test_cnode:timed_call(cnode(Config), beam(Config), status),
    Took < promptly_us() orelse error({took_us, Took}),
    ok.

%% Long before the end of a handshake that hangs.
-spec promptly_us() -> pos_integer().
promptly_us() ->
    3000000.

-spec status([term()]) -> map().
status(Config) ->
    test_cnode:call(cnode(Config), beam(Config), status).

%% Waits until the C-node has this many, the one to its BEAM included.
-spec await_connections(non_neg_integer(), [term()]) -> ok.
await_connections(Count, Config) ->
    test_wait:equals("the number of connections", Count, fun() -> map_get(connections, status(Config)) end).

-spec init(term(), term()) -> {ok, none}.
init(_Id, _Options) ->
    {ok, none}.

-spec pre_init_per_suite(atom(), [term()], none) -> {[term()], metadata_server:server()}.
pre_init_per_suite(_Suite, Config, none) ->
    Metadata = metadata_server:start(),
    Hosts = [First | _] = test_cluster:hosts(2),
    ok = test_cluster:list(Metadata, Hosts),
    Beams = test_beam:start_all(Hosts),
    Args = ["--max-connections", integer_to_list(max_connections())],
    Cnode = test_cnode:start(First, #{args => Args, env => [keeping_little()]}),
    ok = test_cluster:await_mesh(Beams),
    {[{metadata, Metadata}, {hosts, Hosts}, {beams, Beams}, {cnode, Cnode} | Config], Metadata}.

-spec pre_init_per_testcase(atom(), atom(), [term()], metadata_server:server()) ->
          {[term()], metadata_server:server()}.
pre_init_per_testcase(_Suite, _Case, Config, Metadata) ->
    ok = unharmed(Config),
    {Config, Metadata}.

%% An error in here fails the case; one in end_per_testcase would not.
-spec post_end_per_testcase(atom(), atom(), [term()], term(), metadata_server:server()) ->
          {term(), metadata_server:server()}.
post_end_per_testcase(_Suite, _Case, Config, Return, Metadata) ->
    ok = unharmed(Config),
    {Return, Metadata}.

-spec post_end_per_suite(atom(), term(), term(), metadata_server:server()) -> {term(), none}.
post_end_per_suite(_Suite, _Config, Return, Metadata) ->
    ok = metadata_server:stop(Metadata),
    ok = test_host:remove_all(),
    {Return, none}.

%% -- helpers

%% A program built with AddressSanitizer holds back what is freed, 256 MiB of it. Not here, where memory is
%% measured.
keeping_little() ->
    {"ASAN_OPTIONS", os:getenv("ASAN_OPTIONS", "") ++ ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}.

beam(Config) ->
    hd(beams(Config)).
