"""Dates and reporting periods as Vietnamese forms write them: `10/04/2026`, `ngày 10 tháng 4 năm 2026`, `Quý I/2026`.

It reads one cell or title line and must not know deadlines or which period a form should have. The surprising fact: a
day is always before the month here, so `04/13/2026` is an impossible date and never the 13th of April.
"""

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from kcn_pipeline.staging.vietnamese.numbers import is_missing
from kcn_pipeline.staging.vietnamese.text import canonical, clean

#: SDMX frequencies: year, half-year (semester), quarter, month.
Frequency = Literal["A", "S", "Q", "M"]


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A date, or None where the cell is empty (no problem) or unreadable (a problem).

    problem: two_digit_year, impossible_date, unreadable_date
    """

    value: date | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """An SDMX period (`2026-Q1`) with its frequency, or a problem and neither of them.

    problem: two_digit_year, impossible_period (quarter 5), unsupported_period (nine months, a span), several_periods,
    unreadable_period (a quarter or month without its number or year)
    """

    code: str | None
    freq: Frequency | None
    problem: str | None = None


# ---- dates ---------------------------------------------------------------------------------------------------------

#: Years outside are typing errors: no enterprise form speaks of them.
_YEARS = range(1900, 2101)
#: A number before this is a year or an amount typed into a date cell: 2026 would be 18 July 1905.
_FIRST_SERIAL_DATE = date(1950, 1, 1)
_TIME = r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
_DAY_FIRST = re.compile(rf"([0-9]{{1,2}}) ?([/.-]) ?([0-9]{{1,2}}) ?\2 ?([0-9]{{4}}|[0-9]{{2}}){_TIME}")
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([/.-])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}")
_SPELLED = re.compile(
    r"(?:ng[àa]y )?(?<![0-9])([0-9]{1,2}) th[áa]ng ([0-9]{1,2}),? n[ăa]m ([0-9]{4}|[0-9]{2})(?![0-9])", re.IGNORECASE
)


@lru_cache(maxsize=20_000)
def read_date(text: str) -> ReadDate:
    """Read `dd/mm/yyyy`, `d-m-yyyy`, `dd.mm.yyyy`, `yyyy-mm-dd` (a time of day is ignored) or a date in words.

    A date in words may stand in a longer line (`Bắc Ninh, ngày 10 tháng 4 năm 2026`), the others fill the cell.
    """
    text = clean(text, drop_soft_hyphens=True).removeprefix("'")
    if is_missing(text):
        return ReadDate(None)
    if match := _DAY_FIRST.fullmatch(text):
        return _make_date(match[4], match[3], match[1])
    if match := _YEAR_FIRST.fullmatch(text):
        return _make_date(match[1], match[3], match[4])
    spelled = {match.groups() for match in _SPELLED.finditer(text)}
    if len(spelled) == 1:
        day, month, year = spelled.pop()
        return _make_date(year, month, day)
    return ReadDate(None, "unreadable_date")


def read_excel_date(serial: float, *, epoch_1904: bool = False) -> ReadDate:
    """The date of an Excel serial number; the time of day (the fraction) is dropped.

    Serial 45000 is 15 March 2023; workbooks of old Macs count from 1904 instead of 1900. A number that is no plausible
    date, such as a year typed as a number, is an impossible_date.
    """
    if isinstance(serial, bool) or not math.isfinite(serial) or not 0 < serial < 100_000:
        return ReadDate(None, "impossible_date")
    start = date(1904, 1, 1) if epoch_1904 else date(1899, 12, 30)
    value = start + timedelta(days=int(serial))
    if value < _FIRST_SERIAL_DATE or value.year not in _YEARS:
        return ReadDate(None, "impossible_date")
    return ReadDate(value)


def _make_date(year: str, month: str, day: str) -> ReadDate:
    if len(year) == 2:
        return ReadDate(None, "two_digit_year")
    try:
        value = date(int(year), int(month), int(day))
    except ValueError:
        return ReadDate(None, "impossible_date")
    return ReadDate(value) if value.year in _YEARS else ReadDate(None, "impossible_date")


# ---- periods -------------------------------------------------------------------------------------------------------

_LINK = r"[\s:,./-]+(?:(?:c[ủu]a\s+)?n[ăa]m[\s:./-]*)?"
_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})(?![0-9])(?!\s*[-/]\s*[0-9]{4})"
_QUARTER_WORD = r"\b(?:qu[ýy]|q[úu]y)\b"
_QUARTER = re.compile(rf"(?:{_QUARTER_WORD}[\s:]*|\bq)(?P<part>0?[0-9]|i{{1,3}}|iv|v){_LINK}{_YEAR}")
_HALF = re.compile(
    r"(?:\b(?:0?6|s[áa]u) th[áa]ng |\bnửa (?:năm )?)(?P<part>đầu|dau|cuối|cuoi)(?:(?: c[ủu]a)? n[ăa]m[\s:]*|[\s/]+)"
    + _YEAR
)
_HALF_CODE = re.compile(rf"\b[hs](?P<part>[12])[\s/-]+{_YEAR}")
_MONTH = re.compile(rf"(?<![0-9] )\bth[áa]ng[\s:]*(?P<part>[0-9]{{1,2}}){_LINK}{_YEAR}")
_ANNUAL = re.compile(rf"\bnăm(?: báo cáo| tài chính)?[\s:]*{_YEAR}")
_ANNUAL_ASCII = re.compile(rf"(?<!viet )\bnam(?: bao cao| tai chinh)?[\s:]*{_YEAR}")
_CODE = re.compile(r"(?P<year>[0-9]{4})(?:-(?:Q(?P<Q>[1-4])|S(?P<S>[12])|(?P<M>0[1-9]|1[0-2])))?")
_MONTH_AND_YEAR = re.compile(r"(?P<part>[0-9]{1,2})[/-](?P<year>[0-9]{4})")
_PARTS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "đầu": 1, "dau": 1, "cuối": 2, "cuoi": 2}
_PARTS_OF_YEAR: dict[re.Pattern[str], Frequency] = {_HALF: "S", _HALF_CODE: "S", _QUARTER: "Q", _MONTH: "M"}
_LAST_PART: dict[Frequency, int] = {"A": 1, "S": 2, "Q": 4, "M": 12}
#: The date line above a signature, also with dots instead of numbers: no period.
_DATE_LINE = re.compile(
    r"ng[àa]y[\s.…]*[0-9]{0,2}[\s.…]*th[áa]ng[\s.…]*[0-9]{0,2}[\s.,…]*(?:n[ăa]m[\s.…]*[0-9]{0,4})?"
    r"|\b[0-9]{1,2} th[áa]ng [0-9]{1,2},? n[ăa]m [0-9]{2,4}|\b[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}"
)
#: `Quý I, II`, `tháng 1 đến tháng 3`, `2021-2025`, `9 tháng`, `6 tháng năm 2026`: a span has no SDMX code.
_SPAN = re.compile(
    rf"(?:{_QUARTER_WORD} ?(?:[1-4]|i+|iv)|th[áa]ng ?[0-9]{{1,2}}) ?(?:[-,+&]|đến|tới|và|den|toi|va) ?"
    rf"(?:{_QUARTER_WORD} ?|th[áa]ng ?)?(?:1[0-2]|[1-9]|i+|iv)\b"
)
_SOME_MONTHS = re.compile(r"\b(?:[0-9]{1,2}|ba|s[áa]u|chín) th[áa]ng\b")
_YEAR_SPAN = re.compile(r"\b[0-9]{4}\s*[-/]\s*[0-9]{4}\b")
_ANY_YEAR = re.compile(r"\b(?:19|20)[0-9]{2}\b")
_NUMBERED = re.compile(rf"{_QUARTER_WORD} ?(?:[0-9]|i{{1,3}}\b|iv\b)|th[áa]ng ?[0-9]")
#: `Quý công ty` is a courtesy, not a quarter.
_COURTESY = re.compile(r"\bquý (?:công ty|doanh nghiệp|cơ quan|đơn vị|nhà|vị|khách|ông|bà|ban|sở|cục)\b")
_PART_OF_YEAR = re.compile(r"\b(?:quý|qúy|tháng|nửa)\b")


#: What a period has at the least; most cells of a title block have none of it and are spared a dozen patterns.
#: A year is no part of a longer number, and a `q` that of a quarter (`quý`, `qúy`, `q1`, `qiv`) and not of `Quế Võ`.
_PERHAPS = re.compile(
    r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])|[0-9]\s*[/–—-]\s*[0-9]{4}|q(?:[uú]\u0301?[yý]|[0-9iv])|th[áa]ng|n[ăa]m|nửa|\b[hs][12]"
)


@lru_cache(maxsize=20_000)
def read_period(text: str) -> Period | None:
    """The one reporting period that a cell or title line names, or None when it names none.

    Reads `Quý I/2026`, `Quý 1 năm 2026`, `Q1/2026`, `6 tháng đầu năm 2026`, `Tháng 3/2026`, `03/2026`, `Năm 2025`
    and the codes themselves. A year counts only where no part of a year is named: a half-read quarter is never annual.
    """
    text = clean(text, drop_soft_hyphens=True)
    if match := _CODE.fullmatch(text):
        return _read_code(match)
    if not _PERHAPS.search(text.lower()):
        return None
    text = canonical(text).lower().replace("–", "-").replace("—", "-")
    if match := _MONTH_AND_YEAR.fullmatch(text):
        return _make_period("M", match)
    text = _COURTESY.sub(" ", _DATE_LINE.sub(" ", text))
    found, rest = _find_parts_of_year(text)
    if (_SPAN.search(text) or _SOME_MONTHS.search(rest)) and _ANY_YEAR.search(text):
        return Period(None, None, "unsupported_period")
    if _NUMBERED.search(rest):
        return Period(None, None, "several_periods" if found else "unreadable_period")
    return _choose(found) if found else _read_year(text)


def _find_parts_of_year(text: str) -> tuple[set[Period], str]:
    """The quarters, halves and months named with their year, and the text without them."""
    found: set[Period] = set()
    for pattern, freq in _PARTS_OF_YEAR.items():
        found |= {_make_period(freq, match) for match in pattern.finditer(text)}
        text = pattern.sub(" ", text)
    return found, text


def _read_year(text: str) -> Period | None:
    if _PART_OF_YEAR.search(text):
        return Period(None, None, "unreadable_period") if _ANY_YEAR.search(text) else None
    if _YEAR_SPAN.search(text):
        return Period(None, None, "unsupported_period")
    pattern = _ANNUAL_ASCII if text.isascii() else _ANNUAL
    # Two digits are a year only at the end: `trong năm 20 triệu USD` speaks of money.
    years = [match for match in pattern.finditer(text) if len(match["year"]) == 4 or match.end() == len(text)]
    return _choose({_make_period("A", match) for match in years}) if years else None


def _choose(found: set[Period]) -> Period:
    return found.pop() if len(found) == 1 else Period(None, None, "several_periods")


def _read_code(match: re.Match[str]) -> Period:
    freq: Frequency = "Q" if match["Q"] else "S" if match["S"] else "M" if match["M"] else "A"
    return Period(match[0], freq) if int(match["year"]) in _YEARS else Period(None, None, "impossible_period")


def _make_period(freq: Frequency, match: re.Match[str]) -> Period:
    year = match["year"]
    if len(year) == 2:
        return Period(None, None, "two_digit_year")
    part = 1 if freq == "A" else _PARTS.get(match["part"]) or int(match["part"])
    if not 1 <= part <= _LAST_PART[freq] or int(year) not in _YEARS:
        return Period(None, None, "impossible_period")
    suffix = {"A": "", "M": f"-{part:02d}"}.get(freq, f"-{freq}{part}")
    return Period(f"{year}{suffix}", freq)
