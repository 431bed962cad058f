%% Libraries that take all connected nodes for members: by default the C-node is in no such list.
-module(member_list_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([swarm_does_not_take_it_for_a_member/1, libring_does_not_take_it_for_a_member/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {seconds, 60}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [swarm_does_not_take_it_for_a_member, libring_does_not_take_it_for_a_member].

-spec swarm_does_not_take_it_for_a_member([term()]) -> ok.
swarm_does_not_take_it_for_a_member(Config) ->
    is_in_no_list(swarm, Config).

-spec libring_does_not_take_it_for_a_member([term()]) -> ok.
libring_does_not_take_it_for_a_member(Config) ->
    is_in_no_list(libring, Config).

%% -- helpers

%% Neither in the list that is made while it is connected, nor in one that exists when it connects.
is_in_no_list(Kind, Config) ->
    #{hosts := [Host | _], beams := Beams, cnodes := [Cnode | _]} = test_cluster:form(metadata(Config), 2),
    Names = lists:sort([test_beam:name(Beam) || Beam <- Beams]),
    [ok = test_beam:call(Beam, member_list, start, [Kind]) || Beam <- Beams],
    [Names = members(Beam, Kind) || Beam <- Beams],
    ok = test_cnode:stop(Cnode),
    Again = test_cnode:start(Host),
    _ = test_cnode:await(Again, "target_connected"),
    %% Its answer comes after the nodeup.
    <<_, _/binary>> = test_cnode:call(Again, hd(Beams), version),
    [Names = members(Beam, Kind) || Beam <- Beams],
    ok.

members(Beam, Kind) ->
    test_beam:call(Beam, member_list, members, [Kind]).
