%% The commands `ip' and `wait', as scripts and health checks run them, and what those write that may take long.
-module(commands_SUITE).

-import(fresh_service, [metadata/1]).
-import(test_program, [contains/2, lines/1]).

-export([suite/0, all/0, init_per_testcase/2]).
-export([wait_accepts_every_basename_that_run_accepts/1, ip_accepts_the_metadata_settings/1,
         ip_reports_why_there_was_no_address/1,
         ip_does_not_return_an_address_that_no_interface_has/1, https_works_with_a_trusted_certificate/1,
         a_certificate_of_ssl_cert_file_is_trusted/1,
         an_untrusted_certificate_is_reported/1, wait_reports_that_there_is_no_epmd/1,
         wait_reports_that_there_is_no_beam/1,
         wait_reports_that_the_cookies_differ/1, wait_reports_why_the_metadata_was_not_read/1,
         wait_reports_that_the_node_does_not_answer/1, a_stopped_c_node_is_reported_in_time/1,
         mesh_plan_and_doctor_write_at_a_terminal_what_they_wait_for/1]).

-define(HTTPS_URL, "https://rancher-metadata:8443").
%% The limit of a handshake: what ends after a second does not wait for that.
-define(HANDSHAKE_MS, 5000).
%% Enough to ask the node before, also on a busy machine; and what that may add.
-define(WAIT_MS, 3000).
-define(LATE_MS, 12000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [wait_accepts_every_basename_that_run_accepts, ip_accepts_the_metadata_settings, ip_reports_why_there_was_no_address,
     ip_does_not_return_an_address_that_no_interface_has, https_works_with_a_trusted_certificate,
     a_certificate_of_ssl_cert_file_is_trusted, an_untrusted_certificate_is_reported,
     wait_reports_that_there_is_no_epmd, wait_reports_that_there_is_no_beam, wait_reports_that_the_cookies_differ,
     wait_reports_why_the_metadata_was_not_read, wait_reports_that_the_node_does_not_answer,
     a_stopped_c_node_is_reported_in_time,
     mesh_plan_and_doctor_write_at_a_terminal_what_they_wait_for].

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    [{host, test_host:add()} | Config].

-spec wait_accepts_every_basename_that_run_accepts([term()]) -> ok.
wait_accepts_every_basename_that_run_accepts(Config) ->
    Longest = lists:duplicate(239, $a),
    {1, Output} = run(Config, ["wait", "--basename", Longest, "--ip", test_host:address(host(Config)), "--timeout", "200"]),
    contains(Output, [list_to_binary(Longest ++ "@")]).

%% Rounds come at least every 250 ms, which are 40, not after 100, 200, 400, 800, 1600, 3200 ms, which are 7; and the version,
%% which only long-polling needs, is not asked for.
-spec ip_accepts_the_metadata_settings([term()]) -> ok.
ip_accepts_the_metadata_settings(Config) ->
    {1, _} = run(Config, ["ip", "--watch", "off", "--polling-interval", "250", "--timeout", "10000"]),
    Paths = [list_to_binary(io_lib:format("~p", [Request]))
             || Request <- metadata_server:requests(metadata(Config), test_host:address(host(Config)))],
    [] = [Path || Path <- Paths, binary:match(Path, <<"latest/version">>) =/= nomatch],
    Asked = [Path || Path <- Paths, binary:match(Path, <<"primary_ip">>) =/= nomatch],
    true = length(Asked) >= 10,
    ok.

-spec ip_reports_why_there_was_no_address([term()]) -> ok.
ip_reports_why_there_was_no_address(Config) ->
    {1, Output} = run(Config, ["ip", "--metadata-url", "http://127.0.0.1:1", "--timeout", "3000"]),
    contains(last_line(Output), [<<"no address of this container from the metadata service">>, <<"127.0.0.1:1">>]).

-spec ip_does_not_return_an_address_that_no_interface_has([term()]) -> ok.
ip_does_not_return_an_address_that_no_interface_has(Config) ->
    ok = listed(Config),
    Before = test_host:fresh_address(),
    ok = metadata_server:misbehave(metadata(Config), {address_of_before, Before}),
    {1, Output} = run(Config, ["ip", "--watch", "off", "--polling-interval", "250", "--timeout", "4000"]),
    {match, [_]} = re:run(Output, "event=own_address_mismatched", [global]),
    contains(last_line(Output), [<<"in time: no interface of this container has">>, list_to_binary(Before)]).

%% The root certificate is in the place of the system's certificates for Debian's libcurl.
-spec https_works_with_a_trusted_certificate([term()]) -> ok.
https_works_with_a_trusted_certificate(Config) ->
    Own = list_to_binary(test_host:address(host(Config))),
    File = serve_https(Config, Own),
    Trusting = "mount -t tmpfs none /etc/ssl/certs && cp \"$0\" /etc/ssl/certs/ca-certificates.crt && exec \"$@\"",
    {0, Output} = test_host:run(host(Config), "unshare",
                                ["--mount", "sh", "-c", Trusting, File, test_cnode:program(), "ip", "--metadata-url",
                                 ?HTTPS_URL, "--timeout", "60000"],
                                [{"SSL_CERT_FILE", false}, {"SSL_CERT_DIR", false}]),
    Own = last_line(Output),
    ok.

-spec a_certificate_of_ssl_cert_file_is_trusted([term()]) -> ok.
a_certificate_of_ssl_cert_file_is_trusted(Config) ->
    Own = list_to_binary(test_host:address(host(Config))),
    File = serve_https(Config, Own),
    {0, Output} = test_host:run(host(Config), test_cnode:program(), ["ip", "--metadata-url", ?HTTPS_URL, "--timeout", "60000"],
                                [{"SSL_CERT_FILE", File}]),
    Own = last_line(Output),
    ok.

-spec an_untrusted_certificate_is_reported([term()]) -> ok.
an_untrusted_certificate_is_reported(Config) ->
    _ = serve_https(Config, <<"10.42.1.2">>),
    {1, Output} = run(Config, ["ip", "--metadata-url", ?HTTPS_URL, "--timeout", "5000"]),
    contains(last_line(Output), [<<"no address of this container from the metadata service">>, <<?HTTPS_URL>>, <<"certificate is not trusted">>]).

-spec wait_reports_that_there_is_no_epmd([term()]) -> ok.
wait_reports_that_there_is_no_epmd(Config) ->
    contains(wait_times_out(Config), [own_name(Config), <<"epmd">>]).

-spec wait_reports_that_there_is_no_beam([term()]) -> ok.
wait_reports_that_there_is_no_beam(Config) ->
    ok = listed(Config),
    ok = test_host:start_epmd(host(Config)),
    Cnode = test_cnode:start(host(Config)),
    _ = test_cnode:await(Cnode, "metadata_available"),
    _ = test_cnode:await(Cnode, "target_awaited"),
    contains(wait_times_out(Config), [own_name(Config), beam_name(Config), <<" is awaited: ">>, <<"does not know">>]).

-spec wait_reports_that_the_cookies_differ([term()]) -> ok.
wait_reports_that_the_cookies_differ(Config) ->
    ok = listed(Config),
    _ = test_beam:start(host(Config), #{cookie => "another"}),
    Cnode = test_cnode:start(host(Config)),
    _ = test_cnode:await(Cnode, "target_refused"),
    contains(wait_times_out(Config), [own_name(Config), beam_name(Config), <<"most likely the cookies differ">>]).

-spec wait_reports_why_the_metadata_was_not_read([term()]) -> ok.
wait_reports_why_the_metadata_was_not_read(Config) ->
    ok = metadata_server:misbehave(metadata(Config), not_found),
    _ = test_beam:start(host(Config)),
    Cnode = test_cnode:start(host(Config)),
    _ = test_cnode:await(Cnode, "target_connected"),
    _ = test_cnode:await(Cnode, "metadata_unavailable"),
    Line = wait_times_out(Config),
    contains(Line, [own_name(Config), <<"the metadata has not been read yet: ">>, <<"404">>]),
    nomatch = binary:match(Line, beam_name(Config)),
    ok.

%% It is stopped before it is asked, so not even the handshake happens.
-spec wait_reports_that_the_node_does_not_answer([term()]) -> ok.
wait_reports_that_the_node_does_not_answer(Config) ->
    ok = listed(Config),
    ok = test_host:start_epmd(host(Config)),
    Cnode = test_cnode:start(host(Config)),
    _ = test_cnode:await(Cnode, "node_registered"),
    ok = test_cnode:signal(Cnode, "STOP"),
    contains(wait_times_out(Config), [own_name(Config), <<"does not answer">>]).

%% The system accepts connections in its name. `mesh' has 6 s, `wait' a second more than its timeout, and `plan' prints what is
%% known without it.
-spec a_stopped_c_node_is_reported_in_time([term()]) -> ok.
a_stopped_c_node_is_reported_in_time(Config) ->
    #{hosts := [One | _], cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    _ = test_cnode:await(Cnode, "cluster_completed"),
    ok = test_cnode:signal(Cnode, "STOP"),
    [begin
         {Us, {1, Output}} = timer:tc(fun() -> test_program:run(One, Args) end),
         true = Us < LimitMs * 1000 orelse error({took_us, Us, Args}),
         [Line] = lines(Output),
         contains(Line, [atom_to_binary(test_cnode:name(Cnode)), Reason])
     end || {Args, LimitMs, Reason} <- [{["status"], ?HANDSHAKE_MS, "does not answer within 1000 ms"},
                                        {["check"], ?HANDSHAKE_MS, "does not answer within 1000 ms"},
                                        {["events"], ?HANDSHAKE_MS, "does not answer within 1000 ms"},
                                        {["wait", "--timeout", "1s"], ?HANDSHAKE_MS, "does not answer"},
                                        {["wait", "--connected", "--timeout", "1s"], ?HANDSHAKE_MS, "does not answer"},
                                        {["mesh"], ?LATE_MS, "no answer in time"}]],
    {0, _} = test_program:run(One, ["plan"]),
    ok = test_cnode:signal(Cnode, "CONT"),
    _ = test_program:await(One, 0, ["status"]),
    ok.

-spec mesh_plan_and_doctor_write_at_a_terminal_what_they_wait_for([term()]) -> ok.
mesh_plan_and_doctor_write_at_a_terminal_what_they_wait_for(Config) ->
    #{hosts := [One | _], beams := [_, Hung]} = test_cluster:star(metadata(Config), 2, #{}),
    ok = test_beam:suspend(Hung),
    ok = metadata_server:misbehave(metadata(Config), hang),
    [begin
         {_, Output} = test_host:run(One, "script", ["-qec", test_cnode:program() ++ " " ++ Command, "/dev/null"]),
         contains(Output, [Expected])
     end || {Command, Expected} <- [{"mesh", <<"asking every BEAM for its connections, for up to 6s">>},
                                    {"plan", <<"reading the metadata and the connections, for up to 10s">>},
                                    {"doctor --timeout 30s", <<"checking, for up to 30s">>}]],
    ok = test_beam:resume(Hung).

% -- helpers

listed(Config) ->
    test_cluster:list(metadata(Config), [host(Config)]).

%% The last line of a wait that lasts until its timeout, and not much longer.
wait_times_out(Config) ->
    Began = erlang:monotonic_time(millisecond),
    {1, Output} = test_host:run(host(Config), test_cnode:program(),
                                ["wait", "--ip", test_host:address(host(Config)), "--timeout", integer_to_list(?WAIT_MS)],
                                [{"RANCHER_CNODE_COOKIE", "monster"}]),
    Took = erlang:monotonic_time(millisecond) - Began,
    true = Took >= ?WAIT_MS andalso Took < ?WAIT_MS + ?LATE_MS,
    last_line(Output).

%% Returns the file with the root certificate.
serve_https(Config, Body) ->
    Root = https_service:start(8443, ["rancher-metadata"], Body),
    https_service:root_file(Root, filename:join(proplists:get_value(priv_dir, Config), "root.pem")).

own_name(Config) ->
    atom_to_binary(test_cnode:default_name(host(Config))).

beam_name(Config) ->
    atom_to_binary(test_host:node_name("myapp", host(Config))).

run(Config, Args) ->
    test_host:run(host(Config), test_cnode:program(), Args).

last_line(Output) ->
    lists:last(lines(Output)).

host(Config) ->
    proplists:get_value(host, Config).
