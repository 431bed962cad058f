%% A common_test hook that prints the progress on the terminal, one line per case. For test/ct/run it leaves
%% the sum and what failed in the folder $LOGS: ct_run itself ends with status 0 when only an end_per_suite has failed.
-module(progress).

-export([note/2]).
-export([init/2, pre_init_per_testcase/4, post_end_per_testcase/5, on_tc_fail/4, on_tc_skip/4, terminate/1]).

-type state() :: #{passed := non_neg_integer(), failed := non_neg_integer(), began := #{term() => integer()}}.

%% For a case: prints a figure on the terminal, also when the case passes.
-spec note(string(), [term()]) -> ok.
note(Format, Args) ->
    print("        " ++ Format, Args).

-spec init(term(), term()) -> {ok, state()}.
init(_Id, _Options) ->
    {ok, #{passed => 0, failed => 0, began => #{}}}.

-spec pre_init_per_testcase(atom(), atom(), term(), state()) -> {term(), state()}.
pre_init_per_testcase(Suite, Case, Config, #{began := Began} = State) ->
    {Config, State#{began := Began#{{Suite, Case} => erlang:monotonic_time(millisecond)}}}.

%% A case that failed comes here first and to on_tc_fail/4 afterwards. So does, once it is called a failure here, a case
%% that passed and whose end_per_testcase crashed or hung; common_test by itself would forgive it.
-spec post_end_per_testcase(atom(), atom(), term(), term(), state()) -> {term(), state()}.
post_end_per_testcase(Suite, Case, _Config, ok, #{passed := Passed, began := Began} = State) ->
    Took = erlang:monotonic_time(millisecond) - map_get({Suite, Case}, Began),
    print("ok      ~s: ~s (~.1f s)", [Suite, sentence(Case), Took / 1000]),
    {ok, State#{passed := Passed + 1}};
post_end_per_testcase(_Suite, _Case, _Config, {failed, {_, end_per_testcase, _} = Reason}, State) ->
    {{fail, Reason}, State};
post_end_per_testcase(_Suite, _Case, _Config, Return, State) ->
    {Return, State}.

%% Cases, and init and end of suites and groups.
-spec on_tc_fail(atom(), term(), term(), state()) -> state().
on_tc_fail(Suite, Case, Reason, #{failed := Failed} = State) ->
    Printed = io_lib:format("FAILED  ~s: ~s~n~s", [Suite, sentence(Case), indented(Reason)]),
    print("~ts", [Printed]),
    ok = file:write_file(in_logs("failed.txt"), unicode:characters_to_binary(Printed), [append]),
    State#{failed := Failed + 1}.

%% Nothing is skipped on purpose: a case that did not run has failed.
-spec on_tc_skip(atom(), term(), term(), state()) -> state().
on_tc_skip(Suite, Case, Reason, State) ->
    on_tc_fail(Suite, Case, {not_run, Reason}, State).

-spec terminate(state()) -> ok.
terminate(#{passed := Passed, failed := Failed}) ->
    ok = file:write_file(in_logs("sum.txt"), io_lib:format("~b ~b~n", [Passed, Failed])).

in_logs(Name) ->
    filename:join(os:getenv("LOGS"), Name).

sentence(Case) when is_atom(Case) -> string:replace(atom_to_list(Case), "_", " ", all);
sentence({Case, _Group}) -> sentence(Case);
sentence(Other) -> io_lib:format("~p", [Other]).

indented(Reason) ->
    [["        ", Line, "\n"] || Line <- string:split(io_lib:format("~p", [Reason]), "\n", all)].

%% Standard error: standard output belongs to common_test and goes to a file.
print(Format, Args) ->
    io:format(standard_error, Format ++ "~n", Args).
