%% Certificates for a test of TLS distribution, and the options that name them. Folders are below the priv_dir of the suite.
-module(tls_files).

-export([certificates/2, optfile/2, optfile/3, beam_options/1, settings/2, file/2, replace/2]).

%% A fresh folder of certificates for these hosts; test/support/tls/certificates lists their names.
-spec certificates([term()], [test_host:host()]) -> file:filename().
certificates(Config, Hosts) ->
    Unique = integer_to_list(erlang:unique_integer([positive])),
    Folder = filename:join(proplists:get_value(priv_dir, Config), Unique),
    ok = file:make_dir(Folder),
    Make = filename:join([os:getenv("FIXTURES"), "..", "support", "tls", "certificates"]),
    _ = test_command:ok(Make, [Folder | [test_host:address(Host) || Host <- Hosts]]),
    Folder.

-spec optfile(file:filename(), string()) -> file:filename().
optfile(Folder, Certificate) ->
    optfile(Folder, Certificate, "").

%% Mutual authentication with one certificate; More are options of both sides.
-spec optfile(file:filename(), string(), string()) -> file:filename().
optfile(Folder, Certificate, More) ->
    Side = io_lib:format("{certfile, ~p}, {keyfile, ~p}, {cacertfile, ~p}, {verify, verify_peer}~s",
                         [file(Folder, Certificate), file(Folder, "key"), file(Folder, "ca"), More]),
    File = filename:join(Folder, "ssl_dist.conf"),
    ok = file:write_file(File, ["[{server, [{fail_if_no_peer_cert, true}, ", Side, "]},\n {client, [", Side, "]}].\n"]),
    File.

%% For test_beam:start/2.
-spec beam_options(file:filename()) -> test_beam:options().
beam_options(File) ->
    #{args => ["-proto_dist", "inet_tls", "-ssl_dist_optfile", File]}.

%% The same options as settings of the program.
-spec settings(file:filename(), string()) -> [string()].
settings(Folder, Certificate) ->
    ["--tls-cert-file", file(Folder, Certificate), "--tls-key-file", file(Folder, "key"), "--tls-ca-file",
     file(Folder, "ca")].

%% File becomes a copy of Source as one step, so that nobody reads the half of it.
-spec replace(file:filename(), file:filename()) -> ok.
replace(File, Source) ->
    New = File ++ ".new",
    {ok, _} = file:copy(Source, New),
    file:rename(New, File).

-spec file(file:filename(), string()) -> file:filename().
file(Folder, Name) ->
    filename:join(Folder, Name ++ ".pem").
