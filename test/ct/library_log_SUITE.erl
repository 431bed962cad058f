%% What the library logs: the C-node's events and the program's lines on standard error, and at which level.
-module(library_log_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2, start_child/2, noted/1, await_logged/3, load_telemetry/1, script/2]).

-export([suite/0, all/0, init_per_suite/1, end_per_suite/1]).
-export([each_event_is_logged_once/1, entries_are_formatted_with_their_fields/1, entries_below_the_level_are_skipped/1,
         the_events_are_logged/1, the_lines_of_a_program_that_cannot_connect_are_logged/1,
         events_below_the_level_still_carry_telemetry/1,
         a_start_that_times_out_is_logged_as_a_warning/1, a_start_that_does_not_wait_logs_no_warning/1,
         a_line_that_is_too_long_is_cut/1]).
-export([log/2]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [each_event_is_logged_once, entries_are_formatted_with_their_fields, entries_below_the_level_are_skipped,
     the_events_are_logged, the_lines_of_a_program_that_cannot_connect_are_logged,
     events_below_the_level_still_carry_telemetry,
     a_start_that_times_out_is_logged_as_a_warning, a_start_that_does_not_wait_logs_no_warning,
     a_line_that_is_too_long_is_cut].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    true = code:add_patha(release_build:library()),
    Config.

-spec end_per_suite([term()]) -> ok.
end_per_suite(_Config) ->
    ok.

%% What came of steps: a line of the program, an event, or the end of the time for which lines are held.
-spec each_event_is_logged_once([term()]) -> ok.
each_event_is_logged_once(_Config) ->
    Text = <<"2026-01-31T12:00:01.456Z warning event=peer_lost msg=\"x\" peer=a@b">>,
    Json = <<"{\"time\":\"2026-01-31T12:00:01.456Z\",\"level\":\"error\",\"event\":\"peer_lost\"}">>,
    Status = <<"2026-01-31T12:00:01.456Z info event=status_line msg=\"WHOLE\"">>,
    Debug = <<"2026-01-31T12:00:01.456Z debug event=setting">>,
    Event = #{id => 7, time => 1769860801456, level => warning, event => peer_lost, message => <<"x">>,
              fields => #{peer => <<"a@b">>}, logged => true},
    Later = Event#{time => 1769860801457, level => info},
    %% The clock was set back by a minute.
    Earlier = Event#{time => 1769860741456, level => error},
    EarlierText = <<"2026-01-31T11:59:01.456Z error event=peer_lost msg=\"x\" peer=a@b">>,
    Table = [{[Text], []},
             {[Text, held], [{warning, Text}]},
             {[Json, held], [{error, Json}]},
             {[Text, held, held], [{warning, Text}]},
             {[Text, Event, held], [{warning, peer_lost}]},
             {[Event, Text, held], [{warning, peer_lost}]},
             {[Text, held, Event, Later], [{warning, Text}, {info, peer_lost}]},
             {[Later, Text, Text, held], [{info, peer_lost}]},
             {[Event#{logged => false}, Text, held], []},
             {[Later, Earlier], [{info, peer_lost}, {error, peer_lost}]},
             {[Text, held, EarlierText, Earlier, held], [{warning, Text}, {error, peer_lost}]},
             {[Text, held, Earlier, EarlierText, held], [{warning, Text}, {error, EarlierText}]},
             {[Debug], [{debug, Debug}]},
             {[Status], [{info, Status}]}
             | [{[Line], [{warning, Line}]}
                || Line <- [<<>>, <<"a">>, <<"rancher_cnode: bad setting: x">>, <<"a loud event=x">>, <<"a info event=x">>,
                            <<"terminate called after throwing">>, <<255, 254>>]]],
    Wrong = [{Steps, Saw} || {Steps, Expected} <- Table, Saw <- [logged_of(debug, Steps)], Saw =/= Expected],
    [] = Wrong,
    ok.

-spec entries_are_formatted_with_their_fields([term()]) -> ok.
entries_are_formatted_with_their_fields(_Config) ->
    Table = [{"rancher_cnode: a line", #{text => <<"a line">>}},
             {"rancher_cnode stopped", #{event => stopped, message => <<>>, fields => #{}}},
             {[<<"rancher_cnode peer_lost: caf\x{e9} a=1 b=\x{142} c=true"/utf8>>],
              #{event => peer_lost, message => <<"caf\x{e9}"/utf8>>,
                fields => #{b => <<"\x{142}"/utf8>>, a => 1, c => true}}}],
    [begin
         {Format, Values} = rancher_cnode_log:format(Entry#{program => rancher_cnode}),
         {Expected, Expected} = {unicode:characters_to_list(Text),
                                 unicode:characters_to_list(io_lib:format(Format, Values))}
     end || {Text, Entry} <- Table],
    ok.

-spec entries_below_the_level_are_skipped([term()]) -> ok.
entries_below_the_level_are_skipped(_Config) ->
    Levels = [debug, info, warning, error],
    Steps = [#{level => Level, text => <<"a line">>} || Level <- Levels],
    Logged = [{Least, [Level || {Level, _} <- logged_of(Least, Steps)]} || Least <- Levels],
    [{debug, [debug, info, warning, error]}, {info, [info, warning, error]}, {warning, [warning, error]},
     {error, [error]}] = Logged,
    ok.

-spec the_events_are_logged([term()]) -> ok.
the_events_are_logged(Config) ->
    [A, B] = beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    Peer = atom_to_binary(test_beam:name(B)),
    ok = await_logged(A, info, <<"rancher_cnode node_registered">>),
    ok = await_logged(A, info, <<"peer=", Peer/binary>>),
    Registered = [Text || {log, _, Text} <- noted(A), binary:match(Text, <<"node_registered">>) =/= nomatch],
    [<<"rancher_cnode node_registered", _/binary>>] = Registered,
    ok.

-spec the_lines_of_a_program_that_cannot_connect_are_logged([term()]) -> ok.
the_lines_of_a_program_that_cannot_connect_are_logged(Config) ->
    [A] = beams(Config, 1),
    ok = test_beam:call(A, library_witness, start, []),
    Line = "2026-01-31T12:00:01.456Z warning event=target_refused msg=\\\"cookie\\\"",
    {ok, _} = start_child(A, [{program, script(Config, ["echo \"", Line, "\" >&2; cat >/dev/null"])}, {await_timeout, 0}]),
    await_logged(A, warning, <<"warning event=target_refused msg=\"cookie\"">>).

%% An event of telemetry comes after the C-node's event has been logged or skipped.
-spec events_below_the_level_still_carry_telemetry([term()]) -> ok.
events_below_the_level_still_carry_telemetry(Config) ->
    [A, _] = beams(Config, 2),
    ok = load_telemetry(A),
    {ok, _} = start_child(A, [{log_level, error}]),
    Noted = test_wait:until("an event of telemetry",
                            fun() -> case noted(A) of
                                         [_ | _] = Noted -> {done, Noted};
                                         [] -> {wait, none}
                                     end
                            end),
    [{telemetry, [libcluster, connect_node, ok], _, _}] = Noted,
    ok.

-spec a_start_that_times_out_is_logged_as_a_warning([term()]) -> ok.
a_start_that_times_out_is_logged_as_a_warning(Config) ->
    [A] = beams(Config, 1),
    ok = test_beam:call(A, library_witness, start, []),
    ok = start_and_stop(A, Config, [{basename, first}, {await_timeout, 1}, {log_level, error}]),
    [] = noted(A),
    ok = start_and_stop(A, Config, [{basename, second}, {await_timeout, 1}, {log_level, warning}]),
    [{log, warning, <<"rancher_cnode: ", _/binary>>}] = noted(A),
    ok.

-spec a_start_that_does_not_wait_logs_no_warning([term()]) -> ok.
a_start_that_does_not_wait_logs_no_warning(Config) ->
    [A] = beams(Config, 1),
    ok = test_beam:call(A, library_witness, start, []),
    ok = start_and_stop(A, Config, [{await_timeout, 0}]),
    [] = noted(A),
    ok.

-spec a_line_that_is_too_long_is_cut([term()]) -> ok.
a_line_that_is_too_long_is_cut(Config) ->
    [A] = beams(Config, 1),
    %% Of 16384 # and some @ the first 16384 characters stay, until another line comes.
    Table = [{0, "", {16384, 0}}, {1, "", {16384, 0}}, {30000, "", {16384, 0}}, {30000, "echo next >&2;", {0, 0}}],
    Line = "printf '%016384d' 0 | tr 0 '#' >&2; head -c ~b /dev/zero | tr '\\0' @ >&2; echo >&2; ~s exit 2",
    Cut = [begin
               Program = script(Config, io_lib:format(Line, [Beyond, After])),
               {error, {{bad_setting, Last}, _Child}} = start_child(A, [{program, Program}]),
               {Beyond, After, {count($#, Last), count($@, Last)}}
           end || {Beyond, After, _Kept} <- Table],
    Table = Cut,
    ok.

%% -- helpers

%% A program that logs nothing, in a start of its own.
start_and_stop(Beam, Config, Settings) ->
    {ok, _} = start_child(Beam, [{program, script(Config, "cat >/dev/null")} | Settings]),
    ok = test_beam:call(Beam, supervisor, terminate_child, [library_supervisor, rancher_cnode]),
    test_beam:call(Beam, supervisor, delete_child, [library_supervisor, rancher_cnode]).

count(Character, Text) ->
    length([Same || <<Same>> <= Text, Same =:= Character]).

%% Levels and texts or events that come of the steps.
logged_of(Least, Steps) ->
    #{level := Primary} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, debug),
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => self()}),
    _ = lists:foldl(fun step/2, rancher_cnode_log:new(Least), Steps),
    ok = logger:remove_handler(?MODULE),
    ok = logger:set_primary_config(level, Primary),
    logged().

step(held, State) ->
    rancher_cnode_log:write_held(State);
step(Line, State) when is_binary(Line) ->
    rancher_cnode_log:line(Line, State);
step(#{event := _} = Event, State) ->
    rancher_cnode_log:event(Event, State);
step(Report, State) ->
    ok = rancher_cnode_log:write(Report, State),
    State.

%% logger's handler: the case's own process logs.
-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(#{level := Level, msg := {report, Report}, meta := #{domain := [rancher_cnode]}}, #{config := Case}) ->
    Case ! {logged, {Level, maps:get(event, Report, maps:get(text, Report, none))}},
    ok;
log(_Event, _Config) ->
    ok.

logged() ->
    receive {logged, What} -> [What | logged()] after 0 -> [] end.
