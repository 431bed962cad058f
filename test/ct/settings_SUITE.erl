%% A bad setting ends the program at once, with status 2 and one line that names the setting. The table is of the
%% built program's command line; the rules of each setting have their units.
-module(settings_SUITE).

-export([suite/0, all/0]).
-export([every_setting_has_bad_values_here/1, every_bad_flag_is_status_2_and_one_line_that_names_it/1,
         every_bad_variable_is_status_2_and_one_line_that_names_it/1,
         a_bad_config_file_is_status_2_and_one_line_that_names_it/1,
         a_cookie_that_no_beam_would_take_is_status_2/1,
         there_is_no_flag_for_the_cookie_and_it_is_never_repeated/1, precedence_is_flag_variable_file/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() ->
    [every_setting_has_bad_values_here, every_bad_flag_is_status_2_and_one_line_that_names_it,
     every_bad_variable_is_status_2_and_one_line_that_names_it,
     a_bad_config_file_is_status_2_and_one_line_that_names_it, a_cookie_that_no_beam_would_take_is_status_2,
     there_is_no_flag_for_the_cookie_and_it_is_never_repeated, precedence_is_flag_variable_file].

%% The program prints all that it has, those that are not set as well.
-spec every_setting_has_bad_values_here([term()]) -> ok.
every_setting_has_bad_values_here(_Config) ->
    {0, Printed} = run(["--node-basename", "myapp", "--print-config"], []),
    {match, Settings} = re:run(Printed, "^(?:# )?([a-z-]+) (?:=|is not set)",
                               [multiline, global, {capture, all_but_first, list}]),
    Flags = lists:sort(["--" ++ Setting || [Setting] <- Settings]),
    Flags = lists:sort([Flag || {Flag, _} <- bad_values()]),
    ok.

-spec every_bad_flag_is_status_2_and_one_line_that_names_it([term()]) -> ok.
every_bad_flag_is_status_2_and_one_line_that_names_it(_Config) ->
    named(run(["--node-basename", "same", "--basename", "same"], []), "--basename"),
    [named(run(["--node-basename", "myapp", Flag ++ "=" ++ Value], []), Flag)
     || {Flag, Values} <- bad_values(), Value <- Values],
    [named(run(["--node-basename", "myapp", Flag, lists:last(Values)], []), Flag)
     || {Flag, Values} <- bad_values(), not is_toggle(Flag)],
    named(run(["--node-basename", "myapp", "--no-such-flag"], []), "--no-such-flag"),
    named(run(["--node-basename", "myapp", "no-such-command"], []), "no-such-command"),
    named(run(["--node-basename"], []), "node-basename"),
    ok.

-spec every_bad_variable_is_status_2_and_one_line_that_names_it([term()]) -> ok.
every_bad_variable_is_status_2_and_one_line_that_names_it(_Config) ->
    [begin
         Variable = "RANCHER_CNODE_" ++ string:uppercase(lists:flatten(string:replace(Setting, "-", "_", all))),
         named(run(["--node-basename", "myapp"], [{Variable, lists:last(Values)}]), "$" ++ Variable)
     end || {"--" ++ Setting, Values} <- bad_values(), Setting =/= "node-basename", Setting =/= "cookie-file"],
    named(run(["--node-basename", "myapp"], [{"CONTAINER_IP", "nonsense"}]), "CONTAINER_IP"),
    ok.

-spec a_bad_config_file_is_status_2_and_one_line_that_names_it([term()]) -> ok.
a_bad_config_file_is_status_2_and_one_line_that_names_it(Config) ->
    named(run(["--config", "/no/such/file"], []), "/no/such/file"),
    named(run(["--config", written(Config, "polling-interval = 3\nnode-basename = myapp\n")], []), "polling-interval"),
    named(run(["--config", written(Config, "node-basename = myapp\nno-such-setting = 1\n")], []), "no-such-setting"),
    ok.

-spec a_cookie_that_no_beam_would_take_is_status_2([term()]) -> ok.
a_cookie_that_no_beam_would_take_is_status_2(Config) ->
    File = written(Config, "two\nlines\n"),
    named(run(["--cookie-file", File], []), "--cookie-file"),
    named(run([], [{"RANCHER_CNODE_COOKIE", lists:duplicate(513, $a)}]), "$RANCHER_CNODE_COOKIE"),
    %% Its start script gives it to the BEAM in an argument.
    named(run([], [{"RANCHER_CNODE_COOKIE", false}, {"RELEASE_COOKIE", "-flag"}]), "$RELEASE_COOKIE"),
    ok.

-spec there_is_no_flag_for_the_cookie_and_it_is_never_repeated([term()]) -> ok.
there_is_no_flag_for_the_cookie_and_it_is_never_repeated(_Config) ->
    {2, Refused} = run(["--node-basename", "myapp", "--cookie", "a_secret"], []),
    nomatch = binary:match(Refused, <<"a_secret">>),
    {0, Printed} = run(["--node-basename", "myapp", "--print-config"], [{"RANCHER_CNODE_COOKIE", "a_secret"}]),
    nomatch = binary:match(Printed, <<"a_secret">>),
    ok.

-spec precedence_is_flag_variable_file([term()]) -> ok.
precedence_is_flag_variable_file(Config) ->
    File = written(Config,
                   "node-basename = \"myapp\"\npolling-interval = 1001\nmax-dials = 11\nlog-level = \"error\"\n"),
    {0, Printed} = run(["--print-config", "--config", File, "--polling-interval", "1003"],
                       [{"RANCHER_CNODE_POLLING_INTERVAL", "1002"}, {"RANCHER_CNODE_MAX_DIALS", "12"}]),
    [match = re:run(Printed, Pattern, [multiline, {capture, none}])
     || Pattern <- ["^polling-interval *= *\"1003ms\"", "^max-dials *= *12", "^log-level *= *\"?error"]],
    ok.

%% At least one value that breaks each rule.
bad_values() ->
    [{"--node-basename", ["", "my app", "my@app", lists:duplicate(300, $a)]},
     {"--basename", ["", "a@b", "tab\there"]},
     {"--ip",
      ["", "nonsense", "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "10.42.0", "10.42.0.256", "::1"]},
     {"--metadata-url", ["", "rancher-metadata", "ftp://rancher-metadata", "http://", "http://user:pass@host"]},
     {"--metadata-version", ["", "2015-07-25", "../etc", "a/b"]},
     {"--service", ["", "/self/service", "self//service", "../service"]},
     {"--label", ["", "a=b=c", "two words"]},
     {"--state-file", ["", "relative.json"]},
     {"--polling-interval", ["", "0", "-1", "249", "5x", "2h", "249ms", "5000.5", "99999999999999999999"]},
     {"--cookie-file", ["", "/"]},
     {"--targets", ["", "some"]},
     {"--watch", ["maybe"]},
     {"--removal", ["later"]},
     {"--removal-delay", ["-1", "soon"]},
     {"--startup-grace", ["-1", "soon", "2d"]},
     {"--mass-removal-delay", ["-1", "soon"]},
     {"--health", ["good"]},
     {"--max-dials", ["0", "1025", "many"]},
     {"--probe", ["tcp"]},
     {"--connect", ["connect", "a:", ":b", "a:b:c"]},
     {"--disconnect", ["disconnect"]},
     {"--list-nodes", ["nodes"]},
     {"--listen-port", ["-1", "65536", "9105-9100", "any"]},
     {"--dist-port", ["", "0", "-1", "65536", "9100-9105"]},
     {"--max-connections", ["0", "10001", "many"]},
     {"--http-listen", ["", "0", "65536", "localhost:9100", "[::]:9100"]},
     {"--ready-peers", ["-1", "10001", "all", "1"]},
     {"--ready-grace", ["", "-1", "2d", "soon", "1m"]},
     {"--proto-dist", ["", "inet6_tls", "tls"]},
     {"--ssl-dist-optfile", ["", "a\"b"]},
     {"--tls-cert-file", ["", "tab\there"]},
     {"--tls-key-file", ["", "a#b"]},
     {"--tls-ca-file", ["", "a\\b"]},
     {"--tls-verify", ["", "client"]},
     {"--start-epmd", ["maybe"]},
     {"--epmd", ["", "tab\there", "a\"b"]},
     {"--log-level", ["", "loud"]},
     {"--log-format", ["xml"]},
     {"--watch-pid", ["0", "-1", "init"]},
     {"--exit-on-eof", ["maybe"]},
     {"--exit-with-beam", ["maybe"]},
     {"--once", ["maybe"]}].

%% They need no value.
is_toggle(Flag) ->
    lists:member(Flag, ["--start-epmd", "--exit-on-eof", "--exit-with-beam", "--once"]).

run(Args, Env) ->
    test_command:run(test_cnode:program(), Args, [{"RANCHER_CNODE_COOKIE", "monster"} | Env]).

named({2, Output}, Setting) ->
    case {binary:matches(Output, <<"\n">>), binary:match(Output, list_to_binary(Setting))} of
        {[_], {_, _}} -> ok;
        _ -> error({not_one_line_that_names, Setting, Output})
    end;
named(Other, Setting) ->
    error({not_refused, Setting, Other}).

written(Config, Text) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "settings.toml"),
    ok = file:write_file(File, Text),
    File.
