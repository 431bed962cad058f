%% TLS distribution on real BEAMs: everything that needs a connection of the C-node works over TLS as without, with the
%% options of the BEAM or with settings.
-module(tls_SUITE).

-import(fresh_service, [metadata/1]).
-import(tls_files, [certificates/2, optfile/2, optfile/3, beam_options/1, settings/2, file/2]).

-export([suite/0, all/0, groups/0, init_per_group/2, end_per_group/2]).
-export([containers_become_a_mesh_by_the_options_of_their_beams/1, a_beam_calls_the_c_node_of_its_host_and_of_another/1,
         the_status_command_asks_over_tls/1, a_restarted_beam_is_connected_again/1, a_removed_container_departs/1,
         files_of_the_settings_serve_as_well/1, the_arguments_of_ssl_dist_opt_serve_as_well/1,
         exec_takes_all_from_the_beam_and_names_what_it_cannot_honour/1,
         renewed_certificates_are_used_without_a_restart/1]).

-define(SOON_MS, 60000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 90}}, {ct_hooks, [fresh_service]}].

-spec all() -> [term()].
all() ->
    [{group, tls_1_2}, {group, tls_1_3}, a_removed_container_departs, files_of_the_settings_serve_as_well,
     the_arguments_of_ssl_dist_opt_serve_as_well, exec_takes_all_from_the_beam_and_names_what_it_cannot_honour,
     renewed_certificates_are_used_without_a_restart].

-spec groups() -> [term()].
groups() ->
    Cases = [containers_become_a_mesh_by_the_options_of_their_beams, a_beam_calls_the_c_node_of_its_host_and_of_another,
             the_status_command_asks_over_tls, a_restarted_beam_is_connected_again],
    [{tls_1_2, [], Cases}, {tls_1_3, [], Cases}].

-spec init_per_group(atom(), [term()]) -> [term()].
init_per_group(tls_1_2, Config) -> [{version, "'tlsv1.2'"} | Config];
init_per_group(tls_1_3, Config) -> [{version, "'tlsv1.3'"} | Config].

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(_Group, _Config) ->
    ok.

-spec containers_become_a_mesh_by_the_options_of_their_beams([term()]) -> ok.
containers_become_a_mesh_by_the_options_of_their_beams(Config) ->
    Hosts = test_cluster:hosts(3),
    Added = test_host:add(),
    Options = options(Config, [Added | Hosts]),
    {Beams, _} = formed(Config, Hosts, Options),
    Beam = test_beam:start(Added, Options),
    _ = test_cnode:start(Added),
    ok = test_cluster:list(metadata(Config), [Added | Hosts]),
    ok = test_cluster:await_mesh([Beam | Beams]),
    [] = test_cluster:lost_connections([Beam | Beams]),
    ok.

-spec a_beam_calls_the_c_node_of_its_host_and_of_another([term()]) -> ok.
a_beam_calls_the_c_node_of_its_host_and_of_another(Config) ->
    Hosts = test_cluster:hosts(2),
    {[First, Second], [Cnode, _]} = formed(Config, Hosts, options(Config, Hosts)),
    pong = test_beam:call(First, net_adm, ping, [test_cnode:name(Cnode)]),
    pong = test_beam:call(Second, net_adm, ping, [test_cnode:name(Cnode)]),
    ok.

-spec the_status_command_asks_over_tls([term()]) -> ok.
the_status_command_asks_over_tls(Config) ->
    Hosts = [Host | _] = test_cluster:hosts(2),
    _ = formed(Config, Hosts, options(Config, Hosts)),
    Env = [{"CONTAINER_IP", test_host:address(Host)}, {"RANCHER_CNODE_COOKIE", "monster"}],
    _ = test_program:await(Host, 0, ["status", "--timeout", "20000"], Env),
    {0, _} = test_host:run(Host, test_cnode:program(), ["check", "--expect", "1", "--timeout", "20000"], Env),
    {0, _} = test_host:run(Host, test_cnode:program(), ["wait", "--timeout", "20000"], Env),
    ok.

-spec a_restarted_beam_is_connected_again([term()]) -> ok.
a_restarted_beam_is_connected_again(Config) ->
    Hosts = test_cluster:hosts(2),
    Options = options(Config, Hosts),
    {[First, Second], _} = formed(Config, Hosts, Options),
    ok = test_beam:kill(First),
    Again = test_beam:start(test_beam:host(First), Options),
    ok = test_cluster:await_mesh([Again, Second]).

