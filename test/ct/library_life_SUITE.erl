%% How the library's child lets an application start, restart and stop.
-module(library_life_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2, spec/1, cnodes/1]).

-export([suite/0, all/0]).
-export([an_application_with_the_child_stops_at_once/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [an_application_with_the_child_stops_at_once].

-spec an_application_with_the_child_stops_at_once([term()]) -> ok.
an_application_with_the_child_stops_at_once(Config) ->
    [A] = beams(Config, 1),
    ok = start_application(A, [{await_timeout, infinity}]),
    Usual = test_beam:call(A, rancher_cnode, which_cnode, []),
    ok = stops_within(A, 2000),
    [] = cnodes(A),
    Usual = test_beam:call(A, rancher_cnode, which_cnode, []),
    ok.

%% -- helpers

start_application(Beam, Settings) ->
    ok = test_beam:call(Beam, library_application, load, [spec([{program, test_cnode:program()} | Settings])]),
    test_beam:call(Beam, application, start, [library_application], 20000).

%% Measured in the BEAM, where a busy machine does not count.
stops_within(Beam, Limit) ->
    {Took, ok} = test_beam:call(Beam, timer, tc, [application, stop, [library_application]]),
    case Took div 1000 of
        Ms when Ms =< Limit -> ok;
        Ms -> error({stopped_after_ms, Ms})
    end.
