%% A web server on https that answers every request with the same body, under a certificate made for it. For suites.
-module(https_service).

-export([start/3, root_file/2]).

-define(REQUEST_MS, 30000).

%% Serves Body on Port to those who ask for one of Names, until the calling process ends; returns the root certificate.
-spec start(inet:port_number(), [string()], binary()) -> public_key:der_encoded().
start(Port, Names, Body) ->
    {ok, _} = application:ensure_all_started(ssl),
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}],
    Named = {extensions, [{'Extension', {2, 5, 29, 17}, false, [{dNSName, Name} || Name <- Names]}]},
    Chain = #{root => Key, intermediates => [], peer => [Named | Key]},
    #{server_config := Server, client_config := Client} =
        public_key:pkix_test_data(#{server_chain => Chain, client_chain => Chain}),
    {ok, Listen} = ssl:listen(Port, [binary, {active, false}, {packet, http_bin}, {reuseaddr, true} | Server]),
    _ = spawn_link(fun() -> serve(Listen, Body) end),
    [Root | _] = proplists:get_value(cacerts, Client),
    Root.

%% Writes the certificate as PEM.
-spec root_file(public_key:der_encoded(), file:filename()) -> file:filename().
root_file(Root, File) ->
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, public_key:pem_encode([{'Certificate', Root, not_encrypted}])),
    File.

serve(Listen, Body) ->
    {ok, Connecting} = ssl:transport_accept(Listen),
    case ssl:handshake(Connecting, ?REQUEST_MS) of
        {ok, Socket} -> answer(Socket, Body);
        {error, _} -> ok
    end,
    serve(Listen, Body).

answer(Socket, Body) ->
    case ssl:recv(Socket, 0, ?REQUEST_MS) of
        {ok, http_eoh} ->
            Size = integer_to_list(byte_size(Body)),
            ok = ssl:send(Socket, ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ", Size, "\r\n\r\n", Body]),
            ssl:close(Socket);
        {ok, _} ->
            answer(Socket, Body);
        {error, _} ->
            ssl:close(Socket)
    end.
