%% The process that owns a program which a case has started, and keeps what it prints: how others ask it.
-module(keeper).

-export([ask/2]).

%% Sends {ask, From, Request, What}; the keeper answers with {Request, Answer}.
-spec ask(pid(), atom()) -> term().
ask(Keeper, What) ->
    Request = monitor(process, Keeper),
    Keeper ! {ask, self(), Request, What},
    receive
        {Request, Answer} ->
            demonitor(Request, [flush]),
            Answer;
        {'DOWN', Request, process, _, Reason} ->
            error({keeper_ended, Reason})
    end.
