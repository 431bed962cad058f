%% Start order does not matter: epmd, the BEAM and the metadata service may each come late, and the C-node as well.
-module(start_order_SUITE).

-export([suite/0, all/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([c_nodes_may_start_before_epmd_and_beams/1, c_nodes_may_start_between_epmd_and_beams/1,
         c_nodes_may_start_after_beams/1, c_nodes_may_start_before_the_metadata_service/1,
         c_nodes_may_start_before_metadata_is_loaded/1, c_nodes_may_start_before_their_container_is_known/1,
         the_address_is_asked_of_metadata_when_nobody_tells_it/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() ->
    [c_nodes_may_start_before_epmd_and_beams, c_nodes_may_start_between_epmd_and_beams, c_nodes_may_start_after_beams,
     c_nodes_may_start_before_the_metadata_service, c_nodes_may_start_before_metadata_is_loaded,
     c_nodes_may_start_before_their_container_is_known, the_address_is_asked_of_metadata_when_nobody_tells_it].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    [{metadata, metadata_server:start()} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    metadata_server:stop(metadata(Config)).

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    ok = metadata_server:reset(metadata(Config)),
    Config.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_Case, _Config) ->
    test_host:remove_all().

-spec c_nodes_may_start_before_epmd_and_beams([term()]) -> ok.
c_nodes_may_start_before_epmd_and_beams(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Cnodes = test_cnode:start_all(Hosts),
    [_ = test_cnode:await_event(Cnode, fun(#{event := Event}) -> Event =:= <<"epmd_awaited">> end, 5000)
     || Cnode <- Cnodes],
    test_cluster:await_mesh(test_beam:start_all(Hosts), 10000).

-spec c_nodes_may_start_between_epmd_and_beams([term()]) -> ok.
c_nodes_may_start_between_epmd_and_beams(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    [ok = test_host:start_epmd(Host) || Host <- Hosts],
    _ = test_cnode:start_all(Hosts),
    [test_wait:equals("the C-node is registered before any BEAM", ["rancher_cnode"],
                      fun() -> test_host:epmd_names(Host) end, 5000) || Host <- Hosts],
    test_cluster:await_mesh(test_beam:start_all(Hosts), 10000).

-spec c_nodes_may_start_after_beams([term()]) -> ok.
c_nodes_may_start_after_beams(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    [[], [], []] = [test_beam:visible_nodes(Beam) || Beam <- Beams],
    _ = test_cnode:start_all(Hosts),
    test_cluster:await_mesh(Beams, 10000).

-spec c_nodes_may_start_before_the_metadata_service([term()]) -> ok.
c_nodes_may_start_before_the_metadata_service(Config) ->
    ok = metadata_server:misbehave(metadata(Config), refuse),
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    Cnodes = test_cnode:start_all(Hosts),
    [_ = test_cnode:await_event(Cnode, fun(#{event := Event}) -> Event =:= <<"metadata_unavailable">> end, 10000)
     || Cnode <- Cnodes],
    [[], [], []] = [test_beam:visible_nodes(Beam) || Beam <- Beams],
    ok = metadata_server:misbehave(metadata(Config), normal),
    test_cluster:await_mesh(Beams, 10000).

-spec c_nodes_may_start_before_metadata_is_loaded([term()]) -> ok.
c_nodes_may_start_before_metadata_is_loaded(Config) ->
    Hosts = test_cluster:hosts(2),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts),
    [ok = await_requests(Config, Host, 2) || Host <- Hosts],
    ok = test_cluster:list(metadata(Config), Hosts),
    test_cluster:await_mesh(Beams, 10000).

-spec c_nodes_may_start_before_their_container_is_known([term()]) -> ok.
c_nodes_may_start_before_their_container_is_known(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = metadata_server:list(metadata(Config), "Ops", "other", [test_host:fresh_address()]),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts),
    [ok = await_requests(Config, Host, 2) || Host <- Hosts],
    ok = test_cluster:list(metadata(Config), Hosts),
    test_cluster:await_mesh(Beams, 10000).

-spec the_address_is_asked_of_metadata_when_nobody_tells_it([term()]) -> ok.
the_address_is_asked_of_metadata_when_nobody_tells_it(Config) ->
    Hosts = test_cluster:hosts(2),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts, #{env => [{"CONTAINER_IP", false}]}),
    [ok = await_requests(Config, Host, 2) || Host <- Hosts],
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_mesh(Beams, 15000),
    [["myapp", "rancher_cnode"] = test_host:epmd_names(Host) || Host <- Hosts],
    ok.

await_requests(Config, Host, Count) ->
    test_wait:until("the C-node has asked metadata",
                    fun() ->
                            case metadata_server:requests(metadata(Config), test_host:address(Host)) of
                                Requests when length(Requests) >= Count -> {done, ok};
                                Requests -> {wait, Requests}
                            end
                    end,
                    10000).

metadata(Config) ->
    proplists:get_value(metadata, Config).
