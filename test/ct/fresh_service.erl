%% A common_test hook for suites whose cases each begin with an empty, well-behaved metadata server at
%% http://rancher-metadata, and leave no host behind.
-module(fresh_service).

-export([metadata/1]).
-export([init/2, pre_init_per_suite/3, post_end_per_suite/4, pre_init_per_testcase/4, post_end_per_testcase/5]).

-type state() :: none | metadata_server:server().

%% For the cases: the server.
-spec metadata([term()]) -> metadata_server:server().
metadata(Config) ->
    proplists:get_value(metadata, Config).

-spec init(term(), term()) -> {ok, state()}.
init(_Id, _Options) ->
    {ok, none}.

-spec pre_init_per_suite(atom(), [term()], state()) -> {[term()], state()}.
pre_init_per_suite(_Suite, Config, none) ->
    Server = metadata_server:start(),
    {[{metadata, Server} | Config], Server}.

-spec post_end_per_suite(atom(), term(), term(), state()) -> {term(), state()}.
post_end_per_suite(_Suite, _Config, Return, Server) ->
    ok = metadata_server:stop(Server),
    {Return, none}.

-spec pre_init_per_testcase(atom(), atom(), [term()], state()) -> {[term()], state()}.
pre_init_per_testcase(_Suite, _Case, Config, Server) ->
    ok = metadata_server:reset(Server),
    {Config, Server}.

-spec post_end_per_testcase(atom(), atom(), term(), term(), state()) -> {term(), state()}.
post_end_per_testcase(_Suite, _Case, _Config, Return, Server) ->
    ok = test_host:remove_all(),
    {Return, Server}.
