%% The node as seen from a BEAM: calls, casts, ping, links and monitors.
-module(calls_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([status_contains_the_state_of_the_node/1, peers_contain_the_reason_of_an_unconnected_peer/1,
         await_returns_after_the_initial_sync_even_with_a_dead_peer/1, await_returns_timeout/1,
         a_refresh_by_call_or_cast_reads_the_metadata_now/1, requests_that_are_not_understood_get_an_error/1,
         both_forms_of_ping_are_answered/1, monitors_and_links_get_the_exit_reason/1,
         monitors_and_links_notice_that_it_was_killed/1, monitors_and_links_to_unregistered_names_end_at_once/1,
         messages_and_casts_to_unregistered_names_do_no_harm/1, wait_blocks_until_the_initial_sync/1]).
%% Run inside a BEAM under test.
-export([old_ping/1, watch/1, noticed/0, watch_nobody/1, bother/1]).

-define(NOTICE_MS, 30000).
%% A wait for a change of the metadata lasts 25 s; the read after that is no refresh.
-define(REFRESHED_MS, 15000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [status_contains_the_state_of_the_node, peers_contain_the_reason_of_an_unconnected_peer,
     await_returns_after_the_initial_sync_even_with_a_dead_peer, await_returns_timeout,
     a_refresh_by_call_or_cast_reads_the_metadata_now, requests_that_are_not_understood_get_an_error,
     both_forms_of_ping_are_answered, monitors_and_links_get_the_exit_reason,
     monitors_and_links_notice_that_it_was_killed, monitors_and_links_to_unregistered_names_end_at_once,
     messages_and_casts_to_unregistered_names_do_no_harm, wait_blocks_until_the_initial_sync].

-spec status_contains_the_state_of_the_node([term()]) -> ok.
status_contains_the_state_of_the_node(Config) ->
    #{beams := [Beam, Other], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    ok = test_cnode:call(Cnode, Beam, {await, 30000}),
    test_wait:equals("the node reports the two as connected", connected,
                     fun() -> state_of(test_beam:name(Other), test_cnode:call(Cnode, Beam, peers)) end),
    #{node := Node, version := <<_, _/binary>>, registration := registered, own_container := listed, connections := 1,
      metadata := #{url := <<"http://rancher-metadata">>, version := Version, last_answer_ms_ago := Age,
                    last_failure := _, mass_removal_guard := undefined},
      targets := [#{node := Target, state := connected, reason := undefined, since_ms_ago := Since,
                    has_synced := true}],
      peers := [#{state := connected, attempts := 0, since_ms_ago := _}], departed := [],
      counters := #{connections_made := 1}, uptime_ms := Uptime} = test_cnode:call(Cnode, Beam, status),
    {Node, Target, Version} = {test_cnode:name(Cnode), test_beam:name(Beam), metadata_server:version(metadata(Config))},
    true = Age >= 0 andalso Since =< Uptime,
    ok.

-spec peers_contain_the_reason_of_an_unconnected_peer([term()]) -> ok.
peers_contain_the_reason_of_an_unconnected_peer(Config) ->
    Hosts = [_, Empty] = test_cluster:hosts(2),
    Dead = test_host:vanishing_address(),
    Stopped = #{address => test_host:fresh_address(), state => <<"stopped">>},
    ok = test_cluster:list(metadata(Config), Hosts ++ [Dead, Stopped]),
    Beam = test_beam:start(hd(Hosts)),
    ok = test_host:start_epmd(Empty),
    Cnode = test_cnode:start(hd(Hosts)),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok = test_cnode:call(Cnode, Beam, {await, 30000}),
    Peers = test_cnode:call(Cnode, Beam, peers),
    contains(<<"does not know">>, reason_of(test_host:node_name("myapp", Empty), Peers)),
    contains(<<"does not answer">>, reason_of(list_to_atom("myapp@" ++ Dead), Peers)),
    contains(<<"stopped">>, reason_of(list_to_atom("myapp@" ++ maps:get(address, Stopped)), Peers)),
    ok.

-spec await_returns_after_the_initial_sync_even_with_a_dead_peer([term()]) -> ok.
await_returns_after_the_initial_sync_even_with_a_dead_peer(Config) ->
    Hosts = [First | _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), [test_host:vanishing_address() | Hosts]),
    [Beam, Other] = test_beam:start_all(Hosts),
    Cnode = test_cnode:start(First),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok = test_cnode:call(Cnode, Beam, {await, infinity}),
    true = lists:member(test_beam:name(Other), test_beam:visible_nodes(Beam)),
    ok.

