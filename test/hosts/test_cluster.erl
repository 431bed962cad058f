%% What suites and benchmarks say about several BEAMs at once: who sees whom, by each BEAM's own account.
-module(test_cluster).

-export([await_mesh/2, mesh_at/2, matrix/1, seen/1, lost_links/1, await_nodes/3]).

-type beam() :: test_beam:beam().

%% Waits until every BEAM's nodes() are exactly the others.
-spec await_mesh([beam()], timeout()) -> ok.
await_mesh(Beams, Timeout) ->
    Names = lists:sort([test_beam:name(Beam) || Beam <- Beams]),
    Expected = [{Name, Names -- [Name]} || Name <- Names],
    test_wait:equals("every BEAM sees exactly the others", Expected, fun() -> lists:sort(seen(Beams)) end, Timeout).

%% When the last link of the full mesh came up, by the BEAMs' own events: microseconds of os:perf_counter/1.
-spec mesh_at([beam()], timeout()) -> integer().
mesh_at(Beams, Timeout) ->
    Names = [test_beam:name(Beam) || Beam <- Beams],
    lists:max([test_beam:linked_at(Beam, Names -- [test_beam:name(Beam)], Timeout) || Beam <- Beams]).

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

%% The nodedowns between BEAMs that any of these saw since it booted; [] when no link was ever lost.
-spec lost_links([beam()]) -> [{node(), link_log:event()}].
lost_links(Beams) ->
    [{test_beam:name(Beam), Event} || Beam <- Beams, Event <- test_beam:downs(Beam)].
