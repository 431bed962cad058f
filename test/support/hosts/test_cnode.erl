%% The built program on a test host. A separate process owns it, and keeps every line that it logs with its time.
-module(test_cnode).

-export([start/1, start/2, start_all/1, start_all/2, program/0, default_basename/0, default_name/1]).
-export([name/1, os_pid/1, resident_kib/1, descriptors/1, call/3, timed_call/3]).
-export([log/1, events/2, await/2, await/3, await_event/2, signal/2, exit_status/1, await_exit/1, stop/1, kill/1]).
-export_type([cnode/0, options/0, line/0]).

-type cnode() :: #{name := node(), host := test_host:host(), keeper := pid(), os_pid := pos_integer()}.
%% args come after `--node-basename myapp`; node_basename => none omits that. cookie => none sets none.
-type options() :: #{args => [string()], env => test_command:env(), basename => string(),
                     node_basename => string() | none, cookie => string() | none}.
%% One line of the log. level and event are empty when the line has none, fields hold the rest as text.
-type line() :: #{at := integer(), text := binary(), level := binary(), event := binary(),
                  fields := #{binary() => binary()}}.

-define(CALL_MS, 60000).

-spec program() -> string().
program() ->
    case os:getenv("PROGRAM") of
        false -> error({not_set, "PROGRAM"});
        Path -> Path
    end.

%% Its alive name without --basename.
-spec default_basename() -> string().
default_basename() ->
    "remsh-rancher_cnode".

-spec default_name(test_host:host()) -> node().
default_name(Host) ->
    test_host:node_name(default_basename(), Host).

