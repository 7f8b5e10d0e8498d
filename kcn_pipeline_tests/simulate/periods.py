"""Years, half-years, quarters, months and days with their SDMX codes.

It must not know what is reported when. The surprising fact: it repeats a few lines the pipeline has too, because the
truth must not be computed with the code it judges.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

_DAY = timedelta(days=1)
_PARTS = {"A": 1, "S": 2, "Q": 4, "M": 12}


@dataclass(frozen=True, order=True)
class Period:
    """One period: `part` counts the half-years, quarters, months or days of the year from 1."""

    year: int
    part: int
    freq: str

    @classmethod
    def of(cls, code: str) -> Period:
        """The period of an SDMX code such as 2026, 2026-S1, 2026-Q1 or 2026-03."""
        if len(code) == 4:
            return cls(int(code), 1, "A")
        year, part = int(code[:4]), code[5:]
        return cls(year, int(part), "M") if part.isdigit() else cls(year, int(part[1:]), part[0])

    @classmethod
    def of_day(cls, day: date) -> Period:
        """The day as a period."""
        return cls(day.year, day.timetuple().tm_yday, "D")

    @property
    def code(self) -> str:
        """The SDMX code."""
        if self.freq == "D":
            return self.start.isoformat()
        if self.freq == "A":
            return str(self.year)
        return f"{self.year}-{self.part:02d}" if self.freq == "M" else f"{self.year}-{self.freq}{self.part}"

    @property
    def months(self) -> int:
        """How many months it has."""
        return 12 // _PARTS[self.freq]

    @property
    def start(self) -> date:
        """Its first day."""
        if self.freq == "D":
            return date(self.year, 1, 1) + (self.part - 1) * _DAY
        return date(self.year, (self.part - 1) * self.months + 1, 1)

    @property
    def end(self) -> date:
        """Its last day."""
        if self.freq == "D":
            return self.start
        month = self.part * self.months
        return date(self.year, month, calendar.monthrange(self.year, month)[1])

    @property
    def quarters(self) -> list[Period]:
        """The quarters of a year, half-year or quarter."""
        first = (self.part - 1) * self.months // 3 + 1
        return [Period(self.year, first + step, "Q") for step in range(self.months // 3)]

    def next(self) -> Period:
        """The period after it."""
        if self.part == _PARTS[self.freq]:
            return Period(self.year + 1, 1, self.freq)
        return Period(self.year, self.part + 1, self.freq)

    def previous(self) -> Period:
        """The period before it."""
        if self.freq == "D":
            return Period.of_day(self.start - _DAY)
        if self.part == 1:
            return Period(self.year - 1, _PARTS[self.freq], self.freq)
        return Period(self.year, self.part - 1, self.freq)

    def spans(self, day: date) -> bool:
        """Whether the day lies inside, so that the period has days before and after its beginning."""
        return self.start < day <= self.end


def quarters_from(first: str, count: int) -> list[Period]:
    """That many quarters from the first."""
    found = [Period.of(first)]
    while len(found) < count:
        found.append(found[-1].next())
    return found


def ended_periods(freq: str, first_day: date, night: date) -> list[Period]:
    """Every period of the frequency that began on or after `first_day` and ended before the night."""
    period = Period(first_day.year, 1, freq)
    found = []
    while period.end < night:
        if period.start >= first_day:
            found.append(period)
        period = period.next()
    return found
