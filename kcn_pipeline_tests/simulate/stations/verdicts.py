"""A station's day judged: limits, hours over, compliance, loads and volume of every parameter it sent or should have.

It must not look at a reading. The surprising fact: a mean outside the limit is a verdict even on a day with too few
readings when hours are what is judged, but too few readings never make a day compliant.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.stations.fleet import Station
from kcn_pipeline_tests.simulate.stations.judging import Limit, hours_over, judges_hours, limits_on
from kcn_pipeline_tests.simulate.stations.means import DayOf, load_of, nothing_of, volume_of

_NOX_PARTS = ("no", "no2")


@dataclass(frozen=True)
class DayRow:
    """One station × parameter × day. `is_compliant` is None where nobody can say, `load_kg` is in kg of the day."""

    means: DayOf
    limits: Sequence[Limit]
    shown_limit: Limit | None
    is_sufficient: bool
    is_compliant: bool | None
    hours_valid: int
    hours_over: int | None
    load_hours: int | None
    load_kg: float | None
    volume_m3: float | None


def judge_day(contracts: Contracts, station: Station, sent: Mapping[str, DayOf], day: date) -> list[DayRow]:
    """A row of every parameter that the station sent, and of every one that its permit names, by parameter."""
    expected = {limit.code for limit in station.limits} if station.is_connected else set()
    if "nox" in expected:
        expected |= set(_NOX_PARTS)
    missing = {code: nothing_of(station.station_id, station.kind, code, day) for code in expected - {*sent}}
    days, limits = {**sent, **missing}, limits_on(contracts, station, day)
    return [
        _judge(contracts, station, days, code, [one for one in limits if one.code == code]) for code in sorted(days)
    ]


def _judge(
    contracts: Contracts, station: Station, days: Mapping[str, DayOf], code: str, limits: Sequence[Limit]
) -> DayRow:
    settings = contracts.monitoring.settings
    share, decimals = settings.sufficient_share, settings.compare_decimals
    means = days[code]
    of_hours = [limit for limit in limits if judges_hours(station, limit)]
    load: tuple[int, float | None] | None = None
    if station.kind == "wastewater" and code in settings.load_parameters and "flow" in days:
        load = load_of(days["flow"], means, share)
    metered = code == "flow" and station.kind in ("wastewater", "water_supply")
    return DayRow(
        means=means,
        limits=limits,
        shown_limit=_shown(limits),
        is_sufficient=means.is_sufficient(share),
        is_compliant=_is_compliant(means, limits, share, decimals),
        hours_valid=len(means.good_hours(share)),
        hours_over=hours_over(means, of_hours[0], share, decimals) if of_hours else None,
        load_hours=load[0] if load and load[0] else None,
        load_kg=load[1] if load else None,
        volume_m3=volume_of(means, share) if metered else None,
    )


def _shown(limits: Sequence[Limit]) -> Limit | None:
    """The limit that stands beside a day's mean: that of the day before those of shorter times."""
    order = ("day", "24h", "1h", "8h")
    known = sorted((limit for limit in limits if limit.averaging in order), key=lambda one: order.index(one.averaging))
    return known[0] if known else None


def _is_compliant(means: DayOf, limits: Sequence[Limit], share: float, decimals: int) -> bool | None:
    judging = [limit for limit in limits if limit.averaging != "year"]
    if not judging:
        return None
    is_sufficient = means.is_sufficient(share)
    of_hours = [limit for limit in judging if limit.averaging == "1h"]
    if any(hours_over(means, limit, share, decimals) for limit in of_hours):
        return False
    if any(over for limit in judging for over in _overs(means, limit, is_sufficient, share, decimals)):
        return False
    if not is_sufficient or (of_hours and len(means.good_hours(share)) < share * 24):
        return None
    return True


def _overs(means: DayOf, limit: Limit, is_sufficient: bool, share: float, decimals: int) -> Iterator[bool]:
    """Whether the day or one of its spans of eight hours lies outside a limit of that time."""
    if limit.averaging in ("day", "24h") and is_sufficient and means.whole.mean is not None:
        yield limit.is_passed(means.whole.mean, decimals)
    elif limit.averaging == "8h":
        good = means.good_hours(share)
        for end in good:
            span = [good[hour] for hour in range(end - 7, end + 1) if hour in good]
            if len(span) >= share * 8:
                yield limit.is_passed(sum(span) / len(span), decimals)
