%% The processes in a container: those of the release, and its C-node.
-module(release_processes).

-export([release_pid/1, await_stopped/1, cnodes/1, await_cnode/1, replace_cnode/1, count_cnodes/0]).

%% The C-nodes in the container; `rancher_cnode exec' is none.
-spec cnodes(release_container:container()) -> [pos_integer()].
cnodes(Container) ->
    [Pid || Pid <- test_host:pids(release_container:host(Container)), is_cnode(test_process:arguments(Pid))].

%% Waits until there is exactly one, and returns it: the containers may be a mesh by the others' before its
%% own has started.
-spec await_cnode(release_container:container()) -> pos_integer().
await_cnode(Container) ->
    test_wait:until("one C-node",
                    fun() ->
                            case cnodes(Container) of
                                [Cnode] -> {done, Cnode};
                                Cnodes -> {wait, {Cnodes, release_container:output(Container)}}
                            end
                    end).

%% Kills the only C-node, and waits for its successor.
-spec replace_cnode(release_container:container()) -> ok.
replace_cnode(Container) ->
    Cnode = await_cnode(Container),
    ok = test_command:signal("KILL", [Cnode]),
    test_wait:until("another C-node",
                    fun() ->
                            case cnodes(Container) of
                                [Other] when Other =/= Cnode -> {done, ok};
                                Cnodes -> {wait, {Cnodes, release_container:output(Container)}}
                            end
                    end).

%% In Elixir: prints how many there are in the container at that moment, as `cnodes N`.
-spec count_cnodes() -> string().
count_cnodes() ->
    "IO.puts(\"cnodes #{:os.cmd('pgrep -xa rancher_cnode | grep -vcw exec')}\")".

%% The process of the release.
-spec release_pid(release_container:container()) -> pos_integer().
release_pid(Container) ->
    [Pid] = releases(Container),
    Pid.

%% Waits until the release has no process left.
-spec await_stopped(release_container:container()) -> ok.
await_stopped(Container) ->
    test_wait:until("the release has ended",
                    fun() ->
                            case releases(Container) of
                                [] -> {done, ok};
                                Pids -> {wait, {Pids, release_container:output(Container)}}
                            end
                    end).

%% -- helpers

%% By its arguments alone: a process that is about to become another program has the name of one still, or
%% again.
is_cnode([Program | Arguments]) ->
    filename:basename(Program) =:= <<"rancher_cnode">> andalso not lists:member(<<"exec">>, Arguments);
is_cnode([]) ->
    false.

releases(Container) ->
    test_host:pids(release_container:host(Container), <<"beam.smp">>).
