%% The wrapper script with the layouts of Mix, Distillery and relx: where each keeps name and cookie, and which commands
%% boot a node. Tables with recorders instead of program and release.
-module(release_layouts_SUITE).

-export([suite/0, all/0]).
-export([name_and_cookie_are_found_in_every_layout/1, vm_args_are_read_as_the_beam_reads_them/1,
         commands_that_boot_a_node_start_the_program/1,
         the_process_of_a_daemon_is_watched/1, all_other_commands_start_nothing/1,
         the_release_gets_its_arguments_and_environment/1,
         missing_parts_are_reported/1, a_release_started_by_a_symbolic_link_keeps_its_name/1,
         names_that_peers_cannot_use_are_refused_where_a_node_boots/1, commands_that_boot_nothing_need_no_address/1]).

%% Answers of the program to `ip` and `vm-arg`, and of the release to `pid` where NODE is set, are not recorded. There a
%% daemon's script takes a second, and what it writes meanwhile would be lost if another command ran.
-define(RECORD, "#!/bin/sh\ncase $1 in ip) $ADDRESS; exit ;; vm-arg) exec \"$REAL\" \"$@\" ;;\n"
                "pid) [ -z \"$NODE\" ] || { [ ! -e \"$RECORDS/boots\" ] || : >\"$RECORDS/lost\"; echo \"$NODE\"; exit; } ;;\n"
                "start | daemon*) [ -z \"$NODE\" ] || { : >\"$RECORDS/boots\"; sleep 1; rm \"$RECORDS/boots\"; } ;; esac\n"
                "for argument in \"$@\"; do printf 'argument %s\\n' \"$argument\"; done >\"$RECORDS/$$.new\"\n"
                "{ env; echo \"PID=$$\"; } >>\"$RECORDS/$$.new\"\nmv \"$RECORDS/$$.new\" \"$RECORDS/${0##*/}\"\n").

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 3}}].

-spec all() -> [atom()].
all() ->
    [name_and_cookie_are_found_in_every_layout, vm_args_are_read_as_the_beam_reads_them,
     commands_that_boot_a_node_start_the_program,
     the_process_of_a_daemon_is_watched, all_other_commands_start_nothing,
     the_release_gets_its_arguments_and_environment, missing_parts_are_reported,
     a_release_started_by_a_symbolic_link_keeps_its_name, names_that_peers_cannot_use_are_refused_where_a_node_boots,
     commands_that_boot_nothing_need_no_address].

