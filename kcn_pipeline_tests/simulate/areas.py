"""The rows of one area in one period, and the ways an indicator adds them up.

It must not know an indicator. The surprising fact: an answer carries the rows that took part, because who reported
matters as much as the figure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kcn_pipeline_tests.simulate.periods import Period
from kcn_pipeline_tests.simulate.world import World

Row = dict[str, Any]
#: The contributor of what stations tell: a day, of which a period has as many as it has.
DAY = "day"
_KEYS = {"province": "province_code", "park": "park_code", "enterprise": "enterprise_id", "station": "station_id"}


@dataclass(frozen=True)
class Answer:
    """An indicator's operands before scaling, and the rows of the numerator that took part.

    `bottom` is None when the indicator has no denominator, and holds None when the denominator is unknown.
    `contributor` names the column that tells contributors apart; `measures` are the measures of reports it is made of;
    `is_estimated` says that a report's measure in the denominator was added up.
    """

    top: float | None
    bottom: tuple[float | None] | None
    rows: Sequence[Row]
    contributor: str
    measures: frozenset[str] | None = None
    is_estimated: bool = False


class Area:
    """One area in one period: the rows of each table that belong to it."""

    def __init__(self, world: World, level: str, code: str, period: Period) -> None:
        self.world, self.level, self.code, self.period = world, level, code, period

    def _mine(self, rows: Iterable[Row], key: str | None = None) -> list[Row]:
        column = key or _KEYS[self.level]
        return [row for row in rows if row.get(column) == self.code]

    @cached_property
    def reports(self) -> list[Row]:
        """Measures of the area's enterprises."""
        return self._mine(self.world.enterprise_rows(self.period))

    @cached_property
    def submissions(self) -> list[Row]:
        """Reports and duties of the area's enterprises."""
        return self._mine(row for row in self.world.submissions if row["period"] == self.period)

    @property
    def received(self) -> list[Row]:
        """The current accepted reports."""
        return [row for row in self.submissions if row["is_current"] and row["status"] in ("on_time", "late")]

    def stock(self, table: str) -> list[Row]:
        """The versions of a register table on the period's last day."""
        return self._mine(self.world.stock(table, self.period.end))

    @property
    def operating(self) -> list[Row]:
        """The enterprises in operation on the period's last day."""
        return self._mine(self.world.operating(self.period.end))

    @property
    def projects(self) -> list[Row]:
        """The projects in force on the period's last day."""
        day = self.period.end
        rows = self.stock("register_projects")
        return [r for r in rows if r["licensed_on"] <= day and (r["ended_on"] is None or r["ended_on"] > day)]

    def events(self, table: str, column: str) -> list[Row]:
        """The events of the period."""
        return self._mine(self.world.events(table, column, self.period))

    @cached_property
    def station_days(self) -> list[Row]:
        """The days of the area's stations in the period."""
        return self._mine(self.world.in_period(self.world.station_days, self.period))

    @property
    def effluent_days(self) -> list[Row]:
        """The days of its wastewater stations."""
        return [row for row in self.station_days if row["kind"] == "wastewater"]

    @cached_property
    def park_days(self) -> list[Row]:
        """The days of the area's parks in the period, as their stations tell."""
        return self._mine(self.world.in_period(self.world.park_days, self.period))

    def answers(self, measure: str) -> list[Row]:
        """Who scored a measure of a survey for the period."""
        return self._mine(self.world.answers(measure, self.period))

    @property
    def is_complete(self) -> bool:
        """Whether the register has been brought up to date past the period's end, so that nothing means zero."""
        return self.world.known_on is not None and self.world.known_on >= self.period.end

    @property
    def province_code(self) -> str | None:
        """The province that holds the area on the period's last day."""
        if self.level == "province":
            return self.code
        return self.world.province.park(self.code).province_on(self.period.end)


# ---- ways to add up --------------------------------------------------------------------------------------------------


def complete(rows: Iterable[Row], *columns: str) -> list[Row]:
    """The rows in which every one of the columns is known."""
    return [row for row in rows if all(row[column] is not None for column in columns)]


def add(rows: Sequence[Row], *columns: str) -> float | None:
    """The sum of the columns over the rows; None when there is no row."""
    return float(sum(row[column] for row in rows for column in columns)) if rows else None


def count(rows: Sequence[Row], condition: Callable[[Row], object]) -> float | None:
    """How many rows meet a condition; None when there is no row."""
    return float(sum(bool(condition(row)) for row in rows)) if rows else None


def reported(area: Area, *columns: str) -> Answer:
    """Sum over the enterprises that reported the columns."""
    rows = complete(area.reports, *columns)
    return Answer(add(rows, *columns), None, rows, "enterprise_id", frozenset(columns))


def share_reported(area: Area, top: str | tuple[str, ...], bottom: str) -> Answer:
    """Sum over sum, over the enterprises that reported both."""
    tops = (top,) if isinstance(top, str) else top
    rows = complete(area.reports, *tops, bottom)
    return Answer(add(rows, *tops), (add(rows, bottom),), rows, "enterprise_id", frozenset({*tops, bottom}))


def count_reported(area: Area, columns: tuple[str, ...], top: Callable[[Row], object], bottom: Any) -> Answer:
    """Count over count, over the enterprises that reported all the columns."""
    rows = complete(area.reports, *columns)
    return Answer(count(rows, top), (count(rows, bottom),), rows, "enterprise_id", frozenset(columns))


def share(rows: Sequence[Row], top: str, bottom: str, contributor: str) -> Answer:
    """Sum over sum, over the rows that know both."""
    rows = complete(rows, top, bottom)
    return Answer(add(rows, top), (add(rows, bottom),), rows, contributor)


def share_of_rows(rows: Sequence[Row], top: Callable[[Row], object], contributor: str, *columns: str) -> Answer:
    """How many of the rows that say it meet a condition."""
    rows = complete(rows, *columns)
    return Answer(count(rows, top), (count(rows, lambda row: True),), rows, contributor)


def land(area: Area, top: str, bottom: str) -> Answer:
    """Sum over sum of the land register."""
    return share(area.stock("register_land"), top, bottom, "park_code")


def listed(area: Area, rows: Sequence[Row], value: float | None, contributor: str) -> Answer:
    """A count or sum over a register that lists everything: nothing listed is zero once it is up to date."""
    if not rows:
        value = 0.0 if area.is_complete else None
    return Answer(value, None, rows, contributor)