-spec a_removed_container_departs([term()]) -> ok.
a_removed_container_departs(Config) ->
    Hosts = [First, Second, Third] = test_cluster:hosts(3),
    {Beams, _} = formed(Config, Hosts, options(Config, Hosts), ["--removal-delay", "500", "--polling-interval", "500"]),
    [One, Two, Departed] = Beams,
    ok = test_cluster:list(metadata(Config), [First, Second]),
    ok = test_cluster:await_nodes(Departed, []),
    ok = test_cluster:await_mesh([One, Two]),
    [] = test_cluster:lost_among([One, Two]),
    true = test_beam:host(Departed) =:= Third,
    ok.

-spec files_of_the_settings_serve_as_well([term()]) -> ok.
files_of_the_settings_serve_as_well(Config) ->
    Hosts = test_cluster:hosts(2),
    Folder = certificates(Config, Hosts),
    Options = beam_options(optfile(Folder, "good")),
    _ = formed(Config, Hosts, Options, settings(Folder, "good")),
    ok.

-spec the_arguments_of_ssl_dist_opt_serve_as_well([term()]) -> ok.
the_arguments_of_ssl_dist_opt_serve_as_well(Config) ->
    Hosts = test_cluster:hosts(2),
    Folder = certificates(Config, Hosts),
    Args = lists:append([[Role ++ "_certfile", file(Folder, "good"), Role ++ "_keyfile", file(Folder, "key"),
                          Role ++ "_cacertfile", file(Folder, "ca"), Role ++ "_verify", "verify_peer"]
                         || Role <- ["server", "client"]]),
    _ = formed(Config, Hosts, #{args => ["-proto_dist", "inet_tls", "-ssl_dist_opt" | Args]}),
    ok.

%% Neither name nor cookie nor anything of TLS is set: the C-node of `exec' finds the BEAM that it started.
-spec exec_takes_all_from_the_beam_and_names_what_it_cannot_honour([term()]) -> ok.
exec_takes_all_from_the_beam_and_names_what_it_cannot_honour(Config) ->
    Host = test_host:add(),
    File = optfile(certificates(Config, [Host]), "good", ", {crl_check, false}"),
    Erl = ["erl", "-noinput", "-name", atom_to_list(test_host:node_name("found", Host)), "-setcookie", "its-own",
           "-proto_dist", "inet_tls", "-ssl_dist_optfile", File],
    Container = release_container:start(Host, #{release => "/", command => ["rancher_cnode", "exec", "--" | Erl],
                                                env => [{"CONTAINER_IP", test_host:address(Host)}]}),
    ok = release_container:await_output(Container, <<"event=target_connected">>, ?SOON_MS),
    ok = release_container:await_output(Container, <<"not honoured: server crl_check, client crl_check">>, ?SOON_MS).

-spec renewed_certificates_are_used_without_a_restart([term()]) -> ok.
renewed_certificates_are_used_without_a_restart(Config) ->
    Host = test_host:add(),
    Folder = certificates(Config, [Host]),
    {ok, _} = file:copy(file(Folder, "expired"), file(Folder, "ours")),
    Beam = test_beam:start(Host, beam_options(optfile(Folder, "good"))),
    Cnode = test_cnode:start(Host, #{args => settings(Folder, "ours")}),
    _ = test_cnode:await(Cnode, "target_refused"),
    ok = tls_files:replace(file(Folder, "ours"), file(Folder, "good")),
    _ = test_cnode:await(Cnode, "target_connected"),
    ok = test_beam:await_hidden(Beam, [test_cnode:name(Cnode)]),
    running = test_cnode:exit_status(Cnode),
    ok.

%% -- helpers

formed(Config, Hosts, Options) ->
    formed(Config, Hosts, Options, []).

formed(Config, Hosts, Options, Args) ->
    #{beams := Beams, cnodes := Cnodes} = test_cluster:form_on(metadata(Config), Hosts, Options, #{args => Args}),
    {Beams, Cnodes}.

options(Config, Hosts) ->
    Version = proplists:get_value(version, Config, "'tlsv1.2'"),
    beam_options(optfile(certificates(Config, Hosts), "good", ", {versions, [" ++ Version ++ "]}")).