-spec await_returns_timeout([term()]) -> ok.
await_returns_timeout(Config) ->
    ok = metadata_server:misbehave(metadata(Config), not_found),
    Host = test_host:add(),
    Beam = test_beam:start(Host),
    Cnode = test_cnode:start(Host),
    _ = test_cnode:await(Cnode, "target_connected"),
    {error, timeout} = test_cnode:call(Cnode, Beam, {await, 200}),
    {error, timeout} = test_cnode:call(Cnode, Beam, {await, 0}),
    {error, {unknown_request, {await, -1}}} = test_cnode:call(Cnode, Beam, {await, -1}),
    {error, {unknown_request, {await, soon}}} = test_cnode:call(Cnode, Beam, {await, soon}),
    ok.

-spec a_refresh_by_call_or_cast_reads_the_metadata_now([term()]) -> ok.
a_refresh_by_call_or_cast_reads_the_metadata_now(Config) ->
    #{hosts := [Host | _], beams := [Beam | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    Server = {rancher_cnode, test_cnode:name(Cnode)},
    [begin
         ok = test_service:keep_reloading(metadata(Config), [Host], 0),
         Before = reads(Config, Host),
         ok = test_beam:call(Beam, gen_server, How, [Server, refresh]),
         test_wait:equals("the service is read once more", Before + 1, fun() -> reads(Config, Host) end, ?REFRESHED_MS)
     end || How <- [call, cast]],
    ok.

-spec requests_that_are_not_understood_get_an_error([term()]) -> ok.
requests_that_are_not_understood_get_an_error(Config) ->
    #{beams := [Beam | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    Odd = {what, [1 | 2], #{<<"a">> => 1.5}, 1 bsl 100, "text", self()},
    {error, {unknown_request, Odd}} = test_cnode:call(Cnode, Beam, Odd),
    {error, {unknown_request, status_please}} = test_cnode:call(Cnode, Beam, status_please),
    {badrpc, notsup} = test_beam:call(Beam, rpc, call, [test_cnode:name(Cnode), erlang, node, []]),
    {badrpc, {'EXIT', {noproc, _}}} = noproc_as_badrpc(Beam, {nobody_here, test_cnode:name(Cnode)}),
    <<_, _/binary>> = test_cnode:call(Cnode, Beam, version),
    ok.

-spec both_forms_of_ping_are_answered([term()]) -> ok.
both_forms_of_ping_are_answered(Config) ->
    #{beams := [Beam | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    pong = test_beam:call(Beam, net_adm, ping, [test_cnode:name(Cnode)]),
    yes = test_beam:call(Beam, ?MODULE, old_ping, [test_cnode:name(Cnode)]),
    ok.

-spec monitors_and_links_get_the_exit_reason([term()]) -> ok.
monitors_and_links_get_the_exit_reason(Config) ->
    #{beams := [Beam | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    ok = test_beam:call(Beam, ?MODULE, watch, [test_cnode:name(Cnode)]),
    ok = test_cnode:stop(Cnode),
    #{monitor := shutdown, link := shutdown} = test_beam:call(Beam, ?MODULE, noticed, []),
    ok.

-spec monitors_and_links_notice_that_it_was_killed([term()]) -> ok.
monitors_and_links_notice_that_it_was_killed(Config) ->
    #{beams := [Beam | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    ok = test_beam:call(Beam, ?MODULE, watch, [test_cnode:name(Cnode)]),
    ok = test_cnode:kill(Cnode),
    #{monitor := noconnection, link := noconnection} = test_beam:call(Beam, ?MODULE, noticed, []),
    ok.

-spec monitors_and_links_to_unregistered_names_end_at_once([term()]) -> ok.
monitors_and_links_to_unregistered_names_end_at_once(Config) ->
    #{beams := [Beam | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    ok = test_beam:call(Beam, ?MODULE, watch_nobody, [test_cnode:name(Cnode)]),
    #{monitor := noproc, link := noproc} = test_beam:call(Beam, ?MODULE, noticed, []),
    ok.

-spec messages_and_casts_to_unregistered_names_do_no_harm([term()]) -> ok.
messages_and_casts_to_unregistered_names_do_no_harm(Config) ->
    #{beams := [Beam | _] = Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    ok = test_beam:call(Beam, ?MODULE, bother, [test_cnode:name(Cnode)]),
    test_wait:until("all messages to unregistered names were dropped and counted",
                    fun() ->
                            case test_cnode:call(Cnode, Beam, status) of
                                #{counters := #{messages_dropped := Dropped}} when Dropped > 1000 -> {done, ok};
                                #{counters := Counters} -> {wait, Counters}
                            end
                    end),
    [] = [Event || Event = #{what := down} <- test_beam:events(Beam)],
    [] = test_cluster:lost_connections(Beams),
    ok.

-spec wait_blocks_until_the_initial_sync([term()]) -> ok.
wait_blocks_until_the_initial_sync(Config) ->
    Hosts = [First | _] = test_cluster:hosts(2),
    {1, Late} = wait_command(First, "300"),
    true = byte_size(Late) > 0,
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts),
    {0, _} = wait_command(First, "60000"),
    test_cluster:await_mesh(Beams).

