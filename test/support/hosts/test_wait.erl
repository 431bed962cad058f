%% The wait helper of the tests: asks until the answer is the expected one, within a bound, and otherwise reports the last
%% answer. The bound is patience, unless it is what a case proves: a slow machine must not be taken for a fault, and a wait
%% that succeeds ends at once.
-module(test_wait).

-export([patience/0, until/2, until/3, equals/3, equals/4]).

-define(PAUSE_MS, 20).
-define(PATIENCE_MS, 60000).

%% How long (ms) something is awaited that must happen, and whose time is not what is tested.
-spec patience() -> pos_integer().
patience() ->
    ?PATIENCE_MS.

-spec until(string(), fun(() -> {done, Result} | {wait, term()})) -> Result.
until(What, Ask) ->
    until(What, Ask, ?PATIENCE_MS).

%% Calls Ask until it returns {done, Result}; returns Result. After Timeout (ms) raises with the last {wait, Saw}.
-spec until(string(), fun(() -> {done, Result} | {wait, term()}), timeout()) -> Result.
until(What, Ask, Timeout) ->
    until(What, Ask, erlang:monotonic_time(millisecond) + Timeout, Timeout).

-spec equals(string(), term(), fun(() -> term())) -> ok.
equals(What, Expected, Ask) ->
    equals(What, Expected, Ask, ?PATIENCE_MS).

%% Waits until Ask returns Expected.
-spec equals(string(), term(), fun(() -> term()), timeout()) -> ok.
equals(What, Expected, Ask, Timeout) ->
    until(What,
          fun() ->
                  case Ask() of
                      Expected -> {done, ok};
                      Other -> {wait, Other}
                  end
          end,
          Timeout).

until(What, Ask, Deadline, Timeout) ->
    case Ask() of
        {done, Result} ->
            Result;
        {wait, Saw} ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    timer:sleep(?PAUSE_MS),
                    until(What, Ask, Deadline, Timeout);
                false ->
                    error({never_happened, What, {within_ms, Timeout}, {saw, Saw}})
            end
    end.
