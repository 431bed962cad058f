%% Runs a program to its end and returns its output. No shell in between, so nothing needs quoting.
-module(test_command).

-export([run/2, run/3, ok/2, await_output/2, ended/1, ended/2, signal/2]).
-export_type([env/0]).

%% false unsets the variable.
-type env() :: [{string(), string() | false}].

%% Without a word from the program.
-define(LIMIT_MS, 120000).

%% Exit status, and standard output and error together.
-spec run(string(), [string()]) -> {non_neg_integer(), binary()}.
run(Program, Args) ->
    run(Program, Args, []).

%% As run/2, with these variables in addition to those of the test itself.
-spec run(string(), [string()], env()) -> {non_neg_integer(), binary()}.
run(Program, Args, Env) ->
    Port = open_port({spawn_executable, executable(Program)},
                     [{args, Args}, {env, Env}, binary, exit_status, stderr_to_stdout, hide]),
    collect(Port, [Program | Args], []).

%% As run/2 for a program that must succeed.
-spec ok(string(), [string()]) -> binary().
ok(Program, Args) ->
    case run(Program, Args) of
        {0, Output} -> Output;
        {Status, Output} -> error({command_failed, [Program | Args], Status, Output})
    end.

%% What a program at a binary port of the caller prints, from now on, until it has printed Part.
-spec await_output(port(), binary()) -> binary().
await_output(Port, Part) ->
    await_output(Port, Part, <<>>).

await_output(Port, Part, Output) ->
    receive
        {Port, {data, Data}} ->
            Printed = <<Output/binary, Data/binary>>,
            case binary:match(Printed, Part) of
                nomatch -> await_output(Port, Part, Printed);
                _ -> Printed
            end;
        {Port, {exit_status, Status}} ->
            error({has_ended, Status, Output})
    after test_wait:patience() ->
        error({never_printed, Part, Output})
    end.

%% The exit status of a program at a binary port of the caller, and what it prints from now on, after Printed. One that
%% does not end is killed.
-spec ended(port()) -> {non_neg_integer(), binary()}.
ended(Port) ->
    ended(Port, <<>>).

-spec ended(port(), binary()) -> {non_neg_integer(), binary()}.
ended(Port, Printed) ->
    collect(Port, [Port], Printed).

%% Sends a signal ("TERM", "KILL", "STOP", ...) to processes; those that have already ended are skipped.
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

collect(Port, Command, Output) ->
    receive
        {Port, {data, Data}} -> collect(Port, Command, [Output, Data]);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(Output)}
    after ?LIMIT_MS ->
        {os_pid, OsPid} = erlang:port_info(Port, os_pid),
        port_close(Port),
        ok = signal("KILL", [OsPid]),
        error({command_hangs, Command, iolist_to_binary(Output)})
    end.