-spec name_and_cookie_are_found_in_every_layout([term()]) -> ok.
name_and_cookie_are_found_in_every_layout(Config) ->
    VmArgs = "## -name other\n-name myapp@${CONTAINER_IP}\n\n-setcookie monster\n+K true\n",
    Mix = mix(),
    Relx = fun(Text) -> [start_erl(), {"releases/1.2.3/vm.args.src", Text}] end,
    Distillery = fun(Text) -> [start_erl(), {"releases/1.2.3/vm.args", Text}] end,
    Table =
        [%% Mix: the script's name, and the generated cookie.
         {Mix, [], "script", "generated"},
         {Mix, [{"RELEASE_NODE", "shop@10.42.0.7"}, {"RELEASE_COOKIE", "it's \"$HOME\" `id`"}], "shop", "it's \"$HOME\" `id`"},
         {Mix, [{"RANCHER_CNODE_NODE_BASENAME", "mine"}, {"RANCHER_CNODE_COOKIE", "ours"}], "mine", "ours"},
         {[{"releases/1.2.3/vm.args", "-name wrong@host\n-setcookie wrong\n"} | Mix], [{"RELEASE_NODE", "shop@10.42.0.7"}], "shop",
          "generated"},
         %% Its env.sh takes precedence.
         {mix("echo said; export RELEASE_COOKIE='a \"b\\c '\nexport RELEASE_NODE=web@$CONTAINER_IP\n"),
          [{"RELEASE_NODE", "shop@h"}, {"RELEASE_COOKIE", "c"}], "web", "a \"b\\c "},
         {mix("RELEASE_NODE=${RELEASE_NODE:-web@$CONTAINER_IP}\n"), [], "web", "generated"},
         {mix("RELEASE_NODE=${RELEASE_NODE:-web@$CONTAINER_IP}\n"), [{"RANCHER_CNODE_NODE_BASENAME", "mine"}], "mine",
          "generated"},
         {mix("RELEASE_COOKIE=\"$RELEASE_NAME $RELEASE_VSN $RELEASE_COMMAND $1 $NONE\"\n. $RELEASE_ROOT/releases/COOKIE.sh\n")
          ++ [{"releases/COOKIE.sh", "RELEASE_COOKIE=$RELEASE_COOKIE."}], [], "script",
          "script 1.2.3 foreground foreground ."},
         {mix("echo \"$NONE\nsaid\"\nexit 3\n"), [], "script", "generated"},
         %% The version that the user names is another folder with another env.sh; relx ignores the variable.
         {[{"releases/2.0/env.sh", "RELEASE_NODE=next@$CONTAINER_IP\nRELEASE_COOKIE=$RELEASE_VSN\n"} | mix()],
          [{"RELEASE_VSN", "2.0"}], "next", "2.0"},
         {Relx(VmArgs), [{"RELEASE_VSN", "2.0"}], "myapp", "monster"},
         %% relx: vm.args.src.
         {Relx(VmArgs), [], "myapp", "monster"},
         {Relx("-name ${NAME:-shop}@${CONTAINER_IP}\n-setcookie ${SECRET:-none}\n"), [{"SECRET", "a/&\\\\b"}], "shop", "a/&\\b"},
         {Relx("-name ${NAME:-shop}@${CONTAINER_IP}\n-setcookie x${SECRET}y${SECRET}\n"), [{"NAME", "n-1"}, {"SECRET", "s"}],
          "n-1", "xsys"},
         {Relx("-setcookie 'quoted'\n-name \"myapp@${CONTAINER_IP}\"\n"), [], "myapp", "quoted"},
         {Relx("-name myapp@${CONTAINER_IP}\n"), [], "myapp", ""},
         {Relx("-name myapp@${SET_BY_A_HOOK}\n"), [], "myapp", ""},
         {[{"more.args", "-name named@10.42.0.7\n-setcookie n\n"} | Relx("-args_file ${HERE}/more.args\n")],
          [{"HERE", "ROOT"}], "named", "n"},
         %% As the BEAM reads it, not as a line of two words.
         {Relx("-kernel x 1 -name a\"pp\"@10.42.0.7#c\r\n-setcookie \"a b\"#c\r\n"), [], "app", "a b"},
         %% Distillery: vm.args, in the release or in its root, or at VMARGS_PATH.
         {Distillery(VmArgs), [], "myapp", "monster"},
         {[{"vm.args", "-name root@10.42.0.7\n-setcookie r\n"} | Distillery(VmArgs)], [], "root", "r"},
         {[{"config/vm.args", "-name c@10.42.0.7\n-setcookie d\n"}, {"vm.args", "-name root@10.42.0.7\n"} | Distillery(VmArgs)],
          [{"RELEASE_CONFIG_DIR", "ROOT/config"}], "c", "d"},
         {[{"my.args", "-name own@10.42.0.7\n-setcookie o\n"} | Distillery(VmArgs)], [{"VMARGS_PATH", "ROOT/my.args"}], "own", "o"}],
    [begin
         {Root, Records} = layout(Config, Files),
         Env = [{Key, string:replace(Value, "ROOT", Root)} || {Key, Value} <- Given],
         {0, <<>>} = run(Root, Records, Env, ["foreground"]),
         #{"RANCHER_CNODE_NODE_BASENAME" := Name, "RANCHER_CNODE_COOKIE" := Cookie} =
             recorded(Records, "rancher_cnode")
     end || {Files, Given, Name, Cookie} <- Table],
    ok.

-spec vm_args_are_read_as_the_beam_reads_them([term()]) -> ok.
vm_args_are_read_as_the_beam_reads_them(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "vm.args"),
    Named = filename:join(proplists:get_value(priv_dir, Config), "named.args"),
    ok = file:write_file(Named, "-w x\n-v 'from there'"),
    Texts = ["-v a\n", "-v a#b\n", "-v \"a#b\"\n", "-v a\\#b\n", "-v a\\$b\n", "-v \"a b\"\n", "-v a\"b\"c\n",
             "-v a'b c'd\n", "-v \"a\\b\"\n", "-v 'a\\'\n", "-v \"it's\"\n", "-v abc\r\n-w x\r\n", "-v a\\\nb\n",
             "-v \"a\nb\n", "-v a\\ b\n", "-v a\vb\n", "-v\na\n", "# it's -v b\n-v a\n", "-v #b\nc\n", "-v a#\"b\n-w c\n", "-kernel x 1 -v abc\n",
             "-v a -v b\n", "-v ''\n", "-v ''#b\n", "-v a", "-v a\\", "-args_file " ++ Named ++ "\n-v b\n"],
    [begin
         ok = file:write_file(File, Text),
         {0, Printed} = test_command:run("erl", ["-emu_args_exit", "-args_file", File]),
         [_, <<"\n", FromFlag/binary>>] = binary:split(Printed, <<"\n-v">>),
         [Value | _] = binary:split(FromFlag, <<"\n">>),
         Expected = {Text, {0, <<Value/binary, "\n">>}},
         Expected = {Text, test_command:run(test_cnode:program(), ["vm-arg", File, "-v"])}
     end || Text <- Texts],
    ok.

