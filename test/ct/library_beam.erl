%% BEAMs without a release that have the library, with a supervisor for its child; for the suites of the library.
-module(library_beam).

-import(fresh_service, [metadata/1]).

-export([beams/2, beams/3, start_child/2, spec/1, child/1, cnodes/1, noted/1, await_logged/3, load_telemetry/1,
         script/2]).

%% Listed as the service's containers. No C-node runs yet.
-spec beams([term()], pos_integer()) -> [test_beam:beam()].
beams(Config, Count) ->
    beams(Config, Count, #{}).

-spec beams([term()], pos_integer(), test_beam:options()) -> [test_beam:beam()].
beams(Config, Count, Options) ->
    Hosts = test_cluster:hosts(Count),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts, Options#{args => ["-pa", release_build:library()]}),
    [ok = test_beam:call(Beam, library_supervisor, start, []) || Beam <- Beams],
    Beams.

-spec start_child(test_beam:beam(), [{atom(), term()}]) -> supervisor:startchild_ret().
start_child(Beam, Settings) ->
    Spec = spec(Settings ++ [{program, test_cnode:program()}]),
    test_beam:call(Beam, supervisor, start_child, [library_supervisor, Spec], 60000).

-spec spec([{atom(), term()}]) -> supervisor:child_spec().
spec(Settings) ->
    #{id => rancher_cnode, start => {rancher_cnode, start_link, [Settings]}, shutdown => 5000}.

-spec child(test_beam:beam()) -> pid() | restarting | undefined.
child(Beam) ->
    {rancher_cnode, Child, _, _} = lists:keyfind(rancher_cnode, 1, test_beam:call(Beam, supervisor, which_children,
                                                                                  [library_supervisor])),
    Child.

%% The processes of the program on the BEAM's host.
-spec cnodes(test_beam:beam()) -> [pos_integer()].
cnodes(Beam) ->
    test_host:pids(test_beam:host(Beam), <<"rancher_cnode">>).

%% What library_witness has seen in the BEAM.
-spec noted(test_beam:beam()) -> [term()].
noted(Beam) ->
    test_beam:call(Beam, library_witness, noted, []).

%% Waits until the library has logged a text with this part.
-spec await_logged(test_beam:beam(), atom(), binary()) -> ok.
await_logged(Beam, Level, Part) ->
    Fits = fun({log, L, Text}) -> L =:= Level andalso binary:match(Text, Part) =/= nomatch;
              (_) -> false
           end,
    test_wait:until("a line is logged",
                    fun() -> Noted = noted(Beam),
                             case lists:any(Fits, Noted) of
                                 true -> {done, ok};
                                 false -> {wait, Noted}
                             end
                    end).

%% The witness keeps the events.
-spec load_telemetry(test_beam:beam()) -> ok.
load_telemetry(Beam) ->
    ok = test_beam:call(Beam, library_witness, start, []),
    test_beam:call(Beam, application, load, [{application, telemetry, [{vsn, "1.2.1"}, {modules, [telemetry]}]}]).

%% Runs instead of the program.
-spec script([term()], iodata()) -> file:filename().
script(Config, Line) ->
    Path = filename:join(proplists:get_value(priv_dir, Config), integer_to_list(erlang:unique_integer([positive]))),
    ok = file:write_file(Path, ["#!/bin/sh\n", Line, "\n"]),
    ok = file:change_mode(Path, 8#755),
    Path.
