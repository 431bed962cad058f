%% What the pages show of the program's output, against what it prints: blanks count as one, and addresses, times and versions
%% are any. `...' in a page stands for what is left out.
-module(documented).

-export([shows/2, prints/3, prints_among_others/3]).

%% The page shows this text somewhere.
-spec shows(file:filename(), binary()) -> ok.
shows(Page, Text) ->
    test_program:contains(comparable(read(Page)), [comparable(Text)]).

%% The block of the page that has Marker shows all of the output.
-spec prints(file:filename(), binary(), binary()) -> ok.
prints(Page, Marker, Output) ->
    Block = block(Page, Marker),
    Lines = comparable_lines(test_program:lines(Output)),
    length(Block) =:= length(Lines) andalso lists:all(fun({Shown, Line}) -> fits(Shown, Line) end, lists:zip(Block, Lines))
        orelse error({differs, Page, {shown, Block}, {printed, Lines}}),
    ok.

%% That block shows lines of the output, in their order.
-spec prints_among_others(file:filename(), binary(), binary()) -> ok.
prints_among_others(Page, Marker, Output) ->
    in_order(block(Page, Marker), comparable_lines(test_program:lines(Output)), Page).

%% -- helpers

in_order([], _, _) ->
    ok;
in_order([Shown | Others], Lines, Page) ->
    case lists:dropwhile(fun(Line) -> not fits(Shown, Line) end, Lines) of
        [_ | Rest] -> in_order(Others, Rest, Page);
        [] -> error({not_printed, Page, Shown, {after_what_was_found, Lines}})
    end.

fits(Shown, Line) ->
    Parts = ["\\Q" ++ binary_to_list(Part) ++ "\\E" || Part <- binary:split(Shown, <<"...">>, [global])],
    re:run(Line, ["^", lists:join(".*", Parts), "$"]) =/= nomatch.

%% Its lines without the command.
block(Page, Marker) ->
    Blocks = [Block || Block <- blocks(binary:split(read(Page), <<"\n">>, [global]), []),
                       lists:any(fun(Line) -> binary:match(Line, Marker) =/= nomatch end, Block)],
    case Blocks of
        [Block] -> comparable_lines([Line || Line <- Block, binary:match(Line, <<"    $ ">>) =/= {0, 6}]);
        _ -> error({not_one_block, Page, Marker, Blocks})
    end.

%% Each a run of indented lines, with the empty ones between them.
blocks([], Blocks) ->
    Blocks;
blocks([<<"    ", _/binary>> | _] = Lines, Blocks) ->
    {Block, Rest} = lists:splitwith(fun is_of_block/1, Lines),
    blocks(Rest, [Block | Blocks]);
blocks([_ | Lines], Blocks) ->
    blocks(Lines, Blocks).

is_of_block(<<"    ", _/binary>>) -> true;
is_of_block(Line) -> Line =:= <<>>.

comparable_lines(Lines) ->
    [Line || Line <- lists:map(fun comparable/1, Lines), Line =/= <<>>].

comparable(Text) ->
    Replaced = lists:foldl(fun({Pattern, By}, Before) -> re:replace(Before, Pattern, By, [global, {return, binary}]) end, Text,
                           [{"\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z ", ""},
                            {"10(\\.\\d+){3}", "ADDRESS"},
                            {"\\b\\d+ (ms|s|min|h)\\b", "TIME"},
                            {"took_ms=\\d+", "took_ms=TIME"},
                            {"rancher_cnode \\S+ \\S+, up", "rancher_cnode VERSION BUILD, up"},
                            {"attempt \\d+", "attempt N"},
                            {"\\s+", " "}]),
    string:trim(Replaced).

read(Page) ->
    {ok, Text} = file:read_file(filename:join(release_build:root(), Page)),
    Text.
