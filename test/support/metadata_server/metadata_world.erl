%% The state of a Rancher environment, and the part of it that each caller gets: the pure half of the stand-in metadata
%% server. Shapes and keys are those of test/fixtures/metadata, answers of the real service.
-module(metadata_world).

-export([new/0, list/4, list/5, delete/3, standalone/2, containers/1, find/5]).
-export_type([world/0, spec/0, path/0]).

-type json() :: metadata_json:json().
-type address() :: string().
%% A container by its address, or by any of its fields: `address` sets primary_ip, ips and all identifiers that a
%% real one would draw at random. Other keys stand for themselves (#{state => <<"starting">>}).
-type spec() :: address() | #{atom() => term()}.
-type world() :: #{services := [json()], standalone := [json()]}.
-type path() :: [binary()].

-define(API_VERSIONS, [<<"latest">>, <<"2016-07-29">>, <<"2015-12-19">>, <<"2015-07-25">>]).
-define(ENVIRONMENT, <<"ca94e0a5-6b1e-5921-a686-917cc8760b26">>).

-spec new() -> world().
new() ->
    #{services => [], standalone => []}.

%% The world in which the service has exactly these containers. `null` is Rancher's value for none.
-spec list(world(), string(), string(), [spec()] | null) -> world().
list(World, Stack, Name, Specs) ->
    list(World, Stack, Name, Specs, #{}).

%% Options: `sidekick_of => Name` makes it the pseudo-service of another service's sidekicks; other keys are fields.
-spec list(world(), string(), string(), [spec()] | null, #{atom() => term()}) -> world().
list(#{services := Services} = World, Stack, Name, Specs, Options) ->
    Service = service(text(Stack), text(Name), Specs, Options),
    World#{services := [S || S <- Services, key(S) =/= key(Service)] ++ [Service]}.

%% The world without the service, as when a user has deleted it.
-spec delete(world(), string(), string()) -> world().
delete(#{services := Services} = World, Stack, Name) ->
    World#{services := [S || S <- Services, key(S) =/= {text(Stack), text(Name)}]}.

%% Containers that belong to no service.
-spec standalone(world(), [spec()]) -> world().
standalone(World, Specs) ->
    Fields = #{<<"service_name">> => null, <<"stack_name">> => null, <<"service_uuid">> => null,
               <<"service_index">> => null, <<"stack_uuid">> => null, <<"create_index">> => null},
    World#{standalone := [maps:merge(container(<<"adhoc">>, <<"adhoc">>, Numbered), Fields)
                          || Numbered <- lists:enumerate(Specs)]}.

-spec containers(world()) -> [json()].
containers(#{services := Services, standalone := Standalone}) ->
    lists:append([members(Service) || Service <- Services]) ++ Standalone.

%% The value at Path for the caller at Source under an API version; TokenFor is the uuid of the one container that is
%% given its service's token.
-spec find(world(), binary(), path(), address(), binary() | null) -> {ok, json()} | not_found.
find(World, Api, Path, Source, TokenFor) ->
    case lists:member(Api, ?API_VERSIONS) of
        true -> at(World, Api, Path, text(Source), TokenFor);
        false -> not_found
    end.

%% -- what each caller gets

at(World, Api, [<<"self">>, Part | Rest], Source, TokenFor) ->
    walk(Rest, versioned(Api, self_part(Part, caller(World, Source), World, TokenFor)));
at(World, Api, [<<"self">>], Source, TokenFor) ->
    {ok, versioned(Api, self(World, Source, TokenFor))};
at(World, Api, [<<"stacks">> | Rest], _Source, _TokenFor) ->
    walk(Rest, versioned(Api, stacks(World)));
at(#{services := Services}, Api, [<<"services">> | Rest], _Source, _TokenFor) ->
    walk(Rest, versioned(Api, shuffle(Services)));
at(World, Api, [<<"containers">> | Rest], _Source, _TokenFor) ->
    walk(Rest, versioned(Api, containers(World)));
at(_World, _Api, [<<"hosts">> | Rest], _Source, _TokenFor) ->
    walk(Rest, [host()]);
at(#{services := Services} = World, Api, [], Source, TokenFor) ->
    Everything = #{<<"containers">> => containers(World), <<"services">> => Services, <<"stacks">> => stacks(World),
                   <<"hosts">> => [host()], <<"self">> => self(World, Source, TokenFor)},
    {ok, versioned(Api, Everything)};
at(_World, _Api, _Path, _Source, _TokenFor) ->
    not_found.

caller(World, Source) ->
    case [C || #{<<"primary_ip">> := Ip} = C <- containers(World), Ip =:= Source] of
        [Container | _] -> Container;
        [] -> unknown
    end.

self(World, Source, TokenFor) ->
    Caller = caller(World, Source),
    Parts = [{Part, self_part(Part, Caller, World, TokenFor)}
             || Part <- [<<"container">>, <<"host">>, <<"service">>, <<"stack">>]],
    maps:from_list([{Part, Value} || {Part, Value} <- Parts, Value =/= nothing]).

self_part(<<"host">>, _Caller, _World, _TokenFor) ->
    host();
self_part(<<"container">>, #{} = Container, _World, _TokenFor) ->
    Container;
self_part(<<"service">>, #{<<"service_name">> := Name, <<"uuid">> := Uuid} = Container, World, TokenFor)
  when Name =/= null ->
    Token = case Uuid of
                TokenFor -> <<"tok-", Name/binary>>;
                _ -> null
            end,
    [Service] = [S || S <- map_get(services, World), key(S) =:= {map_get(<<"stack_name">>, Container), Name}],
    Service#{<<"token">> := Token};
self_part(<<"stack">>, #{<<"stack_name">> := Name}, World, _TokenFor) when Name =/= null ->
    [Stack] = [S || #{<<"name">> := N} = S <- stacks(World), N =:= Name],
    Stack;
self_part(_Part, _Caller, _World, _TokenFor) ->
    nothing.

stacks(#{services := Services}) ->
    Names = lists:usort([Stack || #{<<"stack_name">> := Stack} <- Services]),
    [#{<<"environment_name">> => <<"Default">>, <<"environment_uuid">> => ?ENVIRONMENT,
       <<"metadata_kind">> => <<"stack">>, <<"name">> => Name, <<"system">> => false, <<"uuid">> => uuid(Name),
       <<"services">> => [S || #{<<"stack_name">> := Stack} = S <- Services, Stack =:= Name]} || Name <- Names].

%% Names are lower-cased from 2016-07-29 on; 2015-07-25 knows containers by name only.
versioned(<<"2015-07-25">>, #{<<"containers">> := Containers} = Service) when is_list(Containers) ->
    Service#{<<"containers">> := [Name || #{<<"name">> := Name} <- Containers]};
versioned(Api, Map) when is_map(Map), Api =/= <<"latest">>, Api =/= <<"2016-07-29">> ->
    maps:map(fun(_Key, Value) -> versioned(Api, Value) end, Map);
versioned(Api, Map) when is_map(Map) ->
    maps:map(fun(<<"name">>, Name) -> lowercase(Name);
                (<<"service_name">>, Name) -> lowercase(Name);
                (<<"stack_name">>, Name) -> lowercase(Name);
                (<<"primary_service_name">>, Name) -> lowercase(Name);
                (_Key, Value) -> versioned(Api, Value)
             end,
             Map);
versioned(Api, List) when is_list(List) ->
    [versioned(Api, Value) || Value <- List];
versioned(_Api, Value) ->
    Value.

lowercase(null) -> null;
lowercase(Name) -> string:lowercase(Name).

walk(_, nothing) ->
    not_found;
walk([], Value) ->
    {ok, Value};
walk([Key | Rest], Map) when is_map(Map), is_map_key(Key, Map) ->
    walk(Rest, map_get(Key, Map));
walk([Key | Rest], List) when is_list(List) ->
    case [Value || {Index, Value} <- lists:enumerate(0, List), is_called(Key, Index, Value)] of
        [Value | _] -> walk(Rest, Value);
        [] -> not_found
    end;
walk(_, _) ->
    not_found.

is_called(Key, Index, #{<<"name">> := Name}) -> Key =:= Name orelse Key =:= integer_to_binary(Index);
is_called(Key, Index, _) -> Key =:= integer_to_binary(Index).

shuffle(List) ->
    [Value || {_, Value} <- lists:sort([{rand:uniform(), Value} || Value <- List])].

%% -- formats

service(Stack, Name, Specs, Options) ->
    Main = text(maps:get(sidekick_of, Options, binary_to_list(Name))),
    Containers = case Specs of
                     null -> null;
                     _ -> [(container(Stack, Name, Numbered))#{<<"service_uuid">> := uuid([Stack, Main])}
                           || Numbered <- lists:enumerate(Specs)]
                 end,
    maps:merge(#{<<"containers">> => Containers, <<"create_index">> => length(members(Containers)),
                 <<"environment_uuid">> => ?ENVIRONMENT, <<"expose">> => [], <<"external_ips">> => [],
                 <<"fqdn">> => null, <<"health_check">> => null, <<"hostname">> => null, <<"kind">> => <<"service">>,
                 <<"labels">> => #{<<"io.rancher.container.pull_image">> => <<"always">>}, <<"lb_config">> => null,
                 <<"links">> => #{}, <<"metadata">> => #{<<"expr">> => <<"a<b && c>d">>},
                 <<"metadata_kind">> => <<"service">>, <<"name">> => Name, <<"ports">> => [],
                 <<"primary_service_name">> => Main, <<"scale">> => length(members(Containers)),
                 <<"sidekicks">> => null, <<"stack_name">> => Stack, <<"stack_uuid">> => uuid(Stack),
                 <<"state">> => <<"active">>, <<"system">> => false, <<"token">> => null,
                 <<"uuid">> => uuid([Stack, Main]), <<"vip">> => null},
               fields(maps:remove(sidekick_of, Options))).

container(Stack, Service, {Index, Address}) when is_list(Address) ->
    container(Stack, Service, {Index, #{address => Address}});
container(Stack, Service, {Index, Spec}) ->
    Number = integer_to_binary(Index),
    {Ip, Ips, Identity} = case Spec of
                              #{address := Address} -> {text(Address), [text(Address)], Address};
                              #{} -> {null, [], [Stack, Service, Number]}
                          end,
    Name = <<Stack/binary, "-", Service/binary, "-", Number/binary>>,
    Uuid = uuid(Identity),
    maps:merge(#{<<"create_index">> => Index, <<"dns">> => [<<"169.254.169.250">>],
                 <<"dns_search">> => [<<"rancher.internal">>], <<"environment_uuid">> => ?ENVIRONMENT,
                 <<"external_id">> => binary:copy(binary:replace(Uuid, <<"-">>, <<>>, [global]), 2),
                 <<"health_check">> => null, <<"health_check_hosts">> => [], <<"health_state">> => null,
                 <<"host_uuid">> => uuid("host-a"), <<"hostname">> => Name, <<"ips">> => Ips,
                 <<"labels">> => labels(Stack, Service, Uuid), <<"links">> => null, <<"memory_reservation">> => null,
                 <<"metadata_kind">> => <<"container">>, <<"milli_cpu_reservation">> => null, <<"name">> => Name,
                 <<"network_from_container_uuid">> => null, <<"network_uuid">> => uuid("ipsec"), <<"ports">> => null,
                 <<"primary_ip">> => Ip, <<"primary_mac_address">> => <<"02:00:00:00:00:01">>,
                 <<"service_index">> => Number, <<"service_name">> => Service,
                 <<"service_uuid">> => uuid([Stack, Service]), <<"stack_name">> => Stack,
                 <<"stack_uuid">> => uuid(Stack), <<"start_count">> => 1, <<"state">> => <<"running">>,
                 <<"system">> => false, <<"uuid">> => Uuid},
               fields(maps:remove(address, Spec))).

labels(Stack, Service, Uuid) ->
    #{<<"io.rancher.cni.network">> => <<"ipsec">>, <<"io.rancher.container.uuid">> => Uuid,
      <<"io.rancher.stack.name">> => Stack,
      <<"io.rancher.stack_service.name">> => <<Stack/binary, "/", Service/binary>>}.

host() ->
    #{<<"agent_ip">> => <<"192.0.2.11">>, <<"agent_state">> => null, <<"environment_uuid">> => ?ENVIRONMENT,
      <<"hostname">> => <<"host-a">>, <<"labels">> => #{<<"zone">> => <<"a">>}, <<"local_storage_mb">> => 102400,
      <<"memory">> => 16384, <<"metadata_kind">> => <<"host">>, <<"milli_cpu">> => 4000, <<"name">> => <<"host-a">>,
      <<"state">> => <<"active">>, <<"uuid">> => uuid("host-a")}.

fields(Map) ->
    maps:from_list([{atom_to_binary(Key), Value} || {Key, Value} <- maps:to_list(Map)]).

key(#{<<"stack_name">> := Stack, <<"name">> := Name}) -> {Stack, Name}.

members(#{<<"containers">> := Containers}) -> members(Containers);
members(null) -> [];
members(Containers) -> Containers.

uuid(Seed) ->
    <<A:32, B:16, C:16, D:16, E:48>> = erlang:md5(Seed),
    iolist_to_binary(io_lib:format("~8.16.0b-~4.16.0b-~4.16.0b-~4.16.0b-~12.16.0b", [A, B, C, D, E])).

text(Text) when is_binary(Text) -> Text;
text(Text) -> list_to_binary(Text).
