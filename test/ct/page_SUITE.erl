%% The page of the HTTP listener in a real browser: a hole in the mesh, its end, and names that try to be markup.
-module(page_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_hole_is_drawn_until_it_has_healed/1, a_container_that_calls_itself_a_script_is_text/1,
         the_page_shows_the_latest_events/1, a_reader_can_stop_the_page_from_reloading/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 240}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_hole_is_drawn_until_it_has_healed, a_container_that_calls_itself_a_script_is_text,
     the_page_shows_the_latest_events, a_reader_can_stop_the_page_from_reloading].

%% The BEAM with the C-node sees both others: only the mesh shows that they do not see each other.
-spec a_hole_is_drawn_until_it_has_healed([term()]) -> ok.
a_hole_is_drawn_until_it_has_healed(Config) ->
    #{hosts := [One | _], beams := [_, Two, Three]} = star(Config, 3),
    Hole = iolist_to_binary([name(Two), " and ", name(Three), " are not connected"]),
    ok = await_page(One, "/", [<<"HOLES, 2 of 3 connections">>, Hole, <<"<svg ">>, <<"class=\"missing\"">>]),
    ok = picture(One, "hole", []),
    ok = picture(One, "hole-dark", ["--blink-settings=preferredColorScheme=0"]),
    true = test_beam:call(Two, net_kernel, connect_node, [test_beam:name(Three)]),
    ok = await_page(One, "/", [<<"WHOLE, 3 of 3 connections">>]),
    Healed = browse(One, "/"),
    ok = picture(One, "whole", []),
    [nomatch = binary:match(Healed, Part) || Part <- [Hole, <<"class=\"missing\"">>]],
    ok.

-spec a_container_that_calls_itself_a_script_is_text([term()]) -> ok.
a_container_that_calls_itself_a_script_is_text(Config) ->
    #{hosts := [One | _] = Hosts} = star(Config, 2),
    Script = <<"<script>document.title = 'run'</script>">>,
    ok = test_cluster:list(metadata(Config), Hosts ++ [#{name => Script}]),
    ok = await_page(One, "/", [<<"event=containers_skipped">>, <<"&lt;script&gt;document.title = 'run'&lt;/script&gt;">>]),
    Page = browse(One, "/"),
    [nomatch = binary:match(Page, Part) || Part <- [<<"<script">>, <<"<title>run</title>">>]],
    ok.

-spec the_page_shows_the_latest_events([term()]) -> ok.
the_page_shows_the_latest_events(Config) ->
    #{hosts := [One | _], beams := [_, Two]} = star(Config, 2),
    ok = test_beam:stop(Two),
    await_page(One, "/", [<<"INCOMPLETE">>, <<"event=peer_lost">>, atom_to_binary(test_beam:name(Two))]).

-spec a_reader_can_stop_the_page_from_reloading([term()]) -> ok.
a_reader_can_stop_the_page_from_reloading(Config) ->
    #{hosts := [One | _]} = star(Config, 2),
    ok = await_page(One, "/", [<<"http-equiv=\"refresh\"">>, <<"href=\"/still\"">>]),
    ok = await_page(One, "/still", [<<"This page does not reload">>]),
    nomatch = binary:match(browse(One, "/still"), <<"http-equiv=\"refresh\"">>),
    ok.

%% -- helpers

%% The first BEAM is connected to all, by its C-node; the others only to it.
star(Config, Count) ->
    Hosts = [One | _] = test_cluster:hosts(Count),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = [Beam | Others] = test_beam:start_all(Hosts, #{args => ["-connect_all", "false"]}),
    Cnode = test_cnode:start(One, #{args => ["--http-listen", "9100"]}),
    ok = test_cluster:await_nodes(Beam, [test_beam:name(Other) || Other <- Others]),
    _ = test_cnode:await(Cnode, "cluster_completed"),
    #{hosts => Hosts, beams => Beams}.

name(Beam) ->
    atom_to_binary(test_beam:name(Beam)).

await_page(Host, Path, Parts) ->
    test_wait:until("the page",
                    fun() ->
                            Page = browse(Host, Path),
                            case [Part || Part <- Parts, binary:match(Page, Part) =:= nomatch] of
                                [] -> {done, ok};
                                Missing -> {wait, {Missing, Page}}
                            end
                    end).

%% For the README: of the page without reloading, into the folder $PICTURES. Without that, none.
picture(Host, Name, Args) ->
    case os:getenv("PICTURES") of
        false ->
            ok;
        Folder ->
            {0, _} = chromium(Host, "/still", ["--hide-scrollbars", "--window-size=760,1180",
                                               "--screenshot=" ++ filename:join(Folder, Name ++ ".png") | Args]),
            ok
    end.

%% The document as the browser has it after it has loaded the page within the host.
browse(Host, Path) ->
    {0, Page} = chromium(Host, Path, ["--dump-dom"]),
    Page.

chromium(Host, Path, Args) ->
    Home = os:getenv("LOGS"),
    Url = lists:flatten(["http://", test_host:address(Host), ":9100", Path]),
    test_host:run(Host, "sh",
                  ["-c", "exec timeout 100 \"$@\" 2>/dev/null", "sh", "chromium", "--headless", "--no-sandbox",
                   "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" ++ filename:join(Home, "browser")]
                  ++ Args ++ [Url],
                  [{"HOME", Home}]).
