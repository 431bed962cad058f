%% A distribution over TCP for `erl -proto_dist strict` that demands a capability which no node has: it refuses each
%% node by its flags, as a later release may refuse ours. After inet_tcp_dist of OTP.
-module(strict_dist).

-export([listen/1, listen/2, accept/1, accept_connection/5, setup/5, close/1, select/1, address/0]).

-include_lib("kernel/include/dist_util.hrl").

-define(NOBODY_HAS, 1 bsl 62).

-spec listen(atom()) -> term().
listen(Name) -> inet_tcp_dist:listen(Name).

-spec listen(atom(), string()) -> term().
listen(Name, Host) -> inet_tcp_dist:listen(Name, Host).

-spec accept(port()) -> pid().
accept(Listen) -> inet_tcp_dist:accept(Listen).

-spec setup(node(), term(), node(), longnames | shortnames, term()) -> pid().
setup(Node, Type, MyNode, LongOrShortNames, SetupTime) ->
    inet_tcp_dist:setup(Node, Type, MyNode, LongOrShortNames, SetupTime).

-spec close(port()) -> ok.
close(Socket) -> inet_tcp_dist:close(Socket).

-spec select(node()) -> boolean().
select(Node) -> inet_tcp_dist:select(Node).

-spec address() -> term().
address() -> inet_tcp_dist:address().

-spec accept_connection(pid(), port(), node(), term(), term()) -> pid().
accept_connection(AcceptPid, Socket, MyNode, Allowed, SetupTime) ->
    Kernel = self(),
    spawn_opt(fun() -> accept(Kernel, AcceptPid, Socket, MyNode, Allowed, SetupTime) end, [link, {priority, max}]).

accept(Kernel, AcceptPid, Socket, MyNode, Allowed, SetupTime) ->
    receive {AcceptPid, controller} -> ok end,
    dist_util:handshake_other_started(
      #hs_data{kernel_pid = Kernel, this_node = MyNode, socket = Socket, timer = dist_util:start_timer(SetupTime),
               this_flags = 0, allowed = Allowed, require_flags = ?NOBODY_HAS,
               f_send = fun gen_tcp:send/2, f_recv = fun gen_tcp:recv/3}).
