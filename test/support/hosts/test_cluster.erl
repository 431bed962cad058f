%% Several BEAMs at once, for suites and benchmarks: who sees whom, by each BEAM's own nodes().
-module(test_cluster).

-export([form/2, form/3, form_on/4, start_cnodes/3, star/3, lone/4, without_connect_all/0, hosts/1, list/2]).
-export([await_mesh/1, await_mesh/2, mesh_at/1, mesh_at/2, matrix/1, seen/1, lost_connections/1, lost_among/1]).
-export([await_nodes/2, await_nodes/3]).
-export_type([cluster/0]).

-type beam() :: test_beam:beam().
-type cluster() :: #{hosts := [test_host:host()], beams := [beam()], cnodes := [test_cnode:cnode()]}.

-spec form(metadata_server:server(), pos_integer()) -> cluster().
form(Metadata, Count) ->
    form(Metadata, Count, #{}).

%% This many hosts, listed as the service's containers, each with a BEAM and its C-node, as start_cnodes/3
%% returns them.
-spec form(metadata_server:server(), pos_integer(), test_cnode:options()) -> cluster().
form(Metadata, Count, Options) ->
    form_on(Metadata, hosts(Count), #{}, Options).

%% The same of these hosts.
-spec form_on(metadata_server:server(), [test_host:host()], test_beam:options(), test_cnode:options()) -> cluster().
form_on(Metadata, Hosts, BeamOptions, Options) ->
    ok = list(Metadata, Hosts),
    start_cnodes(Metadata, test_beam:start_all(Hosts, BeamOptions), Options).

%% A C-node beside each BEAM. One C-node alone may have made the whole mesh, so this returns only when every
%% C-node is registered and connected to its BEAM, has found the mesh complete, and waits for a change of the
%% metadata: a case that changes them next changes what everybody has read.
-spec start_cnodes(metadata_server:server(), [beam()], test_cnode:options()) -> cluster().
start_cnodes(Metadata, Beams, Options) ->
    Hosts = [test_beam:host(Beam) || Beam <- Beams],
    Cnodes = test_cnode:start_all(Hosts, Options),
    ok = await_mesh(Beams),
    [begin _ = test_cnode:await_event(Cnode, fun is_reachable/1), _ = test_cnode:await(Cnode, "target_connected") end
     || Cnode <- Cnodes],
    [_ = test_cnode:await(Cnode, "cluster_completed") || length(Beams) > 1, Cnode <- Cnodes],
    ok = test_service:await_watching(Metadata, Hosts),
    #{hosts => Hosts, beams => Beams, cnodes => Cnodes}.

%% This many hosts, listed, each with a BEAM. The first is connected to all, by the only C-node; the others
%% only to it.
-spec star(metadata_server:server(), pos_integer(), test_cnode:options()) -> cluster().
star(Metadata, Count, Options) ->
    Hosts = [One | _] = hosts(Count),
    ok = list(Metadata, Hosts),
    Beams = [Beam | Others] = test_beam:start_all(Hosts, #{args => without_connect_all()}),
    Cnode = test_cnode:start(One, Options),
    ok = await_nodes(Beam, [test_beam:name(Other) || Other <- Others]),
    _ = test_cnode:await(Cnode, "cluster_completed"),
    #{hosts => Hosts, beams => Beams, cnodes => [Cnode]}.

%% This many hosts with BEAMs, listed together with More, and one C-node for all of them on a host of another
%% service.
-spec lone(metadata_server:server(), pos_integer(), [test_host:address()], [string()]) ->
          #{alone := test_host:host(), hosts := [test_host:host()], beams := [beam()], cnode := test_cnode:cnode()}.
lone(Metadata, Count, More, Args) ->
    Alone = test_host:add(),
    Hosts = hosts(Count),
    ok = metadata_server:list(Metadata, "Ops", "former", [test_host:address(Alone)]),
    ok = list(Metadata, Hosts ++ More),
    Beams = test_beam:start_all(Hosts),
    ok = test_host:start_epmd(Alone),
    Cnode = test_cnode:start(Alone, #{args => ["--targets", "all", "--service", "stacks/shop/services/worker" | Args]}),
    ok = await_mesh(Beams),
    ok = test_service:await_watching(Metadata, [Alone]),
    #{alone => Alone, hosts => Hosts, beams => Beams, cnode => Cnode}.

%% Arguments with which a BEAM connects to no other by itself.
-spec without_connect_all() -> [string()].
without_connect_all() ->
    ["-connect_all", "false"].

-spec hosts(pos_integer()) -> [test_host:host()].
hosts(Count) ->
    [test_host:add() || _ <- lists:seq(1, Count)].

%% Makes the service consist of the containers on these hosts, or of the given containers.
-spec list(metadata_server:server(), [test_host:host() | metadata_world:spec()]) -> ok.
list(Metadata, Hosts) ->
    metadata_server:list(Metadata, "Shop", "worker", [spec(Host) || Host <- Hosts]).

%% Without epmd there is nothing to register with.
is_reachable(#{event := Event}) ->
    lists:member(Event, [<<"node_registered">>, <<"epmd_bypassed">>]).

spec(#{netns := _, address := Address}) -> Address;
spec(Spec) -> Spec.

-spec await_mesh([beam()]) -> ok.
await_mesh(Beams) ->
    await_mesh(Beams, test_wait:patience()).

%% Waits until every BEAM's nodes() are exactly the others, and what led to that is recorded: no event of it comes later.
-spec await_mesh([beam()], timeout()) -> ok.
await_mesh(Beams, Timeout) ->
    Names = lists:sort([test_beam:name(Beam) || Beam <- Beams]),
    Expected = [{Name, Names -- [Name]} || Name <- Names],
    ok = test_wait:equals("every BEAM sees exactly the others", Expected, fun() -> lists:sort(seen(Beams)) end, Timeout),
    [_ = test_beam:events(Beam) || Beam <- Beams],
    ok.

-spec mesh_at([beam()]) -> integer().
mesh_at(Beams) ->
    mesh_at(Beams, test_wait:patience()).

%% When the last connection of the full mesh was made, by the BEAMs' own events: microseconds of os:perf_counter/1.
-spec mesh_at([beam()], timeout()) -> integer().
mesh_at(Beams, Timeout) ->
    Names = [test_beam:name(Beam) || Beam <- Beams],
    lists:max([test_beam:connected_at(Beam, Names -- [test_beam:name(Beam)], Timeout) || Beam <- Beams]).

-spec await_nodes(beam(), [node()]) -> ok.
await_nodes(Beam, Nodes) ->
    await_nodes(Beam, Nodes, test_wait:patience()).

%% Waits until nodes() of one BEAM are exactly these.
-spec await_nodes(beam(), [node()], timeout()) -> ok.
await_nodes(Beam, Nodes, Timeout) ->
    test_wait:equals("a BEAM sees exactly the awaited nodes", lists:sort(Nodes),
                     fun() -> test_beam:visible_nodes(Beam) end, Timeout).

%% nodes() of each BEAM.
-spec seen([beam()]) -> [{node(), [node()]}].
seen(Beams) ->
    [{test_beam:name(Beam), test_beam:visible_nodes(Beam)} || Beam <- Beams].

%% For each BEAM, whether it sees each of Beams; true for itself.
-spec matrix([beam()]) -> [[boolean()]].
matrix(Beams) ->
    Names = [test_beam:name(Beam) || Beam <- Beams],
    [[Name =:= Own orelse lists:member(Name, Seen) || Name <- Names] || {Own, Seen} <- seen(Beams)].

%% The nodedowns between BEAMs that any of these saw since it booted; [] when no connection was ever lost.
-spec lost_connections([beam()]) -> [{node(), connection_log:event()}].
lost_connections(Beams) ->
    [{test_beam:name(Beam), Event} || Beam <- Beams, Event <- test_beam:downs(Beam)].

%% As lost_connections/1, but only those that these lost to one another.
-spec lost_among([beam()]) -> [{node(), connection_log:event()}].
lost_among(Beams) ->
    Names = [test_beam:name(Beam) || Beam <- Beams],
    [Lost || {_, #{node := Node}} = Lost <- lost_connections(Beams), lists:member(Node, Names)].
