%% A test host: a network namespace with its own address on the sandbox's bridge, in which epmd, a BEAM and
%% other programs run as in a container. Only works inside test/support/hosts/sandbox. Hosts can be isolated and cut from
%% one another in such a way that packets are dropped silently: only deadlines notice.
-module(test_host).

-export([add/0, add/1, remove/1, remove_all/0]).
-export([address/1, node_name/2, command/3, run/3, run/4, pids/1, pids/2, kill/1]).
-export([start_epmd/1, stop_epmd/1, epmd_names/1]).
-export([isolate/1, rejoin/1, cut/2, mend/2, cut_from_metadata/1, mend_with_metadata/1]).
-export([fresh_address/0, vanishing_address/0]).
-export_type([host/0, address/0]).

-type address() :: string().
-type host() :: #{address := address(), netns := string(), link := string()}.

-define(GATEWAY, "10.42.255.254").
-define(NOBODYS_MAC, "02:00:00:00:de:ad").

%% A host with an address that no host had before.
-spec add() -> host().
add() ->
    add(fresh_address()).

-spec add(address()) -> host().
add(Address) ->
    Id = string:replace(lists:nthtail(length("10.42."), Address), ".", "-"),
    Host = #{address => Address, netns => lists:flatten(["h", Id]), link => lists:flatten(["v", Id])},
    #{netns := Netns, link := Link} = Host,
    ip(["netns", "add", Netns]),
    ip(["link", "add", Link, "type", "veth", "peer", "name", "eth0", "netns", Netns]),
    ip(["link", "set", Link, "master", "br0", "up"]),
    ip(["-n", Netns, "link", "set", "lo", "up"]),
    ip(["-n", Netns, "address", "add", Address ++ "/16", "dev", "eth0"]),
    ip(["-n", Netns, "link", "set", "eth0", "up"]),
    ip(["-n", Netns, "route", "add", "default", "via", ?GATEWAY]),
    Host.

%% Kills everything on the host and removes the host, like a machine that is gone.
-spec remove(host()) -> ok.
remove(#{netns := Netns} = Host) ->
    kill(Host),
    ip(["netns", "delete", Netns]).

-spec remove_all() -> ok.
remove_all() ->
    lists:foreach(fun remove/1, all()).

-spec address(host()) -> address().
address(#{address := Address}) ->
    Address.

%% The name of a node with this alive name on the host.
-spec node_name(string(), host()) -> node().
node_name(AliveName, #{address := Address}) ->
    list_to_atom(AliveName ++ "@" ++ Address).

%% The program and arguments to spawn so that Program runs on the host.
-spec command(host(), string(), [string()]) -> {string(), [string()]}.
command(#{netns := Netns}, Program, Args) ->
    {os:find_executable("nsenter"), ["--net=/run/netns/" ++ Netns, Program | Args]}.

-spec run(host(), string(), [string()]) -> {non_neg_integer(), binary()}.
run(Host, Program, Args) ->
    run(Host, Program, Args, []).

-spec run(host(), string(), [string()], test_command:env()) -> {non_neg_integer(), binary()}.
run(Host, Program, Args, Env) ->
    {Spawn, SpawnArgs} = command(Host, Program, Args),
    test_command:run(Spawn, SpawnArgs, Env).

%% The processes on the host.
-spec pids(host()) -> [pos_integer()].
pids(#{netns := Netns}) ->
    [binary_to_integer(Pid) || Pid <- words(test_command:ok("ip", ["netns", "pids", Netns]))].

%% Those that run the program of this name.
-spec pids(host(), binary()) -> [pos_integer()].
pids(Host, Name) ->
    [Pid || Pid <- pids(Host), test_process:name(Pid) =:= Name, test_process:runs(Pid)].

%% SIGKILL to all processes of the host.
-spec kill(host()) -> ok.
kill(Host) ->
    test_command:signal("KILL", pids(Host)).

-spec start_epmd(host()) -> ok.
start_epmd(Host) ->
    {0, _} = run(Host, "epmd", ["-daemon"]),
    test_wait:until("epmd answers",
                    fun() ->
                            case epmd_names(Host) of
                                {error, Reason} -> {wait, Reason};
                                Names when is_list(Names) -> {done, ok}
                            end
                    end).

%% SIGKILL to the host's epmd, with all its registrations.
-spec stop_epmd(host()) -> ok.
stop_epmd(Host) ->
    test_command:signal("KILL", pids(Host, <<"epmd">>)).

%% The alive names that are registered on the host, sorted.
-spec epmd_names(host()) -> [string()] | {error, term()}.
epmd_names(#{address := Address}) ->
    {ok, Ip} = inet:parse_ipv4_address(Address),
    case erl_epmd:names(Ip) of
        {ok, Names} -> lists:sort([Name || {Name, _Port} <- Names]);
        {error, Reason} -> {error, Reason}
    end.

%% Drops all packets to and from the host until rejoin/1.
-spec isolate(host()) -> ok.
isolate(Host) ->
    bridge_port(Host, "disabled").

-spec rejoin(host()) -> ok.
rejoin(Host) ->
    bridge_port(Host, "forwarding").

%% Drops all packets between the two hosts until mend/2; both reach all others.
-spec cut(host(), host()) -> ok.
cut(A, B) ->
    misdirect(A, address(B)),
    misdirect(B, address(A)).

-spec mend(host(), host()) -> ok.
mend(A, B) ->
    direct(A, address(B)),
    direct(B, address(A)).

%% Drops packets to the metadata server; the other hosts are reached.
-spec cut_from_metadata(host()) -> ok.
cut_from_metadata(Host) ->
    misdirect(Host, ?GATEWAY).

-spec mend_with_metadata(host()) -> ok.
mend_with_metadata(Host) ->
    direct(Host, ?GATEWAY).

%% An address that was never used in this run. Without a host nobody answers ARP for it ("no route to host" after
%% some seconds).
-spec fresh_address() -> address().
fresh_address() ->
    Number = erlang:unique_integer([positive, monotonic]),
    lists:flatten(io_lib:format("10.42.~b.~b", [Number div 200, Number rem 200 + 10])).

%% An address where packets are dropped: only ARP is answered.
-spec vanishing_address() -> address().
vanishing_address() ->
    Address = fresh_address(),
    ip(["-n", "void", "address", "add", Address ++ "/32", "dev", "eth0"]),
    Address.

all() ->
    Names = [binary_to_list(Name)
             || <<"h", _/binary>> = Name <- words(test_command:ok("ip", ["netns", "list"]))],
    [#{address => "", netns => Name, link => [$v | Id]} || [$h | Id] = Name <- Names].

bridge_port(#{link := Link}, State) ->
    _ = test_command:ok("bridge", ["link", "set", "dev", Link, "state", State]),
    ok.

misdirect(#{netns := Netns}, Address) ->
    ip(["-n", Netns, "neigh", "replace", Address, "lladdr", ?NOBODYS_MAC, "dev", "eth0", "nud", "permanent"]).

direct(#{netns := Netns}, Address) ->
    ip(["-n", Netns, "neigh", "delete", Address, "dev", "eth0"]).

ip(Args) ->
    <<>> = test_command:ok("ip", Args),
    ok.

words(Text) ->
    binary:split(Text, [<<"\n">>, <<" ">>], [global, trim_all]).