-spec commands_that_boot_a_node_start_the_program([term()]) -> ok.
commands_that_boot_a_node_start_the_program(Config) ->
    [begin
         {Root, Records} = layout(Config, mix()),
         {0, <<>>} = run(Root, Records, [], [Command]),
         #{arguments := ["--watch-pid", Pid], "CONTAINER_IP" := "10.42.0.7"} = recorded(Records, "rancher_cnode"),
         %% The release has become the process that is watched.
         #{"PID" := Pid} = recorded(Records, "script")
     end || Command <- ["start", "foreground", "console", "start_iex"]],
    ok.

-spec the_process_of_a_daemon_is_watched([term()]) -> ok.
the_process_of_a_daemon_is_watched(Config) ->
    Relx = [start_erl(), {"releases/1.2.3/vm.args.src", "-name myapp@${CONTAINER_IP}\n"}],
    Distillery = [start_erl(), {"releases/1.2.3/vm.args", "-name myapp@${CONTAINER_IP}\n"}],
    [begin
         {Root, Records} = layout(Config, Files),
         {0, <<>>} = run(Root, Records, [{"NODE", "4711"}], [Command]),
         #{arguments := [Command]} = recorded(Records, "script"),
         #{arguments := ["--watch-pid", "4711"]} = recorded(Records, "rancher_cnode"),
         {Command, false} = {Command, filelib:is_file(filename:join(Records, "lost"))}
     end || {Files, Command} <- [{mix(), "daemon"}, {mix(), "daemon_iex"}, {Relx, "daemon"}, {Distillery, "start"}]],
    ok.

-spec all_other_commands_start_nothing([term()]) -> ok.
all_other_commands_start_nothing(Config) ->
    {Root, Records} = layout(Config, mix()),
    [begin
         {0, <<>>} = run(Root, Records, [], [Command]),
         #{arguments := [Command], "CONTAINER_IP" := "10.42.0.7", "RELEASE_NODE" := "script@10.42.0.7"} =
             recorded(Records, "script")
     end || Command <- ["remote", "rpc", "eval", "pid", "ping", "stop", "restart", "version", "help", ""]],
    {error, enoent} = file:read_file(filename:join(Records, "rancher_cnode")),
    ok.

-spec the_release_gets_its_arguments_and_environment([term()]) -> ok.
the_release_gets_its_arguments_and_environment(Config) ->
    {Root, Records} = layout(Config, mix()),
    {0, <<>>} = run(Root, Records, [{"RANCHER_CNODE_COOKIE", ""}], ["start", "a b", "", "$HOME"]),
    Recorded = recorded(Records, "script"),
    #{arguments := ["start", "a b", "", "$HOME"], "CONTAINER_IP" := "10.42.0.7", "RELEASE_DISTRIBUTION" := "name",
      "RELEASE_NODE" := "script@10.42.0.7", "REPLACE_OS_VARS" := "true", "RELX_REPLACE_OS_VARS" := "true",
      %% The cookie is the program's alone.
      "RANCHER_CNODE_COOKIE" := ""} = Recorded,
    %% What is set already stays.
    {0, <<>>} = run(Root, Records, [{"CONTAINER_IP", "10.42.0.9"}, {"RELEASE_DISTRIBUTION", "none"},
                                    {"RELEASE_NODE", "n@h"}, {"REPLACE_OS_VARS", "no"}], ["eval"]),
    #{"CONTAINER_IP" := "10.42.0.9", "RELEASE_DISTRIBUTION" := "none", "RELEASE_NODE" := "n@h",
      "REPLACE_OS_VARS" := "no"} = recorded(Records, "script"),
    %% The same through a script that is no release: nothing of its own name is handed on.
    Again = ["-c", "exec \"$0\" \"$1\" start", wrapper(), filename:join([Root, "bin", "script"])],
    {0, <<>>} = run_script("sh", Root, Records, [], Again),
    #{"RELEASE_NODE" := "script@10.42.0.7"} = Nested = recorded(Records, "script"),
    false = is_map_key("RANCHER_CNODE_NODE_BASENAME", Nested),
    %% The releases leave them empty to refuse.
    {0, <<>>} = run(Root, Records, [{"REPLACE_OS_VARS", ""}, {"RELX_REPLACE_OS_VARS", ""}], ["start"]),
    #{"REPLACE_OS_VARS" := "", "RELX_REPLACE_OS_VARS" := ""} = recorded(Records, "script"),
    ok.

