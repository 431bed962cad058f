%% A supervisor inside a BEAM under test, as an application has one, that outlives the call that starts it.
-module(library_supervisor).
-behaviour(supervisor).

-export([start/0, init/1]).

-spec start() -> ok.
start() ->
    Starter = self(),
    Keeper = spawn(fun() ->
                           {ok, _} = supervisor:start_link({local, ?MODULE}, ?MODULE, []),
                           Starter ! {self(), ready},
                           receive after infinity -> ok end
                   end),
    receive {Keeper, ready} -> ok end.

-spec init([]) -> {ok, {supervisor:sup_flags(), []}}.
init([]) ->
    {ok, {#{strategy => one_for_one, intensity => 5, period => 10}, []}}.
