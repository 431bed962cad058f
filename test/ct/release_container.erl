%% A container that runs a release on a test host: a process namespace of its own, in which the entry point is process
%% 1. What the release shows is in release_page, its processes are in release_processes.
-module(release_container).

-export([start/2, start_all/2, host/1, name/2, command/2, execute/2, converse/3]).
-export([output/1, await_output/2, await_output/3, signal/2, await_end/1, await_end/2]).
-export_type([container/0, options/0]).

-type container() :: #{host := test_host:host(), keeper := pid(), os_pid := pos_integer(), options := options()}.
%% release: its folder. command: the entry point and its arguments, "RELEASE" standing for the release's script.
%% env: as `docker run --env`; all others are the image's.
-type options() :: #{release := file:filename(), script => string(), command => [string()],
                     env => [{string(), string() | false}]}.

-define(START_MS, 60000).
-define(TALK_MS, 120000).
%% Releases take their time to boot.
-define(BOOT_MS, 150000).
%% One scheduler that does not spin: several releases share the cores of a small machine.
-define(ERL_FLAGS, "+S 1:1 +SDcpu 1:1 +sbwt none +sbwtdcpu none +sbwtdio none").

-spec start(test_host:host(), options()) -> container().
start(Host, Options) ->
    Starter = self(),
    {Keeper, Monitor} = spawn_monitor(fun() -> init(Starter, Host, Options) end),
    receive
        {Keeper, started, OsPid} ->
            demonitor(Monitor, [flush]),
            #{host => Host, keeper => Keeper, os_pid => OsPid, options => Options};
        {'DOWN', Monitor, process, Keeper, Reason} ->
            error({container_does_not_start, Reason})
    after ?START_MS ->
        error(container_does_not_start)
    end.

-spec start_all([test_host:host()], options()) -> [container()].
start_all(Hosts, Options) ->
    [start(Host, Options) || Host <- Hosts].