-spec a_release_started_by_a_symbolic_link_keeps_its_name([term()]) -> ok.
a_release_started_by_a_symbolic_link_keeps_its_name(Config) ->
    {Root, Records} = layout(Config, mix()),
    Link = filename:join(Root, "other"),
    ok = file:make_symlink("bin/script", Link),
    [begin
         {0, <<>>} = run_script(Link, Root, Records, Env, ["start"]),
         #{"RANCHER_CNODE_NODE_BASENAME" := Name, "RANCHER_CNODE_COOKIE" := "generated"} =
             recorded(Records, "rancher_cnode"),
         %% The release has been called as it was asked for.
         #{"RELEASE_NODE" := Node} = recorded(Records, "other"),
         Node = Name ++ "@10.42.0.7"
     end || {Env, Name} <- [{[], "script"}, {[{"RELEASE_NAME", "shop"}], "shop"}, {[{"RELEASE_ROOT", "/"}], "script"}]],
    ok.

-spec names_that_peers_cannot_use_are_refused_where_a_node_boots([term()]) -> ok.
names_that_peers_cannot_use_are_refused_where_a_node_boots(Config) ->
    VmArgs = fun(Text) -> [start_erl(), {"releases/1.2.3/vm.args", Text}] end,
    Table = [{mix(), [{"RELEASE_DISTRIBUTION", "sname"}], <<"RELEASE_DISTRIBUTION is sname">>},
             {mix(), [{"RELEASE_DISTRIBUTION", "none"}], <<"RELEASE_DISTRIBUTION is none">>},
             {mix("RELEASE_DISTRIBUTION=sname\n"), [], <<"RELEASE_DISTRIBUTION is sname">>},
             {VmArgs("-sname shop\n"), [], <<"has -sname shop">>},
             {VmArgs("-name shop@127.0.0.1\n"), [], <<"shop@127.0.0.1, but its peers expect shop@10.42.0.7">>},
             {VmArgs("-name ${NAME}\n"), [{"NAME", "shop"}], <<"shop, but its peers expect shop@10.42.0.7">>},
             {VmArgs("-name shop@${CONTAINER_IP}\n"), [{"RANCHER_CNODE_NODE_BASENAME", "x"}], <<"its peers expect x@10.42.0.7">>},
             {mix("RELEASE_NODE=shop\n"), [], <<"shop, but its peers expect shop@10.42.0.7">>},
             {mix(), [{"RELEASE_NODE", "shop@web1.example.org"}], <<"shop@web1.example.org, but">>}],
    [begin
         {Root, Records} = layout(Config, Files),
         {1, Printed} = run(Root, Records, Env, ["foreground"]),
         {_, _} = binary:match(Printed, Sentence),
         [_OneLine, <<>>] = binary:split(Printed, <<"\n">>, [global]),
         {error, enoent} = file:read_file(filename:join(Records, "script")),
         {0, <<>>} = run(Root, Records, Env, ["version"]),
         #{arguments := ["version"]} = recorded(Records, "script")
     end || {Files, Env, Sentence} <- Table],
    ok.

-spec commands_that_boot_nothing_need_no_address([term()]) -> ok.
commands_that_boot_nothing_need_no_address(Config) ->
    {Root, Records} = layout(Config, mix()),
    NoAddress = [{"ADDRESS", "false"}, {"PATH", filename:join(Root, "bin") ++ ":" ++ without_hostname(Root)}],
    {1, _} = run(Root, Records, NoAddress, ["start"]),
    {error, enoent} = file:read_file(filename:join(Records, "script")),
    [begin
         {0, <<>>} = run(Root, Records, NoAddress, [Command]),
         Recorded = recorded(Records, "script"),
         [] = [Name || Name <- ["CONTAINER_IP", "RELEASE_NODE", "RELEASE_DISTRIBUTION"], is_map_key(Name, Recorded)]
     end || Command <- ["version", "eval", "stop"]],
    ok.

