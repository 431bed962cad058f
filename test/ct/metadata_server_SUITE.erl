%% The stand-in metadata server against the bodies of the real one (test/fixtures/metadata) and what was measured of it.
%% Callers of any address are played on loopback, where every 127.x.y.z can be bound.
-module(metadata_server_SUITE).

-import(metadata_client, [version/1, status/2, get_json/2, get/3, ask/3, wait/3, request/2, answer/2, connect/1,
                          receive_head/1]).

-export([suite/0, all/0, init_per_testcase/2, end_per_testcase/2]).
-export([answers_have_the_format_of_the_real_ones/1, callers_are_known_by_their_address/1,
         sidekicks_see_their_pseudo_service/1, versions_of_the_api_differ_as_the_real_ones/1,
         forms_and_framing_are_those_of_the_real_server/1, nothing_is_found_before_the_first_load/1,
         every_reload_draws_a_new_version_and_moves_the_token/1, a_wait_ends_with_the_next_reload/1,
         a_wait_with_another_value_is_answered_at_once/1, waits_expire_together_at_a_tick/1,
         a_wait_that_began_before_the_first_load_is_stuck/1,
         waits_last_a_minute_by_default_and_two_at_most/1,
         a_refusing_server_ends_open_waits_without_a_byte/1, a_silent_server_accepts_connections_and_sends_nothing/1,
         bodies_are_spoiled_as_configured/1, a_half_joined_container_has_no_service/1, a_server_may_ignore_waits/1,
         ten_thousand_containers_are_served/1]).

-define(PORT, 8080).
-define(JSON, "Accept: application/json\r\n").
-define(LIMIT_MS, 60000).
%% Long before a wait of 30 s would expire.
-define(AT_ONCE_MS, 3000).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() ->
    [answers_have_the_format_of_the_real_ones, callers_are_known_by_their_address, sidekicks_see_their_pseudo_service,
     versions_of_the_api_differ_as_the_real_ones, forms_and_framing_are_those_of_the_real_server,
     nothing_is_found_before_the_first_load, every_reload_draws_a_new_version_and_moves_the_token,
     a_wait_ends_with_the_next_reload, a_wait_with_another_value_is_answered_at_once, waits_expire_together_at_a_tick,
     a_wait_that_began_before_the_first_load_is_stuck, waits_last_a_minute_by_default_and_two_at_most,
     a_refusing_server_ends_open_waits_without_a_byte, a_silent_server_accepts_connections_and_sends_nothing,
     bodies_are_spoiled_as_configured, a_half_joined_container_has_no_service, a_server_may_ignore_waits,
     ten_thousand_containers_are_served].

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_Case, Config) ->
    Server = metadata_server:start({127, 0, 0, 1}, ?PORT),
    [{server, Server} | Config].

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_Case, Config) ->
    metadata_server:stop(server(Config)).

-spec answers_have_the_format_of_the_real_ones([term()]) -> ok.
answers_have_the_format_of_the_real_ones(Config) ->
    list_shop(Config),
    [same_keys(Fixture, get_json(Source, Path))
     || {Fixture, Source, Path} <- [{"self-service.json", "127.0.0.11", "/latest/self/service"},
                                    {"self-container.json", "127.0.0.11", "/latest/self/container"},
                                    {"self-container-standalone.json", "127.0.0.31", "/latest/self/container"},
                                    {"self-of-unknown-address.json", "127.0.0.99", "/latest/self"},
                                    {"stacks-shop-services-worker.json", "127.0.0.99",
                                     "/latest/stacks/shop/services/worker"}]],
    <<"\"127.0.0.11\"">> = get_json("127.0.0.11", "/latest/self/container/primary_ip"),
    NotFound = fixture("not-found.json"),
    {404, _, NotFound} = get("127.0.0.11", "/latest/no/such/thing", ?JSON),
    {404, _, <<"Not found\n">>} = get("127.0.0.11", "/latest/no/such/thing", ""),
    ok.

-spec callers_are_known_by_their_address([term()]) -> ok.
callers_are_known_by_their_address(Config) ->
    list_shop(Config),
    <<"\"shop-worker-2\"">> = get_json("127.0.0.12", "/latest/self/container/name"),
    <<"\"worker\"">> = get_json("127.0.0.12", "/latest/self/service/name"),
    <<"\"db\"">> = get_json("127.0.0.41", "/latest/self/service/name"),
    404 = status("127.0.0.31", "/latest/self/service"),
    404 = status("127.0.0.99", "/latest/self/container"),
    ok.

