%% @private
%% The topologies of one program: who they are, and the services and functions that they want together. Values only.
-module(rancher_cnode_topologies).

-export([new/5, change/3, remove/2, texts/2, accepted/2, wanted/2, accept/3, joining/3, roles/1, has/4]).
-export_type([topology/0, state/0]).

%% `joining' until the C-node has accepted its services.
-type state() :: accepted | joining | refused.
%% `starting' until its start has returned.
-type topology() :: #{pid := pid(), monitor := reference(), settings := term(), name := atom(),
                      services := [rancher_cnode_settings:service()], roles := [rancher_cnode_functions:role()],
                      state := state(), starting := boolean()}.

-spec new(pid(), reference(), term(), rancher_cnode_settings:launch(), state()) -> topology().
new(Pid, Monitor, Settings, #{topology := Name, services := Services, functions := Functions}, State) ->
    #{pid => Pid, monitor => Monitor, settings => Settings, name => Name, services => Services,
      roles => maps:keys(Functions), state => State, starting => true}.

-spec change(pid(), #{atom() => term()}, [topology()]) -> [topology()].
change(Pid, Changes, Topologies) ->
    [case Topology of
         #{pid := Pid} -> maps:merge(Topology, Changes);
         _ -> Topology
     end || Topology <- Topologies].

%% One of those that stay counts as accepted: the program has at least one service.
-spec remove(pid(), [topology()]) -> {[topology()], [topology()]}.
remove(Pid, Topologies) ->
    {Gone, Others} = lists:partition(fun(#{pid := Each}) -> Each =:= Pid end, Topologies),
    {Gone, with_accepted(Others)}.

with_accepted([]) ->
    [];
with_accepted(Topologies) ->
    case lists:partition(fun(#{state := State}) -> State =/= refused end, Topologies) of
        {[], [First | Others]} -> [First#{state := accepted} | Others];
        {[First | Others] = Willing, Refused} ->
            case [accepted || #{state := accepted} <- Willing] of
                [] -> [First#{state := accepted} | Others] ++ Refused;
                _ -> Topologies
            end
    end.

%% Their services as for --service, of a program whose peers have this basename unless stated otherwise.
-spec texts([topology()], binary()) -> [binary()].
texts(Topologies, Basename) ->
    lists:usort([rancher_cnode_settings:service_text(Service, Basename)
                 || #{services := Services} <- Topologies, Service <- Services]).

%% Those of the command line.
-spec accepted([topology()], binary()) -> [binary()].
accepted(Topologies, Basename) ->
    texts([Topology || #{state := accepted} = Topology <- Topologies], Basename).

%% Those that the C-node is to have next: with those of one more topology at a time.
-spec wanted([topology()], binary()) -> [binary()].
wanted(Topologies, Basename) ->
    Next = lists:sublist([Topology || #{state := joining} = Topology <- Topologies], 1),
    lists:usort(accepted(Topologies, Basename) ++ texts(Next, Basename)).

%% The C-node has these services.
-spec accept([binary()], [topology()], binary()) -> [topology()].
accept(Services, Topologies, Basename) ->
    Joining = joining(Services, Topologies, Basename),
    lists:foldl(fun(#{pid := Pid}, Each) -> change(Pid, #{state => accepted}, Each) end, Topologies, Joining).

%% Those that wait for these services alone.
-spec joining([binary()], [topology()], binary()) -> [topology()].
joining(Services, Topologies, Basename) ->
    [Topology || #{state := joining} = Topology <- Topologies, texts([Topology], Basename) -- Services =:= []].

-spec roles([topology()]) -> [rancher_cnode_functions:role()].
roles(Topologies) ->
    lists:usort(lists:append([Roles || #{roles := Roles} <- Topologies])).

%% Whether an event about a peer of this service is one for the topology.
-spec has(binary() | unknown, topology(), [topology()], binary()) -> boolean().
has(_Service, _Topology, [_], _Basename) ->
    true;
has(unknown, _Topology, _Topologies, _Basename) ->
    true;
has(Service, Topology, _Topologies, Basename) ->
    lists:any(fun(Text) -> is_same(Text, Service) end, texts([Topology], Basename)).

%% The C-node has a path in lower case where the metadata has.
is_same(Text, Service) ->
    Text =:= Service orelse rancher_cnode_settings:lower_case(Text) =:= Service.
