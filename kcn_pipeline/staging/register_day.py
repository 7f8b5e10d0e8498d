"""Of which day a register workbook speaks: the date after `tính đến ngày` in its titles.

It must not read the sheets' rows. The surprising fact: a day that is stated but cannot be read refuses the workbook,
because the file's own day would make an old register the newest.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from kcn_pipeline.findings import Finding, Place
from kcn_pipeline.staging.vietnamese import ReadDate, clean, read_date, read_excel_date
from kcn_pipeline.staging.workbooks import Cell, Sheet, cell_address

#: Titles stand in the first rows of a sheet.
TITLE_ROWS = 20
#: After `tính đến ngày` a full date must stand; `từ ngày … đến ngày 30/06/2026` counts only with a date.
_AS_OF = re.compile(r"\b(?:t[íi]nh [đd][ếe]n|as (?:of|at))\b(?: h[ếe]t)?(?: ng[àa]y)?[\s:]*", re.IGNORECASE)
_DIGITS = r"([0-9]+ ?[/.-] ?[0-9]+ ?[/.-] ?[0-9]+)"
_UNTIL = re.compile(rf"đến (?:hết )?ngày[^0-9]{{0,20}}{_DIGITS}", re.IGNORECASE)
_DAY = re.compile(rf"(?:[0-9]{{1,2}} ?(?:h|:|giờ) ?[0-9]{{0,2}}\b)?[^0-9]{{0,20}}{_DIGITS}", re.IGNORECASE)


def date_workbook(
    own: Sequence[tuple[Sheet, int]], others: Sequence[Sheet], place: Place, modified_at: str | None
) -> tuple[date | None, Finding | None]:
    """The day that a workbook speaks of, and a finding when its titles state none or one that cannot be read.

    `own` are the register's sheets with their header rows; `others`, such as a cover, are asked only when those say
    nothing.
    """
    stated = [said for sheet, head in own for said in _find_as_of(sheet, head, place)] or [
        said for sheet in others for said in _find_as_of(sheet, TITLE_ROWS, place)
    ]
    for at, text, read in stated:
        if read.value is None:
            said = {"field": "Tính đến ngày", "detail": f"[{at.sheet} {at.cell}]"}
            return None, Finding(read.problem or "unreadable_date", "payload", "register", at, "as_of", text, said)
    if stated:
        return stated[0][2].value, None
    day = date.fromisoformat(modified_at[:10]) if modified_at else None
    return day, Finding("as_of_missing", "payload", "register", place, "as_of", day.isoformat() if day else None)


def _find_as_of(sheet: Sheet, until: int, place: Place) -> Iterator[tuple[Place, str, ReadDate]]:
    """Where the titles of a sheet say of which day it speaks, with what they say."""
    for number, row in enumerate(sheet.rows[:until]):
        for at, cell in enumerate(row):
            text = clean(cell) if isinstance(cell, str) else ""
            beside = next((other for other in row[at + 1 :] if not is_blank(other)), "")
            if text and (read := _read_as_of(text, beside)):
                yield replace(place, sheet=sheet.name, cell=cell_address(number, at)), text, read


def _read_as_of(text: str, beside: Cell) -> ReadDate | None:
    """The day a title states, in its own cell or the next one; None when it is about something else."""
    match = _AS_OF.search(text)
    if match is None:
        until = _UNTIL.search(text)
        return read_date(until[1]) if until else None
    rest: Cell = text[match.end() :] or beside
    if not isinstance(rest, str):
        return ReadDate(*read_day(rest))
    day = _DAY.match(clean(rest))
    read = read_date(day[1] if day else rest)
    return read if read.value else ReadDate(None, read.problem or "unreadable_date")


def read_day(cell: Cell) -> tuple[date | None, str | None]:
    """A date cell, a serial number or a date as text; the rule it breaks otherwise."""
    if isinstance(cell, datetime):
        return cell.date(), None
    if isinstance(cell, date):
        return cell, None
    read = read_excel_date(cell) if isinstance(cell, (int, float)) else read_date(str(cell))
    return read.value, read.problem


def is_blank(cell: Cell) -> bool:
    """Whether a cell holds nothing a person would see."""
    return isinstance(cell, str) and not clean(cell)
