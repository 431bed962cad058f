%% An application inside a BEAM under test, with the library's child and a sibling in its supervisor.
-module(library_application).
-behaviour(application).
-behaviour(supervisor).

-export([load/1]).
-export([start/2, stop/1, init/1]).
-export([start_sibling/0]).

-spec load(supervisor:child_spec()) -> ok.
load(Child) ->
    application:load({application, ?MODULE, [{vsn, "1"}, {modules, [?MODULE]}, {registered, [?MODULE]},
                                             {applications, [kernel, stdlib]}, {mod, {?MODULE, Child}}]}).

-spec start(application:start_type(), supervisor:child_spec()) -> supervisor:startlink_ret().
start(_Type, Child) ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, Child).

-spec stop(term()) -> ok.
stop(_State) ->
    ok.

-spec init(supervisor:child_spec()) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init(Child) ->
    {ok, {#{}, [#{id => sibling, start => {?MODULE, start_sibling, []}}, Child]}}.

-spec start_sibling() -> {ok, pid()}.
start_sibling() ->
    {ok, proc_lib:spawn_link(fun() -> receive after infinity -> ok end end)}.
