%% The example's compose files, read by a YAML parser: the named files exist, and the commented parts work.
-module(release_compose_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([the_named_files_are_in_the_image/1, the_health_check_passes_with_the_commented_parts/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [the_named_files_are_in_the_image, the_health_check_passes_with_the_commented_parts].

-spec the_named_files_are_in_the_image([term()]) -> ok.
the_named_files_are_in_the_image(_Config) ->
    #{"version" := "2", "services shop image" := _, "services shop environment RELEASE_COOKIE" := "${SHOP_COOKIE}"} =
        Docker = yaml(read("docker-compose.yml")),
    #{"services shop health_check port" := Port} = Rancher = yaml(read("rancher-compose.yml")),
    ["shop"] = services(Docker),
    ["shop"] = services(Rancher),
    {ok, Dockerfile} = read("Dockerfile"),
    {_, _} = binary:match(Dockerfile, iolist_to_binary(["\nEXPOSE ", Port, "\n"])),
    Started = <<"\nENTRYPOINT [\"rancher_cnode\", \"exec\", \"--\"]\nCMD [\"/app/bin/shop\", \"start\"]\n">>,
    {_, _} = binary:match(Dockerfile, Started),
    ok.

%% The commented parts, activated.
-spec the_health_check_passes_with_the_commented_parts([term()]) -> ok.
the_health_check_passes_with_the_commented_parts(Config) ->
    {ok, Text} = read("docker-compose.yml"),
    #{"services shop entrypoint" := "/app/bin/shop", "services shop command" := Command,
      "services shop environment CLUSTERING" := Way, "services shop environment RELEASE_COOKIE" := _} =
        yaml({ok, re:replace(Text, "# ([A-Za-z]+: \\S+)$", "\\1", [global, multiline, {return, binary}])}),
    #{"services shop health_check port" := Port, "services shop health_check request_line" := Request} =
        yaml(read("rancher-compose.yml")),
    [Host] = Hosts = test_cluster:hosts(1),
    ok = test_cluster:list(metadata(Config), Hosts),
    Container = release_container:start(Host, #{release => release_build:release(), command => ["RELEASE", Command],
                                                env => [{"CLUSTERING", Way}]}),
    test_wait:until("the health check passes",
                    fun() ->
                            case health(test_host:address(Host), list_to_integer(Port), Request) of
                                <<"HTTP/1.1 200 ", _/binary>> -> {done, ok};
                                Other -> {wait, {Other, release_container:output(Container)}}
                            end
                    end),
    Name = release_container:name(test_cnode:default_basename(), Container),
    release_page:await(Container, <<"cnode">>, [Name]).

%% -- helpers

read(Name) ->
    file:read_file(filename:join([release_build:root(), "examples", "elixir_release", Name])).

yaml({ok, Text}) ->
    Script = filename:join([release_build:root(), "test", "ct", "release_compose.py"]),
    %% A shell, because a port cannot close standard input alone.
    Printed = test_command:ok("sh", ["-c", "printf %s \"$1\" | /usr/bin/python3 \"$0\"", Script, Text]),
    maps:from_list([list_to_tuple(string:split(Line, ": ")) || Line <- string:lexemes(binary_to_list(Printed), "\n")]).

services(Yaml) ->
    lists:usort([Service || Key <- maps:keys(Yaml), ["services", Service | _] <- [string:lexemes(Key, " ")]]).

%% As Rancher's check: the words of the request line, without its quotes.
health(Address, Port, RequestLine) ->
    case gen_tcp:connect(Address, Port, [binary, {active, false}], 2000) of
        {ok, Socket} ->
            ok = gen_tcp:send(Socket, [string:replace(RequestLine, "\"", "", all), "\r\n\r\n"]),
            Answer = gen_tcp:recv(Socket, 0, 2000),
            ok = gen_tcp:close(Socket),
            case Answer of
                {ok, Text} -> Text;
                {error, Reason} -> Reason
            end;
        {error, Reason} ->
            Reason
    end.
