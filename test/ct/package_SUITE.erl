%% The library as a package of its own: what it consists of, and fresh projects of rebar3 and Mix that have nothing but
%% that, and start the program by it.
-module(package_SUITE).

-import(fresh_service, [metadata/1]).

-export([suite/0, all/0]).
-export([the_package_has_erlang_and_texts_only/1, the_licence_is_that_of_the_project/1,
         a_rebar3_project_starts_the_program_by_its_path/1, a_mix_project_starts_the_program_in_priv/1]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [fresh_service]}].

-spec all() -> [atom()].
all() ->
    [the_package_has_erlang_and_texts_only, the_licence_is_that_of_the_project,
     a_rebar3_project_starts_the_program_by_its_path, a_mix_project_starts_the_program_in_priv].

-spec the_package_has_erlang_and_texts_only([term()]) -> ok.
the_package_has_erlang_and_texts_only(Config) ->
    Package = package(Config, "listed"),
    Files = filelib:wildcard("**", Package),
    [] = [File || File <- Files, filelib:is_regular(filename:join(Package, File)), not belongs(File)],
    [] = ["README.md", "LICENSE", "CHANGELOG.md", "rebar.config", "src/rancher_cnode.erl"] -- Files,
    {description, [_ | _]} = lists:keyfind(description, 1, properties()),
    {licenses, ["Apache-2.0"]} = lists:keyfind(licenses, 1, properties()),
    ok.

-spec the_licence_is_that_of_the_project([term()]) -> ok.
the_licence_is_that_of_the_project(_Config) ->
    {ok, Licence} = file:read_file(filename:join(release_build:root(), "LICENSE")),
    {ok, Licence} = file:read_file(filename:join(sources(), "LICENSE")),
    ok.

-spec a_rebar3_project_starts_the_program_by_its_path([term()]) -> ok.
a_rebar3_project_starts_the_program_by_its_path(Config) ->
    Folder = folder(Config, "rebar3"),
    ok = release_build:write(Folder, [{"rebar.config", "{deps, [rancher_cnode]}.\n"},
                                      {"src/user.app.src", "{application, user, [{vsn, \"1.0.0\"}]}.\n"},
                                      {"src/user_app.erl", "-module(user_app).\n-export([]).\n"}]),
    _ = package(Config, filename:join(["rebar3", "_checkouts", "rancher_cnode"])),
    ok = release_build:rebar3(Folder, ["compile"]),
    [Ebin] = filelib:wildcard(filename:join([Folder, "_build", "default", "*", "rancher_cnode", "ebin"])),
    runs(Config, Ebin, [{program, test_cnode:program()}]).

-spec a_mix_project_starts_the_program_in_priv([term()]) -> ok.
a_mix_project_starts_the_program_in_priv(Config) ->
    Folder = folder(Config, "mix"),
    Package = package(Config, "copy"),
    Project = ["defmodule User.MixProject do\n  use Mix.Project\n",
               "  def project, do: [app: :user, version: \"1.0.0\", deps: [{:rancher_cnode, path: \"", Package, "\"}]]\nend\n"],
    ok = release_build:write(Folder, [{"mix.exs", Project}]),
    ok = release_build:mix(Folder, ["do", "deps.get,", "compile"]),
    Library = filename:join([Folder, "_build", "prod", "lib", "rancher_cnode"]),
    Program = filename:join([Library, "priv", "rancher_cnode"]),
    ok = filelib:ensure_dir(Program),
    ok = file:make_symlink(test_cnode:program(), Program),
    runs(Config, filename:join(Library, "ebin"), []).

%% -- helpers

%% Two BEAMs that have the library become a cluster by its child in each.
runs(Config, Ebin, Settings) ->
    Hosts = test_cluster:hosts(2),
    ok = test_cluster:list(metadata(Config), Hosts),
    Beams = test_beam:start_all(Hosts, #{args => ["-pa", Ebin]}),
    [begin
         ok = test_beam:call(Beam, library_supervisor, start, []),
         Spec = library_beam:spec([{await_timeout, infinity} | Settings]),
         {ok, _} = test_beam:call(Beam, supervisor, start_child, [library_supervisor, Spec], 90000)
     end || Beam <- Beams],
    ok = test_cluster:await_mesh(Beams),
    [[_] = library_beam:cnodes(Beam) || Beam <- Beams],
    ok.

%% A copy of what the package consists of, by its application resource file.
package(Config, Name) ->
    Package = folder(Config, Name),
    {files, Files} = lists:keyfind(files, 1, properties()),
    [<<>> = test_command:ok("cp", ["-r", filename:join(sources(), File), Package]) || File <- Files],
    Package.

belongs("src/rancher_cnode.app.src") -> true;
belongs("src/" ++ Name) -> filename:extension(Name) =:= ".erl" andalso filename:dirname(Name) =:= ".";
belongs(Name) -> lists:member(Name, ["README.md", "LICENSE", "CHANGELOG.md", "rebar.config"]).

properties() ->
    {ok, [{application, rancher_cnode, Properties}]} =
        file:consult(filename:join([sources(), "src", "rancher_cnode.app.src"])),
    Properties.

sources() ->
    filename:join(release_build:root(), "erlang").

folder(Config, Name) ->
    Folder = filename:join(proplists:get_value(priv_dir, Config), Name),
    ok = filelib:ensure_dir(filename:join(Folder, "any")),
    Folder.
