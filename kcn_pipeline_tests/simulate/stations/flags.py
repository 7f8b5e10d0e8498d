"""What is suspicious in the readings of a day: flat lines, spikes, gaps, long calibrations, too few valid ones.

It must not take a reading away. The surprising fact: a flag says nothing about truth; the frozen and the leaping
sensor's figures are in the means all the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from statistics import median

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.stations.means import DAY
from kcn_pipeline_tests.simulate.stations.readings import Reading, Readings

#: Time, value, status.
_Row = tuple[datetime, float | None, int]


@dataclass(frozen=True)
class Flag:
    """One suspicious stretch of a station's parameter within a day."""

    station_id: str
    code: str
    day: date
    flag: str
    started_at: datetime
    ended_at: datetime


def find_flags(contracts: Contracts, found: Readings, day: date) -> Iterator[Flag]:
    """Every flag of a station's day."""
    station_id = found.station.station_id
    for code, readings in sorted(found.on(day).items()):
        for flag, started_at, ended_at in _flags(contracts, code, readings):
            yield Flag(station_id, code, day, flag, started_at, ended_at)


def _flags(
    contracts: Contracts, code: str, readings: Mapping[datetime, Reading]
) -> Iterator[tuple[str, datetime, datetime]]:
    settings, parameter = contracts.monitoring.settings, contracts.monitoring.parameters[code]
    rows: list[_Row] = [(at, *readings[at]) for at in sorted(readings)]
    measured = [row for row in rows if row[2] == 0]
    if parameter.flat_hours is not None:
        yield from _flat_lines(measured, parameter.flat_hours)
    if parameter.spike_ratio is not None:
        around = settings.spike_neighbours, settings.spike_min_neighbours
        yield from _spikes(measured, parameter.spike_ratio, *around)
    for (one, _, _), (other, _, _) in pairwise(rows):
        if other - one > timedelta(minutes=settings.gap_minutes):
            yield "gap", one, other
    for status, run in groupby(rows, key=lambda row: row[2]):
        times = [row[0] for row in run]
        if status == 1 and _lasted(times) > timedelta(hours=settings.calibration_max_hours):
            yield "long_calibration", times[0], times[-1]
    if len(measured) < settings.required_share_valid * DAY:
        yield "low_share", rows[0][0], rows[-1][0]


def _lasted(times: Sequence[datetime]) -> timedelta:
    """How long a run of readings lasts, the five minutes of its last one included."""
    return times[-1] - times[0] + timedelta(minutes=5)


def _flat_lines(measured: Sequence[_Row], hours: float) -> Iterator[tuple[str, datetime, datetime]]:
    for _, run in groupby(measured, key=lambda row: row[1]):
        times = [row[0] for row in run]
        if len(times) > 1 and _lasted(times) >= timedelta(hours=hours):
            yield "flat_line", times[0], times[-1]


def _spikes(
    measured: Sequence[_Row], ratio: float, neighbours: int, least: int
) -> Iterator[tuple[str, datetime, datetime]]:
    values = [value for _, value, _ in measured if value is not None]
    for place, (at, value, _) in enumerate(measured):
        around = values[max(0, place - neighbours) : place + neighbours + 1]
        usual = median(around)
        if value is not None and len(around) > least and usual > 0 and value > ratio * usual:
            yield "spike", at, at
