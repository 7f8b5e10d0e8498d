"""What a station may emit on a day, when it emitted more, and for how long.

It must not average. The surprising fact: an hour or day without enough readings is judged by nobody, so it ends an
episode just as a good one does.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import prod

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.stations.fleet import Station
from kcn_pipeline_tests.simulate.stations.means import DayOf

_STEPS = {"1h": timedelta(hours=1), "day": timedelta(days=1), "24h": timedelta(days=1)}


@dataclass(frozen=True)
class Limit:
    """What a mean over a time must not pass, in the shown unit; `is_permit` says whether the permit states it."""

    code: str
    averaging: str
    low: float | None
    high: float | None
    is_permit: bool

    def is_passed(self, mean: float, decimals: int) -> bool:
        """Whether a mean lies outside, both rounded to so many decimals."""
        rounded = round(mean, decimals)
        return (self.high is not None and rounded > round(self.high, decimals)) or (
            self.low is not None and rounded < round(self.low, decimals)
        )


@dataclass(frozen=True)
class Judged:
    """One judged hour or day: when it begins, its mean (None when it is insufficient) and the limit."""

    begins: datetime
    mean: float | None
    limit: Limit


@dataclass(frozen=True)
class Episode:
    """A run of hours or days outside the limit; `peak` is the mean furthest from it, `ratio` their quotient."""

    station_id: str
    code: str
    averaging: str
    started_at: datetime
    ended_at: datetime
    hours: float
    peak: float
    ratio: float


def limits_on(contracts: Contracts, station: Station, day: date) -> list[Limit]:
    """The limits of a day: those of the permit, and of the regulation where the permit says nothing."""
    averaging = contracts.monitoring.settings.judged_averaging
    found = [
        Limit(one.code, str(averaging.get(station.kind)), one.low, one.high, True)  # type: ignore[call-overload]
        for one in station.limits
    ]
    permitted = {one.code for one in found}
    return found + [one for one in _regulated(contracts, station, day) if one.code not in permitted]


def _regulated(contracts: Contracts, station: Station, day: date) -> Iterator[Limit]:
    known = contracts.monitoring
    points = [point for point in known.discharge_points if point.kind == station.kind and _holds(point, day)]
    own = [point for point in points if point.station == station.station_id] or points
    for point in own[:1]:
        for row in known.limits:
            same = (row.regulation, row.kind, row.column) == (point.regulation, point.kind, point.column)
            if same and _holds(row, day):
                factor = prod(point.coefficients[name] for name in row.coefficients)
                low, high = (None if side is None else side * factor for side in (row.limit_min, row.limit_max))
                yield Limit(row.parameter, str(row.averaging), low, high, False)


def _holds(row: object, day: date) -> bool:
    first, last = getattr(row, "valid_from", None), getattr(row, "valid_to", None)
    return (first is None or first <= day) and (last is None or day <= last)


def judges_hours(station: Station, limit: Limit) -> bool:
    """Whether hours are held against it; of wastewater they judge nothing, but tell how long it was passed."""
    return limit.averaging == "1h" or (station.kind == "wastewater" and limit.averaging in ("day", "24h"))


def hours_over(day: DayOf, limit: Limit, share: float, decimals: int) -> int:
    """How many of the day's sufficient hours lie outside a limit, whatever time it is meant for."""
    return sum(limit.is_passed(mean, decimals) for mean in day.good_hours(share).values())


def units_of(day: DayOf, limit: Limit, share: float) -> Iterator[Judged]:
    """The hours or the day that a limit judges; nothing for other averaging times."""
    midnight = datetime.combine(day.day, time())
    if limit.averaging == "1h":
        good = day.good_hours(share)
        for hour in range(24):
            yield Judged(midnight + timedelta(hours=hour), good.get(hour), limit)
    elif limit.averaging in ("day", "24h"):
        yield Judged(midnight, day.whole.mean if day.is_sufficient(share) else None, limit)


def find_episodes(station_id: str, units: Iterable[Judged], decimals: int) -> Iterator[Episode]:
    """The runs outside the limit among the judged hours or days of one parameter, in their order."""
    run: list[Judged] = []
    for unit in units:
        step = _STEPS[unit.limit.averaging]
        if run and unit.begins != run[-1].begins + step:
            yield _episode(station_id, run)
            run = []
        if unit.mean is not None and unit.limit.is_passed(unit.mean, decimals):
            run.append(unit)
        elif run:
            yield _episode(station_id, run)
            run = []
    if run:
        yield _episode(station_id, run)


def _episode(station_id: str, run: Sequence[Judged]) -> Episode:
    limit = run[0].limit
    step = _STEPS[limit.averaging]
    peak, ratio = max((_distance(unit) for unit in run), key=lambda one: one[1])
    hours = len(run) * step / timedelta(hours=1)
    return Episode(station_id, limit.code, limit.averaging, run[0].begins, run[-1].begins + step, hours, peak, ratio)


def _distance(unit: Judged) -> tuple[float, float]:
    """The mean and its quotient with the side of the limit it passes."""
    mean, limit = unit.mean, unit.limit
    assert mean is not None
    if limit.high is not None and mean > limit.high:
        return mean, mean / limit.high
    assert limit.low is not None
    return mean, limit.low / mean
