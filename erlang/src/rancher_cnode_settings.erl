%% @private
%% Turns the argument of start_link/1 into the launch of the program: file, arguments, environment. Accepts three formats:
%% those of libcluster 2.5 and 3.x and our own. The program itself checks the values, so that there is only one table of
%% settings.
-module(rancher_cnode_settings).

-export([launch/2, facts/0, command/4, service_text/2, lower_case/1, child_id/1, default_cnode/1]).
-export_type([launch/0, service/0, facts/0]).

-type mfargs() :: {module(), atom(), [term()]}.
%% The path of a service and the basename of its BEAMs.
-type service() :: {binary(), binary()}.
%% Args and env are those of a program that no other topology shares; plain are the arguments without services and
%% functions.
-type launch() :: #{program := file:filename_all(),
                    args := [binary()],
                    plain := [binary()],
                    services := [service()],
                    node_basename := binary(),
                    env := [{string(), string() | false}],
                    cnode := node(),
                    topology := atom(),
                    log_level := logger:level(),
                    await_timeout := timeout(),
                    functions := #{rancher_cnode_functions:role() => mfargs()}}.
%% The facts about this node: node(), net_kernel:longnames(), erlang:get_cookie().
-type facts() :: #{node := node(), long_names := boolean() | ignored, cookie := atom()}.

-define(AWAIT_MS, 5000).
%% The limits of a receive timeout and of a node name.
-define(MOST_AWAIT_MS, 16#FFFFFFFF).
-define(MOST_NAME, 255).
-define(LOG_LEVELS, [debug, info, warning, error]).
%% Passed in the environment, because arguments are visible in process lists.
-define(NAMES, [basename, node_basename]).
-define(OWN, [program, await_timeout, log_level]).
%% Provided by the BEAM, or would break our control of the program. A configuration file could set any of them.
-define(NOT_HERE, [ip, cookie, cookie_file, config, targets, watch_pid, exit_on_eof, once, exit_with_beam, print_config,
                   help, version]).
%% The same variables in a container's environment must not reach the program.
-define(CLEARED, ["RANCHER_CNODE_CONFIG", "RANCHER_CNODE_COOKIE_FILE", "RANCHER_CNODE_TARGETS", "RANCHER_CNODE_ONCE"]).

-spec launch(term(), facts()) -> {ok, launch()} | {error, rancher_cnode:error()}.
launch(Args, Facts) ->
    try
        {Topology, Given} = parse(Args),
        check_keys(Given),
        {Alive, Host} = check_node(Facts),
        Basename = basename(Given),
        CNode = cnode(Basename, Host),
        Functions = functions(Given),
        LogLevel = log_level(Given),
        AwaitTimeout = await_timeout(Given),
        PeersBasename = peers_basename(Alive, Given),
        Plain = [<<"--exit-on-eof">>, flag(log_level, LogLevel) | flags(Given)],
        Services = services(Given),
        {ok, #{program => program(Given),
               args => args(Plain, Services, maps:keys(Functions)),
               plain => Plain,
               services => [service(Text, PeersBasename) || Text <- or_default(Services)],
               node_basename => PeersBasename,
               env => environment(Basename, PeersBasename, Host, Facts),
               cnode => CNode,
               topology => Topology,
               log_level => LogLevel,
               await_timeout => AwaitTimeout,
               functions => Functions}}
    catch
        throw:{Word, Format, Values} -> {error, {Word, unicode:characters_to_binary(io_lib:format(Format, Values))}}
    end.

-spec facts() -> facts().
facts() ->
    #{node => node(), long_names => net_kernel:longnames(), cookie => erlang:get_cookie()}.

%% Arguments and environment of a program that topologies share.
-spec command(launch(), binary(), [binary()], [rancher_cnode_functions:role()]) ->
          {[binary()], [{string(), string() | false}]}.
