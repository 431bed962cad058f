%% The table of otp_SUITE: a row for each cluster, a column for each case. Noted in a file, because a case that hangs is ended
%% with its process.
-module(otp_table).

-export([clear/0, note/3, print/2]).

-spec clear() -> ok.
clear() ->
    file:write_file(notes(), "").

-spec note(string(), atom(), ok | failed) -> ok.
note(Row, Case, Cell) ->
    file:write_file(notes(), io_lib:format("~p.~n", [{Row, Case, Cell}]), [append]).

%% The columns are the cases with their headings. A case that does not exist for a row is a dash.
-spec print([string()], [{atom(), string()}]) -> ok.
print(Rows, Columns) ->
    {ok, Noted} = file:consult(notes()),
    Widths = [lists:max([length(Row) || Row <- Rows]) | [max(length(Column), 6) || {_, Column} <- Columns]],
    Print = fun(Cells) -> progress:note("~s", [lists:join("  ", lists:zipwith(fun string:pad/2, Cells, Widths))]) end,
    Print(["OTP" | [Column || {_, Column} <- Columns]]),
    [Print([Row | [cell(Row, Case, Noted) || {Case, _} <- Columns]]) || Row <- Rows],
    ok.

notes() ->
    filename:join(os:getenv("LOGS"), "cases.txt").

cell(Row, Case, Noted) ->
    case [Cell || {Named, Of, Cell} <- Noted, Named =:= Row, Of =:= Case] of
        [ok] -> "ok";
        [failed] -> "FAILED";
        [] -> "-"
    end.
