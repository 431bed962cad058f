%% Hostile inbound connections: random bytes at the ports of a container.
-module(inbound_load).

-export([start/3]).

-define(CONNECT_MS, 1000).
-define(EPMD_PORT, 4369).
-define(MOST_BYTES, 2000).
-define(MOST_CLIENTS, 5).

%% At the port of the fault; they stay open until it ends. In the background.
-spec start(test_host:host(), node(), soak_plan:fault()) -> ok.
start(Host, Cnode, #{how := Door, ms := Ms, number := Number}) ->
    {ok, Ip} = inet:parse_ipv4_address(test_host:address(Host)),
    _ = spawn(fun() ->
                      _ = rand:seed(exsss, Number),
                      Sockets = [visit(Ip, Port) || Port <- port(Door, Ip, Cnode),
                                                    _ <- lists:seq(1, rand:uniform(?MOST_CLIENTS))],
                      timer:sleep(Ms),
                      [gen_tcp:close(Socket) || {ok, Socket} <- Sockets]
              end),
    ok.

port(epmd, _Ip, _Cnode) -> [?EPMD_PORT];
port(beam, Ip, _Cnode) -> registered("myapp", Ip);
port(cnode, Ip, Cnode) -> registered(hd(string:split(atom_to_list(Cnode), "@")), Ip).

registered(Name, Ip) ->
    case erl_epmd:port_please(Name, Ip, ?CONNECT_MS) of
        {port, Port, _} -> [Port];
        _ -> []
    end.

visit(Ip, Port) ->
    case gen_tcp:connect(Ip, Port, [binary, {active, false}], ?CONNECT_MS) of
        {ok, Socket} ->
            _ = gen_tcp:send(Socket, rand:bytes(rand:uniform(?MOST_BYTES))),
            {ok, Socket};
        {error, _} = Error ->
            Error
    end.