command(#{plain := Plain, env := Env}, PeersBasename, Services, Roles) ->
    Variable = {"RANCHER_CNODE_NODE_BASENAME", unicode:characters_to_list(PeersBasename)},
    Given = case lists:sort(Services) =:= lists:sort(default_services()) of
                true -> [];
                false -> Services
            end,
    {args(Plain, Given, Roles), lists:keystore(element(1, Variable), 1, Env, Variable)}.

%% As for --service, of a program whose peers have this basename unless stated otherwise.
-spec service_text(service(), binary()) -> binary().
service_text({Path, Basename}, Basename) -> Path;
service_text({Path, Basename}, _Other) -> <<Path/binary, $=, Basename/binary>>.

%% The path of such a text in lower case, as the metadata has it by default.
-spec lower_case(binary()) -> binary().
lower_case(Text) ->
    [Path | Basename] = binary:split(Text, <<"=">>),
    iolist_to_binary(lists:join($=, [string:lowercase(Path) | Basename])).

%% Two topologies are two children.
-spec child_id(term()) -> term().
child_id(Args) ->
    try parse(Args) of
        {rancher_cnode, _} -> rancher_cnode;
        {Topology, _} -> {rancher_cnode, Topology}
    catch
        throw:_ -> rancher_cnode
    end.

%% The default C-node, as `exec` starts it.
-spec default_cnode(node()) -> node() | undefined.
default_cnode(nonode@nohost) ->
    undefined;
default_cnode(Node) ->
    {_Alive, Host} = split(Node),
    try
        cnode(basename(#{}), Host)
    catch
        throw:_ -> undefined
    end.

%% -- formats

parse([#{'__struct__' := 'Elixir.Cluster.Strategy.State', topology := Topology} = State]) ->
    {Topology, from_libcluster(State)};
parse(Settings) ->
    case pairs(Settings) of
        #{topology := Topology, config := _} = Topologies -> {Topology, from_libcluster(Topologies)};
        Given -> {rancher_cnode, with_service_path(Given)}
    end.

%% There the functions are outside of config.
from_libcluster(#{config := Config} = State) ->
    with_service_path(maps:merge(pairs(Config), maps:with([connect, disconnect, list_nodes], State))).

%% service and stack by name, as forks of libcluster's strategy have them, become the path of --service.
with_service_path(#{stacks := _}) ->
    bad("stacks cannot be set: a child, or topology, connects one service; use one for each, with service and stack", []);
with_service_path(#{stack := Stack} = Given) ->
    case maps:take(service, maps:remove(stack, Given)) of
        {Service, Rest} -> Rest#{service => service_path(name(Stack), name(Service))};
        error -> bad("stack is set without service", [])
    end;
with_service_path(#{service := Service} = Given) ->
    case name(Service) of
        <<"self">> -> Given#{service := <<"self/service">>};
        _ -> Given
    end;
with_service_path(Given) ->
    Given.

service_path(<<"self">>, <<"self">>) -> <<"self/service">>;
service_path(<<"self">>, Service) -> <<"self/stack/services/", Service/binary>>;
service_path(_Stack, <<"self">>) -> bad("service is self, so stack must be self, too", []);
service_path(Stack, Service) -> <<"stacks/", Stack/binary, "/services/", Service/binary>>.

name(Value) when is_list(Value); is_binary(Value); is_atom(Value) -> text(Value);
name(Value) -> bad("service and stack are names, not ~tp", [Value]).

pairs(Map) when is_map(Map) ->
    Map;
pairs(List) when length(List) >= 0 ->
    [bad("a setting is a pair {Name, Value}, not ~tp", [Other])
     || Other <- List, not (is_tuple(Other) andalso tuple_size(Other) =:= 2)],
    maps:from_list(lists:reverse(List));
pairs(Other) ->
    bad("settings are a keyword list or a map, not ~tp", [Other]).

check_keys(Given) ->
    [bad("a setting's name is an atom, not ~tp", [Key]) || Key <- maps:keys(Given), not is_atom(Key)],
    case [Key || Key <- ?NOT_HERE, is_map_key(Key, Given)] of
        [] -> ok;
        [Key | _] -> bad("~ts cannot be set here: it is provided by this node or controls the end of the program", [Key])
    end.

%% -- names

check_node(#{node := nonode@nohost}) ->
    throw({not_alive, "this node is not alive: start it with a name such as -name myapp@10.42.0.7", []});
check_node(#{long_names := false, node := Node}) ->
    throw({short_names, "~ts has a short name: peers are called by addresses, so start it with -name, not -sname "
                        "(in a Mix release RELEASE_DISTRIBUTION=name)", [Node]});
check_node(#{node := Node}) ->
    {Alive, Host} = split(Node),
    case inet:parse_ipv4strict_address(binary_to_list(Host)) of
        {ok, _} -> {Alive, Host};
        {error, _} -> throw({not_an_address, "~ts must end with the IPv4 address of this container, as all peers of "
                                             "the service do", [Node]})
    end.

%% The peers may have another one than this node.
peers_basename(_Alive, #{node_basename := Basename}) -> text(Basename);
peers_basename(Alive, _Given) -> Alive.

split(Node) ->
    [Alive, Host] = binary:split(atom_to_binary(Node, utf8), <<"@">>),
    {Alive, Host}.

basename(#{basename := Basename}) -> text(Basename);
basename(_) ->
    case os:getenv("RANCHER_CNODE_BASENAME", "") of
        "" -> <<"remsh-rancher_cnode">>;
        Basename -> unicode:characters_to_binary(Basename)
    end.

cnode(Basename, Host) ->
    Name = <<Basename/binary, $@, Host/binary>>,
    case string:length(Name) of
        Length when Length =< ?MOST_NAME -> binary_to_atom(Name, utf8);
        _ -> bad("basename is too long: ~ts", [Basename])
    end.

environment(Basename, PeersBasename, Host, #{cookie := Cookie}) ->
    [{"RANCHER_CNODE_NODE_BASENAME", unicode:characters_to_list(PeersBasename)},
     {"RANCHER_CNODE_BASENAME", unicode:characters_to_list(Basename)},
     {"RANCHER_CNODE_IP", unicode:characters_to_list(Host)},
     {"RANCHER_CNODE_COOKIE", atom_to_list(Cookie)},
     %% The BEAM is this one, also if others run here.
     {"RANCHER_CNODE_WATCH_PID", os:getpid()}
     | [{Name, false} || Name <- ?CLEARED]].

%% -- own settings

program(#{program := Program}) ->
    case os:find_executable(unicode:characters_to_list(text(Program))) of
        false -> throw({program_not_found, "no executable at ~ts (setting program)", [text(Program)]});
        Found -> Found
    end;
program(_) ->
    Priv = case code:priv_dir(rancher_cnode) of
               {error, bad_name} -> "priv";
               Folder -> Folder
           end,
    InPriv = filename:join(Priv, "rancher_cnode"),
    case [Found || Name <- [InPriv, "rancher_cnode"], Found <- [os:find_executable(Name)], Found =/= false] of
        [Found | _] -> Found;
        [] -> throw({program_not_found, "no executable at ~ts and no rancher_cnode on PATH; see the setting "
                                        "program", [InPriv]})
    end.

await_timeout(Given) ->
    case maps:get(await_timeout, Given, ?AWAIT_MS) of
        infinity -> infinity;
        Timeout when is_integer(Timeout), Timeout >= 0, Timeout =< ?MOST_AWAIT_MS -> Timeout;
        Other -> bad("await_timeout must be 0 to ~b milliseconds or infinity, not ~tp", [?MOST_AWAIT_MS, Other])
    end.

log_level(Given) ->
    Name = text(maps:get(log_level, Given, info)),
    case [Level || Level <- ?LOG_LEVELS, atom_to_binary(Level, utf8) =:= Name] of
        [Level] -> Level;
        [] -> bad("log_level must be debug, info, warning or error, not ~ts", [Name])
    end.

%% -- functions

functions(Given) ->
    maps:filter(fun is_custom/2, maps:with([connect, disconnect, list_nodes], Given)).

%% libcluster always passes functions; its defaults are replaced by those of the program, which keep other connections.
is_custom(connect, {net_kernel, F, []}) when F =:= connect; F =:= connect_node -> false;
is_custom(disconnect, {net_kernel, disconnect, []}) -> false;
is_custom(disconnect, {erlang, disconnect_node, []}) -> false;
is_custom(list_nodes, {erlang, nodes, [connected]}) -> false;
is_custom(_Role, {M, F, A}) when is_atom(M), is_atom(F), length(A) >= 0 -> true;
is_custom(_Role, Nothing) when Nothing =:= nil; Nothing =:= undefined -> false;
is_custom(Role, Other) -> bad("~s must be {Module, Function, Arguments}, not ~tp", [Role, Other]).

%% -- arguments

flags(Given) ->
    Plain = maps:without(?NAMES ++ ?OWN ++ [service, connect, disconnect, list_nodes], Given),
    [flag(Name, Value) || {Name, Values} <- lists:sort(maps:to_list(Plain)), Value <- several(Values)].

args(Plain, Services, Roles) ->
    Plain ++ [flag(service, Service) || Service <- Services]
        ++ [flag(Role, iolist_to_binary(["rancher_cnode_functions:", atom_to_list(Role)])) || Role <- lists:sort(Roles)].

services(#{service := Services}) -> [text(Service) || Service <- several(Services)];
services(_Given) -> [].

or_default([]) -> default_services();
or_default(Services) -> Services.

%% What the program does without a flag.
default_services() ->
    case os:getenv("RANCHER_CNODE_SERVICE", "") of
        "" -> [<<"self/service">>];
        Given -> binary:split(unicode:characters_to_binary(Given), <<",">>, [global, trim_all])
    end.

service(Text, PeersBasename) ->
    case binary:split(Text, <<"=">>) of
        [Path, Basename] -> {Path, Basename};
        [Path] -> {Path, PeersBasename}
    end.

several([First | _] = List) when length(List) >= 0, is_list(First); length(List) >= 0, is_binary(First) -> List;
several(Value) -> [Value].

flag(Name, Value) ->
    Dashed = binary:replace(atom_to_binary(Name, utf8), <<"_">>, <<"-">>, [global]),
    <<"--", Dashed/binary, $=, (text(Value))/binary>>.

text(true) -> <<"on">>;
text(false) -> <<"off">>;
text(Value) when is_atom(Value) -> atom_to_binary(Value, utf8);
text(Value) when is_integer(Value) -> integer_to_binary(Value);
text(Value) ->
    try unicode:characters_to_binary(Value) of
        Text when is_binary(Text) -> without_nul(Text);
        _ -> bad("~tp is not Unicode", [Value])
    catch
        error:badarg -> bad("~tp is neither text nor a number", [Value])
    end.

%% Arguments and variables of a program cannot contain one.
without_nul(Text) ->
    case binary:match(Text, <<0>>) of
        nomatch -> Text;
        _ -> bad("~tp has a zero character", [Text])
    end.

-spec bad(io:format(), [term()]) -> no_return().
bad(Format, Values) ->
    throw({bad_setting, Format, Values}).
