%% The main functions with each OTP release in $OTP_CLUSTERS ("25 27 25+27", with the release of each container) and their
%% mixtures: the built program on this machine, BEAMs of those releases. scripts/test-otp runs it. A group each for plain
%% connections, TLS, no epmd, and TLS without epmd. At the end it prints a table of what passed.
-module(otp_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0, groups/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2,
         end_per_testcase/2]).
-export([the_containers_become_a_mesh/1, an_added_container_is_connected/1, a_killed_beam_is_connected_again/1, a_departed_container_costs_no_other_connection/1,
         a_departed_container_costs_no_other_connection_without_prevention/1, every_beam_reads_the_status/1,
         every_beam_awaits_the_initial_sync/1, broken_certificates_are_named/1, another_cookie_is_refused_on_both_sides/1,
         the_beam_is_found_with_its_name_and_cookie_file/1, the_library_compiles_without_warnings/1,
         the_library_runs_the_program/1]).

%% Within that, `global' has cut what it would cut.
-define(SETTLE_MS, 1000).
%% Without the guard, which is not the matter here: one of each release departs.
-define(REMOVAL, ["--removal-delay", "1000", "--mass-removal-delay", "1000"]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 120}}, {ct_hooks, [fresh_service]}].

-spec all() -> [{group, atom()}].
all() ->
    [{group, Group} || {Group, _, _} <- groups()].

-spec groups() -> [{atom(), [], [atom()]}].
groups() ->
    [{list_to_atom(row(Cluster, Transport)), [], cases(Transport)}
     || Cluster <- clusters(), Transport <- transports(Cluster)].

%% A BEAM of OTP 23 does not connect to one of OTP 25 by TLS without epmd, whoever asks it to.
transports("23+25") -> [plain, tls, epmdless];
transports(_) -> [plain, tls, epmdless, epmdless_tls].

row(Cluster, plain) -> Cluster;
row(Cluster, tls) -> Cluster ++ " TLS";
row(Cluster, epmdless) -> Cluster ++ " no epmd";
row(Cluster, epmdless_tls) -> Cluster ++ " TLS, no epmd".

%% The others do not depend on how the BEAMs are reached.
cases(plain) -> [Case || {Case, _} <- columns(), Case =/= broken_certificates_are_named];
cases(tls) -> [broken_certificates_are_named, another_cookie_is_refused_on_both_sides | cases(epmdless)];
cases(_) -> [Case || {Case, Column} <- columns(), lists:member(Column, ["mesh", "addition", "restart", "departure"])].

%% The cases, with their columns.
columns() ->
    [{the_containers_become_a_mesh, "mesh"},
     {an_added_container_is_connected, "addition"},
     {a_killed_beam_is_connected_again, "restart"},
     {a_departed_container_costs_no_other_connection, "departure"},
     {a_departed_container_costs_no_other_connection_without_prevention, "without prevention"},
     {every_beam_reads_the_status, "status"},
     {every_beam_awaits_the_initial_sync, "await"},
     {another_cookie_is_refused_on_both_sides, "cookie"},
     {broken_certificates_are_named, "certificates"},
     {the_beam_is_found_with_its_name_and_cookie_file, "discovery"},
     {the_library_compiles_without_warnings, "library"},
     {the_library_runs_the_program, "child"}].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    ok = otp_table:clear(),
    Config.

-spec end_per_suite([term()]) -> ok.
end_per_suite(_Config) ->
    otp_table:print([row(Cluster, Transport) || Cluster <- clusters(), Transport <- transports(Cluster)], columns()).

-spec init_per_group(atom(), [term()]) -> [term()].
init_per_group(Group, Config) ->
    Row = atom_to_list(Group),
    [{Cluster, Transport}] = [{Cluster, Transport} || Cluster <- clusters(), Transport <- transports(Cluster),
                                                      row(Cluster, Transport) =:= Row],
    progress:note("OTP ~s", [Row]),
    [{row, Row}, {transport, Transport}, {releases, string:lexemes(Cluster, "+")} | Config].

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(_Group, _Config) ->
    ok.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(Case, Config) ->
    Cell = case proplists:get_value(tc_status, Config) of
               ok -> ok;
               _ -> failed
           end,
    otp_table:note(proplists:get_value(row, Config), Case, Cell).

-spec the_containers_become_a_mesh([term()]) -> ok.
the_containers_become_a_mesh(Config) ->
    #{beams := Beams, cnodes := Cnodes} = form(Config, three(Config)),
    [] = test_cluster:lost_connections(Beams),
    [[pong = test_beam:call(Beam, net_adm, ping, [test_cnode:name(Cnode)]) || Beam <- callers(Config, Own, Beams)]
     || {Own, Cnode} <- lists:zip(Beams, Cnodes)],
    ok.

-spec an_added_container_is_connected([term()]) -> ok.
an_added_container_is_connected(Config) ->
    #{hosts := Hosts, beams := Beams, spare := Spare, options := Options} = form(Config, three(Config), releases(Config)),
    Add = fun({Added, Release}, {Listed, Running}) ->
                  Beam = test_beam:start(Added, maps:merge(Options, otp_release:options(Release))),
                  _ = test_cnode:start(Added),
                  ok = test_cluster:list(metadata(Config), [Added | Listed]),
                  ok = test_cluster:await_mesh([Beam | Running]),
                  {[Added | Listed], [Beam | Running]}
          end,
    {_, All} = lists:foldl(Add, {Hosts, Beams}, lists:zip(Spare, releases(Config))),
    [] = test_cluster:lost_connections(All),
    ok.

-spec a_killed_beam_is_connected_again([term()]) -> ok.
a_killed_beam_is_connected_again(Config) ->
    #{beams := Beams, options := Options} = form(Config, three(Config)),
    _ = lists:foldl(fun(Release, [First | Others]) ->
                            ok = test_beam:kill(First),
                            ok = test_cluster:await_mesh(Others),
                            Again = test_beam:start(test_beam:host(First),
                                                    maps:merge(Options, otp_release:options(Release))),
                            ok = test_cluster:await_mesh([Again | Others]),
                            Others ++ [Again]
                    end, Beams, releases(Config)),
    ok.

-spec a_departed_container_costs_no_other_connection([term()]) -> ok.
a_departed_container_costs_no_other_connection(Config) ->
    depart(Config, []).

-spec a_departed_container_costs_no_other_connection_without_prevention([term()]) -> ok.
a_departed_container_costs_no_other_connection_without_prevention(Config) ->
    depart(Config, ["-kernel", "prevent_overlapping_partitions", "false"]).

-spec every_beam_reads_the_status([term()]) -> ok.
every_beam_reads_the_status(Config) ->
    #{hosts := Hosts, beams := Beams, cnodes := Cnodes} = form(Config, three(Config)),
    [begin
         Peers = lists:sort([test_beam:name(Other) || Other <- Beams, Other =/= Beam]),
         Name = test_cnode:name(Cnode),
         test_wait:equals("the status has every peer as connected", Peers,
                          fun() -> connected_peers(test_cnode:call(Cnode, Beam, status)) end),
         pong = test_beam:call(Beam, net_adm, ping, [Name]),
         {0, _} = test_host:run(Host, test_cnode:program(), ["status", "--timeout", "20s"],
                                  [{"RANCHER_CNODE_COOKIE", "monster"}])
     end || {Host, Beam, Cnode} <- lists:zip3(Hosts, Beams, Cnodes)],
    ok.

-spec every_beam_awaits_the_initial_sync([term()]) -> ok.
every_beam_awaits_the_initial_sync(Config) ->
    {Hosts, Beams} = start(Config, three(Config), #{}),
    Cnodes = test_cnode:start_all(Hosts),
    [begin
         _ = test_cnode:await(Cnode, "target_connected"),
         ok = test_cnode:call(Cnode, Beam, {await, test_wait:patience()}),
         [_, _ | _] = test_beam:visible_nodes(Beam)
     end || {Beam, Cnode} <- lists:zip(Beams, Cnodes)],
    ok.

%% The C-node dials a BEAM that has another cookie, and that BEAM dials the C-node.
-spec another_cookie_is_refused_on_both_sides([term()]) -> ok.
another_cookie_is_refused_on_both_sides(Config) ->
    #{hosts := Hosts, beams := Beams, cnodes := [Cnode | _], spare := Spare, options := Options} =
        form(Config, three(Config), releases(Config)),
    [begin
         Hostile = test_beam:start(Host, maps:merge(Options, (otp_release:options(Release))#{cookie => "another"})),
         ok = test_beam:call(Hostile, report_log, start, []),
         Refused = test_cnode:start(Host),
         #{fields := #{<<"stage">> := <<"challenge_ack">>}} = test_cnode:await(Refused, "target_refused"),
         Began = os:perf_counter(microsecond),
         false = test_beam:call(Hostile, net_kernel, connect_node, [test_cnode:name(Cnode)]),
         #{text := Text} = test_cnode:await(Cnode, "inbound_handshake_failed", Began),
         {_, _} = binary:match(Text, <<"cookie">>),
         [] = test_beam:call(Hostile, erlang, nodes, [connected]),
         true = length(test_beam:call(Hostile, report_log, lines, [])) < 10
     end || {Host, Release} <- lists:zip(Spare, releases(Config))],
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_mesh(Beams, 0),
    [] = test_cluster:lost_connections(Beams),
    ok.

%% The certificate of the BEAM and ours, on a host of their own for each pair.
-spec broken_certificates_are_named([term()]) -> ok.
broken_certificates_are_named(Config) ->
    Rows = [{"expired", "good", "the peer's certificate is expired"},
            {"foreign", "good", "the peer's certificate is of another CA"},
            {"good", "expired", "the peer refuses our certificate: expired"},
            {"good", "foreign", "the peer refuses our certificate: unknown CA"}],
    [begin
         Host = test_host:add(),
         ok = test_cluster:list(metadata(Config), [Host]),
         Folder = tls_files:certificates(Config, [Host]),
         Options = tls_files:beam_options(tls_files:optfile(Folder, Theirs)),
         Beam = test_beam:start(Host, maps:merge(Options, otp_release:options(Release))),
         ok = test_beam:call(Beam, report_log, start, []),
         Cnode = test_cnode:start(Host, #{args => tls_files:settings(Folder, Ours)}),
         #{fields := #{<<"msg">> := Message}} = test_cnode:await(Cnode, "target_refused"),
         {Release, Message, {_, _}} = {Release, Message, binary:match(Message, list_to_binary(Named))},
         true = length(test_beam:call(Beam, report_log, lines, [])) < 10,
         ok = test_cnode:stop(Cnode),
         ok = test_beam:stop(Beam)
     end || Release <- releases(Config), {Theirs, Ours, Named} <- Rows],
    ok.

-spec the_beam_is_found_with_its_name_and_cookie_file([term()]) -> ok.
the_beam_is_found_with_its_name_and_cookie_file(Config) ->
    {ok, [[Home]]} = init:get_argument(home),
    File = filename:join(Home, ".erlang.cookie"),
    ok = file:write_file(File, "of-the-file"),
    ok = file:change_mode(File, 8#400),
    {Hosts, Beams} = start(Config, three(Config), #{cookie => none, basename => "another-name"}),
    Cnodes = test_cnode:start_all(Hosts, #{node_basename => none, cookie => none}),
    ok = test_cluster:await_mesh(Beams),
    ['of-the-file' = test_beam:call(Beam, erlang, get_cookie, []) || Beam <- Beams],
    [_ = test_cnode:await(Cnode, "beam_found") || Cnode <- Cnodes],
    ok = file:delete(File).

-spec the_library_compiles_without_warnings([term()]) -> ok.
the_library_compiles_without_warnings(Config) ->
    [_ = library(Release) || Release <- releases(Config)],
    ok.

-spec the_library_runs_the_program([term()]) -> ok.
the_library_runs_the_program(Config) ->
    {_, Beams} = start(Config, three(Config), #{}),
    Program = filename:join([release_build:root(), "test", "otp", "on_host"]),
    Spec = library_beam:spec([{program, Program}, {await_timeout, test_wait:patience()}]),
    [begin
         true = test_beam:call(Beam, code, add_patha, [library(test_beam:call(Beam, erlang, system_info, [otp_release]))]),
         ok = test_beam:call(Beam, library_supervisor, start, []),
         {ok, _} = test_beam:call(Beam, supervisor, start_child, [library_supervisor, Spec])
     end || Beam <- Beams],
    ok = test_cluster:await_mesh(Beams),
    [begin
         {ok, #{node := Cnode}} = test_beam:call(Beam, rancher_cnode, status, []),
         Cnode = test_beam:call(Beam, rancher_cnode, which_cnode, []),
         ok = test_beam:call(Beam, rancher_cnode, await, [test_wait:patience()]),
         ok = test_beam:call(Beam, supervisor, terminate_child, [library_supervisor, rancher_cnode]),
         [] = library_beam:cnodes(Beam)
     end || Beam <- Beams],
    ok = test_cluster:await_mesh(Beams, 0).

%% -- helpers

connected_peers(#{peers := Peers}) ->
    lists:sort([Peer || #{node := Peer, state := connected} <- Peers]).

%% One of each release departs while it runs, and three stay.
depart(Config, Args) ->
    #{hosts := Hosts, beams := Beams, cnodes := Cnodes} =
        form(Config, releases(Config) ++ three(Config), [], Args, ?REMOVAL),
    depart(Config, length(releases(Config)), Hosts, Beams, Cnodes).

depart(_Config, 0, _Hosts, _Beams, _Cnodes) ->
    ok;
depart(Config, Count, [_ | Hosts], [Departed | Beams], [Cnode | Cnodes]) ->
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_nodes(Departed, []),
    _ = test_cnode:await(Cnode, "departed_target_disconnected"),
    ok = test_cluster:await_mesh(Beams),
    ok = test_service:keep_reloading(metadata(Config), [test_beam:host(Beam) || Beam <- Beams], ?SETTLE_MS),
    [] = test_cluster:lost_among(Beams),
    depart(Config, Count - 1, Hosts, Beams, Cnodes).

form(Config, Releases) ->
    form(Config, Releases, []).

form(Config, Releases, Spare) ->
    form(Config, Releases, Spare, [], []).

%% A C-node and a BEAM for each of Releases, and hosts for those of Spare, with the options of their BEAMs.
form(Config, Releases, Spare, BeamArgs, CnodeArgs) ->
    {Hosts, SpareHosts} = lists:split(length(Releases), test_cluster:hosts(length(Releases) + length(Spare))),
    Options = #{args => BeamArgs ++ transport(proplists:get_value(transport, Config), Config, Hosts ++ SpareHosts)},
    Beams = start(Config, Hosts, Releases, Options),
    Cnodes = test_cnode:start_all(Hosts, #{args => CnodeArgs}),
    ok = test_cluster:await_mesh(Beams),
    [_ = test_cnode:await(Cnode, Event) || Cnode <- Cnodes, Event <- ["target_connected" | registered(Config)]],
    ok = test_service:await_watching(metadata(Config), Hosts),
    #{hosts => Hosts, beams => Beams, cnodes => Cnodes, spare => SpareHosts, options => Options}.

%% What the BEAMs are started with.
transport(plain, _Config, _Hosts) ->
    [];
transport(tls, Config, Hosts) ->
    File = tls_files:optfile(tls_files:certificates(Config, Hosts), "good"),
    maps:get(args, tls_files:beam_options(File));
transport(epmdless, _Config, _Hosts) ->
    ["-start_epmd", "false", "-erl_epmd_port", "6789"];
transport(epmdless_tls, Config, Hosts) ->
    transport(tls, Config, Hosts) ++ transport(epmdless, Config, Hosts).

registered(Config) ->
    case has_epmd(Config) of
        true -> ["node_registered"];
        false -> ["epmd_bypassed"]
    end.

%% The BEAMs that reach a C-node: without epmd only its own, by the connection that it made.
callers(Config, Own, Beams) ->
    case has_epmd(Config) of
        true -> Beams;
        false -> [Own]
    end.

has_epmd(Config) ->
    lists:member(proplists:get_value(transport, Config), [plain, tls]).

%% A listed container for each release, without its C-node.
start(Config, Releases, Options) ->
    Hosts = test_cluster:hosts(length(Releases)),
    {Hosts, start(Config, Hosts, Releases, Options)}.

start(Config, Hosts, Releases, Options) ->
    ok = test_cluster:list(metadata(Config), Hosts),
    Each = [{Host, maps:merge(Options, otp_release:options(Release))} || {Host, Release} <- lists:zip(Hosts, Releases)],
    test_beam:start_each(Each).

%% The releases of three containers.
three(Config) ->
    Releases = releases(Config),
    lists:sublist(Releases ++ Releases ++ Releases, 3).

%% The library's code path for a release, compiled by it.
library(Release) ->
    Folder = filename:join([os:getenv("LOGS"), "library", Release]),
    case filelib:is_dir(Folder) of
        true -> ok;
        false ->
            ok = otp_release:compile(Release, filelib:wildcard(filename:join([release_build:root(), "erlang", "src", "*.erl"])),
                                     Folder)
    end,
    Folder.

releases(Config) ->
    proplists:get_value(releases, Config).

clusters() ->
    string:lexemes(os:getenv("OTP_CLUSTERS", otp_release:own()), " ").
