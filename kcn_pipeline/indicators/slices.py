"""Which slices of the lake hold the state of a table: the newest of a register, the newest per period of our own.

It must not read what the slices say. The surprising fact: a slice without rows never hides an older one with rows,
because a re-run night leaves an empty slice where it no longer brings anything.
"""

from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from kcn_pipeline.lake import WHOLE, Lake

#: The folder of this stage in the lake.
STAGE = "indicators"


def part_of(period_code: str) -> str:
    """The part of a table that holds a period."""
    return f"period={period_code}"


def periods_of(parts: Iterable[str]) -> set[str]:
    """The period codes of parts such as `period=2026-Q1`."""
    return {part.removeprefix("period=") for part in parts if part.startswith("period=")}


def newest_register(lake: Lake, table: str, until: str | None = None) -> list[Path]:
    """The slice that holds the state of a register table, of nights up to `until` if given; [] when there is none."""
    slices = lake.slices("validation", table, parts=[WHOLE])
    if until is not None:
        slices = [path for path in slices if _night(path) <= until]
    for path in reversed(slices):
        if pq.read_metadata(path).num_rows:
            return [path]
    return slices[-1:]


def newest_periods(lake: Lake, table: str, periods: Collection[str]) -> list[Path]:
    """The newest slice of each period of a table of this stage, whose slices hold a period whole."""
    newest: dict[Path, Path] = {}
    for path in lake.slices(STAGE, table, parts=[part_of(code) for code in periods]):
        newest[path.parent] = path
    return list(newest.values())


def slices_since(lake: Lake, stage: str, table: str, day: date) -> list[Path]:
    """The whole slices of the nights from a day on."""
    return [path for path in lake.slices(stage, table, parts=[WHOLE]) if _night(path) >= day.isoformat()]


def _night(path: Path) -> str:
    return path.stem.removeprefix("night=")
