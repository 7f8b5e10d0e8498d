"""Years, half-years, quarters, months and days: their SDMX codes, days, names, parents and children.

It must not know what is reported when (deadlines.yaml) nor which days break a series (calendar.yaml). The surprising
fact: a half-year sorts after a quarter as text, so periods are compared by their days, never by their codes.
"""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, cast

Freq = Literal["A", "S", "Q", "M", "D"]

#: The frequencies of periods, longest first; each longer one is made of whole shorter ones.
FREQUENCIES: tuple[Freq, ...] = ("A", "S", "Q", "M", "D")
#: Those in which enterprises report; days are only measured.
REPORTED: tuple[Freq, ...] = ("A", "S", "Q", "M")
_PER_YEAR = {"A": 1, "S": 2, "Q": 4, "M": 12}
_CODE = re.compile(r"(\d{4})(?:-(?:(S)([12])|(Q)([1-4])|(0[1-9]|1[0-2])(?:-(\d\d))?))?", re.ASCII)
_DAY = timedelta(days=1)
_ROMAN = ("I", "II", "III", "IV")


@dataclass(frozen=True)
class Period:
    """One period; `number` counts the periods of its frequency in the year from 1 (of a day: the day of the year)."""

    year: int
    freq: Freq
    number: int = 1

    @property
    def code(self) -> str:
        """The SDMX code: 2026, 2026-S1, 2026-Q1, 2026-03 or 2026-03-01."""
        if self.freq == "A":
            return f"{self.year:04d}"
        if self.freq == "D":
            return self.start.isoformat()
        return f"{self.year:04d}-{self.number:02d}" if self.freq == "M" else f"{self.year:04d}-{self.freq}{self.number}"

    @property
    def start(self) -> date:
        """The first day."""
        if self.freq == "D":
            return date(self.year, 1, 1) + (self.number - 1) * _DAY
        return date(self.year, (self.number - 1) * self._months + 1, 1)

    @property
    def end(self) -> date:
        """The last day."""
        if self.freq == "D":
            return self.start
        month = self.number * self._months
        return date(self.year, month, calendar.monthrange(self.year, month)[1])

    @property
    def previous(self) -> "Period":
        """The period of the same length just before."""
        if self.freq == "D":
            return period_of("D", self.start - _DAY)
        if self.number > 1:
            return Period(self.year, self.freq, self.number - 1)
        return Period(self.year - 1, self.freq, _PER_YEAR[self.freq])

    @property
    def parent(self) -> "Period | None":
        """The next longer period around it; a year has none."""
        longer = FREQUENCIES[: FREQUENCIES.index(self.freq)]
        return period_of(longer[-1], self.start) if longer else None

    @property
    def enclosing(self) -> tuple["Period", ...]:
        """Every longer period around it, shortest first."""
        return () if self.parent is None else (self.parent, *self.parent.enclosing)

    @property
    def quarters(self) -> tuple["Period", ...]:
        """The quarters a year or half-year is made of; a quarter is its own, a month or day has none."""
        count = 0 if self.freq == "D" else self._months // 3
        return tuple(Period(self.year, "Q", (self.number - 1) * count + step + 1) for step in range(count))

    @property
    def name_vi(self) -> str:
        """As a Vietnamese report writes it."""
        return {
            "A": f"Năm {self.year}",
            "S": f"6 tháng {'đầu' if self.number == 1 else 'cuối'} năm {self.year}",
            "Q": f"Quý {_ROMAN[(self.number - 1) % 4]}/{self.year}",
            "M": f"Tháng {self.number}/{self.year}",
            "D": f"{self.start:%d/%m/%Y}",
        }[self.freq]

    @property
    def name_en(self) -> str:
        """As an English report writes it."""
        return {
            "A": f"{self.year}",
            "S": f"{'First' if self.number == 1 else 'Second'} half of {self.year}",
            "Q": f"Q{self.number} {self.year}",
            "M": f"{calendar.month_name[self.start.month]} {self.year}",
            "D": f"{self.start.day} {calendar.month_name[self.start.month]} {self.year}",
        }[self.freq]

    def spans(self, day: date) -> bool:
        """Whether something that begins on `day` divides the period, leaving days before and after."""
        return self.start < day <= self.end

    @property
    def _months(self) -> int:
        return 12 // _PER_YEAR[self.freq]


def read_period(code: str) -> Period:
    """The period of an SDMX code; raises ValueError with what was expected."""
    match = _CODE.fullmatch(code)
    if match is None or match[1] == "0000":
        raise ValueError(f"{code!r} is no period; expected such as 2026, 2026-S1, 2026-Q1, 2026-03 or 2026-03-01")
    year = int(match[1])
    if match[7]:
        return period_of("D", date(year, int(match[6]), int(match[7])))
    if match[6]:
        return Period(year, "M", int(match[6]))
    freq = match[2] or match[4] or "A"
    return Period(year, cast(Freq, freq), int(match[3] or match[5] or 1))


def period_of(freq: Freq, day: date) -> Period:
    """The period of that length that holds the day."""
    if freq == "D":
        return Period(day.year, "D", day.timetuple().tm_yday)
    months = 12 // _PER_YEAR[freq]
    return Period(day.year, freq, (day.month - 1) // months + 1)


def list_periods(first_day: date, last_day: date, freqs: Iterable[Freq] = REPORTED) -> list[Period]:
    """Every period that begins on or after `first_day` and on or before `last_day`, by frequency and time; no days."""
    found = []
    for freq in freqs:
        for year in range(first_day.year, last_day.year + 1):
            periods = (Period(year, freq, number + 1) for number in range(_PER_YEAR[freq]))
            found += [period for period in periods if first_day <= period.start <= last_day]
    return found


def order_codes(codes: Iterable[str]) -> tuple[str, ...]:
    """Period codes without repetition, in the order of their first days, longer periods first."""
    periods = {read_period(code) for code in codes}
    return tuple(p.code for p in sorted(periods, key=lambda p: (p.start, FREQUENCIES.index(p.freq))))
