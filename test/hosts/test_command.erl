%% Runs a program to its end and gives what it printed. No shell in between, so nothing needs quoting.
-module(test_command).

-export([run/2, ok/2, signal/2]).

-define(LIMIT_MS, 20000).

%% Exit status, and standard output and error together.
-spec run(string(), [string()]) -> {non_neg_integer(), binary()}.
run(Program, Args) ->
    Port = open_port({spawn_executable, executable(Program)},
                     [{args, Args}, binary, exit_status, stderr_to_stdout, hide]),
    collect(Port, Program, []).

%% As run/2 for a program that must succeed.
-spec ok(string(), [string()]) -> binary().
ok(Program, Args) ->
    case run(Program, Args) of
        {0, Output} -> Output;
        {Status, Output} -> error({command_failed, [Program | Args], Status, Output})
    end.

%% Sends a signal ("TERM", "KILL", "STOP", ...) to processes; those that have ended already are passed over.
-spec signal(string(), [non_neg_integer()]) -> ok.
signal(_Name, []) ->
    ok;
signal(Name, OsPids) ->
    _ = run("kill", ["-s", Name | [integer_to_list(Pid) || Pid <- OsPids]]),
    ok.

executable(Program) ->
    case os:find_executable(Program) of
        false -> error({program_not_found, Program});
        Path -> Path
    end.

collect(Port, Program, Output) ->
    receive
        {Port, {data, Data}} -> collect(Port, Program, [Output, Data]);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(Output)}
    after ?LIMIT_MS ->
        port_close(Port),
        error({command_hangs, Program, iolist_to_binary(Output)})
    end.
