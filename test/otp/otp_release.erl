%% The OTP releases that otp_SUITE runs: that of this machine, and those of the Debian systems in $OTP_ROOTS
%% ("27=/path/of/root 29=/path"), made by scripts/test-otp.
-module(otp_release).

-export([own/0, options/1, compile/3]).
-export_type([release/0]).

%% "27"
-type release() :: string().

%% What runs inside the BEAMs, in test/.
-define(HELPERS, ["support/hosts/connection_log.erl", "support/hosts/recorder.erl", "support/hosts/report_log.erl",
                  "ct/library_supervisor.erl"]).

%% That of this machine.
-spec own() -> release().
own() ->
    erlang:system_info(otp_release).

%% For test_beam:start/2. The helpers are compiled once by each release: none loads what a newer one has compiled,
%% nor 27 what 23 has.
-spec options(release()) -> test_beam:options().
options(Release) ->
    #{erl => command(Release, "erl"), ebin => helpers(Release)}.

%% Compiles the files with warnings as errors, as the release has them; its output if it refuses one.
-spec compile(release(), [file:filename()], file:filename()) -> ok | {error, binary()}.
compile(Release, Files, Folder) ->
    ok = filelib:ensure_dir(filename:join(Folder, "any")),
    run(Release, "erlc", ["-Werror", "-Wall", "+debug_info", "-o", Folder | Files]).

helpers(Release) ->
    Folder = filename:join([os:getenv("LOGS"), "helpers", Release]),
    case filelib:is_dir(Folder) of
        true -> ok;
        false ->
            Files = [filename:join([release_build:root(), "test", File]) || File <- ?HELPERS],
            ok = compile(Release, Files, Folder),
            list_to_integer(Release) >= 25 orelse peer(Release, Folder)
    end,
    Folder.

%% The controller is a BEAM of this machine, and talks to its `peer' in the other one. OTP has it since 25.
peer(Release, Folder) ->
    {ok, {peer, [{abstract_code, {raw_abstract_v1, Forms}}]}} = beam_lib:chunks(code:which(peer), [abstract_code]),
    File = filename:join(Folder, "peer.forms"),
    ok = file:write_file(File, [io_lib:format("~p.~n", [Form]) || Form <- Forms]),
    Compile = io_lib:format("{ok, Forms} = file:consult(~p), {ok, peer, Beam} = compile:forms(Forms), "
                            "ok = file:write_file(~p, Beam), halt().", [File, filename:join(Folder, "peer.beam")]),
    ok = run(Release, "erl", ["-noinput", "-eval", lists:flatten(Compile)]).

run(Release, Name, Args) ->
    [Program | Before] = command(Release, Name),
    case test_command:run(Program, Before ++ Args) of
        {0, _} -> ok;
        {_, Output} -> {error, Output}
    end.

%% The command for a program of the release: "erl" or "erlc".
command(Release, Name) ->
    case Release =:= own() of
        true -> [os:find_executable(Name)];
        false -> [filename:join([release_build:root(), "test", "otp", "userland"]), root(Release), Name]
    end.

root(Release) ->
    Roots = [list_to_tuple(string:split(Each, "=")) || Each <- string:lexemes(os:getenv("OTP_ROOTS", ""), " ")],
    {Release, Root} = lists:keyfind(Release, 1, Roots),
    Root.
