%% The commands `ip' and `wait', as scripts and health checks run them.
-module(commands_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0, init_per_testcase/2]).
-export([wait_takes_every_basename_that_run_takes/1, ip_takes_the_settings_of_metadata/1,
         ip_tells_why_there_was_no_address/1,
         ip_does_not_take_an_address_that_no_interface_has/1, https_is_spoken_where_the_certificate_is_trusted/1,
         a_certificate_that_is_not_trusted_is_told/1, wait_tells_that_there_is_no_epmd/1,
         wait_tells_that_there_is_no_beam/1,
         wait_tells_that_the_cookie_differs/1, wait_tells_why_the_metadata_was_not_read/1,
         wait_tells_that_the_node_does_not_answer/1]).

-define(HTTPS_URL, "https://rancher-metadata:8443").

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [wait_takes_every_basename_that_run_takes, ip_takes_the_settings_of_metadata, ip_tells_why_there_was_no_address,
     ip_does_not_take_an_address_that_no_interface_has, https_is_spoken_where_the_certificate_is_trusted, a_certificate_that_is_not_trusted_is_told,
     wait_tells_that_there_is_no_epmd, wait_tells_that_there_is_no_beam, wait_tells_that_the_cookie_differs,
     wait_tells_why_the_metadata_was_not_read, wait_tells_that_the_node_does_not_answer].

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    [{host, test_host:add()} | Config].

-spec wait_takes_every_basename_that_run_takes([term()]) -> ok.
wait_takes_every_basename_that_run_takes(Config) ->
    Longest = lists:duplicate(239, $a),
    {1, Output} = run(Config, ["wait", "--basename", Longest, "--ip", test_host:address(host(Config)), "--timeout", "200"]),
    says(Output, [list_to_binary(Longest ++ "@")]).

%% Rounds come at least every 250 ms, not after 100, 200, 400, 800, 1600 ms; and the version, which only long-polling
%% needs, is not asked for.
-spec ip_takes_the_settings_of_metadata([term()]) -> ok.
ip_takes_the_settings_of_metadata(Config) ->
    {1, _} = run(Config, ["ip", "--watch", "off", "--polling-interval", "250", "--timeout", "3000"]),
    Paths = [list_to_binary(io_lib:format("~p", [Request]))
             || Request <- metadata_server:requests(metadata(Config), test_host:address(host(Config)))],
    [] = [Path || Path <- Paths, binary:match(Path, <<"latest/version">>) =/= nomatch],
    Asked = [Path || Path <- Paths, binary:match(Path, <<"primary_ip">>) =/= nomatch],
    true = length(Asked) >= 8,
    ok.

-spec ip_tells_why_there_was_no_address([term()]) -> ok.
ip_tells_why_there_was_no_address(Config) ->
    {1, Output} = run(Config, ["ip", "--metadata-url", "http://127.0.0.1:1", "--timeout", "500"]),
    says(last_line(Output), [<<"no address of this container from the metadata service">>, <<"127.0.0.1:1">>]).

-spec ip_does_not_take_an_address_that_no_interface_has([term()]) -> ok.
ip_does_not_take_an_address_that_no_interface_has(Config) ->
    ok = listed(Config),
    Before = test_host:fresh_address(),
    ok = metadata_server:misbehave(metadata(Config), {address_of_before, Before}),
    {1, Output} = run(Config, ["ip", "--watch", "off", "--polling-interval", "250", "--timeout", "2000"]),
    {match, [_]} = re:run(Output, "event=own_address_mismatched", [global]),
    says(last_line(Output), [<<"in time: no interface of this container has">>, list_to_binary(Before)]).

%% The root certificate is where Debian's libcurl looks for those of the system.
-spec https_is_spoken_where_the_certificate_is_trusted([term()]) -> ok.
https_is_spoken_where_the_certificate_is_trusted(Config) ->
    Own = list_to_binary(test_host:address(host(Config))),
    Root = serve_https(Own),
    File = filename:join(proplists:get_value(priv_dir, Config), "root.pem"),
    ok = file:write_file(File, public_key:pem_encode([{'Certificate', Root, not_encrypted}])),
    Trusting = "mount -t tmpfs none /etc/ssl/certs && cp \"$0\" /etc/ssl/certs/ca-certificates.crt && exec \"$@\"",
    {0, Output} = test_host:run(host(Config), "unshare",
                                ["--mount", "sh", "-c", Trusting, File, test_cnode:program(), "ip", "--metadata-url",
                                 ?HTTPS_URL, "--timeout", "10000"]),
    Own = last_line(Output),
    ok.

-spec a_certificate_that_is_not_trusted_is_told([term()]) -> ok.
a_certificate_that_is_not_trusted_is_told(Config) ->
    _ = serve_https(<<"10.42.1.2">>),
    {1, Output} = run(Config, ["ip", "--metadata-url", ?HTTPS_URL, "--timeout", "1000"]),
    says(last_line(Output), [<<"no address of this container from the metadata service">>, <<?HTTPS_URL>>, <<"certificate is not trusted">>]).

