%% @private
%% The program calls functions with one argument, or without arguments, by name; users of libcluster may configure
%% additional arguments. This module has functions of the required arity that call the configured ones.
-module(rancher_cnode_functions).

-export([claim/1]).
-export([connect/1, disconnect/1, list_nodes/0]).
-export_type([role/0]).

-type role() :: connect | disconnect | list_nodes.

%% Claims roles for the calling process. A VM has one function per role, because a call does not show which program made
%% it. A claim stays until another function is claimed: a program that is ending may still call once.
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
