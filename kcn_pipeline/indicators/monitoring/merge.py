"""The readings of some days as they are known now: of every station, parameter and time the newest night's.

It must not judge a reading. The surprising fact: most days lie in two slices, because a night falls into a day, and yet
need no merging: footers say that the slices share no moment, and only slices that do are sorted out by key.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from kcn_pipeline.engine import Engine
from kcn_pipeline.lake import Lake

READINGS_TABLE = "monitoring_readings"
FLAGS_TABLE = "monitoring_flags"

#: What is read of a reading. The engine reads only columns that are asked for.
READ_SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("parameter_code", pa.string()),
        ("measured_at", pa.timestamp("us")),
        ("value", pa.float64()),
        ("status", pa.string()),
        ("_night", pa.string()),
    ]
)
#: So many readings are computed at a time; it bounds the memory of a backfill. Those to be sorted out weigh more.
CHUNK_READINGS = 8_000_000
_WEIGHT_BESIDE_BASE = 4
#: A chunk has no more days than this; a day without readings has rows, too, for stations that are silent.
_CHUNK_DAYS = 62

_FLAGS_SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("parameter_code", pa.string()),
        ("flag", pa.string()),
        ("started_at", pa.timestamp("us")),
        ("ended_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class DaySlices:
    """The accepted slices of one day that hold readings.

    `alone` share no time with another; of those that do `base` is the largest, `older` and `newer` are the others.
    """

    day: date
    alone: tuple[Path, ...] = ()
    base: tuple[Path, ...] = ()
    older: tuple[Path, ...] = ()
    newer: tuple[Path, ...] = ()
    readings: int = 0
    beside_base: int = 0

    @property
    def weight(self) -> int:
        """How much of a chunk the day takes."""
        return self.readings + _WEIGHT_BESIDE_BASE * self.beside_base


def find_slices(lake: Lake, day: date) -> DaySlices:
    """The accepted slices of a day, as their footers tell."""
    spans = []
    for path in lake.slices("validation", READINGS_TABLE, parts=[part_of(day)]):
        readings, first, last = lake.span(path, "measured_at")
        if readings:
            spans.append((readings, first, last, path))
    paths = tuple(path for *_, path in spans)
    total = sum(readings for readings, *_ in spans)
    if not _overlap([(first, last) for _, first, last, _ in spans]):
        return DaySlices(day, alone=paths, readings=total)
    largest, *_, base = max(spans, key=lambda span: (span[0], span[3].name))
    older, newer = (
        tuple(path for path in paths if path.name < base.name),
        tuple(p for p in paths if p.name > base.name),
    )
    return DaySlices(day, (), (base,), older, newer, total, total - largest)


def _overlap(spans: Sequence[tuple[Any, Any]]) -> bool:
    """Whether two of the spans may share a moment; a span that is not known may share any."""
    if len(spans) > 1 and any(first is None for first, _ in spans):
        return True
    return any(one[1] >= following[0] for one, following in pairwise(sorted(spans)))


def group_days(lake: Lake, days: Iterable[date], most: int = CHUNK_READINGS) -> Iterator[list[DaySlices]]:
    """The days in order, as many at a time as hold about so many readings; at least one."""
    chunk: list[DaySlices] = []
    for day in sorted(days):
        found = find_slices(lake, day)
        is_full = sum(held.weight for held in chunk) + found.weight > most or len(chunk) >= _CHUNK_DAYS
        if chunk and is_full:
            yield chunk
            chunk = []
        chunk.append(found)
    if chunk:
        yield chunk


def open_readings(engine: Engine, chunk: Sequence[DaySlices]) -> None:
    """Make `readings` readable: one row per station, parameter and time of the chunk's days; `value` may be null.

    Of slices that share times only the smaller ones are sorted out by key; the largest is read as it lies, without the
    readings that a newer night replaced.
    """
    for name in ("alone", "base", "older", "newer"):
        paths = [path for held in chunk for path in getattr(held, name)]
        engine.register_slices(f"readings_{name}", paths, READ_SCHEMA)
    engine.materialize("newest_newer", _newest_sql("readings_newer"))
    engine.materialize("newest_older", _newest_sql("readings_older"))
    engine.materialize("kept_older", _KEPT_OLDER)
    engine.define("readings", _READINGS)


_COLUMNS = "r.station_id, r.parameter_code, r.measured_at, r.value, r.status"
_SAME = "s.station_id = r.station_id AND s.parameter_code = r.parameter_code AND s.measured_at = r.measured_at"


def _newest_sql(readings: str) -> str:
    return f"""
        SELECT {_COLUMNS} FROM (
            SELECT a.*, ROW_NUMBER() OVER (
                PARTITION BY a.station_id, a.parameter_code, a.measured_at ORDER BY a._night DESC) AS place
            FROM {readings} AS a
        ) AS r WHERE r.place = 1"""


#: The large table is looked through for the keys of the small one, so that only the small one is held in memory.
_KEPT_OLDER = f"""
    SELECT {_COLUMNS} FROM newest_older AS r
    WHERE NOT EXISTS (SELECT 1 FROM newest_newer AS s WHERE {_SAME}) AND NOT EXISTS (
        SELECT 1 FROM (
            SELECT b.station_id, b.parameter_code, b.measured_at FROM readings_base AS b
            WHERE EXISTS (
                SELECT 1 FROM newest_older AS o WHERE o.station_id = b.station_id
                    AND o.parameter_code = b.parameter_code AND o.measured_at = b.measured_at)
        ) AS s WHERE {_SAME})"""

_READINGS = f"""
    SELECT {_COLUMNS} FROM readings_alone AS r
    UNION ALL
    SELECT {_COLUMNS} FROM readings_base AS r
    WHERE NOT EXISTS (SELECT 1 FROM newest_newer AS s WHERE {_SAME})
    UNION ALL
    SELECT {_COLUMNS} FROM newest_newer AS r
    UNION ALL
    SELECT {_COLUMNS} FROM kept_older AS r"""


def open_flags(engine: Engine, lake: Lake, days: Iterable[date]) -> None:
    """Make `doubts` readable: flat lines and spikes of the days, with their first and last moment."""
    newest: dict[Path, Path] = {}
    for path in lake.slices("validation", FLAGS_TABLE, parts=[part_of(day) for day in days]):
        newest[path.parent] = path
    engine.register_slices("flags", newest.values(), _FLAGS_SCHEMA)
    engine.materialize(
        "doubts",
        """
        SELECT station_id, parameter_code, started_at, COALESCE(ended_at, started_at) AS ended_at
        FROM flags WHERE flag IN ('flat_line', 'spike')""",
    )


def part_of(day: date) -> str:
    """The part of a table that holds a day."""
    return f"day={day.isoformat()}"
