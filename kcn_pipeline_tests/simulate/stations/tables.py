"""The truth about stations as rows of CSV files, by the name of the file.

It must not compute anything. The surprising fact: hours are told of the days on which files came only, days also of
the silent ones up to the night.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta

from kcn_pipeline_tests.simulate.stations.history import History, StationTruth
from kcn_pipeline_tests.simulate.stations.readings import bad_lines
from kcn_pipeline_tests.simulate.stations.verdicts import DayRow

_Rows = Iterable[tuple[object, ...]]
_SERIES = ("station_id", "parameter_code")
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "days": (
        *_SERIES, "day", "mean", "min", "max", "n_valid", "hours_valid", "hours_over", "limit_min", "limit_max",
        "averaging", "is_sufficient", "is_compliant", "load_kg", "load_hours", "volume_m3",
    ),
    "hours": (*_SERIES, "hour_at", "mean", "n_valid", "is_sufficient"),
    "episodes": (*_SERIES, "averaging", "started_at", "ended_at", "hours", "peak", "ratio"),
    "flags": (*_SERIES, "day", "flag", "started_at", "ended_at"),
    "bad_lines": ("source", "file", "line", "station_id", "rule"),
    "lines": ("station_id", "lines", "blank", "readings", "repeated", "corrected", "refused"),
    "cases": ("case", "station_id", "source", "file", "line", "what", "expected", "rule"),
}  # fmt: skip


def tabulate(history: History, night: str) -> Mapping[str, tuple[tuple[str, ...], _Rows]]:
    """Header and rows of every file, by its name; nothing when no station sends."""
    if not history.fleet.days:
        return {}
    truths = [history.truth_of(station, night) for station in history.stations]
    share = history.contracts.monitoring.settings.sufficient_share
    rows: Mapping[str, _Rows] = {
        "days": sorted(row for truth in truths for row in _days(truth)),
        "hours": sorted(row for truth in truths for row in _hours(truth, share)),
        "episodes": sorted(row for truth in truths for row in _episodes(truth)),
        "flags": sorted(row for truth in truths for row in _flags(truth)),
        "bad_lines": (
            (bad.source, bad.file, bad.line, bad.station_id, bad.rule)
            for bad in bad_lines([truth.readings for truth in truths])
        ),
        "lines": [_counts(truth) for truth in truths],
        "cases": [
            (one.case, one.station_id, one.source, one.file, one.line, one.what, one.expected, one.rule)
            for station in history.stations
            for one in history.tape(station).cases
        ],
    }
    return {name: (header, rows[name]) for name, header in _HEADERS.items()}


def _days(truth: StationTruth) -> Iterable[tuple[object, ...]]:
    for rows in truth.rows.values():
        for row in rows:
            yield _day(row)


def _day(row: DayRow) -> tuple[object, ...]:
    whole, limit = row.means.whole, row.shown_limit
    return (
        row.means.station_id,
        row.means.code,
        row.means.day.isoformat(),
        _number(whole.mean),
        _number(whole.low),
        _number(whole.high),
        whole.n_valid,
        row.hours_valid,
        "" if row.hours_over is None else row.hours_over,
        _number(limit.low if limit else None),
        _number(limit.high if limit else None),
        limit.averaging if limit else "",
        _flag(row.is_sufficient),
        _flag(row.is_compliant),
        _number(row.load_kg),
        "" if row.load_hours is None else row.load_hours,
        _number(row.volume_m3),
    )


def _hours(truth: StationTruth, share: float) -> Iterable[tuple[object, ...]]:
    for rows in truth.rows.values():
        for row in rows:
            means = row.means
            good = means.good_hours(share)
            for hour, mean in means.hours.items():
                at = datetime.combine(means.day, time()) + timedelta(hours=hour)
                yield means.station_id, means.code, _time(at), _number(mean.mean), mean.n_valid, _flag(hour in good)


def _episodes(truth: StationTruth) -> Iterable[tuple[object, ...]]:
    for one in truth.episodes:
        times = _time(one.started_at), _time(one.ended_at)
        figures = f"{one.hours:g}", _number(one.peak), _number(one.ratio)
        yield one.station_id, one.code, one.averaging, *times, *figures


def _flags(truth: StationTruth) -> Iterable[tuple[object, ...]]:
    for one in truth.flags:
        yield one.station_id, one.code, one.day.isoformat(), one.flag, _time(one.started_at), _time(one.ended_at)


def _counts(truth: StationTruth) -> tuple[object, ...]:
    found = truth.readings
    refused = sum(bad.line is not None for bad in found.bad)
    counts: Sequence[int] = (found.lines, found.blank, found.read, found.repeated, found.corrected, refused)
    return found.station.station_id, *counts


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _flag(value: bool | None) -> str:
    return "" if value is None else str(int(value))


def _number(value: float | None) -> str:
    """Twelve significant digits, as in the other files of the truth."""
    return "" if value is None else f"{value:.12g}"