-spec host(container()) -> test_host:host().
host(#{host := Host}) ->
    Host.

-spec name(string(), container()) -> binary().
name(AliveName, #{host := Host}) ->
    iolist_to_binary([AliveName, "@", test_host:address(Host)]).

%% As `docker exec CONTAINER /app/bin/shop ...`: exit status and output.
-spec command(container(), [string()]) -> {non_neg_integer(), binary()}.
command(Container, Args) ->
    execute(Container, ["RELEASE" | Args]).

%% As `docker exec CONTAINER ...`.
-spec execute(container(), [string()]) -> {non_neg_integer(), binary()}.
execute(#{host := Host} = Container, Command) ->
    {Spawn, Args} = test_host:command(Host, "/usr/bin/env", inside(Container, Command)),
    test_command:run(Spawn, Args).

%% As `docker exec --interactive --tty CONTAINER ...`: sends each line when the awaited output has appeared, and
%% returns all output when the program has ended.
-spec converse(container(), [string()], [{Awaited :: binary(), Input :: iodata()}]) -> binary().
converse(#{host := Host, options := Options} = Container, Command, Lines) ->
    Quoted = lists:join(" ", with_script(Command, Options)),
    {Spawn, Args} = test_host:command(Host, "/usr/bin/env",
                                      inside(Container, ["env", "TERM=xterm", "script", "-qefc", lists:flatten(Quoted), "/dev/null"])),
    Port = open_port({spawn_executable, Spawn}, [{args, Args}, binary, exit_status, stderr_to_stdout, hide]),
    converse(Port, Lines, <<>>, 0).

%% All that the container wrote.
-spec output(container()) -> binary().
output(#{keeper := Keeper}) ->
    keeper:ask(Keeper, output).

-spec await_output(container(), binary()) -> ok.
await_output(Container, Wanted) ->
    await_output(Container, Wanted, ?BOOT_MS).

%% Waits until the container has written something.
-spec await_output(container(), binary(), timeout()) -> ok.
await_output(Container, Wanted, Timeout) ->
    test_wait:until("the container writes " ++ binary_to_list(Wanted),
                    fun() ->
                            Output = output(Container),
                            case binary:match(Output, Wanted) of
                                nomatch -> {wait, Output};
                                _ -> {done, ok}
                            end
                    end,
                    Timeout).

%% To process 1, as `docker kill --signal`.
-spec signal(container(), string()) -> ok.
signal(Container, Name) ->
    test_command:signal(Name, [first_process(Container)]).

-spec await_end(container()) -> non_neg_integer().
await_end(Container) ->
    await_end(Container, ?BOOT_MS).

%% Exit status of the container.
-spec await_end(container(), timeout()) -> non_neg_integer().
await_end(#{keeper := Keeper} = Container, Timeout) ->
    test_wait:until("the container's end",
                    fun() ->
                            case keeper:ask(Keeper, exit) of
                                running -> {wait, output(Container)};
                                Status -> {done, Status}
                            end
                    end,
                    Timeout).

%% -- commands beside process 1

inside(#{host := Host, options := Options} = Container, Command) ->
    environment(Host, Options) ++ ["nsenter", "--target", integer_to_list(first_process(Container)), "--pid", "--mount"
                             | with_script(Command, Options)].

converse(Port, [{Awaited, Input} | Rest] = Lines, Output, Seen) ->
    case binary:match(Output, Awaited, [{scope, {Seen, byte_size(Output) - Seen}}]) of
        {At, Length} ->
            true = port_command(Port, Input),
            converse(Port, Rest, Output, At + Length);
        nomatch ->
            converse(Port, Lines, next_of(Port, Output), Seen)
    end;
converse(Port, [], Output, Seen) ->
    case next_of(Port, Output) of
        Output -> Output;
        More -> converse(Port, [], More, Seen)
    end.

%% The same when the program has ended.
next_of(Port, Output) ->
    receive
        {Port, {data, Data}} -> <<Output/binary, Data/binary>>;
        {Port, {exit_status, _}} -> Output
    after ?TALK_MS ->
        error({prints_nothing_more, Output})
    end.

with_script(Command, Options) ->
    [case Word of
         "RELEASE" -> script(Options);
         _ -> Word
     end || Word <- Command].

%% -- the keeper

init(Starter, Host, #{release := Release} = Options) ->
    Command = with_script(maps:get(command, Options, ["rancher_cnode", "exec", "--", "RELEASE", "start"]), Options),
    {Spawn, Args} = test_host:command(Host, "/usr/bin/env", environment(Host, Options)
                                      ++ ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child" | Command]),
    Port = open_port({spawn_executable, Spawn},
                     [{args, Args}, {cd, Release}, binary, exit_status, stderr_to_stdout, hide]),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    Starter ! {self(), started, OsPid},
    keep(#{port => Port, output => <<>>, exit => running}).

keep(#{port := Port, output := Output} = State) ->
    receive
        {Port, {data, Data}} -> keep(State#{output := <<Output/binary, Data/binary>>});
        {Port, {exit_status, Status}} -> keep(State#{exit := Status});
        {ask, From, Request, What} ->
            From ! {Request, map_get(What, State)},
            keep(State)
    end.

script(#{release := Release} = Options) ->
    filename:join([Release, "bin", maps:get(script, Options, "shop")]).

%% A clean environment, as an image has it.
environment(Host, Options) ->
    Image = [{"PATH", release_build:programs() ++ ":/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/run/home"},
             {"LANG", "C.UTF-8"}, {"ERL_ZFLAGS", ?ERL_FLAGS}, {"ERL_CRASH_DUMP_SECONDS", "0"},
             {"PORT", integer_to_list(release_page:port())}, {"RELEASE_TMP", temporary(Host)}],
    Given = maps:get(env, Options, []),
    ["--ignore-environment" | [Name ++ "=" ++ Value || {Name, Value} <- Image ++ Given]].

%% A container's own /tmp; these share one.
temporary(Host) ->
    Folder = filename:join("/run/tmp", test_host:address(Host)),
    ok = filelib:ensure_dir(filename:join(Folder, "any")),
    Folder.

first_process(#{os_pid := OsPid}) ->
    test_wait:until("process 1 of the container",
                    fun() ->
                            case test_process:children(OsPid) of
                                [First | _] -> {done, First};
                                [] -> {wait, none}
                            end
                    end).
