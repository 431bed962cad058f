%% Builds the example release as in its README, by `mix release` without any package from outside, once a run.
-module(release_build).

-export([release/0, relx_release/0, copy/3, mix_library/0, mix/2, rebar3/2, write/2, programs/0, library/0, root/0]).

-define(BUILD_MS, 300000).

%% The folder of the built release. Copies of the sources are built, so that the tree may be read-only.
-spec release() -> file:filename().
release() ->
    Release = filename:join(logs(), "shop"),
    case filelib:is_dir(Release) of
        true -> Release;
        false -> build(Release)
    end.

%% The folder of a release of relx, which has the library as a git dependency of rebar3.
-spec relx_release() -> file:filename().
relx_release() ->
    Folder = filename:join(logs(), "stall"),
    Release = filename:join([Folder, "_build", "default", "rel", "stall"]),
    case filelib:is_dir(Release) of
        true -> Release;
        false -> build_relx(Folder), Release
    end.

%% A release of relx writes its vm.args into itself when it starts: one for each host.
-spec copy(file:filename(), test_host:host(), [term()]) -> file:filename().
copy(Release, Host, Config) ->
    Copy = filename:join(proplists:get_value(priv_dir, Config), test_host:address(Host)),
    <<>> = test_command:ok("cp", ["-r", Release, Copy]),
    Copy.

%% The code path of the library as a git dependency of Mix.
-spec mix_library() -> file:filename().
mix_library() ->
    Folder = filename:join(logs(), "mix"),
    Project = io_lib:format("defmodule User.MixProject do~n  use Mix.Project~n"
                            "  def project, do: [app: :user, version: \"1.0.0\", deps: [{:rancher_cnode, "
                            "git: \"~s\", sparse: \"erlang\"}]]~nend~n", [repository()]),
    write(Folder, [{"mix.exs", Project}]),
    tool("mix", Folder, ["do", "deps.get,", "compile"]),
    filename:join([Folder, "_build", "prod", "lib", "rancher_cnode", "ebin"]).

%% Runs mix for production in the folder.
-spec mix(file:filename(), [string()]) -> ok.
mix(Folder, Args) ->
    tool("mix", Folder, Args).

%% Runs rebar3 in the folder.
-spec rebar3(file:filename(), [string()]) -> ok.
rebar3(Folder, Args) ->
    tool("rebar3", Folder, Args).

%% A folder for PATH, with the program and the script of older images.
-spec programs() -> file:filename().
programs() ->
    Folder = filename:join(logs(), "programs"),
    Files = [{"rancher_cnode", test_cnode:program()},
             {"with-rancher-cnode", filename:join([root(), "scripts", "with-rancher-cnode"])}],
    ok = filelib:ensure_dir(filename:join(Folder, "any")),
    [link_to(Target, filename:join(Folder, Name)) || {Name, Target} <- Files],
    Folder.

%% A code path with the compiled library, for BEAMs that are no release.
-spec library() -> file:filename().
library() ->
    Ebin = filename:join([logs(), "library", "ebin"]),
    case filelib:is_regular(filename:join(Ebin, "rancher_cnode.app")) of
        true -> Ebin;
        false -> build_library(Ebin)
    end.

%% The folder of the project.
-spec root() -> file:filename().
root() ->
    filename:dirname(filename:dirname(os:getenv("FIXTURES"))).

build_library(Ebin) ->
    ok = filelib:ensure_dir(filename:join(Ebin, "any")),
    [{ok, _} = compile:file(Source, [{outdir, Ebin}, debug_info, warnings_as_errors])
     || Source <- filelib:wildcard(filename:join([root(), "erlang", "src", "*.erl"]))],
    {ok, _} = file:copy(filename:join([root(), "erlang", "src", "rancher_cnode.app.src"]),
                        filename:join(Ebin, "rancher_cnode.app")),
    Ebin.

build(Release) ->
    Sources = filename:join(logs(), "sources"),
    ok = filelib:ensure_dir(filename:join([Sources, "examples", "any"])),
    <<>> = test_command:ok("cp", ["-r", filename:join(root(), "erlang"), Sources]),
    <<>> = test_command:ok("cp", ["-r", filename:join([root(), "examples", "elixir_release"]),
                                  filename:join(Sources, "examples")]),
    tool("mix", filename:join([Sources, "examples", "elixir_release"]), ["release", "--quiet", "--path", Release]),
    Release.

build_relx(Folder) ->
    Application = {application, stall, [{description, "Does nothing, in a release"}, {vsn, "1.0.0"},
                                        {applications, [kernel, stdlib, sasl, rancher_cnode]}]},
    Relx = {relx, [{release, {stall, "1.0.0"}, [stall]}, {mode, prod}, {extended_start_script, true},
                   {vm_args_src, "vm.args.src"}]},
    Dependency = {deps, [{rancher_cnode, {git, repository(), {branch, "main"}}}]},
    write(Folder, [{"rebar.config", io_lib:format("~p.~n~p.~n", [Dependency, Relx])},
                   {"src/stall.app.src", io_lib:format("~p.~n", [Application])},
                   {"src/stall.erl", "-module(stall).\n-export([]).\n"},
                   {"vm.args.src", "-name stall@${CONTAINER_IP}\n-setcookie ${STALL_COOKIE}\n"}]),
    tool("rebar3", Folder, ["release"]).

%% The files that build tools read, as a repository: the tree itself may not be one, or may belong to another user.
repository() ->
    Repository = filename:join(logs(), "repository"),
    case filelib:is_dir(Repository) of
        true -> ok;
        false ->
            ok = file:make_dir(Repository),
            Wanted = [filename:join(root(), Name) || Name <- ["erlang", "c_src", "include", "rebar.config"]],
            <<>> = test_command:ok("cp", ["-r" | Wanted] ++ [Repository]),
            Git = ["-C", Repository, "-c", "user.name=Test", "-c", "user.email=test@example.org"],
            <<>> = test_command:ok("git", Git ++ ["init", "--quiet", "--initial-branch", "main"]),
            <<>> = test_command:ok("git", Git ++ ["add", "."]),
            <<>> = test_command:ok("git", Git ++ ["commit", "--quiet", "--message", "All"])
    end,
    "file://" ++ Repository.

%% Makes the files, with the folders that they need.
-spec write(file:filename(), [{file:filename(), iodata()}]) -> ok.
write(Folder, Files) ->
    _ = [begin
             Path = filename:join(Folder, Name),
             ok = filelib:ensure_dir(Path),
             ok = file:write_file(Path, Text)
         end || {Name, Text} <- Files],
    ok.

tool(Name, Folder, Args) ->
    Env = [{"MIX_ENV", "prod"}, {"MIX_REBAR3", os:find_executable("rebar3")}, {"LANG", "C.UTF-8"}],
    Port = open_port({spawn_executable, os:find_executable(Name)},
                     [{args, Args}, {env, Env}, {cd, Folder}, binary, exit_status, stderr_to_stdout, hide]),
    built(Name, Port, []).

built(Name, Port, Output) ->
    receive
        {Port, {data, Data}} -> built(Name, Port, [Output, Data]);
        {Port, {exit_status, 0}} -> ok;
        {Port, {exit_status, Status}} -> error({Name, failed, Status, iolist_to_binary(Output)})
    after ?BUILD_MS ->
        error({Name, hangs, iolist_to_binary(Output)})
    end.

link_to(Target, Name) ->
    case file:make_symlink(Target, Name) of
        ok -> ok;
        {error, eexist} -> ok
    end.

logs() ->
    os:getenv("LOGS").
