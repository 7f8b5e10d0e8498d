"""Every indicator value that should exist on a night, with the status that says what it is worth.

It must not hold a formula (`indicators.py`). The surprising fact: which levels and frequencies an indicator has is read
from the catalog, because that is a choice and not something to get right.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from kcn_pipeline_tests.simulate.areas import DAY, Answer, Area
from kcn_pipeline_tests.simulate.indicators import FORMULAS, OF_EFFLUENT, OF_SURVEYS
from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.surveys import SurveyState
from kcn_pipeline_tests.simulate.surveys.ratings import hide_parks
from kcn_pipeline_tests.simulate.world import World


@dataclass(frozen=True)
class IndicatorValue:
    """One true value, as `indicator_values.csv` holds it; `value` None with the status that says why."""

    indicator_code: str
    area_code: str
    period_code: str
    value: float | None
    obs_status: str
    n_reporting: int | None
    n_expected: int | None


def list_values(world: World) -> list[IndicatorValue]:
    """Every value that should exist on the night: indicator × area × period, in the catalog's order."""
    return [*_withhold(_list_all(world), world.surveys)]


def _list_all(world: World) -> list[IndicatorValue]:
    found: list[IndicatorValue] = []
    for code, indicator in world.contracts.indicators.items():
        for freq in indicator.frequencies:
            if indicator.status == "retired":
                continue
            for period in world.periods(freq):
                for level in indicator.levels:
                    for area_code in _areas(world, level, period, code):
                        found.append(_value(world, code, Area(world, level, area_code, period)))
    return found


def _areas(world: World, level: str, period: Period, code: str) -> list[str]:
    """The areas that get a row: every park and province of the period, others that have something to say.

    Of a day also parks and provinces get one only if a station of theirs was there.
    """
    if level == "station" or period.freq == "D":
        rows = world.in_period(world.station_days, period)
        if code in OF_EFFLUENT:
            rows = [row for row in rows if row["kind"] == "wastewater"]
        return sorted({row[f"{level}_{'id' if level == 'station' else 'code'}"] for row in rows})
    if level == "province":
        areas = world.contracts.areas.values()
        return [
            a.area_code
            for a in areas
            if (a.valid_from or date.min) <= period.end and (a.valid_to or date.max) >= period.start
        ]
    if level == "park":
        return [park.code for park in world.province.parks] if world.known_on else []
    if level == "enterprise":
        rows = world.enterprise_rows(period)
        if code == "MG04":
            rows = [r for r in world.submissions if r["period"] == period and r["enterprise_id"] != "BOARD"]
        return sorted({row["enterprise_id"] for row in rows})
    return []


def _value(world: World, code: str, area: Area) -> IndicatorValue:
    """One value with its status: M or O without a value, else B, E, P or A."""
    key = code, area.code, area.period.code
    breaks = [b.day for b in world.contracts.calendar.breaks if b.level == area.level]
    if any(area.period.spans(day) for day in breaks):
        return IndicatorValue(*key, None, "M", None, None)
    scale, formula = FORMULAS[code]
    answer = formula(area)
    n_reporting = len({row[answer.contributor] for row in answer.rows})
    n_expected = len(area.operating) if answer.measures else n_reporting
    if answer.contributor == DAY:
        n_expected = (area.period.end - area.period.start).days + 1
    value, status = _divide(scale, answer)
    if value is not None:
        status = _status(area, answer, breaks, n_reporting < n_expected)
    return IndicatorValue(*key, value, status, n_reporting, n_expected)


def _withhold(values: Sequence[IndicatorValue], surveys: SurveyState) -> Iterator[IndicatorValue]:
    """The values without those of areas that too few respondents of a survey told (status Q), and without how many."""
    least, least_of_province = (surveys.thresholds[f"min_respondents{area}"] for area in ("", "_province"))
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for one in values:
        if one.indicator_code in OF_SURVEYS and one.n_reporting is not None and one.area_code not in _PROVINCES:
            counts[one.indicator_code, one.period_code][one.area_code] = one.n_reporting
    hidden: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (code, period), parks in counts.items():
        crowd, unshown = surveys.crowd(OF_SURVEYS[code], period)
        told = {park: n for park, n in parks.items() if n or park in unshown}
        hidden[code, period] |= hide_parks(told, sum(told.values()), least, crowd, unshown)
    for one in values:
        is_few = one.area_code in _PROVINCES and 0 < (one.n_reporting or 0) < least_of_province
        if is_few and one.indicator_code in OF_SURVEYS:
            hidden[one.indicator_code, one.period_code].add(one.area_code)
    for one in values:
        is_hidden = one.area_code in hidden.get((one.indicator_code, one.period_code), ())
        yield replace(one, value=None, obs_status="Q", n_reporting=None, n_expected=None) if is_hidden else one


_PROVINCES = frozenset({"BN", "BN_OLD", "BG_OLD"})


def _divide(scale: float, answer: Answer) -> tuple[float | None, str]:
    if answer.top is None or (answer.bottom and answer.bottom[0] is None):
        return None, "O"
    if answer.bottom is None:
        return scale * answer.top, "A"
    bottom = answer.bottom[0]
    return (scale * answer.top / bottom, "A") if bottom else (None, "M")


def _status(area: Area, answer: Answer, breaks: Sequence[date], is_partial: bool) -> str:
    if any(area.period.previous().start < day <= area.period.start for day in breaks):
        return "B"
    if answer.is_estimated or (answer.measures and any(row["estimated"] & answer.measures for row in answer.rows)):
        return "E"
    return "P" if is_partial else "A"
