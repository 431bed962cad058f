%% Runs inside a BEAM under test and keeps what the library did there: calls of the user's functions, events of logger
%% and of telemetry.
-module(library_witness).

-export([start/0, note/1, noted/0, watch/1]).
-export([connect/2, disconnect/2, list_nodes/1]).
-export([log/2]).

-spec start() -> ok.
start() ->
    ok = recorder:start(?MODULE),
    ok = logger:set_primary_config(level, info),
    ok = logger:add_handler(?MODULE, ?MODULE, #{filters => [{ours, {fun logger_filters:domain/2,
                                                                    {stop, not_equal, [rancher_cnode]}}}]}).

-spec note(term()) -> ok.
note(What) ->
    recorder:note(?MODULE, What).

%% Everything so far, oldest first.
-spec noted() -> [term()].
noted() ->
    recorder:kept(?MODULE).

%% Notes why a process ends.
-spec watch(pid()) -> ok.
watch(Pid) ->
    _ = spawn(fun() ->
                      Monitor = monitor(process, Pid),
                      receive {'DOWN', Monitor, process, Pid, Reason} -> note({ended, Reason}) end
              end),
    ok.

%% -- functions as users of libcluster have them, with an argument of their own

-spec connect(term(), node()) -> term().
connect(Own, Node) ->
    note({connect, Own, Node}),
    net_kernel:connect_node(Node).

-spec disconnect(term(), node()) -> term().
disconnect(Own, Node) ->
    note({disconnect, Own, Node}),
    erlang:disconnect_node(Node).

-spec list_nodes(term()) -> [node()].
list_nodes(Own) ->
    note({list_nodes, Own}),
    nodes().

%% logger's handler.
-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(#{level := Level, msg := {report, Report}, meta := #{report_cb := Format}}, _Config) ->
    {Text, Values} = Format(Report),
    note({log, Level, unicode:characters_to_binary(io_lib:format(Text, Values))}).
