"""What the stage keeps of stations, as Arrow schemas: hours, days, stretches over a limit, episodes, episode scope.

It must not compute. The surprising fact: every table lies in parts `day=`, and the newest night's slice of a day is
the whole truth about that day.
"""

import pyarrow as pa

HOURS = "monitoring_hours"
DAYS = "monitoring_days"
OVERRUNS = "monitoring_overruns"
EPISODES = "monitoring_episodes"
EPISODE_SCOPE = "monitoring_episode_scope"
STATION_DAYS = "monitoring_station"
PARK_DAYS = "monitoring_park"

#: One row is one station × parameter × local hour in which it sent anything. `mean` is over readings with status 00, in
#: the unit of the station's kind, `corrected_mean` the same at the reference O2 where one is set. The verdict `is_over`
#: is null where the hour is insufficient or no limit is compared with hours. The lowest and highest reading of an hour
#: are not kept: they would take twice the room of the mean, and days tell theirs.
HOURS_SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("kind", pa.string()),
        ("parameter_code", pa.string()),
        ("hour_at", pa.timestamp("us")),
        ("unit", pa.string()),
        ("mean", pa.float64()),
        ("corrected_mean", pa.float64()),
        ("n_received", pa.int64()),
        ("n_valid", pa.int64()),
        ("n_expected", pa.int64()),
        ("is_sufficient", pa.bool_()),
        ("is_over", pa.bool_()),
    ]
)
#: Means hardly ever repeat, and take less room split by byte than as a dictionary.
HOURS_ENCODINGS = {
    "hour_at": "DELTA_BINARY_PACKED",
    "mean": "BYTE_STREAM_SPLIT",
    "corrected_mean": "BYTE_STREAM_SPLIT",
}

#: One row is one station × parameter × local day; a connected station that should have sent a parameter and did not has
#: one with n_valid 0. `mean` is over the valid readings of the day, not over its hours. `n_flagged` of them lie in a
#: flat line or a spike. `hours_over` counts sufficient hours over the limit that hours are compared with (of wastewater
#: only indicative). Limits are those of `averaging`. `load_kg` is of the whole day, `volume_m3` of its valid hours.
DAYS_SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("park_code", pa.string()),
        ("kind", pa.string()),
        ("parameter_code", pa.string()),
        ("day", pa.date32()),
        ("unit", pa.string()),
        ("mean", pa.float64()),
        ("corrected_mean", pa.float64()),
        ("min", pa.float64()),
        ("max", pa.float64()),
        ("n_received", pa.int64()),
        ("n_valid", pa.int64()),
        ("n_flagged", pa.int64()),
        ("n_expected", pa.int64()),
        ("hours_valid", pa.int64()),
        ("hours_over", pa.int64()),
        ("limit_min", pa.float64()),
        ("limit_max", pa.float64()),
        ("averaging", pa.string()),
        ("regulation", pa.string()),
        ("is_sufficient", pa.bool_()),
        ("is_compliant", pa.bool_()),
        ("is_derived", pa.bool_()),
        ("load_kg", pa.float64()),
        ("load_hours", pa.int64()),
        ("volume_m3", pa.float64()),
    ]
)

#: What is told of a stretch of time over a limit: its worst mean, the limit at that moment and how many times over.
_WORST = [
    ("peak", pa.float64()),
    ("limit_min", pa.float64()),
    ("limit_max", pa.float64()),
    ("ratio", pa.float64()),
    ("unit", pa.string()),
    ("basis", pa.string()),
]
#: What names a series that is judged.
SERIES = ("station_id", "parameter_code", "averaging")
_SERIES = [(name, pa.string()) for name in SERIES]

#: One row is one run of consecutive means over a limit inside one day.
STRETCH_SCHEMA = pa.schema(
    [
        *_SERIES,
        ("day", pa.date32()),
        ("from_at", pa.timestamp("us")),
        ("to_at", pa.timestamp("us")),
        ("hours", pa.int64()),
        *_WORST,
    ]
)
#: The same, and the episode it belongs to as far as it has come by the end of the stretch.
OVERRUNS_SCHEMA = pa.schema(
    [
        *STRETCH_SCHEMA,
        ("started_at", pa.timestamp("us")),
        ("hours_so_far", pa.int64()),
        *((f"worst_{name}", type_) for name, type_ in _WORST),
    ]
)
#: One row is one episode, in the part of the day it starts on; `ended_at` is the end of its last hour or day.
EPISODES_SCHEMA = pa.schema(
    [
        *_SERIES,
        ("started_at", pa.timestamp("us")),
        ("ended_at", pa.timestamp("us")),
        ("hours", pa.int64()),
        *_WORST,
    ]
)
#: One row is one series × start day whose episodes a night looked for anew; what it no longer has is to be deleted.
SCOPE_SCHEMA = pa.schema([*_SERIES, ("from_at", pa.timestamp("us")), ("to_at", pa.timestamp("us"))])
