%% The wait helper of the tests: asks until the answer is the expected one, within a bound, and otherwise reports the last
%% answer.
-module(test_wait).

-export([until/3, equals/4]).

-define(PAUSE_MS, 20).

%% Calls Ask until it returns {done, Result}; returns Result. After Timeout (ms) raises with the last {wait, Saw}.
-spec until(string(), fun(() -> {done, Result} | {wait, term()}), timeout()) -> Result.
until(What, Ask, Timeout) ->
    until(What, Ask, erlang:monotonic_time(millisecond) + Timeout, Timeout).

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
