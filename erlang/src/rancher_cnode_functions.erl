%% @private
%% The program calls functions of one argument, or of none, by name; libcluster's users may give theirs arguments of
%% their own. Here the program finds functions of the wanted shape, which call the users'.
-module(rancher_cnode_functions).

-export([claim/1, release/0]).
-export([connect/1, disconnect/1, list_nodes/0]).
-export_type([role/0]).

-type role() :: connect | disconnect | list_nodes.

%% For the calling process; one VM has one function for a role, because the program cannot tell for whom it calls.
-spec claim(#{role() => {module(), atom(), [term()]}}) -> ok | {error, rancher_cnode:error()}.
claim(Functions) ->
    case [Role || {Role, Function} <- maps:to_list(Functions), taken(Role, Function)] of
        [] ->
            maps:foreach(fun(Role, Function) -> persistent_term:put({?MODULE, Role}, {self(), Function}) end,
                         Functions);
        [Role | _] ->
            Sentence = io_lib:format("another topology has set another function for ~s", [Role]),
            {error, {function_taken, iolist_to_binary(Sentence)}}
    end.

%% Gives back what the calling process has claimed.
-spec release() -> ok.
release() ->
    Self = self(),
    lists:foreach(fun(Role) ->
                          case persistent_term:get({?MODULE, Role}, none) of
                              {Self, _} -> persistent_term:erase({?MODULE, Role});
                              _ -> false
                          end
                  end,
                  [connect, disconnect, list_nodes]).

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
    {_Owner, {Module, Function, Arguments}} = persistent_term:get({?MODULE, Role}),
    apply(Module, Function, Arguments ++ Last).

taken(Role, Function) ->
    case persistent_term:get({?MODULE, Role}, none) of
        none -> false;
        {_, Function} -> false;
        {Owner, _} -> is_process_alive(Owner)
    end.
