%% Runs inside a BEAM under test: a process that keeps what is sent to it, for the modules that record
%% something there.
-module(recorder).

-export([start/1, start/2, note/2, kept/1]).

-spec start(atom()) -> ok.
start(Name) ->
    start(Name, fun() -> ok end).

%% The process is registered as Name, and calls Setup before this returns: a tracer, for instance, enables its
%% traces.
-spec start(atom(), fun(() -> term())) -> ok.
start(Name, Setup) ->
    Starter = self(),
    Pid = spawn(fun() ->
                        true = register(Name, self()),
                        _ = Setup(),
                        Starter ! {self(), ready},
                        keep([])
                end),
    receive
        {Pid, ready} -> ok
    end.

-spec note(atom(), term()) -> ok.
note(Name, What) ->
    Name ! What,
    ok.

%% Everything so far, oldest first.
-spec kept(atom()) -> [term()].
kept(Name) ->
    Request = make_ref(),
    Name ! {?MODULE, self(), Request},
    receive
        {Request, Kept} -> Kept
    end.

keep(Kept) ->
    receive
        {?MODULE, From, Request} ->
            From ! {Request, lists:reverse(Kept)},
            keep(Kept);
        What ->
            keep([What | Kept])
    end.
