"""Hour and day means of what counts, and the loads that follow from them.

It must not compare a mean with a limit (`judging.py`). The surprising fact: the mean of a day is that of its readings
and not of its hours, so an hour with few readings weighs little.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import fsum

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.stations.readings import Reading, Readings

#: NO counts as NO2 in NOx: the ratio of the molar masses.
_NO_AS_NO2 = 46.006 / 30.006
#: Readings of a full hour and of a full day.
HOUR, DAY = 12, 288


@dataclass(frozen=True)
class Mean:
    """The mean, least and greatest of the valid readings of an hour or day; None without any."""

    n_valid: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DayOf:
    """One station, parameter and day: its mean, and those of its hours (only hours with a reading), in shown units."""

    station_id: str
    kind: str
    code: str
    day: date
    whole: Mean
    hours: Mapping[int, Mean]

    def is_sufficient(self, share: float) -> bool:
        """Whether so large a share of the day's readings is valid."""
        return self.whole.n_valid >= share * DAY

    def good_hours(self, share: float) -> dict[int, float]:
        """The means of the hours in which so large a share of the readings is valid."""
        return {
            hour: one.mean for hour, one in self.hours.items() if one.mean is not None and one.n_valid >= share * HOUR
        }


def average_day(contracts: Contracts, found: Readings, day: date) -> dict[str, DayOf]:
    """The means of every parameter that a station sent on the day, and of NOx where it sends NO and NO2."""
    station = found.station
    readings = found.on(day)
    if "no" in readings and "no2" in readings:
        readings["nox"] = _as_nox(readings["no"], readings["no2"])
    return {
        code: _average(station.station_id, station.kind, code, day, one, shown_factor(contracts, station.kind, code))
        for code, one in readings.items()
    }


def nothing_of(station_id: str, kind: str, code: str, day: date) -> DayOf:
    """A parameter that the station should have sent and did not."""
    return DayOf(station_id, kind, code, day, _mean([]), {})


def shown_factor(contracts: Contracts, kind: str, code: str) -> float:
    """From the canonical unit to the one in which this kind of station is shown."""
    shown = contracts.monitoring.parameters[code].shown_units.get(kind)  # type: ignore[call-overload]
    return float(shown.factor) if shown else 1.0


def _as_nox(no: Mapping[datetime, Reading], no2: Mapping[datetime, Reading]) -> dict[datetime, Reading]:
    """NO × 46.006/30.006 + NO2 where both are valid, nothing where one of them is not."""
    found: dict[datetime, Reading] = dict.fromkeys([*no, *no2], (None, 2))
    for at in no.keys() & no2.keys():
        (one, status), (other, other_status) = no[at], no2[at]
        if one is not None and other is not None and status == other_status == 0:
            found[at] = one * _NO_AS_NO2 + other, 0
    return found


def _average(
    station_id: str, kind: str, code: str, day: date, readings: Mapping[datetime, Reading], factor: float
) -> DayOf:
    valid = {at: value * factor for at, (value, status) in readings.items() if status == 0 and value is not None}
    by_hour = defaultdict(list)
    for at, value in valid.items():
        by_hour[at.hour].append(value)
    hours = {at.hour: _mean([]) for at in readings} | {hour: _mean(values) for hour, values in by_hour.items()}
    return DayOf(station_id, kind, code, day, _mean(list(valid.values())), hours)


def _mean(values: Iterable[float]) -> Mean:
    known = list(values)
    if not known:
        return Mean(0, None, None, None)
    return Mean(len(known), fsum(known) / len(known), min(known), max(known))


def load_of(flow: DayOf, concentration: DayOf, share: float) -> tuple[int, float | None]:
    """Hours with sufficient flow and concentration, and the load in kg a day: 24 × their mean of C × Q / 1000.

    The load is None when the hours are fewer than so large a share of the day.
    """
    flows, concentrations = flow.good_hours(share), concentration.good_hours(share)
    both = sorted(flows.keys() & concentrations.keys())
    if len(both) < share * 24:
        return len(both), None
    return len(both), 24 * fsum(flows[hour] * concentrations[hour] / 1000 for hour in both) / len(both)


def volume_of(flow: DayOf, share: float) -> float | None:
    """The volume in m3 of the hours with sufficient flow; None without any."""
    flows = flow.good_hours(share)
    return fsum(flows.values()) if flows else None
