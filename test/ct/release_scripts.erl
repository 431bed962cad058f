%% What people start instead of a release's own script, in a folder of its own: with a real release of Mix below it, or
%% with a script of the same structure that starts a bare BEAM. And a node that sees whom the C-nodes connect.
-module(release_scripts).

-export([phoenix/2, mix/1, write/2, witness/3, await_connected/3]).

%% A copy of the release of Mix with what mix phx.gen.release adds, a migration, and the env.sh that Mix makes by itself.
-spec phoenix(file:filename(), file:filename()) -> file:filename().
phoenix(Release, Folder) ->
    <<>> = test_command:ok("cp", ["-rl", Release, Folder]),
    [EnvSh] = filelib:wildcard(filename:join([Folder, "releases", "*", "env.sh"])),
    [Ebin] = filelib:wildcard(filename:join([Folder, "lib", "shop-*", "ebin"])),
    %% The copy's files are those of the release.
    ok = file:delete(EnvSh),
    ok = file:write_file(EnvSh, "#!/bin/sh\n"),
    ok = file:write_file(filename:join(Ebin, "Elixir.Shop.Release.beam"), migration()),
    Begin = "#!/bin/sh\nset -eu\n\ncd -P -- \"$(dirname -- \"$0\")\"\n",
    write(Folder, [{"bin/server", Begin ++ "PHX_SERVER=true exec ./shop start\n"},
                   %% Of Phoenix 1.6.
                   {"bin/server_1_6", "#!/bin/sh\ncd -P -- \"$(dirname -- \"$0\")\"\nPHX_SERVER=true ./shop start\n"},
                   {"bin/migrate", Begin ++ "exec ./shop eval Shop.Release.migrate\n"}]).

%% A release with the structure that Mix gives one, called myapp with the cookie monster.
-spec mix(file:filename()) -> file:filename().
mix(Folder) ->
    Script = "#!/bin/sh\nset -e\n"
             "RELEASE_ROOT=\"$(CDPATH='' cd \"$(dirname \"$0\")/..\" && pwd -P)\"\n"
             "export RELEASE_NAME=\"${RELEASE_NAME:-myapp}\"\n"
             "export RELEASE_COMMAND=\"$1\"\n"
             ". \"$RELEASE_ROOT/releases/0.1.0/env.sh\"\n"
             "RELEASE_COOKIE=\"${RELEASE_COOKIE:-\"$(cat \"$RELEASE_ROOT/releases/COOKIE\")\"}\"\n"
             "RELEASE_NODE=\"${RELEASE_NODE:-\"$RELEASE_NAME\"}\"\n"
             "case $1 in\n"
             "  start) exec erl -noinput -setcookie \"$RELEASE_COOKIE\" -${RELEASE_DISTRIBUTION:-sname} \"$RELEASE_NODE\" ;;\n"
             "  daemon) exec erl -detached -setcookie \"$RELEASE_COOKIE\" -${RELEASE_DISTRIBUTION:-sname} \"$RELEASE_NODE\" $ELIXIR_ERL_OPTIONS ;;\n"
             "  *) echo \"$RELEASE_COMMAND of $RELEASE_NODE\" ;;\n"
             "esac\n",
    write(Folder, [{"bin/myapp", Script}, {"releases/start_erl.data", "13.1.5 0.1.0"}, {"releases/COOKIE", "monster"},
                   {"releases/0.1.0/myapp.rel", ""}, {"releases/0.1.0/env.sh", ""}]).

%% Scripts are made executable.
-spec write(file:filename(), [{file:filename(), iodata()}]) -> file:filename().
write(Folder, Files) ->
    ok = release_build:write(Folder, Files),
    [ok = file:change_mode(filename:join(Folder, Name), 8#755)
     || {Name, Text} <- Files, "#!" ++ _ <- [binary_to_list(iolist_to_binary(Text))]],
    Folder.

%% A BEAM without a C-node, and this many hosts without anything. All are listed.
-spec witness(metadata_server:server(), pos_integer(), test_beam:options()) -> {test_beam:beam(), [test_host:host()]}.
witness(Metadata, Count, Options) ->
    [Host | Hosts] = test_cluster:hosts(Count + 1),
    ok = test_cluster:list(Metadata, [Host | Hosts]),
    {test_beam:start(Host, Options), Hosts}.

%% Waits until each container's own C-node has connected its BEAM, and the witness sees these alive names there.
-spec await_connected(test_beam:beam(), string(), [release_container:container()]) -> ok.
await_connected(Witness, AliveName, Containers) ->
    Names = [test_host:node_name(AliveName, release_container:host(Container)) || Container <- Containers],
    try
        ok = test_cluster:await_nodes(Witness, Names)
    catch
        error:Reason -> error({Reason, [release_container:output(Container) || Container <- Containers]})
    end,
    [{Name, {0, _}} = {Name, release_container:execute(Container, ["rancher_cnode", "wait", "--timeout", "60000"])}
     || {Name, Container} <- lists:zip(Names, Containers)],
    ok.

migration() ->
    Forms = [{attribute, 1, module, 'Elixir.Shop.Release'},
             {attribute, 1, export, [{migrate, 0}]},
             erl_parse_form("migrate() -> io:format(\"migrated on ~s~n\", [node()]).")],
    {ok, 'Elixir.Shop.Release', Binary} = compile:forms(Forms, []),
    Binary.

erl_parse_form(Text) ->
    {ok, Tokens, _} = erl_scan:string(Text),
    {ok, Form} = erl_parse:parse_form(Tokens),
    Form.
