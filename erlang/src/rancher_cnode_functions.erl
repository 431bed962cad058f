%% @private
%% The program calls functions of one argument, or of none, by name; libcluster's users may give theirs arguments of
%% their own. Here the program finds functions of the wanted shape, which call the users'.
-module(rancher_cnode_functions).

-export([claim/1]).
-export([connect/1, disconnect/1, list_nodes/0]).
-export_type([role/0]).

-type role() :: connect | disconnect | list_nodes.

%% For the calling process; one VM has one function for a role, because the program cannot tell for whom it calls.
%% What is claimed stays until another function is: a program that is about to end may call once more.
-spec claim(#{role() => {module(), atom(), [term()]}}) -> ok | {error, rancher_cnode:error()}.
claim(Functions) ->
    case [Role || {Role, Function} <- maps:to_list(Functions), taken(Role, Function)] of
        [] ->
            lists:foreach(fun({Role, Function}) ->
                                  persistent_term:put({?MODULE, Role}, {Function, [self() | owners(Role)]})
                          end,
                          maps:to_list(Functions));
        [Role | _] ->
            Sentence = io_lib:format("another topology has set another function for ~s", [Role]),
            {error, {function_taken, iolist_to_binary(Sentence)}}
    end.

-spec connect(node()) -> term().
connect(Node) ->
    call(connect, [Node]).

-spec disconnect(node()) -> term().
disconnect(Node) ->
    call(disconnect, [Node]).

-spec list_nodes() -> term().
list_nodes() ->
    call(list_nodes, []).

call(Role, Last) ->
    {{Module, Function, Arguments}, _Owners} = persistent_term:get({?MODULE, Role}),
    apply(Module, Function, Arguments ++ Last).

taken(Role, Function) ->
    case persistent_term:get({?MODULE, Role}, none) of
        none -> false;
        {Function, _Owners} -> false;
        {_Other, _Owners} -> owners(Role) =/= []
    end.

owners(Role) ->
    {_, Owners} = persistent_term:get({?MODULE, Role}, {none, []}),
    [Owner || Owner <- Owners, is_process_alive(Owner)].
