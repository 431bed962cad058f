%% The commands of the program as somebody runs them on a test host, and what they print.
-module(test_program).

-export([run/2, ask/2, await/3, await/4, await/5, contains/2, lines/1]).

%% Exit status, and both outputs.
-spec run(test_host:host(), [string()]) -> {non_neg_integer(), binary()}.
run(Host, Args) ->
    test_host:run(Host, test_cnode:program(), Args).

%% As run/2, of a command that gets an answer.
-spec ask(test_host:host(), [string()]) -> {non_neg_integer(), binary()}.
ask(Host, Args) ->
    run(Host, patient(Args)).

%% What the command prints once its exit status is that.
-spec await(test_host:host(), non_neg_integer(), [string()]) -> binary().
await(Host, Expected, Args) ->
    await(Host, Expected, Args, []).

-spec await(test_host:host(), non_neg_integer(), [string()], test_command:env()) -> binary().
await(Host, Expected, Args, Env) ->
    await(Host, Expected, Args, Env, []).

%% As await/4, once it also prints all these parts: an exit status may come for one reason first and for another then.
-spec await(test_host:host(), non_neg_integer(), [string()], test_command:env(), [iodata()]) -> binary().
await(Host, Expected, Args, Env, Parts) ->
    test_wait:until("the exit status of the command, and what it prints",
                    fun() ->
                            case test_host:run(Host, test_cnode:program(), patient(Args), Env) of
                                {Expected, Output} = Saw ->
                                    case [Part || Part <- Parts, lacks(Output, Part)] of
                                        [] -> {done, Output};
                                        Missing -> {wait, {Saw, {lacks, Missing}}}
                                    end;
                                Other -> {wait, Other}
                            end
                    end).

-spec contains(binary(), [iodata()]) -> ok.
contains(Text, Parts) ->
    [lacks(Text, Part) andalso error({not_in, Text, Part}) || Part <- Parts],
    ok.

-spec lines(binary()) -> [binary()].
lines(Output) ->
    binary:split(Output, <<"\n">>, [global, trim_all]).

%% -- helpers

%% Most commands wait for an answer for a second, which is little on a busy machine.
patient(Args) ->
    case lists:member("--timeout", Args) of
        true -> Args;
        false -> Args ++ ["--timeout", "20000"]
    end.

lacks(Text, Part) ->
    binary:match(Text, unicode:characters_to_binary(Part)) =:= nomatch.
