%% An operating system's process, by its number: what /proc shows of it (proc(5)).
-module(test_process).

-export([lives/1, runs/1, name/1, arguments/1, children/1]).

%% Zombies too.
-spec lives(pos_integer()) -> boolean().
lives(Pid) ->
    filelib:is_dir(["/proc/", integer_to_list(Pid)]).

%% No zombies.
-spec runs(pos_integer()) -> boolean().
runs(Pid) ->
    case read(Pid, "stat") of
        <<>> -> false;
        Stat -> binary:match(Stat, <<") Z">>) =:= nomatch
    end.

%% Of its program, cut to 15 characters; empty if it has ended.
-spec name(pos_integer()) -> binary().
name(Pid) ->
    string:trim(read(Pid, "comm")).

%% With its program as the first; none if it has ended.
-spec arguments(pos_integer()) -> [binary()].
arguments(Pid) ->
    binary:split(read(Pid, "cmdline"), <<0>>, [global, trim]).

%% Those that its first thread has started, zombies too.
-spec children(pos_integer()) -> [pos_integer()].
children(Pid) ->
    Children = read(Pid, ["task/", integer_to_list(Pid), "/children"]),
    [binary_to_integer(Child) || Child <- binary:split(Children, <<" ">>, [global, trim_all])].

read(Pid, File) ->
    case file:read_file(["/proc/", integer_to_list(Pid), "/", File]) of
        {ok, Text} -> Text;
        {error, _} -> <<>>
    end.
