%% What takes all connected nodes for members: the C-node is in no such list by default.
-module(member_list_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([swarm_takes_it_for_no_member/1, libring_takes_it_for_no_member/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [swarm_takes_it_for_no_member, libring_takes_it_for_no_member].

-spec swarm_takes_it_for_no_member([term()]) -> ok.
swarm_takes_it_for_no_member(Config) ->
    is_in_no_list(swarm, Config).

-spec libring_takes_it_for_no_member([term()]) -> ok.
libring_takes_it_for_no_member(Config) ->
    is_in_no_list(libring, Config).

%% -- what the cases share

%% Neither in the list that is made while it is connected, nor in one that sees it come.
is_in_no_list(Kind, Config) ->
    #{hosts := [Host | _], beams := Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    Names = lists:sort([test_beam:name(Beam) || Beam <- Beams]),
    [ok = test_beam:call(Beam, member_list, start, [Kind]) || Beam <- Beams],
    [Names = members(Beam, Kind) || Beam <- Beams],
    ok = test_cnode:stop(Cnode),
    Again = test_cnode:start(Host),
    _ = test_cnode:await(Again, "target_connected"),
    %% Its answer comes after the news of its connection.
    <<_, _/binary>> = test_cnode:call(Again, hd(Beams), version),
    [Names = members(Beam, Kind) || Beam <- Beams],
    ok.

members(Beam, Kind) ->
    test_beam:call(Beam, member_list, members, [Kind]).
