%% The requests of the test hosts at the stand-in metadata service: which hosts have asked it, and which wait for a change.
-module(test_service).

-export([await_requests/3, await_watching/2, keep_reloading/3]).

%% Longer than the minute for which a C-node polls after two waits in a row that failed.
-define(LIMIT_MS, 150000).

%% Waits until the host has made this many requests.
-spec await_requests(metadata_server:server(), test_host:host(), pos_integer()) -> ok.
await_requests(Metadata, Host, Count) ->
    test_wait:until("the host has asked metadata",
                    fun() ->
                            case metadata_server:requests(Metadata, test_host:address(Host)) of
                                Requests when length(Requests) >= Count -> {done, ok};
                                Requests -> {wait, Requests}
                            end
                    end,
                    ?LIMIT_MS).

%% Waits until all these hosts long-poll: they have read the current data, and will get the next change at once.
-spec await_watching(metadata_server:server(), [test_host:host()]) -> ok.
await_watching(Metadata, Hosts) ->
    Addresses = [test_host:address(Host) || Host <- Hosts],
    test_wait:equals("hosts that do not wait for a change", [],
                     fun() -> Addresses -- metadata_server:waiting(Metadata) end, ?LIMIT_MS).

%% Reloads the same data for this long (ms), and each time waits until all these hosts have read it.
-spec keep_reloading(metadata_server:server(), [test_host:host()], non_neg_integer()) -> ok.
keep_reloading(Metadata, Hosts, Duration) ->
    reload_until(erlang:monotonic_time(millisecond) + Duration, Metadata, Hosts).

reload_until(Until, Metadata, Hosts) ->
    ok = metadata_server:reload(Metadata),
    ok = await_watching(Metadata, Hosts),
    case erlang:monotonic_time(millisecond) < Until of
        true -> reload_until(Until, Metadata, Hosts);
        false -> ok
    end.
