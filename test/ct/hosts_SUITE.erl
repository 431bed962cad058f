%% The basis of all other suites: the sandbox, test hosts and the BEAMs on them.
-module(hosts_SUITE).

-export([suite/0, all/0, end_per_testcase/2]).
-export([beams_have_production_names_and_their_own_epmd/1, a_dropped_connection_is_seen_by_both_ends/1,
         packets_of_a_cut_are_dropped_silently/1, an_isolated_host_reaches_no_other/1,
         a_vanishing_address_never_answers/1, a_killed_beam_can_be_booted_again_under_its_name/1,
         a_removed_host_leaves_no_process/1, a_sandbox_whose_guard_is_killed_leaves_no_process/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() ->
    [beams_have_production_names_and_their_own_epmd, a_dropped_connection_is_seen_by_both_ends,
     packets_of_a_cut_are_dropped_silently, an_isolated_host_reaches_no_other, a_vanishing_address_never_answers,
     a_killed_beam_can_be_booted_again_under_its_name, a_removed_host_leaves_no_process,
     a_sandbox_whose_guard_is_killed_leaves_no_process].

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_Case, _Config) ->
    test_host:remove_all().

-spec beams_have_production_names_and_their_own_epmd([term()]) -> ok.
beams_have_production_names_and_their_own_epmd(_Config) ->
    Hosts = [test_host:add(), test_host:add()],
    Beams = test_beam:start_all(Hosts),
    Names = [test_host:node_name("myapp", Host) || Host <- Hosts],
    Names = [test_beam:name(Beam) || Beam <- Beams],
    [["myapp"], ["myapp"]] = [test_host:epmd_names(Host) || Host <- Hosts],
    ok.

-spec a_dropped_connection_is_seen_by_both_ends([term()]) -> ok.
a_dropped_connection_is_seen_by_both_ends(_Config) ->
    [A, B] = test_beam:start_all([test_host:add(), test_host:add()]),
    connect_nodes(A, B),
    ok = test_beam:drop_connection(A, test_beam:name(B)),
    test_wait:equals("both ends saw the connection close", [1, 1],
                     fun() -> [length(test_beam:downs(Beam)) || Beam <- [A, B]] end),
    [[], []] = [test_beam:visible_nodes(Beam) || Beam <- [A, B]],
    ok.

-spec packets_of_a_cut_are_dropped_silently([term()]) -> ok.
packets_of_a_cut_are_dropped_silently(_Config) ->
    [A, B, C] = Hosts = [test_host:add(), test_host:add(), test_host:add()],
    [test_host:start_epmd(Host) || Host <- Hosts],
    ok = test_host:cut(A, B),
    true = gets_silence(A, test_host:address(B)),
    true = gets_silence(B, test_host:address(A)),
    ok = await_reached(A, test_host:address(C)),
    ok = test_host:mend(A, B),
    ok = await_reached(A, test_host:address(B)),
    ok.

-spec an_isolated_host_reaches_no_other([term()]) -> ok.
an_isolated_host_reaches_no_other(_Config) ->
    [A, B] = Hosts = [test_host:add(), test_host:add()],
    [test_host:start_epmd(Host) || Host <- Hosts],
    ok = test_host:isolate(B),
    true = gets_silence(A, test_host:address(B)),
    true = gets_silence(B, test_host:address(A)),
    ok = test_host:rejoin(B),
    ok = await_reached(A, test_host:address(B)),
    ok.

-spec a_vanishing_address_never_answers([term()]) -> ok.
a_vanishing_address_never_answers(_Config) ->
    true = gets_silence(test_host:add(), test_host:vanishing_address()),
    ok.

-spec a_killed_beam_can_be_booted_again_under_its_name([term()]) -> ok.
a_killed_beam_can_be_booted_again_under_its_name(_Config) ->
    [A, B] = test_beam:start_all([test_host:add(), test_host:add()]),
    connect_nodes(A, B),
    ok = test_beam:kill(B),
    test_wait:equals("the connection is closed", [], fun() -> test_beam:visible_nodes(A) end),
    Again = test_beam:start(test_beam:host(B)),
    connect_nodes(A, Again).

-spec a_removed_host_leaves_no_process([term()]) -> ok.
a_removed_host_leaves_no_process(_Config) ->
    Host = test_host:add(),
    Beam = test_beam:start(Host),
    Pids = test_host:pids(Host),
    true = lists:member(test_beam:os_pid(Beam), Pids),
    [_ | _] = [Pid || Pid <- Pids, test_process:name(Pid) =:= <<"epmd">>],
    ok = test_host:remove(Host),
    test_wait:equals("no process of the host is left", [], fun() -> [Pid || Pid <- Pids, test_process:lives(Pid)] end).

%% A sandbox within this one, whose processes can be seen from here.
-spec a_sandbox_whose_guard_is_killed_leaves_no_process([term()]) -> ok.
a_sandbox_whose_guard_is_killed_leaves_no_process(_Config) ->
    Port = open_port({spawn_executable, os:getenv("SANDBOX")}, [{args, ["sleep", "77"]}, exit_status]),
    {os_pid, Guard} = erlang:port_info(Port, os_pid),
    Inside = test_wait:until("the sandbox runs its command",
                             fun() ->
                                     Pids = descendants(Guard),
                                     Names = [test_process:name(Pid) || Pid <- Pids],
                                     case lists:member(<<"sleep">>, Names) of
                                         true -> {done, Pids};
                                         false -> {wait, Names}
                                     end
                             end),
    ok = test_command:signal("KILL", [Guard]),
    test_wait:equals("no process of the sandbox is left", [], fun() -> [Pid || Pid <- Inside, test_process:lives(Pid)] end).

%% Waits until the host's TCP reaches epmd at Address. At first its kernel may still have given the address up.
await_reached(Host, Address) ->
    test_wait:equals("the host reaches the other", reached, fun() -> connect(Host, Address) end).

%% Nothing comes back within a second, or the host's own kernel gives up looking for the address.
gets_silence(Host, Address) ->
    case connect(Host, Address) of
        silent -> true;
        {failed, Output} -> binary:match(Output, <<"No route to host">>) =/= nomatch;
        reached -> false
    end.

connect(Host, Address) ->
    Script = "exec 3<>/dev/tcp/" ++ Address ++ "/4369",
    case test_host:run(Host, "timeout", ["1", "bash", "-c", Script]) of
        {0, _} -> reached;
        {124, _} -> silent;
        {1, Output} -> {failed, Output}
    end.

descendants(Pid) ->
    Children = test_process:children(Pid),
    Children ++ lists:append([descendants(Child) || Child <- Children]).

connect_nodes(A, B) ->
    true = test_beam:call(A, net_kernel, connect_node, [test_beam:name(B)]),
    _ = test_beam:connected_at(B, [test_beam:name(A)]),
    ok.
