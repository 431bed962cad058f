%% The portable program where there is nothing but itself, and in a userland of busybox. The files that the container engine
%% writes are there: /etc/hosts and /etc/resolv.conf.
-module(portable_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2]).
-export([a_name_of_etc_hosts_is_resolved/1, a_name_that_only_dns_knows_is_resolved/1, an_unknown_name_is_reported/1,
         no_module_for_names_is_loaded/1, https_works_with_the_certificates_of_the_root/1,
         https_works_with_the_certificates_of_the_variables/1, https_without_certificates_is_refused/1,
         c_nodes_in_empty_roots_make_a_cluster/1, c_nodes_in_empty_roots_speak_tls/1, exec_runs_a_command_in_an_empty_root/1, exec_serves_a_shell_of_busybox/1,
         env_serves_a_shell_of_busybox/1]).

-define(GATEWAY, "10.42.255.254").
-define(METADATA, "169.254.169.250").
-define(DNS_NAME, "metadata.only-dns.test").
-define(HTTPS_PORT, 8443).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_name_of_etc_hosts_is_resolved, a_name_that_only_dns_knows_is_resolved, an_unknown_name_is_reported,
     no_module_for_names_is_loaded, https_works_with_the_certificates_of_the_root,
     https_works_with_the_certificates_of_the_variables, https_without_certificates_is_refused,
     c_nodes_in_empty_roots_make_a_cluster, c_nodes_in_empty_roots_speak_tls, exec_runs_a_command_in_an_empty_root, exec_serves_a_shell_of_busybox,
     env_serves_a_shell_of_busybox].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    ok = start_name_server(),
    Config.

-spec end_per_suite([term()]) -> ok.
end_per_suite(_Config) ->
    ok.

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(Case, Config) ->
    Host = test_host:add(),
    ok = test_cluster:list(metadata(Config), [Host]),
    Root = filename:join(proplists:get_value(priv_dir, Config), atom_to_list(Case)),
    ok = empty_root(Root),
    [{host, Host}, {root, Root} | Config].

-spec a_name_of_etc_hosts_is_resolved([term()]) -> ok.
a_name_of_etc_hosts_is_resolved(Config) ->
    is_own_address(Config, ip(Config, "http://rancher-metadata", [])).

-spec a_name_that_only_dns_knows_is_resolved([term()]) -> ok.
a_name_that_only_dns_knows_is_resolved(Config) ->
    is_own_address(Config, ip(Config, "http://" ++ ?DNS_NAME, [])).

-spec an_unknown_name_is_reported([term()]) -> ok.
an_unknown_name_is_reported(Config) ->
    {1, Output} = ip(Config, "http://nobody.only-dns.test", []),
    contains(Output, <<"the name does not resolve">>).

%% The resolver of a static glibc loads the modules that /etc/nsswitch.conf names, which were made for another glibc. Here
%% the module ends the process that loads it.
-spec no_module_for_names_is_loaded([term()]) -> ok.
no_module_for_names_is_loaded(Config) ->
    ok = write(Config, "etc/nsswitch.conf", "hosts: trap files dns\npasswd: trap files\n"),
    ok = write(Config, "trap.c", "static void __attribute__((constructor)) loaded(void) { __builtin_trap(); }\n"),
    Module = in(Config, "lib/libnss_trap.so.2"),
    ok = filelib:ensure_dir(Module),
    _ = test_command:ok("gcc", ["-shared", "-fPIC", "-nostdlib", "-o", Module, in(Config, "trap.c")]),
    is_own_address(Config, ip(Config, "http://rancher-metadata", [])),
    is_own_address(Config, ip(Config, "http://" ++ ?DNS_NAME, [])).

%% Where Alpine keeps them.
-spec https_works_with_the_certificates_of_the_root([term()]) -> ok.
https_works_with_the_certificates_of_the_root(Config) ->
    _ = serve_https(Config, "etc/ssl/cert.pem"),
    [is_own_address(Config, ip(Config, https(Name), [])) || Name <- ["rancher-metadata", ?DNS_NAME]],
    ok.

