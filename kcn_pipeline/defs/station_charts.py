"""Pictures of a night's stations: the day of a station against its limit, and how much each station captured.

It must not compute a mean or a verdict. The surprising fact: of the newest day with enough readings, the station
drawn is the one nearest to its limit or furthest over it, because that is the one an engineer would look up next.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg

from kcn_pipeline.defs.describe import bar_chart
from kcn_pipeline.lake import Lake

Row = dict[str, Any]

_DAY_COLUMNS = (
    "station_id", "parameter_code", "mean", "limit_min", "limit_max", "unit", "n_valid", "n_expected", "is_derived",
    "is_sufficient",
)  # fmt: skip


def draw_stations(lake: Lake, night: str, days: Sequence[date]) -> dict[str, dict[str, Any]]:
    """Table of the stage → pictures of the newest day with enough readings that the night computed."""
    for day in reversed(days):
        part = f"day={day}"
        found = lake.read("indicators", "monitoring_days", night, [part], _DAY_COLUMNS)
        rows = [] if found is None else found.to_pylist()
        if worst := max((row for row in rows if row["is_sufficient"]), key=_nearness, default=None):
            return {
                "monitoring_days": {"capture": _draw_capture(rows, day)},
                "monitoring_hours": {"day_against_limit": _draw_day(lake, night, part, worst, day)},
            }
    return {}


def describe_days(days: Sequence[date]) -> str:
    """How many days, and from when to when."""
    return f"{len(days)}: {days[0]} … {days[-1]}" if days else "none"


def _nearness(row: Row) -> float:
    """How far the mean is from the middle of its limits, as a share of the way to the upper one; -1 without one."""
    if not row["limit_max"]:
        return -1.0
    middle = 0.0 if row["limit_min"] is None else (row["limit_min"] + row["limit_max"]) / 2
    return float(abs(row["mean"] - middle) / (row["limit_max"] - middle))


def _draw_capture(rows: Sequence[Row], day: date) -> dg.MarkdownMetadataValue:
    """Valid readings of each station as a share of what a full day holds, worst first."""
    sums: dict[str, list[int]] = {}
    for row in rows:
        if not row["is_derived"]:
            held = sums.setdefault(row["station_id"], [0, 0])
            held[0] += row["n_valid"]
            held[1] += row["n_expected"]
    shares = [(station, 100 * valid / expected) for station, (valid, expected) in sums.items() if expected]
    return bar_chart(f"Valid readings per station, {day}", sorted(shares, key=lambda one: one[1]), "%", full=100)


def _draw_day(lake: Lake, night: str, part: str, worst: Row, day: date) -> dg.MarkdownMetadataValue:
    """The hour means of the station and parameter nearest to their limit."""
    columns = ["station_id", "parameter_code", "hour_at", "mean"]
    found = lake.read("indicators", "monitoring_hours", night, [part], columns)
    hours = [
        (f"{row['hour_at']:%H:%M}", row["mean"])
        for row in ([] if found is None else found.to_pylist())
        if (row["station_id"], row["parameter_code"]) == (worst["station_id"], worst["parameter_code"])
        and row["mean"] is not None
    ]
    sides = (worst["limit_min"], worst["limit_max"])
    limit = " … ".join(f"{side:g}" for side in sides if side is not None) or "none"
    title = f"{worst['station_id']} {worst['parameter_code']}, limit {limit}, {day}"
    return bar_chart(title, hours, worst["unit"], full=max([worst["limit_max"] or 0, *(mean for _, mean in hours)]))