%% -- inside a BEAM

%% As releases before OTP 24 do it: the tag is a plain reference.
-spec old_ping(node()) -> term().
old_ping(Node) ->
    Tag = make_ref(),
    {net_kernel, Node} ! {'$gen_call', {self(), Tag}, {is_auth, node()}},
    receive
        {Tag, Answer} -> Answer
    after ?NOTICE_MS ->
        no_answer
    end.

%% Monitors the status server by its name, and links itself to the process that the node calls from. Both have reached
%% the node when this returns; noticed/0 returns the results.
-spec watch(node()) -> ok.
watch(Node) ->
    watch({rancher_cnode, Node}, caller(Node)).

%% The same with a name and a process that do not exist there.
-spec watch_nobody(node()) -> ok.
watch_nobody(Node) ->
    watch({nobody_here, Node}, neighbour(caller(Node))).

watch({_, Node} = Server, Pid) ->
    Asker = self(),
    Watcher = spawn(fun() ->
                            process_flag(trap_exit, true),
                            register(?MODULE, self()),
                            Reference = monitor(process, Server),
                            true = link(Pid),
                            <<_, _/binary>> = gen_server:call({rancher_cnode, Node}, version, ?NOTICE_MS),
                            Asker ! {self(), watching},
                            report(#{monitor => receive {'DOWN', Reference, process, _, Why} -> Why
                                                after ?NOTICE_MS -> nothing_came
                                                end,
                                     link => receive {'EXIT', Pid, Why} -> Why
                                             after ?NOTICE_MS -> nothing_came
                                             end})
                    end),
    receive
        {Watcher, watching} -> ok
    after 2 * ?NOTICE_MS ->
        error(not_watching)
    end.

report(Printed) ->
    receive
        {report, From} -> From ! {?MODULE, Printed}
    after 2 * ?NOTICE_MS ->
        nobody_asked
    end.

-spec noticed() -> #{monitor | link => term()}.
noticed() ->
    ?MODULE ! {report, self()},
    receive
        {?MODULE, Printed} -> Printed
    after 2 * ?NOTICE_MS ->
        error(nothing_reported)
    end.

%% The process that makes the node's calls: the node lists the connections of its BEAM every second.
caller(Node) ->
    Rex = whereis(rex),
    1 = erlang:trace(Rex, true, ['receive']),
    receive
        {trace, Rex, 'receive', {'$gen_call', {Pid, _}, _}} when node(Pid) =:= Node ->
            1 = erlang:trace(Rex, false, ['receive']),
            Pid
    after ?NOTICE_MS ->
        error(no_call_came)
    end.

%% Another process of the same node: NEW_PID_EXT ends with id, serial and creation.
neighbour(Pid) ->
    Bytes = term_to_binary(Pid),
    Before = byte_size(Bytes) - 12,
    <<Node:Before/binary, Id:32, SerialAndCreation/binary>> = Bytes,
    binary_to_term(<<Node/binary, (Id + 76):32, SerialAndCreation/binary>>).

%% Messages to names and processes that do not exist there; a group leader, an exit and a spawn.
-spec bother(node()) -> ok.
bother(Node) ->
    [{nobody_here, Node} ! {hello, N} || N <- lists:seq(1, 1000)],
    {net_kernel, Node} ! not_a_call,
    {rancher_cnode, Node} ! {'$gen_call', not_a_tag, status},
    ok = gen_server:cast({rancher_cnode, Node}, no_such_cast),
    Spawned = spawn(Node, erlang, self, []),
    true = unlink(Spawned),
    true = exit(Spawned, normal),
    true = demonitor(monitor(process, {rancher_cnode, Node})),
    ok.

%% -- helpers

noproc_as_badrpc(Beam, Server) ->
    test_beam:call(Beam, rpc, call, [test_beam:name(Beam), gen_server, call, [Server, hello, ?NOTICE_MS]]).

state_of(Node, Peers) ->
    [State] = [State || #{node := Name, state := State} <- Peers, Name =:= Node],
    State.

reason_of(Node, Peers) ->
    [Reason] = [Reason || #{node := Name, reason := Reason} <- Peers, Name =:= Node],
    Reason.

contains(Part, Text) ->
    binary:match(Text, Part) =/= nomatch orelse error({not_in, Part, Text}).

reads(Config, Host) ->
    length([Path || #{path := [<<"self">>, <<"service">>] = Path}
                        <- metadata_server:requests(metadata(Config), test_host:address(Host))]).

wait_command(Host, Timeout) ->
    test_host:run(Host, test_cnode:program(), ["wait", "--ip", test_host:address(Host), "--timeout", Timeout],
                  [{"RANCHER_CNODE_COOKIE", "monster"}]).