-spec https_works_with_the_certificates_of_the_variables([term()]) -> ok.
https_works_with_the_certificates_of_the_variables(Config) ->
    File = serve_https(Config, "own/root.pem"),
    is_own_address(Config, ip(Config, https("rancher-metadata"), [{"SSL_CERT_FILE", "/own/root.pem"}])),
    Hash = string:trim(test_command:ok("openssl", ["x509", "-noout", "-hash", "-in", File])),
    ok = file:rename(File, in(Config, "own/" ++ binary_to_list(Hash) ++ ".0")),
    is_own_address(Config, ip(Config, https("rancher-metadata"), [{"SSL_CERT_DIR", "/own"}])).

-spec https_without_certificates_is_refused([term()]) -> ok.
https_without_certificates_is_refused(Config) ->
    _ = serve_https(Config, "not-looked-at/root.pem"),
    {1, Output} = ip(Config, https("rancher-metadata"), []),
    contains(Output, <<"the server's certificate is not trusted">>).

-spec c_nodes_in_empty_roots_make_a_cluster([term()]) -> ok.
c_nodes_in_empty_roots_make_a_cluster(Config) ->
    Hosts = [host(Config), test_host:add()],
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts),
    Cnodes = [spawn_program(Config, Host, []) || Host <- Hosts],
    ok = test_cluster:await_mesh(Beams),
    %% The mesh may be there before this C-node has seen the connection that the other one made.
    Status = ["/rancher_cnode", "status", "--ip", test_host:address(host(Config))],
    Report = test_wait:until("the status is 0",
                             fun() -> case run(Config, Status, [{"RANCHER_CNODE_COOKIE", "monster"}]) of
                                          {0, Output} -> {done, Output};
                                          Other -> {wait, Other}
                                      end
                             end),
    ok = contains(Report, <<"1 of 1 dialable peers connected">>),
    {0, _} = run(Config, ["/rancher_cnode", "check", "--ip", test_host:address(host(Config))],
                 [{"RANCHER_CNODE_COOKIE", "monster"}]),
    [true = port_close(Cnode) || Cnode <- Cnodes],
    ok.

%% The paths of the BEAMs' own options are not there, so the C-nodes have theirs.
-spec c_nodes_in_empty_roots_speak_tls([term()]) -> ok.
c_nodes_in_empty_roots_speak_tls(Config) ->
    Hosts = [host(Config), test_host:add()],
    ok = test_cluster:list(metadata(Config), Hosts),
    Folder = tls_files:certificates(Config, Hosts),
    Beams = test_beam:start_all(Hosts, tls_files:beam_options(tls_files:optfile(Folder, "good"))),
    [copy(tls_files:file(Folder, Name), in(Config, "tls/" ++ Name ++ ".pem")) || Name <- ["good", "key", "ca"]],
    Args = ["--proto-dist", "inet_tls" | tls_files:settings("/tls", "good")],
    Cnodes = [spawn_program(Config, Host, Args) || Host <- Hosts],
    ok = test_cluster:await_mesh(Beams),
    [true = port_close(Cnode) || Cnode <- Cnodes],
    ok.

-spec exec_runs_a_command_in_an_empty_root([term()]) -> ok.
exec_runs_a_command_in_an_empty_root(Config) ->
    {0, Output} = run_first(Config, ["/rancher_cnode", "exec", "--", "/rancher_cnode", "ip"]),
    contains(Output, own_address(Config)).

-spec exec_serves_a_shell_of_busybox([term()]) -> ok.
exec_serves_a_shell_of_busybox(Config) ->
    ok = add_busybox(Config),
    {7, Output} = run_first(Config, ["/rancher_cnode", "exec", "--", "sh", "-c", "echo \"address=$CONTAINER_IP\"; exit 7"]),
    contains(Output, <<"address=", (own_address(Config))/binary>>).

-spec env_serves_a_shell_of_busybox([term()]) -> ok.
env_serves_a_shell_of_busybox(Config) ->
    ok = add_busybox(Config),
    {0, Output} = run(Config, ["/bin/sh", "-c", "eval \"$(/rancher_cnode env)\" && echo \"address=$CONTAINER_IP\""], []),
    contains(Output, <<"address=", (own_address(Config))/binary>>).

%% -- roots