-spec missing_parts_are_reported([term()]) -> ok.
missing_parts_are_reported(Config) ->
    {Root, Records} = layout(Config, mix()),
    Wrapper = wrapper(),
    Table = [{[], [], <<"usage">>},
             {["/no/such/release", "start"], [], <<"/no/such/release is not an executable">>},
             {["sh", "start"], [{"CONTAINER_IP", "10.42.0.7 172.17.0.2"}], <<"set CONTAINER_IP">>},
             {["sh", "start"], [{"PATH", "/usr/bin:/bin"}], <<"rancher_cnode is neither">>}],
    [begin
         {1, Printed} = test_command:run("/usr/bin/env", environment(Root, Records, Env) ++ [Wrapper | Args]),
         {_, _} = binary:match(Printed, Sentence)
     end || {Args, Env, Sentence} <- Table],
    ok.

%% -- layouts

mix() ->
    mix("").

mix(EnvSh) ->
    [start_erl(), {"releases/COOKIE", "generated"}, {"releases/1.2.3/env.sh", EnvSh}].

%% Without a newline, as the releases write it.
start_erl() ->
    {"releases/start_erl.data", "13.1.5 1.2.3"}.

%% A fresh release of these files, whose script records what it gets, beside a program that does the same.
layout(Config, Files) ->
    Root = filename:join(proplists:get_value(priv_dir, Config), integer_to_list(erlang:unique_integer([positive]))),
    Records = filename:join(Root, "records"),
    [begin
         Path = filename:join(Root, Name),
         ok = filelib:ensure_dir(Path),
         ok = file:write_file(Path, Text)
     end || {Name, Text} <- [{"records/empty", ""} | Files]],
    [begin
         Path = filename:join([Root, "bin", Name]),
         ok = filelib:ensure_dir(Path),
         ok = file:write_file(Path, ?RECORD),
         ok = file:change_mode(Path, 8#755)
     end || Name <- ["script", "rancher_cnode"]],
    {Root, Records}.

run(Root, Records, Env, Args) ->
    run_script(filename:join([Root, "bin", "script"]), Root, Records, Env, Args).

run_script(Script, Root, Records, Env, Args) ->
    test_command:run("/usr/bin/env", environment(Root, Records, Env) ++ [wrapper(), Script | Args]).

environment(Root, Records, Env) ->
    Image = [{"PATH", filename:join(Root, "bin") ++ ":/usr/bin:/bin"}, {"RECORDS", Records}, {"HOME", "/run/home"},
             {"REAL", test_cnode:program()}, {"ADDRESS", "echo 10.42.0.7"}],
    ["--ignore-environment" | [lists:flatten([Name, $=, Value]) || {Name, Value} <- Image ++ Env]].

%% A folder for PATH with what the script calls, and no hostname that could return an address.
without_hostname(Root) ->
    Folder = filename:join(Root, "tools"),
    ok = filelib:ensure_dir(filename:join(Folder, "any")),
    [ok = file:make_symlink(os:find_executable(Name), filename:join(Folder, Name))
     || Name <- ["sh", "cat", "sed", "tr", "dirname", "basename", "readlink", "env", "mv"]],
    Folder.

wrapper() ->
    filename:join([release_build:root(), "scripts", "with-rancher-cnode"]).

%% The recorded arguments and environment of the program or the release.
recorded(Records, Name) ->
    Path = filename:join(Records, Name),
    Text = test_wait:until(Name ++ " was run",
                           fun() ->
                                   case file:read_file(Path) of
                                       {ok, Read} -> {done, Read};
                                       {error, Reason} -> {wait, Reason}
                                   end
                           end,
                           5000),
    ok = file:delete(Path),
    Lines = [binary_to_list(Line) || Line <- binary:split(Text, <<"\n">>, [global])],
    Variables = [{Key, Value} || Line <- Lines, [Key, Value] <- [string:split(Line, "=")]],
    (maps:from_list(Variables))#{arguments => [Argument || "argument " ++ Argument <- Lines]}.
