%% What README and pages show of the commands and the log is what they print, in the situation that is shown. Those of
%% docs/doctor.md are held by doctor_SUITE.
-module(documented_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [run/2, await/5]).

-export([suite/0, all/0]).
-export([status_with_a_peer_that_does_not_answer/1, mesh_with_a_hole/1, doctor_with_a_peer_of_another_cookie/1,
         plan_for_another_service/1, the_log_of_a_start/1, the_log_beside_a_beam_with_a_short_name/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [status_with_a_peer_that_does_not_answer, mesh_with_a_hole, doctor_with_a_peer_of_another_cookie, plan_for_another_service,
     the_log_of_a_start, the_log_beside_a_beam_with_a_short_name].

-spec status_with_a_peer_that_does_not_answer([term()]) -> ok.
status_with_a_peer_that_does_not_answer(Config) ->
    #{hosts := [One | _] = Hosts} = test_cluster:form(metadata(Config), 3),
    ok = test_cluster:list(metadata(Config), Hosts ++ [test_host:vanishing_address()]),
    Table = await(One, 3, ["status"], [], [<<"waiting">>]),
    documented:prints("README.md", <<"rancher_cnode status">>, Table).

-spec mesh_with_a_hole([term()]) -> ok.
mesh_with_a_hole(Config) ->
    #{hosts := [One | _]} = test_cluster:star(metadata(Config), 3, #{}),
    Table = await(One, 3, ["mesh"], [], [<<"in several">>]),
    documented:prints("README.md", <<"rancher_cnode mesh">>, Table).

-spec doctor_with_a_peer_of_another_cookie([term()]) -> ok.
doctor_with_a_peer_of_another_cookie(Config) ->
    #{hosts := [One | _] = Hosts} = test_cluster:form(metadata(Config), 3),
    Four = test_host:add(),
    _ = test_beam:start(Four, #{cookie => "another"}),
    ok = test_cluster:list(metadata(Config), Hosts ++ [Four]),
    {2, Table} = run(One, ["doctor", "--timeout", "60000"]),
    documented:prints_among_others("README.md", <<"rancher_cnode doctor">>, Table).

-spec plan_for_another_service([term()]) -> ok.
plan_for_another_service(Config) ->
    #{hosts := [One, Two, _]} = test_cluster:form(metadata(Config), 3),
    Four = test_host:add(),
    ok = metadata_server:list(metadata(Config), "Shop", "api", [test_host:address(Host) || Host <- [One, Two, Four]]),
    {0, Table} = run(One, ["plan", "--timeout", "60000", "--service", "stacks/shop/services/api"]),
    documented:prints("README.md", <<"rancher_cnode plan">>, Table).

-spec the_log_of_a_start([term()]) -> ok.
the_log_of_a_start(Config) ->
    #{hosts := [One | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 3),
    Log = iolist_to_binary(lists:join("\n", [Text || #{text := Text} <- test_cnode:log(Cnode)])),
    documented:prints_among_others("README.md", <<"event=node_registered">>, Log),
    documented:prints_among_others("docs/events.md", <<"event=target_connected">>, Log),
    {0, Events} = run(One, ["events", "--timeout", "20000"]),
    documented:prints_among_others("README.md", <<"event=node_registered">>, Events).

-spec the_log_beside_a_beam_with_a_short_name([term()]) -> ok.
the_log_beside_a_beam_with_a_short_name(Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    {Program, Args} = test_host:command(Host, "erl", ["-noinput", "-sname", "app@web1", "-setcookie", "monster"]),
    Short = open_port({spawn_executable, Program}, [{args, Args}, hide]),
    {os_pid, Pid} = erlang:port_info(Short, os_pid),
    Cnode = test_cnode:start(Host, #{node_basename => none, cookie => none,
                                     args => ["--startup-grace", "0", "--watch-pid", integer_to_list(Pid)]}),
    #{text := Line} = test_cnode:await_event(Cnode, fun(#{event := Event, text := Text}) ->
                                                            Event =:= <<"beam_awaited">> andalso
                                                                binary:match(Text, <<"app@web1">>) =/= nomatch
                                                    end),
    documented:prints_among_others("docs/in-your-release.md", <<"event=beam_awaited">>, Line),
    true = port_close(Short),
    ok.