-spec wait_tells_that_there_is_no_epmd([term()]) -> ok.
wait_tells_that_there_is_no_epmd(Config) ->
    says(waits_in_vain(Config), [own_name(Config), <<"epmd">>]).

-spec wait_tells_that_there_is_no_beam([term()]) -> ok.
wait_tells_that_there_is_no_beam(Config) ->
    ok = listed(Config),
    ok = test_host:start_epmd(host(Config)),
    Cnode = test_cnode:start(host(Config)),
    _ = test_cnode:await(Cnode, "metadata_available"),
    _ = test_cnode:await(Cnode, "target_awaited"),
    says(waits_in_vain(Config), [own_name(Config), beam_name(Config), <<" is awaited: ">>, <<"does not know">>]).

-spec wait_tells_that_the_cookie_differs([term()]) -> ok.
wait_tells_that_the_cookie_differs(Config) ->
    ok = listed(Config),
    _ = test_beam:start(host(Config), #{cookie => "another"}),
    Cnode = test_cnode:start(host(Config)),
    _ = test_cnode:await(Cnode, "target_refused"),
    says(waits_in_vain(Config), [own_name(Config), beam_name(Config), <<"most likely the cookies differ">>]).

-spec wait_tells_why_the_metadata_was_not_read([term()]) -> ok.
wait_tells_why_the_metadata_was_not_read(Config) ->
    ok = metadata_server:misbehave(metadata(Config), not_found),
    _ = test_beam:start(host(Config)),
    Cnode = test_cnode:start(host(Config)),
    _ = test_cnode:await(Cnode, "target_connected"),
    _ = test_cnode:await(Cnode, "metadata_unavailable"),
    Line = waits_in_vain(Config),
    says(Line, [own_name(Config), <<"the metadata has not been read yet: ">>, <<"404">>]),
    nomatch = binary:match(Line, beam_name(Config)),
    ok.

%% It is stopped before it is asked, and so does not even shake hands.
-spec wait_tells_that_the_node_does_not_answer([term()]) -> ok.
wait_tells_that_the_node_does_not_answer(Config) ->
    ok = listed(Config),
    ok = test_host:start_epmd(host(Config)),
    Cnode = test_cnode:start(host(Config)),
    _ = test_cnode:await(Cnode, "node_registered"),
    ok = test_cnode:signal(Cnode, "STOP"),
    says(waits_in_vain(Config), [own_name(Config), <<"does not answer">>]).

%% -- what the cases share

listed(Config) ->
    test_cluster:list(metadata(Config), [host(Config)]).

%% The last line of a wait that takes its time, and no more than a second beyond it.
waits_in_vain(Config) ->
    Began = erlang:monotonic_time(millisecond),
    {1, Output} = test_host:run(host(Config), test_cnode:program(),
                                ["wait", "--ip", test_host:address(host(Config)), "--timeout", "1000"],
                                [{"RANCHER_CNODE_COOKIE", "monster"}]),
    Took = erlang:monotonic_time(millisecond) - Began,
    true = Took >= 1000 andalso Took < 5000,
    last_line(Output).

own_name(Config) ->
    atom_to_binary(test_cnode:default_name(host(Config))).

beam_name(Config) ->
    atom_to_binary(test_host:node_name("myapp", host(Config))).

run(Config, Args) ->
    test_host:run(host(Config), test_cnode:program(), Args).

%% Answers every request with Body, until the case ends; gives the root certificate.
serve_https(Body) ->
    {ok, _} = application:ensure_all_started(ssl),
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}],
    Named = {extensions, [{'Extension', {2, 5, 29, 17}, false, [{dNSName, "rancher-metadata"}]}]},
    Chain = #{root => Key, intermediates => [], peer => [Named | Key]},
    #{server_config := Server, client_config := Client} =
        public_key:pkix_test_data(#{server_chain => Chain, client_chain => Chain}),
    {ok, Listen} = ssl:listen(8443, [binary, {active, false}, {packet, http_bin}, {reuseaddr, true} | Server]),
    _ = spawn_link(fun() -> serve(Listen, Body) end),
    [Root | _] = proplists:get_value(cacerts, Client),
    Root.

serve(Listen, Body) ->
    {ok, Connecting} = ssl:transport_accept(Listen),
    case ssl:handshake(Connecting) of
        {ok, Socket} -> answer(Socket, Body);
        {error, _} -> ok
    end,
    serve(Listen, Body).

answer(Socket, Body) ->
    case ssl:recv(Socket, 0) of
        {ok, http_eoh} ->
            Size = integer_to_list(byte_size(Body)),
            ok = ssl:send(Socket, ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ", Size, "\r\n\r\n", Body]),
            ssl:close(Socket);
        {ok, _} ->
            answer(Socket, Body);
        {error, _} ->
            ssl:close(Socket)
    end.

last_line(Output) ->
    lists:last(binary:split(Output, <<"\n">>, [global, trim_all])).

says(Text, Parts) ->
    [{_, _} = binary:match(Text, Part) || Part <- Parts],
    ok.

host(Config) ->
    proplists:get_value(host, Config).
