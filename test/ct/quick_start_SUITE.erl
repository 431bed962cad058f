%% The quick start of the README and the script of docs/in-your-release.md, as printed, with an application of `mix new`.
%% Only the folder /app is another one.
-module(quick_start_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([three_lines_make_a_cluster/1, commands_beside_the_entry_point_find_the_node/1,
         a_script_that_becomes_the_release_makes_a_cluster/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [three_lines_make_a_cluster, commands_beside_the_entry_point_find_the_node,
     a_script_that_becomes_the_release_makes_a_cluster].

-spec three_lines_make_a_cluster([term()]) -> ok.
three_lines_make_a_cluster(Config) ->
    Release = application(Config, "plain", none),
    [One | _] = Containers = containers(Config, 3, Release, command()),
    Peers = lists:sort([release_container:name("myapp", Container) || Container <- Containers, Container =/= One]),
    %% Without the line in env.sh, a command below exec gets the name of the node.
    await_nodes(One, Peers, ["rancher_cnode", "exec", "--", "RELEASE"]).

-spec commands_beside_the_entry_point_find_the_node([term()]) -> ok.
commands_beside_the_entry_point_find_the_node(Config) ->
    Release = application(Config, "named", line("env.sh.eex")),
    [One, Two] = Containers = containers(Config, 2, Release, command()),
    await_nodes(One, [release_container:name("myapp", Two)], ["RELEASE"]),
    [begin
         {0, _} = release_container:execute(Container, ["RELEASE", "stop"]),
         0 = release_container:await_end(Container)
     end || Container <- Containers],
    ok.

-spec a_script_that_becomes_the_release_makes_a_cluster([term()]) -> ok.
a_script_that_becomes_the_release_makes_a_cluster(Config) ->
    Release = application(Config, "scripted", none),
    Script = filename:join(Release, "entrypoint"),
    Text = string:replace(script(), "/app", Release, all),
    ok = file:write_file(Script, Text),
    ok = file:change_mode(Script, 8#755),
    [One, Two] = containers(Config, 2, Release, [Script, "start"]),
    await_nodes(One, [release_container:name("myapp", Two)], ["rancher_cnode", "exec", "--", "RELEASE"]).

%% -- the pages

%% The words of ENTRYPOINT and CMD together, as Docker starts them.
command() ->
    {match, Words} = re:run([instruction("ENTRYPOINT"), instruction("CMD")], "\"([^\"]*)\"",
                            [global, {capture, all_but_first, list}]),
    [case Word of
         "/app/bin/myapp" -> "RELEASE";
         _ -> Word
     end || [Word] <- Words].

instruction(Name) ->
    {match, [Line]} = re:run(readme(), ["^    ", Name, " .*$"], [multiline, {capture, first, binary}]),
    Line.

%% The only line of the example that follows this file's name.
line(File) ->
    [_, After] = binary:split(readme(), list_to_binary(["`rel/", File, "` of a Mix release:\n\n    "])),
    [Line, <<"\n", _/binary>>] = binary:split(After, <<"\n">>),
    Line.

readme() ->
    after_words("README.md", <<"## Quick start\n">>).

%% The block of code that follows these words, without its indentation.
script() ->
    Block = after_words("docs/in-your-release.md", <<"In a script that becomes the release:\n\n">>),
    Lines = lists:takewhile(fun(Line) -> binary:match(Line, <<"    ">>) =:= {0, 4} end,
                            binary:split(Block, <<"\n">>, [global])),
    [[binary:part(Line, 4, byte_size(Line) - 4), "\n"] || Line <- Lines].

after_words(Page, Words) ->
    {ok, Text} = file:read_file(filename:join(release_build:root(), Page)),
    [_, After] = binary:split(Text, Words),
    After.

%% -- the application

%% As `mix new myapp` and `mix release` make it.
application(Config, Name, EnvSh) ->
    Folder = filename:join(proplists:get_value(priv_dir, Config), Name),
    ok = filelib:ensure_dir(filename:join(Folder, "any")),
    ok = release_build:mix(Folder, ["new", "myapp"]),
    Application = filename:join(Folder, "myapp"),
    case EnvSh of
        none -> ok;
        Line ->
            ok = filelib:ensure_dir(filename:join([Application, "rel", "any"])),
            ok = file:write_file(filename:join([Application, "rel", "env.sh.eex"]), [Line, "\n"])
    end,
    Release = filename:join(Folder, "app"),
    ok = release_build:mix(Application, ["release", "--quiet", "--path", Release]),
    Release.

containers(Config, Count, Release, Command) ->
    Hosts = test_cluster:hosts(Count),
    ok = test_cluster:list(metadata(Config), Hosts),
    Options = #{release => Release, script => "myapp", command => Command},
    release_container:start_all(Hosts, Options).

await_nodes(Container, Peers, Before) ->
    Command = Before ++ ["rpc", "IO.puts(Enum.join(Enum.sort(Node.list()), \" \"))"],
    Expected = iolist_to_binary(lists:join(" ", Peers)),
    test_wait:until("nodes() of the release",
                    fun() ->
                            {_, Output} = release_container:execute(Container, Command),
                            Lines = test_program:lines(Output),
                            case lists:member(Expected, Lines) of
                                true -> {done, ok};
                                false -> {wait, {Output, release_container:output(Container)}}
                            end
                    end).