-spec sidekicks_see_their_pseudo_service([term()]) -> ok.
sidekicks_see_their_pseudo_service(Config) ->
    list_shop(Config),
    <<"\"worker-data\"">> = get_json("127.0.0.21", "/latest/self/service/name"),
    <<"\"worker\"">> = get_json("127.0.0.21", "/latest/self/service/primary_service_name"),
    Uuid = get_json("127.0.0.11", "/latest/self/service/uuid"),
    Uuid = get_json("127.0.0.21", "/latest/self/service/uuid"),
    <<"\"127.0.0.11\"">> = get_json("127.0.0.21", "/latest/self/stack/services/worker/containers/0/primary_ip"),
    ok.

-spec versions_of_the_api_differ_as_the_real_ones([term()]) -> ok.
versions_of_the_api_differ_as_the_real_ones(Config) ->
    list_shop(Config),
    <<"\"Shop-worker-1\"">> = get_json("127.0.0.11", "/2015-12-19/self/container/name"),
    <<"\"shop-worker-1\"">> = get_json("127.0.0.11", "/2016-07-29/self/container/name"),
    <<"[\"Shop-worker-1\",\"Shop-worker-2\"]">> = get_json("127.0.0.11", "/2015-07-25/self/service/containers"),
    404 = status("127.0.0.11", "/2017-01-01/self/service"),
    ok.

