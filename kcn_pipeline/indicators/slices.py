"""Which slices of the lake hold the state of a table: the newest of a register, the newest per period of our own.

It must not read what the slices say. The surprising fact: accepted reports are the one table of which all slices
together are the state, since every night adds submissions and takes none away.
"""

from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path

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
    """The slice that holds all versions of a register table, as of night `until` if given; [] when there is none."""
    slices = lake.slices("validation", table, parts=[WHOLE])
    return [path for path in slices if until is None or _night(path) <= until][-1:]


def register_without(lake: Lake, table: str, last: str, night: str) -> list[Path]:
    """The slice that holds all versions of a register table, without what nights after `last` up to `night` brought.

    What newer nights brought they have computed; a night that is run after them need not do it again.
    """
    slices = lake.slices("validation", table, parts=[WHOLE])
    return [path for path in slices if not last < _night(path) <= night][-1:]


def newest_periods(lake: Lake, table: str, periods: Collection[str]) -> list[Path]:
    """The newest slice of each period of a table of this stage, whose slices hold a period whole."""
    newest: dict[Path, Path] = {}
    for path in lake.slices(STAGE, table, parts=[part_of(code) for code in periods]):
        newest[path.parent] = path
    return list(newest.values())


def days_of(parts: Iterable[str]) -> set[date]:
    """The days of parts such as `day=2026-11-18`."""
    return {date.fromisoformat(part.removeprefix("day=")) for part in parts if part.startswith("day=")}


def newest_days(lake: Lake, table: str, days: Iterable[date]) -> list[Path]:
    """The newest slice of each of some days of a table of this stage, whose slices hold a day whole."""
    newest: dict[Path, Path] = {}
    for path in lake.slices(STAGE, table, parts=[f"day={day}" for day in days]):
        newest[path.parent] = path
    return list(newest.values())


def slices_since(lake: Lake, stage: str, table: str, day: date) -> list[Path]:
    """The whole slices of the nights from a day on."""
    return [path for path in lake.slices(stage, table, parts=[WHOLE]) if _night(path) >= day.isoformat()]


def _night(path: Path) -> str:
    return path.stem.removeprefix("night=")
