%% The plan of the chaos run follows from its seed, and its judge explains losses correctly. Needs no test hosts.
-module(soak_SUITE).

-export([all/0]).
-export([a_seed_gives_one_plan/1, soft_faults_touch_no_container/1, all_faults_end_before_the_cluster_must_be_complete/1,
         enough_containers_are_left_alone/1, a_container_is_disturbed_by_one_fault_at_a_time/1,
         both_ends_report_one_loss/1, a_second_loss_counts_again/1, a_loss_without_a_fault_is_unexplained/1,
         a_touched_container_may_lose_connections_for_twenty_seconds/1,
         a_cut_by_global_after_a_third_node_was_lost_is_explained/1, a_cut_by_global_alone_is_unexplained/1,
         a_cut_of_other_nodes_or_of_long_ago_explains_nothing/1, a_newcomer_may_be_the_third/1,
         consequences_of_a_loss_have_its_cause/1]).

-define(SEEDS, lists:seq(1, 100)).
-define(MINUTES, 5).

-spec all() -> [atom()].
all() ->
    [Case || {Case, 1} <- ?MODULE:module_info(exports), Case =/= module_info].

%% -- the plan

-spec a_seed_gives_one_plan([term()]) -> ok.
a_seed_gives_one_plan(_Config) ->
    Plans = [soak_plan:plan(Seed, ?MINUTES, all) || Seed <- ?SEEDS],
    Plans = [soak_plan:plan(Seed, ?MINUTES, all) || Seed <- ?SEEDS],
    true = length(lists:usort(Plans)) =:= length(?SEEDS),
    ok.

