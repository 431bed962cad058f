%% Runs inside a BEAM of a chaos run: calls a C-node as an application does, and counts the results.
-module(status_caller).

-export([prepare/0, start/2, results/0]).

-define(TIMEOUT_MS, 2000).

%% To be called once, before the others.
-spec prepare() -> ok.
prepare() ->
    persistent_term:put(?MODULE, counters:new(2, [])).

%% This many calls, in the background.
-spec start(node(), pos_integer()) -> ok.
start(Cnode, Count) ->
    _ = spawn(fun() -> [call({rancher_cnode, Cnode}) || _ <- lists:seq(1, Count)] end),
    ok.

%% How many calls were answered, and how many were not, since boot.
-spec results() -> {non_neg_integer(), non_neg_integer()}.
results() ->
    Counters = persistent_term:get(?MODULE),
    {counters:get(Counters, 1), counters:get(Counters, 2)}.

call(Server) ->
    Result = try gen_server:call(Server, status, ?TIMEOUT_MS) of
                 #{} -> 1
             catch
                 exit:_ -> 2
             end,
    counters:add(persistent_term:get(?MODULE), Result, 1).
