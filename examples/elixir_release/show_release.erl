%% Started by examples/elixir_release/show, inside the sandbox: the example release in three containers, again and again.
-module(show_release).

-export([main/1]).

-define(CONTAINERS, 3).
-define(MESH_MS, 60000).

-spec main([string()]) -> no_return().
main([Way, Runs]) ->
    io:format("Building the release with mix~n"),
    Release = release_build:release(),
    Metadata = metadata_server:start(),
    Times = [run(Metadata, Release, Way, Run) || Run <- lists:seq(1, list_to_integer(Runs))],
    io:format("~s: mesh of ~b containers ~.2f s after their start (median of ~s)~n",
              [Way, ?CONTAINERS, median(Times) / 1000, Runs]),
    halt(0).

run(Metadata, Release, Way, Run) ->
    ok = metadata_server:reset(Metadata),
    Hosts = test_cluster:hosts(?CONTAINERS),
    ok = test_cluster:list(Metadata, Hosts),
    Began = erlang:monotonic_time(millisecond),
    Containers = release_container:start_all(Hosts, #{release => Release, env => [{"CLUSTERING", Way}],
                                                      command => entry_point(Way)}),
    ok = release_container:await_mesh(Containers, ?MESH_MS),
    Took = erlang:monotonic_time(millisecond) - Began,
    io:format("run ~b: ~b ms~n", [Run, Took]),
    [tell(Container) || Run =:= 1, Container <- Containers],
    ok = test_host:remove_all(),
    Took.

entry_point("wrapper") -> ["with-rancher-cnode", "RELEASE", "start"];
entry_point(_Other) -> ["RELEASE", "start"].

tell(Container) ->
    #{<<"node">> := [Node], <<"peers">> := Peers, <<"cnode">> := [Cnode]} = release_container:page(Container),
    io:format("  ~s is linked to ~s, driven by ~s~n", [Node, lists:join(" and ", Peers), Cnode]).

median(Times) ->
    lists:nth((length(Times) + 1) div 2, lists:sort(Times)).
