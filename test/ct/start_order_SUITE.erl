%% Start order does not matter: epmd, the BEAM and the metadata service may each come late, and the C-node as well.
-module(start_order_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([c_nodes_may_start_before_epmd_and_beams/1, c_nodes_may_start_between_epmd_and_beams/1,
         c_nodes_may_start_after_beams/1, c_nodes_may_start_before_the_metadata_service/1,
         c_nodes_may_start_before_metadata_is_loaded/1, c_nodes_may_start_before_their_container_is_known/1,
         the_address_comes_from_the_metadata_by_default/1,
         an_address_that_is_known_later_than_the_service_is_found_while_polling/1,
         c_nodes_may_start_while_metadata_has_the_previous_address/1,
         an_address_that_no_service_lists_is_named_with_the_one_that_metadata_has/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [c_nodes_may_start_before_epmd_and_beams, c_nodes_may_start_between_epmd_and_beams, c_nodes_may_start_after_beams,
     c_nodes_may_start_before_the_metadata_service, c_nodes_may_start_before_metadata_is_loaded,
     c_nodes_may_start_before_their_container_is_known, the_address_comes_from_the_metadata_by_default,
     an_address_that_is_known_later_than_the_service_is_found_while_polling,
     c_nodes_may_start_while_metadata_has_the_previous_address,
     an_address_that_no_service_lists_is_named_with_the_one_that_metadata_has].

-spec c_nodes_may_start_before_epmd_and_beams([term()]) -> ok.
c_nodes_may_start_before_epmd_and_beams(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Cnodes = test_cnode:start_all(Hosts),
    [_ = test_cnode:await(Cnode, "epmd_awaited") || Cnode <- Cnodes],
    test_cluster:await_mesh(test_beam:start_all(Hosts)).

-spec c_nodes_may_start_between_epmd_and_beams([term()]) -> ok.
c_nodes_may_start_between_epmd_and_beams(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    [ok = test_host:start_epmd(Host) || Host <- Hosts],
    _ = test_cnode:start_all(Hosts),
    [test_wait:equals("the C-node is registered before any BEAM", ["remsh-rancher_cnode"],
                      fun() -> test_host:epmd_names(Host) end) || Host <- Hosts],
    test_cluster:await_mesh(test_beam:start_all(Hosts)).

-spec c_nodes_may_start_after_beams([term()]) -> ok.
c_nodes_may_start_after_beams(Config) ->
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    [[], [], []] = [test_beam:visible_nodes(Beam) || Beam <- Beams],
    _ = test_cnode:start_all(Hosts),
    test_cluster:await_mesh(Beams).

-spec c_nodes_may_start_before_the_metadata_service([term()]) -> ok.
c_nodes_may_start_before_the_metadata_service(Config) ->
    ok = metadata_server:misbehave(metadata(Config), refuse),
    Hosts = test_cluster:hosts(3),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    Cnodes = test_cnode:start_all(Hosts),
    [_ = test_cnode:await(Cnode, "metadata_unavailable") || Cnode <- Cnodes],
    [[], [], []] = [test_beam:visible_nodes(Beam) || Beam <- Beams],
    ok = metadata_server:misbehave(metadata(Config), normal),
    test_cluster:await_mesh(Beams).

-spec c_nodes_may_start_before_metadata_is_loaded([term()]) -> ok.
c_nodes_may_start_before_metadata_is_loaded(Config) ->
    Hosts = test_cluster:hosts(2),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts),
    [ok = test_service:await_requests(metadata(Config), Host, 2) || Host <- Hosts],
    ok = test_cluster:list(metadata(Config), Hosts),
    test_cluster:await_mesh(Beams).

-spec c_nodes_may_start_before_their_container_is_known([term()]) -> ok.
c_nodes_may_start_before_their_container_is_known(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = metadata_server:list(metadata(Config), "Ops", "other", [test_host:fresh_address()]),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts),
    [ok = test_service:await_requests(metadata(Config), Host, 2) || Host <- Hosts],
    ok = test_cluster:list(metadata(Config), Hosts),
    test_cluster:await_mesh(Beams).

-spec the_address_comes_from_the_metadata_by_default([term()]) -> ok.
the_address_comes_from_the_metadata_by_default(Config) ->
    Hosts = test_cluster:hosts(2),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts, #{env => [{"CONTAINER_IP", false}]}),
    [ok = test_service:await_requests(metadata(Config), Host, 2) || Host <- Hosts],
    ok = test_cluster:list(metadata(Config), Hosts),
    ok = test_cluster:await_mesh(Beams),
    %% One of them alone may have made the mesh.
    [test_wait:equals("both are registered", ["myapp", "remsh-rancher_cnode"], fun() -> test_host:epmd_names(Host) end)
     || Host <- Hosts],
    ok.

%% Neither a new version, which nobody waits for, nor the next poll, which is far away, leads to it.
-spec an_address_that_is_known_later_than_the_service_is_found_while_polling([term()]) -> ok.
an_address_that_is_known_later_than_the_service_is_found_while_polling(Config) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), [test_host:fresh_address()]),
    Beams = test_beam:start_all(Hosts),
    _ = test_cnode:start_all(Hosts, #{env => [{"CONTAINER_IP", false}],
                                      args => ["--watch", "off", "--polling-interval", "60000",
                                               "--service", "stacks/shop/services/worker"]}),
    [ok = test_service:await_requests(metadata(Config), Host, 4) || Host <- Hosts],
    ok = test_cluster:list(metadata(Config), Hosts),
    test_cluster:await_mesh(Beams).

-spec c_nodes_may_start_while_metadata_has_the_previous_address([term()]) -> ok.
c_nodes_may_start_while_metadata_has_the_previous_address(Config) ->
    Hosts = [Host | _] = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Before = {address_of_before, test_host:fresh_address()},
    ok = metadata_server:misbehave(metadata(Config), Before),
    Beams = test_beam:start_all(Hosts),
    Cnodes = test_cnode:start_all(Hosts, #{env => [{"CONTAINER_IP", false}]}),
    Asked = length(metadata_server:requests(metadata(Config), test_host:address(Host))),
    ok = test_service:await_requests(metadata(Config), Host, Asked + 10),
    [_ = test_cnode:await(Cnode, "own_address_mismatched") || Cnode <- Cnodes],
    [["myapp"] = test_host:epmd_names(Other) || Other <- Hosts],
    ok = metadata_server:misbehave(metadata(Config), normal),
    ok = test_cluster:await_mesh(Beams),
    [[_] = test_cnode:events(Cnode, "own_address_mismatched") || Cnode <- Cnodes],
    ok.

%% --ip is the address of another network of the container.
-spec an_address_that_no_service_lists_is_named_with_the_one_that_metadata_has([term()]) -> ok.
an_address_that_no_service_lists_is_named_with_the_one_that_metadata_has(Config) ->
    [Host] = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), [Host]),
    {0, _} = test_host:run(Host, "ip", ["address", "add", "172.17.0.2/16", "dev", "eth0"]),
    ok = test_host:start_epmd(Host),
    Cnode = test_cnode:start(Host, #{args => ["--ip", "172.17.0.2", "--watch", "off", "--polling-interval", "1s"]}),
    Address = list_to_binary(test_host:address(Host)),
    #{fields := #{<<"address">> := <<"172.17.0.2">>, <<"metadata_address">> := Address}} =
        test_cnode:await(Cnode, "own_container_unlisted"),
    ok.
