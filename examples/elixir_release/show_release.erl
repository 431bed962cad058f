%% Started by examples/elixir_release/show, inside the sandbox: the example release in three containers, again and again.
%% Started by scripts/test-dockerfile: the image in three containers.
-module(show_release).

-export([main/1]).

-define(CONTAINERS, 3).
%% As Docker starts process 1 in an image.
-define(IN_IMAGE, "root=$0 user=$1; shift; mount -t proc proc \"$root/proc\"; mount --bind /dev \"$root/dev\"; "
                  "exec chroot --userspec=\"$user\" \"$root\" \"$@\"").

-spec main([string()]) -> no_return().
main(["image"]) ->
    Root = os:getenv("IMAGE"),
    %% Docker gives each container a hosts file too.
    {ok, _} = file:copy("/etc/hosts", filename:join([Root, "etc", "hosts"])),
    {match, Words} = re:run(os:getenv("IMAGE_COMMAND"), "\"([^\"]*)\"", [global, {capture, all_but_first, list}]),
    Variables = [list_to_tuple(string:split(Variable, "=")) || Variable <- string:lexemes(os:getenv("IMAGE_ENV"), " ")],
    Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    _ = run(metadata_server:start(), 1,
            #{release => Root, env => [{"PATH", Path}, {"HOME", "/app"}, {"RELEASE_TMP", "/tmp"} | Variables],
              command => ["sh", "-ec", ?IN_IMAGE, Root, os:getenv("IMAGE_USER") | lists:append(Words)]}),
    halt(0);
main([Way, Runs]) ->
    io:format("Building the release with mix~n"),
    Options = #{release => release_build:release(), env => [{"CLUSTERING", clustering(Way)}], command => entry_point(Way)},
    Metadata = metadata_server:start(),
    Times = [run(Metadata, Run, Options) || Run <- lists:seq(1, list_to_integer(Runs))],
    io:format("~s: mesh of ~b containers ~.2f s after their start (median of ~s, ~.2f-~.2f)~n",
              [Way, ?CONTAINERS, median(Times) / 1000, Runs, lists:min(Times) / 1000, lists:max(Times) / 1000]),
    halt(0).

run(Metadata, Run, Options) ->
    ok = metadata_server:reset(Metadata),
    Hosts = test_cluster:hosts(?CONTAINERS),
    ok = test_cluster:list(Metadata, Hosts),
    Began = erlang:monotonic_time(millisecond),
    Containers = release_container:start_all(Hosts, Options),
    ok = release_page:await_mesh(Containers),
    Took = erlang:monotonic_time(millisecond) - Began,
    io:format("run ~b: ~b ms~n", [Run, Took]),
    [print(Container) || Run =:= 1, Container <- Containers],
    ok = test_host:remove_all(),
    Took.

%% Nothing in the application starts the program.
clustering("script") -> "exec";
clustering(Way) -> Way.

entry_point("exec") -> ["rancher_cnode", "exec", "--", "RELEASE", "start"];
%% Without init process, as a script of one's own starts both.
entry_point("script") ->
    ["sh", "-euc", "eval \"$(rancher_cnode env --timeout 30000 --node-basename shop)\"; rancher_cnode --watch-pid $$ & exec \"$@\"",
     "sh", "RELEASE", "start"];
entry_point(_Other) -> ["RELEASE", "start"].

print(Container) ->
    #{<<"node">> := [Node], <<"peers">> := Peers, <<"cnode">> := [Cnode]} = release_page:read(Container),
    io:format("  ~s is connected to ~s by ~s~n", [Node, lists:join(" and ", Peers), Cnode]).

median(Times) ->
    lists:nth((length(Times) + 1) div 2, lists:sort(Times)).
