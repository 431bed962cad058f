%% Long-term conditions of the node and the cluster: an epmd that dies, hundreds of ticks, firewalls.
-module(endurance_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_restarted_epmd_has_the_name_again_within_seconds/1, it_can_start_epmd/1,
         ticks_keep_a_quiet_connection_alive/1, a_pause_of_the_program_loses_no_connection/1,
         it_listens_on_the_given_port/1, a_given_epmd_port_is_used/1,
         a_thousand_peers_that_are_away_are_a_few_lines/1]).

%% Of one event, of all peers, in one minute.
-define(MATTERS, 32).
%% A minute after the first line that is left out, and the time to make it.
-define(SUMMED_UP_MS, 120000).
%% It is tried every half second.
-define(NAMES_BACK_US, 5000000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 150}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_restarted_epmd_has_the_name_again_within_seconds, it_can_start_epmd,
     ticks_keep_a_quiet_connection_alive, a_pause_of_the_program_loses_no_connection,
     it_listens_on_the_given_port, a_given_epmd_port_is_used, a_thousand_peers_that_are_away_are_a_few_lines].

-spec a_restarted_epmd_has_the_name_again_within_seconds([term()]) -> ok.
a_restarted_epmd_has_the_name_again_within_seconds(Config) ->
    #{hosts := [Host | _], beams := [Beam | _] = Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    ok = test_host:stop_epmd(Host),
    _ = test_cnode:await(Cnode, "registration_lost"),
    ok = test_host:start_epmd(Host),
    Returned = os:perf_counter(microsecond),
    test_wait:until("the name is back", fun() -> knows(Host, test_cnode:default_basename()) end),
    true = os:perf_counter(microsecond) - Returned < ?NAMES_BACK_US,
    [] = [Event || Event = #{what := down} <- test_beam:events(Beam)],
    [] = test_cluster:lost_connections(Beams),
    ok.

-spec it_can_start_epmd([term()]) -> ok.
it_can_start_epmd(Config) ->
    Hosts = [Host | _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    [Cnode | _] = test_cnode:start_all(Hosts, #{args => ["--start-epmd"]}),
    test_wait:until("the name is there", fun() -> knows(Host, test_cnode:default_basename()) end),
    Beams = test_beam:start_all(Hosts),
    ok = test_cluster:await_mesh(Beams),
    ok = test_host:stop_epmd(Host),
    test_wait:until("the name is back", fun() -> knows(Host, test_cnode:default_basename()) end),
    _ = test_cnode:await(Cnode, "registration_lost"),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% A day of ticks in short form: with a net_ticktime of 4 s a connection that is not kept alive is lost after 5.
-spec ticks_keep_a_quiet_connection_alive([term()]) -> ok.
ticks_keep_a_quiet_connection_alive(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Beam | _] = test_beam:start_all(Hosts, #{args => ["-kernel", "net_ticktime", "4"]}),
    Cnodes = [Cnode | _] = test_cnode:start_all(Hosts),
    ok = test_cluster:await_mesh(Beams),
    %% A BEAM of another service, which the C-node never calls: only ticks keep its connection.
    Quiet = test_beam:start(test_host:add(), #{basename => "quiet", args => ["-kernel", "net_ticktime", "4"]}),
    pong = test_beam:call(Quiet, net_adm, ping, [test_cnode:name(Cnode)]),
    %% A fixed time: nothing must happen for three times net_ticktime.
    timer:sleep(12000),
    [] = [Event || Of <- [Quiet | Beams], Event = #{what := down} <- test_beam:events(Of)],
    [Name] = test_beam:hidden_nodes(Quiet),
    Name = test_cnode:name(Cnode),
    [[] = test_cnode:events(Each, "target_lost") || Each <- Cnodes],
    [Name] = test_beam:hidden_nodes(Beam),
    ok.

%% As when its host is suspended. The BEAMs have a net_ticktime of 5 minutes, so one without calls is silent for
%% longer than a minute, and its connection must last.
-spec a_pause_of_the_program_loses_no_connection([term()]) -> ok.
a_pause_of_the_program_loses_no_connection(Config) ->
    Patient = #{args => ["-kernel", "net_ticktime", "300"]},
    [Host] = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), [Host]),
    Beam = test_beam:start(Host, Patient),
    Cnode = test_cnode:start(Host),
    _ = test_cnode:await(Cnode, "target_connected"),
    Quiet = test_beam:start(test_host:add(), Patient#{basename => "quiet"}),
    pong = test_beam:call(Quiet, net_adm, ping, [test_cnode:name(Cnode)]),
    ok = test_cnode:signal(Cnode, "STOP"),
    %% A fixed time: the pause itself, and then two checks of the connections in which nothing must happen.
    timer:sleep(62000),
    ok = test_cnode:signal(Cnode, "CONT"),
    timer:sleep(11000),
    [] = [Event || Of <- [Beam, Quiet], Event = #{what := down} <- test_beam:events(Of)],
    [] = [Line || #{level := Level} = Line <- test_cnode:log(Cnode), Level =/= <<"info">>],
    pong = test_beam:call(Quiet, net_adm, ping, [test_cnode:name(Cnode)]),
    ok.

%% No packet leaves for them: the kernel refuses at once. What is left out of the log is summed up a minute later.
-spec a_thousand_peers_that_are_away_are_a_few_lines([term()]) -> ok.
a_thousand_peers_that_are_away_are_a_few_lines(Config) ->
    [One] = test_cluster:hosts(1),
    {0, _} = test_host:run(One, "ip", ["route", "add", "unreachable", "10.43.0.0/16"]),
    Away = [lists:flatten(io_lib:format("10.43.~b.~b", [N div 250, N rem 250 + 1])) || N <- lists:seq(0, 999)],
    ok = test_cluster:list(metadata(Config), [One | Away]),
    _ = test_beam:start(One),
    Cnode = test_cnode:start(One, #{args => ["--startup-grace", "1s"]}),
    #{<<"lines">> := Left, <<"events">> := Events} = Fields =
        test_wait:until("what was left out is summed up",
                        fun() -> case test_cnode:events(Cnode, "log_lines_suppressed") of
                                     [#{fields := Found}] -> {done, Found};
                                     [] -> {wait, length(test_cnode:log(Cnode))}
                                 end
                        end, ?SUMMED_UP_MS),
    {_, _} = binary:match(Events, iolist_to_binary(["peer_listed ", integer_to_list(1001 - ?MATTERS)])),
    %% Listed once, unreachable as info and as a warning.
    true = binary_to_integer(Left) >= 3 * (1000 - ?MATTERS) orelse error(Fields),
    [?MATTERS = length(test_cnode:events(Cnode, Event)) div Times
     || {Event, Times} <- [{"peer_listed", 1}, {"peer_unreachable", 2}]],
    Logged = length(test_cnode:log(Cnode)),
    true = Logged < 4 * ?MATTERS orelse error({lines, Logged}),
    {3, Status} = test_host:run(One, test_cnode:program(), ["status"]),
    {_, _} = binary:match(Status, <<"INCOMPLETE, 0 of 1000">>),
    ok.

-spec it_listens_on_the_given_port([term()]) -> ok.
it_listens_on_the_given_port(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    Beam = test_beam:start(Host),
    First = test_cnode:start(Host, #{args => ["--listen-port", "9100-9101"]}),
    _ = test_cnode:await(First, "target_connected"),
    Second = test_cnode:start(Host, #{args => ["--listen-port", "9100-9101"], basename => "second"}),
    _ = test_cnode:await(Second, "target_connected"),
    {_, 9100} = raw_client:address(First),
    {_, 9101} = raw_client:address(Second),
    Third = test_cnode:start(Host, #{args => ["--listen-port", "9100-9101"], basename => "third"}),
    _ = test_cnode:await(Third, "listener_failed"),
    ok = test_cnode:stop(First),
    _ = test_cnode:await(Third, "listener_started"),
    _ = test_cnode:await(Third, "target_connected"),
    pong = test_beam:call(Beam, net_adm, ping, [test_cnode:name(Third)]),
    ok.

-spec a_given_epmd_port_is_used([term()]) -> ok.
a_given_epmd_port_is_used(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Port = [{"ERL_EPMD_PORT", "5369"}],
    Beams = test_beam:start_all(Hosts, #{env => Port}),
    _ = test_cnode:start_all(Hosts, #{env => Port}),
    ok = test_cluster:await_mesh(Beams),
    [{error, address} = test_host:epmd_names(Host) || Host <- Hosts],
    ok.

%% -- helpers

knows(Host, Alive) ->
    case test_host:epmd_names(Host) of
        {error, Reason} -> {wait, Reason};
        Names ->
            case lists:member(Alive, Names) of
                true -> {done, ok};
                false -> {wait, Names}
            end
    end.
