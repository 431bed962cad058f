%% The page of the release in a container: what the release itself knows about the cluster. Reading it
%% disturbs nothing.
-module(release_page).

-export([port/0, read/1, await/3, await_mesh/1, await_mesh/2, await_restart/2]).

-define(HTTP_MS, 20000).
%% Releases take their time to boot.
-define(BOOT_MS, 150000).

-spec port() -> inet:port_number().
port() ->
    4000.

%% For instance `#{<<"peers">> => [<<"shop@10.42.0.11">>], ...}'.
-spec read(release_container:container()) -> #{binary() => [binary()]} | {error, term()}.
read(Container) ->
    case fetch(test_host:address(release_container:host(Container))) of
        {ok, Body} -> maps:from_list([begin [Key | Words] = words(Line), {Key, Words} end
                                      || Line <- binary:split(Body, <<"\n">>, [global, trim_all])]);
        {error, Reason} -> {error, Reason}
    end.

%% Waits until the page shows this value under Key.
-spec await(release_container:container(), binary(), [binary()]) -> ok.
await(Container, Key, Expected) ->
    Wanted = lists:sort(Expected),
    test_wait:until("the page shows " ++ binary_to_list(Key),
                    fun() ->
                            case read(Container) of
                                #{Key := Wanted} -> {done, ok};
                                Other -> {wait, {Other, release_container:output(Container)}}
                            end
                    end,
                    ?BOOT_MS).

%% Waits until the page of each shows exactly the others.
-spec await_mesh([release_container:container()]) -> ok.
await_mesh(Containers) ->
    await_mesh("shop", Containers).

%% The same of nodes with another alive name.
-spec await_mesh(string(), [release_container:container()]) -> ok.
await_mesh(AliveName, Containers) ->
    Names = [release_container:name(AliveName, Container) || Container <- Containers],
    lists:foreach(fun(Container) ->
                          await(Container, <<"peers">>, Names -- [release_container:name(AliveName, Container)])
                  end,
                  Containers).

%% Waits until another run of the application answers than the one that showed this page.
-spec await_restart(release_container:container(), #{binary() => [binary()]}) -> ok.
await_restart(Container, #{<<"since">> := Before}) ->
    test_wait:until("the release has started again",
                    fun() ->
                            case read(Container) of
                                #{<<"since">> := Since} when Since =/= Before -> {done, ok};
                                Other -> {wait, Other}
                            end
                    end).

%% -- helpers

words(Text) ->
    binary:split(Text, [<<" ">>, <<"\n">>], [global, trim_all]).

fetch(Address) ->
    case gen_tcp:connect(Address, port(), [binary, {active, false}], ?HTTP_MS) of
        {ok, Socket} ->
            Answer = case gen_tcp:send(Socket, "GET / HTTP/1.0\r\n\r\n") of
                         ok -> body(Socket, <<>>);
                         Failed -> Failed
                     end,
            ok = gen_tcp:close(Socket),
            Answer;
        {error, Reason} ->
            {error, Reason}
    end.

body(Socket, Read) ->
    case gen_tcp:recv(Socket, 0, ?HTTP_MS) of
        {ok, Data} -> body(Socket, <<Read/binary, Data/binary>>);
        {error, closed} ->
            case binary:split(Read, <<"\r\n\r\n">>) of
                [_Head, Body] -> {ok, Body};
                _ -> {error, closed}
            end;
        {error, Reason} -> {error, Reason}
    end.
