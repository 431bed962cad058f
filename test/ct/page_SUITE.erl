%% The page of the HTTP listener in a real browser: a hole in the mesh, its end, and names that try to be markup.
-module(page_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([a_hole_is_drawn_until_it_has_healed/1, a_page_that_is_left_open_shows_that_a_hole_has_healed/1,
         a_hole_is_the_one_verdict_and_is_drawn_red_and_dashed/1, a_screen_reader_meets_names_and_roles/1,
         a_one_way_connection_is_drawn_with_an_arrow/1,
         a_container_that_calls_itself_a_script_is_text/1, the_page_shows_the_latest_events/1,
         the_page_fits_a_phone_and_a_wide_screen/1, a_reader_of_dark_pages_gets_one/1,
         a_reader_can_stop_the_page_from_reloading/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 240}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [a_hole_is_drawn_until_it_has_healed, a_page_that_is_left_open_shows_that_a_hole_has_healed,
     a_hole_is_the_one_verdict_and_is_drawn_red_and_dashed, a_screen_reader_meets_names_and_roles,
     a_one_way_connection_is_drawn_with_an_arrow,
     a_container_that_calls_itself_a_script_is_text, the_page_shows_the_latest_events,
     the_page_fits_a_phone_and_a_wide_screen, a_reader_of_dark_pages_gets_one, a_reader_can_stop_the_page_from_reloading].

%% The BEAM with the C-node sees both others: only the mesh shows that they do not see each other.
-spec a_hole_is_drawn_until_it_has_healed([term()]) -> ok.
a_hole_is_drawn_until_it_has_healed(Config) ->
    #{hosts := [One | _], beams := [_, Two, Three]} = star(Config, 3),
    Hole = iolist_to_binary([name(Two), " and ", name(Three), " are not connected"]),
    ok = await_page(One, "/", [<<"HOLES, 2 of 3 connections">>, Hole, <<"<svg ">>, <<"class=\"missing\"">>]),
    ok = picture(One, "hole", "light"),
    ok = picture(One, "hole-dark", "dark"),
    true = test_beam:call(Two, net_kernel, connect_node, [test_beam:name(Three)]),
    ok = await_page(One, "/", [<<"WHOLE, 3 of 3 connections">>]),
    Healed = browse(One, "/"),
    ok = picture(One, "whole", "light"),
    [nomatch = binary:match(Healed, Part) || Part <- [Hole, <<"class=\"missing\"">>]],
    ok.

%% Nobody loads it again but itself. Each time it shows what the members answered when it was loaded before.
-spec a_page_that_is_left_open_shows_that_a_hole_has_healed([term()]) -> ok.
a_page_that_is_left_open_shows_that_a_hole_has_healed(Config) ->
    #{hosts := [One | _], beams := [_, Two, Three]} = star(Config, 3),
    ok = await_page(One, "/", [<<"class=\"missing\"">>]),
    Browser = left_open(One, verdict_and_holes(), "[\"WHOLE\", 0]"),
    _ = test_command:await_output(Browser, <<"[\"HOLES\", 1]\n">>),
    true = test_beam:call(Two, net_kernel, connect_node, [test_beam:name(Three)]),
    _ = test_command:await_output(Browser, <<"[\"WHOLE\", 0]\n">>),
    receive {Browser, {exit_status, Status}} -> 0 = Status end,
    ok.

%% The BEAM with the C-node misses nobody, which is not the verdict.
-spec a_hole_is_the_one_verdict_and_is_drawn_red_and_dashed([term()]) -> ok.
a_hole_is_the_one_verdict_and_is_drawn_red_and_dashed(Config) ->
    #{hosts := [One | _]} = star(Config, 3),
    ok = await_page(One, "/", [<<"This BEAM is connected to 2 of 2 dialable peers">>, <<"class=\"missing\"">>]),
    [begin
         Expected = iolist_to_binary(["[[\"", Red, "\", \"7px, 5px\"], [\"", Grey, "\", \"none\"], [\"", Red,
                                      "\", \"HOLES\"], 1]\n"]),
         {Scheme, Expected} = {Scheme, seen(One, 1000, Scheme, colours())}
     end || {Scheme, Red, Grey} <- [{"light", "rgb(179, 38, 30)", "rgb(139, 148, 158)"},
                                    {"dark", "rgb(255, 123, 114)", "rgb(125, 133, 144)"}]],
    ok.

-spec a_screen_reader_meets_names_and_roles([term()]) -> ok.
a_screen_reader_meets_names_and_roles(Config) ->
    #{hosts := [One | _], beams := [Own, Two, Three]} = star(Config, 3),
    ok = await_page(One, "/", [<<"class=\"missing\"">>, <<">cluster_completed<">>]),
    Tree = binary:split(browser(One, "/", "''", ["--tree"]), <<"\n">>, [global]),
    Expected = [["heading: Cluster of ", name(Own)], "heading: Mesh",
                ["image: Mesh: HOLES, 2 of 3 connections between 3 members, 1 missing A ring of 3 members. ", name(Two),
                 " and ", name(Three), " are not connected."],
                ["graphics-symbol: ", name(Two), " and ", name(Three), " are not connected"],
                "region: Peers", "columnheader: State", ["rowheader: ", name(Two)], "region: Recent events",
                "link: Stop reloading"],
    [] = [Line || Part <- Expected, Line <- [iolist_to_binary(Part)], not lists:member(Line, Tree)],
    ok.

%% Two closes its connection to Three, which cannot notice.
-spec a_one_way_connection_is_drawn_with_an_arrow([term()]) -> ok.
a_one_way_connection_is_drawn_with_an_arrow(Config) ->
    #{hosts := [One, HostOfTwo, HostOfThree], beams := [_, Two, Three] = Beams} = star(Config, 3),
    true = test_beam:call(Two, net_kernel, connect_node, [test_beam:name(Three)]),
    ok = test_cluster:await_mesh(Beams),
    ok = test_host:cut(HostOfTwo, HostOfThree),
    ok = test_beam:drop_connection(Two, test_beam:name(Three)),
    Words = iolist_to_binary([name(Three), " sees ", name(Two), ", which does not see it"]),
    ok = await_page(One, "/", [<<"1 one-way">>, Words, <<"<path class=\"one-way\"">>]),
    %% The head of the arrow is defined in the document, and the line is seen.
    <<"[\"rgb(179, 38, 30)\", true, true]\n">> =
        seen(One, 1000, "light",
             "(() => { const line = document.querySelector('path.one-way'), style = getComputedStyle(line);"
             " const head = document.getElementById(/#([^\"]*)/.exec(style.markerEnd)[1]);"
             " return [style.stroke, head instanceof SVGMarkerElement, line.getTotalLength() > 100]; })()"),
    ok.

-spec a_container_that_calls_itself_a_script_is_text([term()]) -> ok.
a_container_that_calls_itself_a_script_is_text(Config) ->
    #{hosts := [One | _] = Hosts} = star(Config, 2),
    Script = <<"<script>document.title = 'run'</script>">>,
    ok = test_cluster:list(metadata(Config), Hosts ++ [#{name => Script}]),
    ok = await_page(One, "/", [<<">containers_skipped<">>, <<"&lt;script&gt;document.title = 'run'&lt;/script&gt;">>]),
    Page = browse(One, "/"),
    [nomatch = binary:match(Page, Part) || Part <- [<<"<script">>, <<"<title>run</title>">>]],
    ok.

-spec the_page_shows_the_latest_events([term()]) -> ok.
the_page_shows_the_latest_events(Config) ->
    #{hosts := [One | _], beams := [_, Two]} = star(Config, 2),
    ok = test_beam:stop(Two),
    await_page(One, "/", [<<"INCOMPLETE">>, <<">peer_lost<">>, atom_to_binary(test_beam:name(Two))]).

%% With a container whose name is one word that is wider than a phone.
-spec the_page_fits_a_phone_and_a_wide_screen([term()]) -> ok.
the_page_fits_a_phone_and_a_wide_screen(Config) ->
    #{hosts := [One | _] = Hosts} = star(Config, 2),
    ok = test_cluster:list(metadata(Config), Hosts ++ [#{name => binary:copy(<<"long">>, 30)}]),
    ok = await_page(One, "/", [<<">containers_skipped<">>, binary:copy(<<"long">>, 30)]),
    [begin
         Expected = iolist_to_binary(io_lib:format("[~b, true, true, 1]~n", [Width])),
         {Width, Expected} = {Width, seen(One, Width, "light", fits())}
     end || Width <- [360, 500, 768, 769, 1000, 1600]],
    ok.

-spec a_reader_of_dark_pages_gets_one([term()]) -> ok.
a_reader_of_dark_pages_gets_one(Config) ->
    #{hosts := [One | _]} = star(Config, 2),
    ok = await_page(One, "/", [<<"<svg ">>, <<">cluster_completed<">>]),
    [begin
         <<"[true, \"", Paper/binary>> = seen(One, 1000, Scheme, contrast()),
         {Scheme, Paper} = {Scheme, <<"rgb(", Background/binary, ")\"]\n">>}
     end || {Scheme, Background} <- [{"light", <<"255, 255, 255">>}, {"dark", <<"13, 17, 23">>}]],
    ok.

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
    test_cluster:star(metadata(Config), Count, #{args => ["--http-listen", "9100"]}).

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
picture(Host, Name, Scheme) ->
    case os:getenv("PICTURES") of
        false -> ok;
        Folder ->
            File = filename:join(Folder, Name ++ ".png"),
            _ = browser(Host, "/still", "''", ["--width", "900", "--scheme", Scheme, "--picture", File]),
            ok
    end.

verdict_and_holes() ->
    "[document.title.split(' - ')[0], document.querySelectorAll('figure path.missing').length]".

%% Of a missing connection and of another one: stroke and dashes; of the verdict colour and word, and how many there are.
colours() ->
    "(() => {"
    " const style = selector => getComputedStyle(document.querySelector(selector));"
    " const line = selector => [style(selector).stroke, style(selector).strokeDasharray];"
    " const verdicts = document.querySelectorAll('.verdict');"
    " return [line('path.missing'), line('line.connected'),"
    "   [style('.verdict').color, verdicts[0].textContent.split(',')[0]], verdicts.length]; })()".

%% The width of the document and of all that is in it, but tables, which can be scrolled; whether no word of ours is broken;
%% whether all details of events are seen without scrolling; and how many lines the longest level has.
fits() ->
    "(() => {"
    " const all = selector => [...document.querySelectorAll(selector)];"
    " const lines = element => { const range = document.createRange(); range.selectNodeContents(element);"
    "   return new Set([...range.getClientRects()].map(each => each.top)).size; };"
    " const words = all('thead th, td[data-label=State], td[data-label=Level] span, td[data-label=Event] span, #events ~ * tbody th');"
    " return [document.documentElement.scrollWidth, words.every(each => lines(each) <= 1),"
    "   all('.scroll').every(each => each.scrollWidth <= each.clientWidth),"
    "   Math.max(...all('td[data-label=Level] span').map(lines))]; })()".

%% Whether every text that has a colour of its own stands out by 4.5:1 (WCAG 2.1, 1.4.3); and the background.
contrast() ->
    "(() => {"
    " const light = colour => { const [r, g, b] = colour.match(/[0-9.]+/g).map(each => each / 255)"
    "   .map(each => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);"
    "   return 0.2126 * r + 0.7152 * g + 0.0722 * b; };"
    " const paper = getComputedStyle(document.body).backgroundColor;"
    " const readable = colour => { const [low, high] = [light(colour), light(paper)].sort((a, b) => a - b);"
    "   return (high + 0.05) / (low + 0.05) >= 4.5; };"
    " const html = [...document.querySelectorAll('body, .verdict, .good, .faint, dt, th, td span, a, footer')]"
    "   .map(each => getComputedStyle(each).color);"
    " const svg = [...document.querySelectorAll('svg text')].map(each => getComputedStyle(each).fill);"
    " return [svg.length > 1 && [...html, ...svg].every(readable), paper]; })()".

%% What an expression is worth on the page that does not reload, in JSON.
seen(Host, Width, Scheme, Expression) ->
    browser(Host, "/still", Expression, ["--width", integer_to_list(Width), "--scheme", Scheme]).

browser(Host, Path, Expression, Flags) ->
    Args = browser_args(Host, Path, Expression, Flags),
    {0, Printed} = test_host:run(Host, "python3", Args, [{"HOME", os:getenv("LOGS")}]),
    Printed.

%% A port that prints what the expression is worth on the page that loads itself again, each time, until it is Last.
left_open(Host, Expression, Last) ->
    {Spawn, Args} = test_host:command(Host, "python3", browser_args(Host, "/", Expression, ["--until", Last])),
    open_port({spawn_executable, os:find_executable(Spawn)},
              [{args, Args}, {env, [{"HOME", os:getenv("LOGS")}]}, binary, exit_status, stderr_to_stdout, hide]).

browser_args(Host, Path, Expression, Flags) ->
    Script = filename:join([release_build:root(), "test", "ct", "browser.py"]),
    [Script, filename:join(os:getenv("LOGS"), "profile"), url(Host, Path), Expression | Flags].

%% The document as the browser has it after it has loaded the page within the host.
browse(Host, Path) ->
    {0, Page} = chromium(Host, Path, ["--dump-dom"]),
    Page.

chromium(Host, Path, Args) ->
    Home = os:getenv("LOGS"),
    test_host:run(Host, "sh",
                  ["-c", "exec timeout 100 \"$@\" 2>/dev/null", "sh", "chromium", "--headless", "--no-sandbox",
                   "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" ++ filename:join(Home, "browser")]
                  ++ Args ++ [url(Host, Path)],
                  [{"HOME", Home}]).

url(Host, Path) ->
    lists:flatten(["http://", test_host:address(Host), ":9100", Path]).
