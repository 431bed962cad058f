%% A container whose process 1 is `rancher_cnode exec`, without a release.
-module(exec_container).

-export([start/1, start/2, start/3, with_shell/1, python/1]).
-export([children/1, descriptor/2]).
-export([if_nobody/1, as_nobody/1, program_for_all/0, limit_processes/2]).

-define(NOBODY, "65534").

-spec start([string()]) -> release_container:container().
start(Command) ->
    start(Command, []).

-spec start([string()], [string()]) -> release_container:container().
start(Command, Settings) ->
    start(Command, Settings, #{}).

%% Options are release_container's; the address is known without the metadata unless they have an environment.
-spec start([string()], [string()], #{atom() => term()}) -> release_container:container().
start(Command, Settings, Options) ->
    Host = test_host:add(),
    Usual = #{release => "/", command => ["rancher_cnode", "exec"] ++ Settings ++ ["--" | Command],
              env => [{"CONTAINER_IP", test_host:address(Host)}]},
    release_container:start(Host, maps:merge(Usual, Options)).

%% Process 1 is what this script executes.
-spec with_shell(string()) -> release_container:container().
with_shell(Script) ->
    start([], [], #{command => ["sh", "-c", Script]}).

-spec python(string()) -> [string()].
python(Script) ->
    ["python3", "-c", Script].

%% Those of process 1, zombies too.
-spec children(release_container:container()) -> [pos_integer()].
children(#{os_pid := OsPid}) ->
    lists:flatmap(fun test_process:children/1, test_process:children(OsPid)).

%% What it is open on; empty if it is closed.
-spec descriptor(pos_integer(), non_neg_integer()) -> binary().
descriptor(Pid, Number) ->
    case file:read_link(["/proc/", integer_to_list(Pid), "/fd/", integer_to_list(Number)]) of
        {ok, File} -> iolist_to_binary(File);
        {error, _} -> <<>>
    end.

%% An ordinary user's sandbox knows one user only.
-spec if_nobody(fun(() -> ok)) -> ok | {skip, string()}.
if_nobody(Case) ->
    case test_command:run("setpriv", ["--reuid=" ++ ?NOBODY, "--clear-groups", "true"]) of
        {0, _} -> Case();
        _ -> {skip, "needs root"}
    end.

%% For a shell: the program with these arguments.
-spec as_nobody(string()) -> string().
as_nobody(Arguments) ->
    lists:append(["exec setpriv --reuid=", ?NOBODY, " --regid=", ?NOBODY, " --clear-groups ", program_for_all(), " ",
                  Arguments]).

%% A copy of the program where every user may execute it: the tree may be private.
-spec program_for_all() -> string().
program_for_all() ->
    Copy = "/run/rancher_cnode",
    case filelib:is_file(Copy) of
        true -> ok;
        false ->
            {ok, _} = file:copy(test_cnode:program(), Copy),
            ok = file:change_mode(Copy, 8#755)
    end,
    Copy.

%% How many processes its user may have when process 1 starts one.
-spec limit_processes(release_container:container(), string()) -> ok.
limit_processes(Container, Count) ->
    Own = ["setpriv", "--reuid=" ++ ?NOBODY, "--regid=" ++ ?NOBODY, "--clear-groups"],
    {0, _} = release_container:execute(Container, Own ++ ["prlimit", "--pid", "1", "--nproc=" ++ Count ++ ":"]),
    ok.
