%% How the library's child lets an application start, restart and stop.
-module(library_lifecycle_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2, spec/1, cnodes/1, noted/1, script/2]).

-export([suite/0, all/0]).
-export([an_application_with_the_child_stops_at_once/1, a_restart_without_metadata_does_not_block/1,
         a_restart_after_a_start_that_timed_out_does_not_block/1, a_program_that_keeps_dying_does_not_harm_the_application/1,
         a_start_without_a_timeout_does_not_outlive_sigterm/1,
         a_start_whose_supervisor_dies_leaves_no_program/1, a_start_continues_to_wait_after_a_lost_connection/1]).

%% Far less than a restart waits for the initial sync where it cannot be done, 12 s at least.
-define(UNBLOCKED_MS, 8000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [an_application_with_the_child_stops_at_once, a_restart_without_metadata_does_not_block,
     a_restart_after_a_start_that_timed_out_does_not_block, a_program_that_keeps_dying_does_not_harm_the_application,
     a_start_without_a_timeout_does_not_outlive_sigterm,
     a_start_whose_supervisor_dies_leaves_no_program, a_start_continues_to_wait_after_a_lost_connection].

-spec an_application_with_the_child_stops_at_once([term()]) -> ok.
an_application_with_the_child_stops_at_once(Config) ->
    [A] = beams(Config, 1),
    ok = start_application(A, [{await_timeout, infinity}]),
    Usual = test_beam:call(A, rancher_cnode, which_cnode, []),
    ok = stops_within(A, 2000),
    [] = cnodes(A),
    Usual = test_beam:call(A, rancher_cnode, which_cnode, []),
    ok.

-spec a_restart_without_metadata_does_not_block([term()]) -> ok.
a_restart_without_metadata_does_not_block(Config) ->
    [A] = beams(Config, 1),
    ok = start_application(A, [{await_timeout, infinity}]),
    ok = metadata_server:misbehave(metadata(Config), hang),
    restart_holds_nothing_up(A).

-spec a_restart_after_a_start_that_timed_out_does_not_block([term()]) -> ok.
a_restart_after_a_start_that_timed_out_does_not_block(Config) ->
    [A] = beams(Config, 1),
    ok = metadata_server:misbehave(metadata(Config), hang),
    ok = start_application(A, [{await_timeout, 12000}]),
    restart_holds_nothing_up(A).

%% It works at first, is killed, and is then killed at each start, as by a container's limit of memory.
-spec a_program_that_keeps_dying_does_not_harm_the_application([term()]) -> ok.
a_program_that_keeps_dying_does_not_harm_the_application(Config) ->
    [A] = beams(Config, 1),
    ok = test_beam:call(A, library_witness, start, []),
    Worked = filename:join(proplists:get_value(priv_dir, Config), "worked"),
    Program = script(Config, ["[ ! -e ", Worked, " ] || kill -KILL $$\n: >", Worked, "\n",
                              "exec ", test_cnode:program(), " \"$@\""]),
    ok = start_application(A, [{program, Program}, {await_timeout, infinity}]),
    Children = test_beam:call(A, supervisor, which_children, [library_application]),
    [OsPid] = cnodes(A),
    ok = test_command:signal("KILL", [OsPid]),
    %% Twice as long from one to the next: at least 500, 1000 and 2000 ms.
    Deaths = test_wait:until("it has died at the first start and at three more",
                             fun() -> case deaths(A) of
                                          [_, _, _, _ | _] = Lines -> {done, lists:sublist(Lines, 4)};
                                          Lines -> {wait, Lines}
                                      end
                             end),
    [{_, _} = binary:match(Line, <<"status 137">>) || Line <- Deaths],
    [{_, _} = binary:match(Line, <<"in ", Delay/binary, " ms">>)
     || {Line, Delay} <- lists:zip(Deaths, [<<"500">>, <<"1000">>, <<"2000">>, <<"4000">>])],
    Children = test_beam:call(A, supervisor, which_children, [library_application]),
    ok = file:delete(Worked),
    ok = test_beam:call(A, rancher_cnode, await, [30000]),
    Children = test_beam:call(A, supervisor, which_children, [library_application]),
    stops_within(A, ?UNBLOCKED_MS).

-spec a_start_without_a_timeout_does_not_outlive_sigterm([term()]) -> ok.
a_start_without_a_timeout_does_not_outlive_sigterm(Config) ->
    [A] = beams(Config, 1),
    ok = metadata_server:misbehave(metadata(Config), hang),
    ok = load_application(A, [{await_timeout, infinity}]),
    _ = test_beam:call(A, erlang, spawn, [application, start, [library_application]]),
    ok = await_program(A),
    ok = test_command:signal("TERM", [test_beam:os_pid(A)]),
    test_wait:equals("BEAM and program are gone", [],
                     fun() -> cnodes(A) ++ [Pid || Pid <- test_host:pids(test_beam:host(A)),
                                                   Pid =:= test_beam:os_pid(A)] end).

-spec a_start_whose_supervisor_dies_leaves_no_program([term()]) -> ok.
a_start_whose_supervisor_dies_leaves_no_program(Config) ->
    [A] = beams(Config, 1),
    ok = metadata_server:misbehave(metadata(Config), hang),
    Spec = spec([{program, test_cnode:program()}, {await_timeout, infinity}]),
    _ = test_beam:call(A, erlang, spawn, [supervisor, start_child, [library_supervisor, Spec]]),
    ok = await_program(A),
    true = test_beam:call(A, erlang, exit, [test_beam:call(A, erlang, whereis, [library_supervisor]), kill]),
    test_wait:equals("the program is gone", [], fun() -> cnodes(A) end).

-spec a_start_continues_to_wait_after_a_lost_connection([term()]) -> ok.
a_start_continues_to_wait_after_a_lost_connection(Config) ->
    [A] = beams(Config, 1),
    CNode = test_host:node_name("c-node", test_beam:host(A)),
    ok = metadata_server:misbehave(metadata(Config), hang),
    ok = load_application(A, [{basename, "c-node"}, {await_timeout, infinity}]),
    _ = test_beam:call(A, erlang, spawn, [application, start, [library_application]]),
    Connected = fun() -> test_beam:hidden_nodes(A) end,
    ok = test_wait:equals("the C-node is connected", [CNode], Connected),
    true = test_beam:call(A, erlang, disconnect_node, [CNode]),
    ok = test_wait:equals("the C-node is connected again", [CNode], Connected),
    ok = metadata_server:misbehave(metadata(Config), normal),
    test_wait:equals("the start is done", CNode, fun() -> test_beam:call(A, rancher_cnode, which_cnode, []) end).

%% -- helpers

await_program(Beam) ->
    test_wait:until("the child runs the program",
                    fun() -> case cnodes(Beam) of [_] -> {done, ok}; Saw -> {wait, Saw} end end).

restart_holds_nothing_up(Beam) ->
    [Before] = cnodes(Beam),
    ok = test_command:signal("KILL", [Before]),
    ok = test_wait:until("another program",
                         fun() -> case cnodes(Beam) of
                                      [Pid] when Pid =/= Before -> {done, ok};
                                      Saw -> {wait, Saw}
                                  end
                         end),
    Sibling = [library_application, sibling],
    ok = test_beam:call(Beam, supervisor, terminate_child, Sibling, ?UNBLOCKED_MS),
    {ok, _} = test_beam:call(Beam, supervisor, restart_child, Sibling, ?UNBLOCKED_MS),
    ok = stops_within(Beam, ?UNBLOCKED_MS),
    [] = cnodes(Beam),
    ok.

start_application(Beam, Settings) ->
    ok = load_application(Beam, Settings),
    test_beam:call(Beam, application, start, [library_application], 60000).

load_application(Beam, Settings) ->
    test_beam:call(Beam, library_application, load, [spec(Settings ++ [{program, test_cnode:program()}])]).

deaths(Beam) ->
    [Text || {log, warning, Text} <- noted(Beam), binary:match(Text, <<"restarting in">>) =/= nomatch].

%% Measured in the BEAM, where a busy machine does not count.
stops_within(Beam, Limit) ->
    {Took, ok} = test_beam:call(Beam, timer, tc, [application, stop, [library_application]]),
    case Took div 1000 of
        Ms when Ms =< Limit -> ok;
        Ms -> error({stopped_after_ms, Ms})
    end.