-spec start(test_host:host()) -> cnode().
start(Host) ->
    start(Host, #{}).

%% As a wrapper script starts it: the address in CONTAINER_IP, the cookie in the environment.
-spec start(test_host:host(), options()) -> cnode().
start(Host, Options) ->
    Starter = self(),
    Keeper = spawn(fun() -> init(Starter, Host, Options) end),
    receive
        {Keeper, started, OsPid} ->
            Name = test_host:node_name(maps:get(basename, Options, default_basename()), Host),
            #{name => Name, host => Host, keeper => Keeper, os_pid => OsPid}
    after ?CALL_MS ->
        error({does_not_start, program()})
    end.

-spec start_all([test_host:host()]) -> [cnode()].
start_all(Hosts) ->
    start_all(Hosts, #{}).

-spec start_all([test_host:host()], options()) -> [cnode()].
start_all(Hosts, Options) ->
    [start(Host, Options) || Host <- Hosts].

-spec name(cnode()) -> node().
name(#{name := Name}) ->
    Name.

-spec os_pid(cnode()) -> pos_integer().
os_pid(#{os_pid := OsPid}) ->
    OsPid.

%% Its memory that is in use, in KiB.
-spec resident_kib(cnode()) -> pos_integer().
resident_kib(#{os_pid := OsPid}) ->
    {ok, Status} = file:read_file(["/proc/", integer_to_list(OsPid), "/status"]),
    {match, [Kib]} = re:run(Status, "VmRSS:\\s+(\\d+)", [{capture, all_but_first, list}]),
    list_to_integer(Kib).

%% How many files and sockets it has open.
-spec descriptors(cnode()) -> non_neg_integer().
descriptors(#{os_pid := OsPid}) ->
    {ok, Names} = file:list_dir(["/proc/", integer_to_list(OsPid), "/fd"]),
    length(Names).

%% The reply to a gen_server:call by a process of the BEAM.
-spec call(cnode(), test_beam:beam(), term()) -> term().
call(Cnode, Beam, Request) ->
    {_, Reply} = timed_call(Cnode, Beam, Request),
    Reply.

%% As call/3, with the microseconds that it took inside the BEAM.
-spec timed_call(cnode(), test_beam:beam(), term()) -> {non_neg_integer(), term()}.
timed_call(#{name := Name}, Beam, Request) ->
    Call = [{rancher_cnode, Name}, Request, ?CALL_MS],
    test_beam:call(Beam, timer, tc, [gen_server, call, Call], 2 * ?CALL_MS).

%% All lines so far, oldest first.
-spec log(cnode()) -> [line()].
log(#{keeper := Keeper}) ->
    keeper:ask(Keeper, log).

%% The lines of one event.
-spec events(cnode(), string()) -> [line()].
events(Cnode, Event) ->
    Wanted = list_to_binary(Event),
    [Line || #{event := Found} = Line <- log(Cnode), Found =:= Wanted].

%% Waits until it has logged the event, and returns the first such line.
-spec await(cnode(), string()) -> line().
await(Cnode, Event) ->
    await(Cnode, Event, 0).

%% As await/2, but lines that came before Since (os:perf_counter/1 in microseconds) do not count.
-spec await(cnode(), string(), integer()) -> line().
await(Cnode, Event, Since) ->
    Wanted = list_to_binary(Event),
    await_event(Cnode, fun(#{event := Found, at := At}) -> Found =:= Wanted andalso At >= Since end).

%% Waits until Matches is true for a line of the log, and returns the first such line.
-spec await_event(cnode(), fun((line()) -> boolean())) -> line().
await_event(Cnode, Matches) ->
    test_wait:until("a line of the log",
                    fun() ->
                            Lines = log(Cnode),
                            case lists:search(Matches, Lines) of
                                {value, Line} -> {done, Line};
                                false -> {wait, [Text || #{text := Text} <- Lines]}
                            end
                    end).

-spec signal(cnode(), string()) -> ok.
signal(#{os_pid := OsPid}, Name) ->
    test_command:signal(Name, [OsPid]).

%% As await_exit/1, if it has ended already.
-spec exit_status(cnode()) -> running | {non_neg_integer(), integer()}.
exit_status(#{keeper := Keeper}) ->
    keeper:ask(Keeper, exit).

%% The exit status (128 + n for signal n) and when it came, in microseconds of os:perf_counter/1.
-spec await_exit(cnode()) -> {non_neg_integer(), integer()}.
await_exit(Cnode) ->
    test_wait:until("the program's end",
                    fun() ->
                            case exit_status(Cnode) of
                                running -> {wait, running};
                                Exit -> {done, Exit}
                            end
                    end).

%% SIGTERM, and its end.
-spec stop(cnode()) -> ok.
stop(Cnode) ->
    ok = signal(Cnode, "TERM"),
    {0, _} = await_exit(Cnode),
    ok.

-spec kill(cnode()) -> ok.
kill(Cnode) ->
    ok = signal(Cnode, "KILL"),
    {137, _} = await_exit(Cnode),
    ok.

%% -- the keeper

init(Starter, Host, Options) ->
    {Spawn, Args} = test_host:command(Host, program(), arguments(Options)),
    Port = open_port({spawn_executable, Spawn},
                     [{args, Args}, {env, environment(Host, Options)}, {line, 16384}, binary, exit_status,
                      stderr_to_stdout, hide]),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    Starter ! {self(), started, OsPid},
    keep(#{port => Port, file => log_file(Host, OsPid), lines => [], exit => running}).

keep(#{port := Port, lines := Lines, exit := Exit} = State) ->
    receive
        {Port, {data, {_, Text}}} ->
            write(State, Text),
            keep(State#{lines := [line(Text) | Lines]});
        {Port, {exit_status, Status}} ->
            keep(State#{exit := {Status, now_us()}});
        {ask, From, Request, log} ->
            From ! {Request, lists:reverse(Lines)},
            keep(State);
        {ask, From, Request, exit} ->
            From ! {Request, Exit},
            keep(State)
    end.

arguments(Options) ->
    Basenames = case maps:get(node_basename, Options, "myapp") of
                    none -> [];
                    NodeBasename -> ["--node-basename", NodeBasename]
                end,
    Own = case Options of
              #{basename := Basename} -> ["--basename", Basename];
              #{} -> []
          end,
    Basenames ++ Own ++ maps:get(args, Options, []).

environment(Host, Options) ->
    Cookie = case maps:get(cookie, Options, "monster") of
                 none -> false;
                 Text -> Text
             end,
    [{"CONTAINER_IP", test_host:address(Host)}, {"RANCHER_CNODE_COOKIE", Cookie} | maps:get(env, Options, [])].

%% Logs are kept for failed cases: one file per start, named by address and process.
log_file(Host, OsPid) ->
    case os:getenv("LOGS") of
        false ->
            none;
        Folder ->
            Name = test_host:address(Host) ++ "-cnode-" ++ integer_to_list(OsPid) ++ ".log",
            {ok, File} = file:open(filename:join(Folder, Name), [write, raw]),
            File
    end.

write(#{file := none}, _Text) -> ok;
write(#{file := File}, Text) -> ok = file:write(File, [Text, $\n]).

%% `<time> <level> event=<event> msg="..." key=value ...`, or anything else that the program prints.
line(Text) ->
    Fields = case re:run(Text, <<"(\\w+)=(?:\"((?:[^\"\\\\]|\\\\.)*)\"|(\\S*))">>,
                         [global, {capture, all_but_first, binary}]) of
                 {match, Matches} -> maps:from_list([{Key, iolist_to_binary(Value)} || [Key | Value] <- Matches]);
                 nomatch -> #{}
             end,
    Level = case binary:split(Text, <<" ">>, [global]) of
                [_Time, Word | _] when is_map_key(<<"event">>, Fields) -> Word;
                _ -> <<>>
            end,
    #{at => now_us(), text => Text, level => Level, event => maps:get(<<"event">>, Fields, <<>>), fields => Fields}.

now_us() ->
    os:perf_counter(microsecond).
