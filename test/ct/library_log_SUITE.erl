%% The program's lines on standard error: how they are parsed, which of them are logged, and at which level.
-module(library_log_SUITE).

-import(fresh_service, [metadata/1]).
-import(library_beam, [beams/2, start_child/2, noted/1, await_logged/3, load_telemetry/1, script/2]).

-export([suite/0, all/0, init_per_suite/1, end_per_suite/1]).
-export([log_lines_are_parsed/1, entries_are_formatted_with_their_fields/1, entries_below_the_level_are_skipped/1,
         the_programs_lines_are_logged/1, lines_below_the_level_still_carry_telemetry/1,
         a_start_that_times_out_is_logged_as_a_warning/1, a_start_that_does_not_wait_logs_no_warning/1,
         a_line_that_is_too_long_is_cut/1]).
-export([log/2]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [log_lines_are_parsed, entries_are_formatted_with_their_fields, entries_below_the_level_are_skipped,
     the_programs_lines_are_logged, lines_below_the_level_still_carry_telemetry,
     a_start_that_times_out_is_logged_as_a_warning, a_start_that_does_not_wait_logs_no_warning,
     a_line_that_is_too_long_is_cut].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    true = code:add_patha(release_build:library()),
    Config.

-spec end_per_suite([term()]) -> ok.
end_per_suite(_Config) ->
    ok.

-spec log_lines_are_parsed([term()]) -> ok.
log_lines_are_parsed(_Config) ->
    Time = <<"2026-01-31T12:00:00.123Z ">>,
    Table = [{<<"info event=node_registered node=remsh-rancher_cnode@10.42.0.7">>,
              #{level => info, event => <<"node_registered">>, message => <<>>,
                fields => #{<<"node">> => <<"remsh-rancher_cnode@10.42.0.7">>}}},
             {<<"warning event=peer_unreachable msg=\"no \\\"answer\\\"\\n\\u00e9\\\\\" peer=a@1.2.3.4 took_ms=12">>,
              #{level => warning, event => <<"peer_unreachable">>, message => <<"no \"answer\"\n", 233/utf8, "\\">>,
                fields => #{<<"peer">> => <<"a@1.2.3.4">>, <<"took_ms">> => <<"12">>}}},
             {<<"error event=e text=\"\" n=1">>,
              #{level => error, event => <<"e">>, message => <<>>,
                fields => #{<<"text">> => <<>>, <<"n">> => <<"1">>}}},
             {<<"debug event=e msg=\"a\\tb\\rc\\/d\"">>,
              #{level => debug, event => <<"e">>, message => <<"a\tb\rc/d">>, fields => #{}}}],
    [Entry = rancher_cnode_log:parse(<<Time/binary, Line/binary>>) || {Line, Entry} <- Table],
    Foreign = [<<>>, <<"a">>, <<"rancher_cnode: bad setting: x">>, <<"a loud event=x">>, <<"a info event=\"x">>,
               <<"a info msg=x">>, <<"a info event=\"x\"y=1">>, <<"terminate called after throwing">>, <<255, 254>>],
    [#{level := warning, text := Line} = rancher_cnode_log:parse(Line) || Line <- Foreign],
    ok.

-spec entries_are_formatted_with_their_fields([term()]) -> ok.
entries_are_formatted_with_their_fields(_Config) ->
    Table = [{"rancher_cnode: a line", #{text => <<"a line">>}},
             {"rancher_cnode stopped", #{event => <<"stopped">>, message => <<>>, fields => #{}}},
             {[<<"rancher_cnode peer_lost: caf\x{e9} a=1 b=\x{142}"/utf8>>],
              #{event => <<"peer_lost">>, message => <<"caf\x{e9}"/utf8>>,
                fields => #{<<"b">> => <<"\x{142}"/utf8>>, <<"a">> => <<"1">>}}}],
    [begin
         {Format, Values} = rancher_cnode_log:format(Entry#{program => rancher_cnode}),
         {Expected, Expected} = {unicode:characters_to_list(Text),
                                 unicode:characters_to_list(io_lib:format(Format, Values))}
     end || {Text, Entry} <- Table],
    ok.

-spec entries_below_the_level_are_skipped([term()]) -> ok.
entries_below_the_level_are_skipped(_Config) ->
    #{level := Primary} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, debug),
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => self()}),
    Levels = [debug, info, warning, error],
    Logged = [begin
                  [ok = rancher_cnode_log:write(#{level => Level, text => <<"a line">>}, Least) || Level <- Levels],
                  {Least, logged()}
              end || Least <- Levels],
    ok = logger:remove_handler(?MODULE),
    ok = logger:set_primary_config(level, Primary),
    [{debug, [debug, info, warning, error]}, {info, [info, warning, error]}, {warning, [warning, error]},
     {error, [error]}] = Logged,
    ok.

-spec the_programs_lines_are_logged([term()]) -> ok.
the_programs_lines_are_logged(Config) ->
    [A, B] = beams(Config, 2),
    ok = test_beam:call(A, library_witness, start, []),
    {ok, _} = start_child(A, [{await_timeout, infinity}]),
    Peer = atom_to_binary(test_beam:name(B)),
    ok = await_logged(A, info, <<"rancher_cnode node_registered">>),
    ok = await_logged(A, info, <<"peer=", Peer/binary>>).

%% An event of telemetry comes from a line, after the line has been logged or skipped.
-spec lines_below_the_level_still_carry_telemetry([term()]) -> ok.
lines_below_the_level_still_carry_telemetry(Config) ->
    [A, _] = beams(Config, 2),
    ok = load_telemetry(A),
    {ok, _} = start_child(A, [{log_level, error}]),
    Noted = test_wait:until("an event of telemetry",
                            fun() -> case noted(A) of
                                         [_ | _] = Noted -> {done, Noted};
                                         [] -> {wait, none}
                                     end
                            end, 10000),
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

%% logger's handler: the case's own process logs.
-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(#{level := Level, meta := #{domain := [rancher_cnode]}}, #{config := Case}) ->
    Case ! {logged, Level},
    ok;
log(_Event, _Config) ->
    ok.

logged() ->
    receive {logged, Level} -> [Level | logged()] after 0 -> [] end.

