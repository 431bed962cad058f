%% In the place of the application telemetry, which the library executes events with where it is loaded.
-module(telemetry).

-export([execute/3]).

-spec execute([atom()], map(), map()) -> ok.
execute(Event, Measurements, Metadata) ->
    library_witness:note({telemetry, Event, Measurements, Metadata}).