-spec forms_and_framing_are_those_of_the_real_server([term()]) -> ok.
forms_and_framing_are_those_of_the_real_server(Config) ->
    list_shop(Config),
    {200, Long, _} = get("127.0.0.11", "/latest/self/service", ?JSON),
    {200, Short, _} = get("127.0.0.11", "/latest/version", ?JSON),
    #{<<"content-type">> := <<"text/plain; charset=utf-8">>, <<"transfer-encoding">> := <<"chunked">>} = Long,
    #{<<"content-type">> := <<"text/plain; charset=utf-8">>, <<"content-length">> := <<"38">>} = Short,
    {200, _, Containers} = get("127.0.0.11", "/latest/self/service/containers", ""),
    <<"0=shop-worker-1\n1=shop-worker-2\n">> = Containers,
    {200, _, <<"container/\nhost/\nservice/\nstack/\n">>} = get("127.0.0.11", "/latest/self", ""),
    {301, #{<<"location">> := <<"/latest/version">>}, _} = get("127.0.0.11", "/latest//version", ?JSON),
    {301, #{<<"location">> := <<"/latest/version">>}, _} = get("127.0.0.11", "/latest/self/../version", ?JSON),
    nomatch = binary:match(get_json("127.0.0.11", "/latest/self/service"), [<<"<">>, <<"&">>]),
    ok.

-spec nothing_is_found_before_the_first_load([term()]) -> ok.
nothing_is_found_before_the_first_load(_Config) ->
    404 = status("127.0.0.11", "/latest/version"),
    404 = status("127.0.0.11", "/latest/self/service"),
    ok.

-spec every_reload_draws_a_new_version_and_moves_the_token([term()]) -> ok.
every_reload_draws_a_new_version_and_moves_the_token(Config) ->
    list_shop(Config),
    Seen = [begin
                ok = metadata_server:reload(server(Config), fun(World) -> World end),
                {version("127.0.0.11"), get_json("127.0.0.11", "/latest/self/service/token")}
            end || _ <- lists:seq(1, 40)],
    {Versions, Tokens} = lists:unzip(Seen),
    40 = length(lists:usort(Versions)),
    [<<"\"tok-worker\"">>, <<"null">>] = lists:usort(Tokens),
    ok.

-spec a_wait_ends_with_the_next_reload([term()]) -> ok.
a_wait_ends_with_the_next_reload(Config) ->
    list_shop(Config),
    Wait = wait("127.0.0.11", version("127.0.0.11"), "30"),
    await_waiting(Config, ["127.0.0.11"]),
    Reloaded = now_ms(),
    list_shop(Config),
    {At, {200, _, Body}} = answer(Wait, ?LIMIT_MS),
    true = At - Reloaded < ?AT_ONCE_MS,
    Body = get_json("127.0.0.11", "/latest/version"),
    ok.

-spec a_wait_with_another_value_is_answered_at_once([term()]) -> ok.
a_wait_with_another_value_is_answered_at_once(Config) ->
    list_shop(Config),
    Quoted = "%22" ++ binary_to_list(version("127.0.0.11")) ++ "%22",
    [{_, {200, _, _}} = answer(wait("127.0.0.11", Value, "30"), 20000) || Value <- ["init", Quoted, ""]],
    Service = "/latest/self/service?wait=true&maxWait=30&value=" ++ binary_to_list(version("127.0.0.11")),
    {_, {200, _, _}} = answer(request("127.0.0.11", Service), 20000),
    ok.

%% The tick comes every five seconds, also just before the first answer: two waits that expire one after the other before
%% the next are answered together, by then.
-spec waits_expire_together_at_a_tick([term()]) -> ok.
waits_expire_together_at_a_tick(Config) ->
    list_shop(Config),
    Version = version("127.0.0.11"),
    {_, {200, _, _}} = answer(wait("127.0.0.11", Version, "1"), ?LIMIT_MS),
    Began = now_ms(),
    Waits = [wait("127.0.0.11", Version, Seconds) || Seconds <- ["1", "3"]],
    Answers = [answer(Wait, ?LIMIT_MS) || Wait <- Waits],
    Body = <<$", Version/binary, $">>,
    [{200, Body} = {Status, Got} || {_, {Status, _, Got}} <- Answers],
    {First, Last} = {lists:min([At || {At, _} <- Answers]), lists:max([At || {At, _} <- Answers])},
    true = First - Began >= 3000,
    true = Last - First < 1500,
    ok.

-spec a_wait_that_began_before_the_first_load_is_stuck([term()]) -> ok.
a_wait_that_began_before_the_first_load_is_stuck(Config) ->
    Stuck = wait("127.0.0.12", "init", "1"),
    await_waiting(Config, ["127.0.0.12"]),
    list_shop(Config),
    {_, {404, _, _}} = answer(Stuck, ?LIMIT_MS),
    ok.

-spec waits_last_a_minute_by_default_and_two_at_most([term()]) -> ok.
waits_last_a_minute_by_default_and_two_at_most(Config) ->
    list_shop(Config),
    Target = "/latest/version?wait=true&value=" ++ binary_to_list(version("127.0.0.11")),
    Lasting = [{"127.0.0.11", "", 60}, {"127.0.0.12", "&maxWait=0", 60}, {"127.0.0.41", "&maxWait=20", 20},
               {"127.0.0.99", "&maxWait=121", 120}],
    [request(Source, Target ++ MaxWait) || {Source, MaxWait, _} <- Lasting],
    await_waiting(Config, [Source || {Source, _, _} <- Lasting]),
    Due = maps:from_list(metadata_server:due(server(Config))),
    [true = map_get(Source, Due) > (Seconds - 10) * 1000 andalso map_get(Source, Due) =< Seconds * 1000
     || {Source, _, Seconds} <- Lasting],
    ok.

-spec a_refusing_server_ends_open_waits_without_a_byte([term()]) -> ok.
a_refusing_server_ends_open_waits_without_a_byte(Config) ->
    list_shop(Config),
    Wait = wait("127.0.0.11", version("127.0.0.11"), "30"),
    await_waiting(Config, ["127.0.0.11"]),
    ok = metadata_server:misbehave(server(Config), refuse),
    {_, {closed, <<>>}} = answer(Wait, 20000),
    {error, econnrefused} = connect("127.0.0.11"),
    ok = metadata_server:misbehave(server(Config), normal),
    200 = status("127.0.0.11", "/latest/version"),
    ok.

%% The connection stays open: only the end of the failure closes it.
-spec a_silent_server_accepts_connections_and_sends_nothing([term()]) -> ok.
a_silent_server_accepts_connections_and_sends_nothing(Config) ->
    list_shop(Config),
    ok = metadata_server:misbehave(server(Config), hang),
    Silent = ask("127.0.0.11", "/latest/version", ?JSON),
    {error, timeout} = gen_tcp:recv(Silent, 0, 500),
    ok = metadata_server:misbehave(server(Config), hang_after_headers),
    {error, closed} = gen_tcp:recv(Silent, 0, ?LIMIT_MS),
    Begun = ask("127.0.0.11", "/latest/version", ?JSON),
    {200, #{<<"content-length">> := <<"38">>}} = receive_head(Begun),
    {error, timeout} = gen_tcp:recv(Begun, 0, 500),
    ok = metadata_server:misbehave(server(Config), {drip, 20}),
    {error, closed} = gen_tcp:recv(Begun, 0, ?LIMIT_MS),
    {_, {200, _, <<$", _:36/binary, $">>}} = answer(request("127.0.0.11", "/latest/version"), ?LIMIT_MS),
    ok.

-spec bodies_are_spoiled_as_configured([term()]) -> ok.
bodies_are_spoiled_as_configured(Config) ->
    list_shop(Config),
    Whole = get_json("127.0.0.11", "/latest/self/service"),
    Half = binary:part(Whole, 0, byte_size(Whole) div 2),
    Spoiled = fun(Mode) ->
                      ok = metadata_server:misbehave(server(Config), Mode),
                      get("127.0.0.11", "/latest/self/service", ?JSON)
              end,
    {404, _, _} = Spoiled(not_found),
    {500, _, _} = Spoiled(server_error),
    {200, _, <<>>} = Spoiled(empty),
    {200, _, Half} = Spoiled(half_json),
    {closed, Got} = Spoiled(truncated),
    true = byte_size(Got) =:= byte_size(Half),
    {200, _, <<"<!DOCTYPE html>", _/binary>>} = Spoiled(html),
    {200, _, Garbage} = Spoiled(garbage),
    3000 = byte_size(Garbage),
    Modes = [Mode || #{mode := Mode} <- metadata_server:requests(server(Config), "127.0.0.11")],
    [normal, not_found, server_error, empty, half_json, truncated, html, garbage] = Modes,
    ok.

-spec a_half_joined_container_has_no_service([term()]) -> ok.
a_half_joined_container_has_no_service(Config) ->
    list_shop(Config),
    ok = metadata_server:misbehave(server(Config), half_joined),
    200 = status("127.0.0.11", "/latest/self/container"),
    404 = status("127.0.0.11", "/latest/self/service"),
    <<"null">> = json_member(<<"containers">>, get_json("127.0.0.11", "/latest/stacks/shop/services/worker")),
    ok.

-spec a_server_may_ignore_waits([term()]) -> ok.
a_server_may_ignore_waits(Config) ->
    list_shop(Config),
    ok = metadata_server:misbehave(server(Config), ignore_wait),
    {_, {200, _, _}} = answer(wait("127.0.0.11", version("127.0.0.11"), "30"), 20000),
    ok.

-spec ten_thousand_containers_are_served([term()]) -> ok.
ten_thousand_containers_are_served(Config) ->
    Specs = ["127.0.0.11" | [lists:flatten(io_lib:format("10.~b.~b.~b", [N div 65536, N div 256 rem 256, N rem 256]))
                             || N <- lists:seq(1, 9999)]],
    ok = metadata_server:list(server(Config), "Shop", "worker", Specs),
    Body = get_json("127.0.0.11", "/latest/self/service"),
    true = byte_size(Body) > 8000000,
    10000 = length(binary:matches(Body, <<"\"primary_ip\":">>)),
    ok.

%% -- helpers

server(Config) ->
    proplists:get_value(server, Config).

list_shop(Config) ->
    metadata_server:reload(server(Config), fun(World) -> shop(World) end).

shop(World) ->
    Workers = metadata_world:list(World, "Shop", "worker", ["127.0.0.11", "127.0.0.12"]),
    Data = metadata_world:list(Workers, "Shop", "worker-data", ["127.0.0.21"], #{sidekick_of => "worker"}),
    metadata_world:standalone(metadata_world:list(Data, "Shop", "db", ["127.0.0.41"]), ["127.0.0.31"]).

fixture(Name) ->
    {ok, Body} = file:read_file(filename:join([os:getenv("FIXTURES"), "metadata", Name])),
    Body.

%% Every key that the real answer has somewhere, the stand-in's has, but for those that hang on what users wrote.
same_keys(Fixture, Body) ->
    case keys(fixture(Fixture)) -- keys(Body) of
        [] -> ok;
        Missing -> error({missing_keys, Fixture, Missing})
    end.

keys(Json) ->
    {match, Keys} = re:run(Json, <<"\"([a-z_]+)\":">>, [global, {capture, all_but_first, binary}]),
    UserDefined = [<<"healthy_threshold">>, <<"unhealthy_threshold">>, <<"interval">>, <<"request_line">>,
                   <<"response_timeout">>, <<"port">>, <<"peer_port">>, <<"cluster">>],
    lists:usort(lists:append(Keys)) -- UserDefined.

json_member(Key, Json) ->
    {match, [Value]} = re:run(Json, <<$", Key/binary, "\":(null|\\w+)">>, [{capture, all_but_first, binary}]),
    Value.

await_waiting(Config, Sources) ->
    test_wait:equals("the waits have begun", lists:sort(Sources),
                     fun() -> lists:sort(metadata_server:waiting(server(Config))) end).

now_ms() ->
    erlang:monotonic_time(millisecond).
