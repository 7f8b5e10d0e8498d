"""Dates with a time of day as survey tools, people and spreadsheets write them → local time without zone.

It must not know a column. The surprising fact: `04/05/2026 09:40` has two meanings and a file may prove either, so the
order of day and month is decided for a whole column; in a column that proves both only such dates are lost.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Literal

from kcn_pipeline.settings import VIETNAM
from kcn_pipeline.staging.vietnamese import clean, read_excel_date
from kcn_pipeline.staging.workbooks import Cell

#: Day first or month first.
Order = Literal["day", "month"]

_CLOCK = (
    r"(?:[ T,]+(?P<hour>[0-9]{1,2})[:hg](?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r"(?: ?(?P<half>SA|CH|AM|PM))?(?: ?(?P<zone>Z|(?:GMT|UTC)?[+-][0-9]{1,2}(?::?[0-9]{2})?|GMT|UTC))?)?"
)
_YEAR, _FIRST, _LAST = r"(?P<year>[0-9]{4})", r"(?P<first>[0-9]{1,2})", r"(?P<last>[0-9]{1,2})"
_YEAR_FIRST = re.compile(rf"{_YEAR}[-/.]{_FIRST}[-/.]{_LAST}{_CLOCK}", re.IGNORECASE)
_YEAR_LAST = re.compile(rf"{_FIRST}[-/.]{_LAST}[-/.]{_YEAR}{_CLOCK}", re.IGNORECASE)
_ZONE = re.compile(r"(?:GMT|UTC)?(?P<sign>[+-])(?P<hours>[0-9]{1,2}):?(?P<minutes>[0-9]{2})?", re.IGNORECASE)


def read_moment(cell: Cell, order: Order | None = "day", is_utc: bool = False) -> datetime | None:
    """The local time (UTC+7) that a cell says; None when it says none that can be read for certain.

    `order` is that of `04/05/2026` (None: not decided, and `29/05/2026` has one all the same); `is_utc` holds for what
    names no zone of its own.
    """
    stated = _read_typed(cell)
    if stated is None and isinstance(cell, str):
        stated = _read_text(clean(cell), order)
    if stated is None:
        return None
    if stated.tzinfo is None and is_utc:
        stated = stated.replace(tzinfo=UTC)
    return stated if stated.tzinfo is None else _to_local(stated)


def _to_local(moment: datetime) -> datetime | None:
    try:
        return moment.astimezone(VIETNAM).replace(tzinfo=None)
    except OverflowError:  # the first and the last day of the calendar
        return None


def decide_order(cells: Iterable[Cell], usual: Order | None) -> Order | None:
    """The order of day and month that a column proves, `usual` where it proves none, None where it proves both."""
    proven = {found for cell in cells if (found := prove_order(cell)) in ("day", "month")}
    return usual if not proven else proven.pop() if len(proven) == 1 else None


def prove_order(cell: Cell) -> Order | Literal["either"] | None:
    """The order in which a cell writes day and month; `either` for one with two meanings, None for one that is clear
    otherwise or no date at all."""
    match = _YEAR_LAST.fullmatch(clean(cell)) if isinstance(cell, str) else None
    if match is None or int(match["first"]) == int(match["last"]):
        return None
    return _only_order(match) or "either"


def _only_order(match: re.Match[str]) -> Order | None:
    """The order of a date that has one meaning only."""
    first, last = int(match["first"]), int(match["last"])
    return "day" if first > 12 or first == last else "month" if last > 12 else None


def _read_typed(cell: Cell) -> datetime | None:
    """A date cell or the serial number of one."""
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return None
    day = read_excel_date(cell).value
    if day is None:
        return None
    # A serial number holds a time of day to a few hundredths of a second.
    return datetime(day.year, day.month, day.day) + timedelta(seconds=round(cell % 1 * 86_400))


def _read_text(text: str, order: Order | None) -> datetime | None:
    match = _YEAR_FIRST.fullmatch(text)
    if match:
        month, day = match["first"], match["last"]
    else:
        match = _YEAR_LAST.fullmatch(text)
        if match is None or (order := order or _only_order(match)) is None:
            return None
        day, month = (match["last"], match["first"]) if order == "month" else (match["first"], match["last"])
    try:
        hour = _hour_of(int(match["hour"] or 0), (match["half"] or "").upper())
        clock = hour, int(match["minute"] or 0), int(match["second"] or 0)
        return datetime(int(match["year"]), int(month), int(day), *clock, tzinfo=_zone_of(match["zone"]))
    except ValueError:
        return None


def _hour_of(hour: int, half: str) -> int:
    """The hour of a day; after noon is PM or CH (chiều), before it AM or SA (sáng). Raises ValueError."""
    if not half:
        return hour
    if not 0 < hour <= 12:
        raise ValueError(f"{hour} {half} is no hour of a half day")
    return hour % 12 + (12 if half in ("PM", "CH") else 0)


def _zone_of(text: str | None) -> timezone | None:
    """The zone that a time names; raises ValueError when there is none like it."""
    if not text:
        return None
    match = _ZONE.fullmatch(text)
    if match is None:
        return UTC
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    return timezone(-offset if match["sign"] == "-" else offset)
