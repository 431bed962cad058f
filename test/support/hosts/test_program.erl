%% The commands of the program as somebody runs them on a test host, and what they print.
-module(test_program).

-export([run/2, await/3, await/4, contains/2, lines/1]).

-define(PATIENCE_MS, 20000).

%% Exit status, and both outputs.
-spec run(test_host:host(), [string()]) -> {non_neg_integer(), binary()}.
run(Host, Args) ->
    test_host:run(Host, test_cnode:program(), Args).

%% What the command prints once its exit status is that.
-spec await(test_host:host(), non_neg_integer(), [string()]) -> binary().
await(Host, Expected, Args) ->
    await(Host, Expected, Args, []).

-spec await(test_host:host(), non_neg_integer(), [string()], test_command:env()) -> binary().
await(Host, Expected, Args, Env) ->
    test_wait:until("the exit status of the command",
                    fun() ->
                            case test_host:run(Host, test_cnode:program(), Args, Env) of
                                {Expected, Output} -> {done, Output};
                                Other -> {wait, Other}
                            end
                    end,
                    ?PATIENCE_MS).

-spec contains(binary(), [iodata()]) -> ok.
contains(Text, Parts) ->
    [case binary:match(Text, unicode:characters_to_binary(Part)) of
         nomatch -> error({not_in, Text, Part});
         _ -> ok
     end || Part <- Parts],
    ok.

-spec lines(binary()) -> [binary()].
lines(Output) ->
    binary:split(Output, <<"\n">>, [global, trim_all]).