-spec soft_faults_touch_no_container([term()]) -> ok.
soft_faults_touch_no_container(_Config) ->
    Hard = [beam_killed, beam_suspended, cut_off, dropped, removed, replaced],
    [] = [Kind || {_, {_, _, #{kind := Kind}}} <- plans(soft), lists:member(Kind, Hard)],
    Hard = lists:usort([Kind || {_, {_, _, #{kind := Kind}}} <- plans(all), soak_plan:is_hard(Kind)]),
    ok.

-spec all_faults_end_before_the_cluster_must_be_complete([term()]) -> ok.
all_faults_end_before_the_cluster_must_be_complete(_Config) ->
    [[] = lists:foldl(fun({_, {start, Id, _}}, Going) -> [Id | Going];
                         ({_, {undo, Id, _}}, Going) -> lists:delete(Id, Going);
                         ({_, heal}, []) -> []
                      end,
                      [], soak_plan:plan(Seed, ?MINUTES, all)) || Seed <- ?SEEDS],
    ok.

-spec enough_containers_are_left_alone([term()]) -> ok.
enough_containers_are_left_alone(_Config) ->
    Most = [length(lists:usort([S || {Start, {start, _, #{kind := Kind, ms := Ms} = Fault}} <- Plan,
                                     soak_plan:is_hard(Kind), Start =< At, At =< Start + Ms,
                                     S <- slots(Fault)]))
            || Seed <- ?SEEDS, Plan <- [soak_plan:plan(Seed, 2, all)], {At, {start, _, _}} <- Plan],
    3 = lists:max(Most),
    ok.

-spec a_container_is_disturbed_by_one_fault_at_a_time([term()]) -> ok.
a_container_is_disturbed_by_one_fault_at_a_time(_Config) ->
    Passing = [inbound, callers, reload, metadata, old_snapshot],
    [lists:foldl(fun({_, {Verb, _, #{kind := Kind} = Fault}}, Going) ->
                         case {lists:member(Kind, Passing), Verb} of
                             {true, _} -> Going;
                             {false, start} -> [] = [S || S <- slots(Fault), lists:member(S, Going)], slots(Fault) ++ Going;
                             {false, undo} -> Going -- slots(Fault)
                         end;
                    (_, Going) -> Going
                 end,
                 [], soak_plan:plan(Seed, ?MINUTES, all)) || Seed <- ?SEEDS],
    ok.

plans(Mode) ->
    lists:append([soak_plan:plan(Seed, ?MINUTES, Mode) || Seed <- ?SEEDS]).

slots(#{slot := Slot, other := Other}) -> [Slot, Other];
slots(#{slot := Slot}) -> [Slot].

%% -- the judge: times in seconds

-spec both_ends_report_one_loss([term()]) -> ok.
both_ends_report_one_loss(_Config) ->
    [#{pair := [a, b], reasons := [closed, net_tick_timeout]}] =
        soak_judge:all_losses([down(10, a, b, closed), down(11, b, a, net_tick_timeout)]),
    ok.

-spec a_second_loss_counts_again([term()]) -> ok.
a_second_loss_counts_again(_Config) ->
    [_, _] = soak_judge:all_losses([down(10, a, b, closed), down(10, b, a, closed), down(11, a, b, closed)]),
    [_, _] = soak_judge:all_losses([down(10, a, b, closed), down(11, a, b, closed)]),
    [_, _] = soak_judge:all_losses([down(10, a, b, closed), down(20, b, a, closed)]),
    ok.

-spec a_loss_without_a_fault_is_unexplained([term()]) -> ok.
a_loss_without_a_fault_is_unexplained(_Config) ->
    [#{pair := [a, b], cause := {unexplained, [closed]}}] = losses([down(10, a, b, closed)], [], []),
    ok.

-spec a_touched_container_may_lose_connections_for_twenty_seconds([term()]) -> ok.
a_touched_container_may_lose_connections_for_twenty_seconds(_Config) ->
    Lost = fun(At) -> length(losses([down(At, a, b, closed)], [], [touch(b, beam_killed, 50, 60)])) end,
    [1, 0, 0, 0, 1] = [Lost(At) || At <- [40, 50, 55, 80, 81]],
    0 = length(losses([down(99, a, b, closed)], [], [touch(a, removed, 50, ongoing)])),
    1 = length(losses([down(55, a, b, closed)], [], [touch(c, beam_killed, 50, 60)])),
    ok.

-spec a_cut_by_global_after_a_third_node_was_lost_is_explained([term()]) -> ok.
a_cut_by_global_after_a_third_node_was_lost_is_explained(_Config) ->
    Downs = [down(70, a, c, net_tick_timeout), down(72, a, b, disconnect)],
    [#{at := 72000000, cause := {global, cut_off, c}}] =
        losses(Downs, [cut(72, b, a)], [touch(c, cut_off, 60, 65)]),
    ok.

-spec a_cut_by_global_alone_is_unexplained([term()]) -> ok.
a_cut_by_global_alone_is_unexplained(_Config) ->
    Lost = [down(72, a, b, disconnect)],
    [#{cause := {unexplained, [global, disconnect]}}] = losses(Lost, [cut(72, a, b)], []),
    [#{pair := [a, b], cause := {unexplained, [global | _]}} =
         lists:last(losses(Lost ++ Trail, [cut(72, a, b)], [touch(c, cut_off, From, To)]))
     || {Trail, From, To} <- [{[], 60, 65},                         % nobody lost the third
                              {[down(70, a, c, closed)], 10, 20},   % lost long after it was touched
                              {[down(40, a, c, closed)], 40, 65}]], % lost long before
    ok.

-spec a_cut_of_other_nodes_or_of_long_ago_explains_nothing([term()]) -> ok.
a_cut_of_other_nodes_or_of_long_ago_explains_nothing(_Config) ->
    Downs = [down(70, a, c, closed), down(72, a, b, disconnect)],
    [[#{cause := {unexplained, _}}] = losses(Downs, Cuts, [touch(c, cut_off, 60, 65)])
     || Cuts <- [[], [cut(72, a, c)], [cut(60, a, b)]]],
    ok.

%% Its global tries a member whose epmd is gone, and reports it as lost.
-spec a_newcomer_may_be_the_third([term()]) -> ok.
a_newcomer_may_be_the_third(_Config) ->
    Lost = [down(72, a, b, disconnect)],
    [#{cause := {global, added, new}}] =
        soak_judge:losses(Lost, [cut(72, a, b)], [cut(71, new, b)], [touch(new, added, 60, 65)]),
    [#{cause := {unexplained, _}}] = losses(Lost, [cut(72, a, b)], [touch(new, added, 60, 65)]),
    ok.

-spec consequences_of_a_loss_have_its_cause([term()]) -> ok.
consequences_of_a_loss_have_its_cause(_Config) ->
    Downs = [down(70, a, c, closed), down(72, a, b, disconnect), down(91, b, d, disconnect), down(120, b, e, disconnect)],
    [#{cause := Cause}, #{cause := Cause}, #{cause := {unexplained, _}}] =
        losses(Downs, [cut(72, a, b), cut(91, b, d), cut(120, b, e)], [touch(c, cut_off, 60, 65)]),
    ok.

losses(Downs, Cuts, Touches) ->
    soak_judge:losses(Downs, Cuts, [], Touches).

down(Seconds, Node, Other, Reason) ->
    #{at => Seconds * 1000000, node => Node, other => Other, reason => Reason}.

cut(Seconds, Node, Other) ->
    #{at => Seconds * 1000000, node => Node, other => Other}.

touch(Node, Kind, From, ongoing) ->
    #{node => Node, kind => Kind, from => From * 1000000, to => ongoing};
touch(Node, Kind, From, To) ->
    #{node => Node, kind => Kind, from => From * 1000000, to => To * 1000000}.
