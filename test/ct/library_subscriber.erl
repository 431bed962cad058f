%% Runs inside a BEAM under test: processes that subscribe to a C-node's events and keep what comes.
-module(library_subscriber).

-export([start/1, got/1, unsubscribe/1, stop/1]).

%% Subscribes to this C-node; `own' is that of the BEAM.
-spec start(node() | own) -> {ok, pid()} | {error, term()}.
start(CNode) ->
    Starter = self(),
    Pid = spawn(fun() ->
                        Subscribed = subscribe(CNode),
                        Starter ! {self(), Subscribed},
                        keep(Subscribed, [])
                end),
    receive
        {Pid, {ok, _}} -> {ok, Pid};
        {Pid, {error, _} = Error} -> Error
    end.

%% All messages so far, oldest first.
-spec got(pid()) -> [term()].
got(Pid) ->
    ask(Pid, got).

-spec unsubscribe(pid()) -> ok.
unsubscribe(Pid) ->
    ask(Pid, unsubscribe).

-spec stop(pid()) -> true.
stop(Pid) ->
    exit(Pid, kill).

subscribe(own) -> rancher_cnode:subscribe();
subscribe(CNode) -> rancher_cnode:subscribe(CNode).

ask(Pid, What) ->
    Request = make_ref(),
    Pid ! {ask, self(), Request, What},
    receive {Request, Answer} -> Answer end.

keep({error, _}, []) ->
    ok;
keep({ok, Subscription} = Subscribed, Got) ->
    receive
        {ask, From, Request, got} ->
            From ! {Request, lists:reverse(Got)},
            keep(Subscribed, Got);
        {ask, From, Request, unsubscribe} ->
            From ! {Request, rancher_cnode:unsubscribe(Subscription)},
            keep(Subscribed, Got);
        Message ->
            keep(Subscribed, [Message | Got])
    end.