empty_root(Root) ->
    [ok = filelib:ensure_dir(filename:join([Root, Folder, "file"])) || Folder <- ["etc", "proc", "tmp"]],
    {ok, _} = file:copy(test_cnode:program(), filename:join(Root, "rancher_cnode")),
    ok = file:change_mode(filename:join(Root, "rancher_cnode"), 8#755),
    ok = file:write_file(filename:join(Root, "etc/hosts"), "127.0.0.1 localhost\n" ?METADATA " rancher-metadata\n"),
    ok = file:write_file(filename:join(Root, "etc/resolv.conf"), "nameserver " ?GATEWAY "\n").

%% busybox itself needs libraries, the program does not.
add_busybox(Config) ->
    {match, Libraries} = re:run(test_command:ok("ldd", [os:find_executable("busybox")]), "(/\\S+)",
                                [global, {capture, all_but_first, list}]),
    [copy(Library, in(Config, "." ++ Library)) || [Library] <- Libraries],
    copy(os:find_executable("busybox"), in(Config, "bin/busybox")),
    {0, _} = run(Config, ["/bin/busybox", "--install", "-s", "/bin"], []),
    ok.

copy(From, To) ->
    ok = filelib:ensure_dir(To),
    {ok, _} = file:copy(From, To),
    ok = file:change_mode(To, 8#755).

write(Config, File, Text) ->
    file:write_file(in(Config, File), Text).

in(Config, File) ->
    filename:join(proplists:get_value(root, Config), File).

%% -- programs

ip(Config, Url, Env) ->
    run(Config, ["/rancher_cnode", "ip", "--metadata-url", Url, "--timeout", "8000"], Env).

run(Config, Command, Env) ->
    Unset = [{Name, false} || Name <- ["SSL_CERT_FILE", "SSL_CERT_DIR"], not lists:keymember(Name, 1, Env)],
    test_host:run(host(Config), "unshare", ["--mount" | inside(Config, Command)], Unset ++ Env).

%% As process 1.
run_first(Config, Command) ->
    test_host:run(host(Config), "unshare", ["--mount", "--pid", "--fork", "--kill-child" | inside(Config, Command)],
                  [{"PATH", "/bin"}, {"RANCHER_CNODE_COOKIE", "monster"}]).

spawn_program(Config, Host, More) ->
    {Spawn, Args} = test_host:command(Host, "unshare",
                                      ["--mount" | inside(Config, ["/rancher_cnode", "run", "--node-basename", "myapp" | More])]),
    open_port({spawn_executable, Spawn},
              [{args, Args}, {env, [{"CONTAINER_IP", test_host:address(Host)}, {"RANCHER_CNODE_COOKIE", "monster"}]},
               stderr_to_stdout, hide]).

inside(Config, Command) ->
    Path = "PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin; ",
    ["/bin/sh", "-c", Path ++ "mount -t proc proc \"$0/proc\" && exec chroot \"$0\" \"$@\"", in(Config, "") | Command].

%% It ends with the sandbox.
start_name_server() ->
    Script = filename:join([os:getenv("FIXTURES"), "..", "portable", "name_server.py"]),
    Port = open_port({spawn_executable, os:find_executable("python3")},
                     [{args, ["-B", Script, ?GATEWAY, ?DNS_NAME, ?METADATA]}, {line, 100}, hide]),
    receive
        {Port, {data, {eol, "ready"}}} -> ok
    after 20000 ->
        error(name_server_does_not_start)
    end.

serve_https(Config, File) ->
    Root = https_service:start(?HTTPS_PORT, ["rancher-metadata", ?DNS_NAME], own_address(Config)),
    https_service:root_file(Root, in(Config, File)).

https(Name) ->
    "https://" ++ Name ++ ":" ++ integer_to_list(?HTTPS_PORT).

%% -- what is expected

is_own_address(Config, {0, Output}) ->
    Own = own_address(Config),
    Own = lists:last(test_program:lines(Output)),
    ok.

own_address(Config) ->
    list_to_binary(test_host:address(host(Config))).

contains(Text, Part) ->
    {Text, {_, _}} = {Text, binary:match(Text, Part)},
    ok.

host(Config) ->
    proplists:get_value(host, Config).
