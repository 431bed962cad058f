%% @private
%% The program calls functions with one argument, or without arguments, by name; users of libcluster may configure
%% additional arguments, and other functions for each topology. This module has functions of the required arity that call
%% those of the topology that has the node.
-module(rancher_cnode_functions).

-export([claim/1]).
-export([connect/1, disconnect/1, list_nodes/0]).
-export_type([role/0]).

-type role() :: connect | disconnect | list_nodes.
-type claim() :: #{pid := pid(), cnode := node(), services := [rancher_cnode_settings:service()],
                   functions := #{role() => {module(), atom(), [term()]}}, node_basename := binary()}.

%% Claims the functions of a topology, which is the calling process. A call does not show which program made it: the peers
%% of topologies that differ in a function must have different basenames or, within one program, different services.
%% Claims stay until the next one: a program that is ending may still call once.
-spec claim(rancher_cnode_settings:launch()) -> ok | {error, rancher_cnode:error()}.
claim(Launch) ->
    Claim = (maps:with([cnode, services, functions, node_basename], Launch))#{pid => self()},
    Others = [Other || #{pid := Pid} = Other <- claims(), is_process_alive(Pid)],
    case [Role || Role <- [connect, disconnect, list_nodes], Other <- Others, contradict(Role, Claim, Other)] of
        [] ->
            persistent_term:put(?MODULE, [Claim | Others]);
        [Role | _] ->
            Sentence = io_lib:format("another topology has set another function for ~s, for the same peers", [Role]),
            {error, {function_taken, iolist_to_binary(Sentence)}}
    end.

-spec connect(node()) -> term().
connect(Node) ->
    call(known_function(connect, Node), [Node]).

-spec disconnect(node()) -> term().
disconnect(Node) ->
    call(known_function(disconnect, Node), [Node]).

%% Those of each topology, as its own function lists them.
-spec list_nodes() -> [node()].
list_nodes() ->
    case lists:usort([function_of(list_nodes, Claim) || Claim <- concerned(list_nodes)]) of
        [Function] ->
            call(Function, []);
        Functions ->
            lists:usort([Node || Function <- Functions, Node <- call(Function, []),
                                 lists:member(function(list_nodes, Node), [Function, unknown])])
    end.

%% -- which function

known_function(Role, Node) ->
    case function(Role, Node) of
        unknown -> hd([function_of(Role, Claim) || Claim <- concerned(Role)] ++ [{default, Role}]);
        Function -> Function
    end.

%% Unknown is a node of no topology.
function(Role, Node) ->
    Claims = [Claim || Claim <- concerned(Role), has_basename(basename(Node), Claim)],
    case lists:usort([function_of(Role, Claim) || Claim <- Claims]) of
        [Function] -> Function;
        [] -> unknown;
        _ -> function_of(Role, of_service(Node, Claims))
    end.

function_of(Role, #{functions := Functions}) ->
    maps:get(Role, Functions, {default, Role}).

%% The topologies of programs that call a function in this role; those that live, if any does.
concerned(Role) ->
    Claims = claims(),
    CNodes = [CNode || #{cnode := CNode, functions := Functions} <- Claims, is_map_key(Role, Functions)],
    Concerned = [Claim || #{cnode := CNode} = Claim <- Claims, lists:member(CNode, CNodes)],
    case [Claim || #{pid := Pid} = Claim <- Concerned, is_process_alive(Pid)] of
        [] -> Concerned;
        Living -> Living
    end.

of_service(Node, [#{cnode := CNode} = First | _] = Claims) ->
    Service = rancher_cnode_program:service_of(CNode, Node),
    hd([Claim || Claim <- Claims, has_service(Service, basename(Node), Claim)] ++ [First]).

has_service(undefined, _Basename, _Claim) ->
    false;
has_service(Text, Basename, #{services := Services}) ->
    [Path | _] = binary:split(Text, <<"=">>),
    lists:member({Path, Basename}, lower_case(Services)).

has_basename(Basename, #{services := Services}) ->
    lists:keymember(Basename, 2, Services).

contradict(Role, #{cnode := CNode} = Claim, #{cnode := CNode} = Other) ->
    function_of(Role, Claim) =/= function_of(Role, Other) andalso
        has_common(lower_case(maps:get(services, Claim)), lower_case(maps:get(services, Other)));
contradict(Role, #{functions := Functions, services := Services}, #{functions := OtherFunctions, services := Others}) ->
    is_map_key(Role, Functions) andalso is_map_key(Role, OtherFunctions) andalso
        map_get(Role, Functions) =/= map_get(Role, OtherFunctions) andalso
        has_common([Basename || {_, Basename} <- Services], [Basename || {_, Basename} <- Others]).

has_common(Some, Others) ->
    lists:any(fun(Each) -> lists:member(Each, Others) end, Some).

lower_case(Services) ->
    [{rancher_cnode_settings:lower_case(Path), Basename} || {Path, Basename} <- Services].

basename(Node) ->
    hd(binary:split(atom_to_binary(Node, utf8), <<"@">>)).

-spec claims() -> [claim()].
claims() ->
    persistent_term:get(?MODULE, []).

%% -- calls

%% What the program does for a topology without a function of its own. Departed peers are disconnected by their own C-node.
call({default, connect}, [Node]) -> net_kernel:connect_node(Node);
call({default, disconnect}, [_Node]) -> ok;
call({default, list_nodes}, []) -> nodes(connected);
call({Module, Function, Arguments}, Last) -> apply(Module, Function, Arguments ++ Last).
