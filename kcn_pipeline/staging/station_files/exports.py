"""What station software exports to Excel: a row per time, a column per parameter → readings.

It must not open a workbook itself. The surprising fact: an export has no status at all, so a number in it was measured
and anything that is plainly no number is a device error, as in a line without a status.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kcn_pipeline.contracts.monitoring import Monitoring, Resolved
from kcn_pipeline.staging.station_files.lines import LARGEST_NUMBER, Frame, read_value, to_microseconds
from kcn_pipeline.staging.vietnamese import fold
from kcn_pipeline.staging.workbooks import Cell, PayloadRejectedError, Sheet, cell_address, read_sheets

#: The first bytes of workbooks.
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")

_TIME_HEADINGS = {"thoi gian", "ngay gio", "ngay gio do", "thoi gian do", "time", "datetime", "date time"}
_NUMBER_HEADINGS = {"stt", "tt", "no", "#"}
#: `COD (mg/L)`, `pH`.
_HEADING = re.compile(r"(?P<symbol>[^()]+?)\s*(?:\((?P<unit>[^()]*)\))?")
_MOMENTS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
_HEADING_ROWS = 30


class _Header(NamedTuple):
    """Where the heading stands, counted from 0: its row, the column of times, the columns of parameters."""

    row: int
    time: int
    parameters: dict[int, Resolved | str]


class ReadCell(NamedTuple):
    """A cell that was read: its frame, its value as written (NaN: it has none), its row in the sheet from 1."""

    frame: Frame
    value: float
    row: int


class UnreadCell(NamedTuple):
    """A cell, or with `row` None a sheet or the whole workbook, that could not be read, and by which rule."""

    rule: str
    text: str
    row: int | None


@dataclass(frozen=True)
class Export:
    """What a workbook holds: every cell below a parameter that is not empty is in one of the two."""

    read: list[ReadCell] = field(default_factory=list)
    unread: list[UnreadCell] = field(default_factory=list)


def read_export(monitoring: Monitoring, name: str, content: bytes) -> Export:
    """The cells of a workbook; one that cannot be opened, has no cell or no heading is unread as a whole."""
    found = Export()
    try:
        sheets = [
            sheet for sheet in read_sheets(name, content) if any(cell != "" for row in sheet.rows for cell in row)
        ]
    except PayloadRejectedError as error:
        found.unread.append(UnreadCell(error.rule, error.detail, None))
        return found
    if not sheets:
        found.unread.append(UnreadCell("empty_payload", "", None))
    for sheet in sheets:
        _read_sheet(monitoring, sheet, found)
    return found


def _read_sheet(monitoring: Monitoring, sheet: Sheet, found: Export) -> None:
    header = _find_header(monitoring, sheet)
    if header is None:
        text = f"{sheet.name}: no row with the headings STT, Thời gian, name(unit)"
        found.unread.append(UnreadCell("unreadable_line", text, None))
        return
    for index in range(header.row + 1, len(sheet.rows)):
        at = _read_moment(sheet.rows[index][header.time])
        for column, resolved in header.parameters.items():
            cell = sheet.rows[index][column]
            is_error = cell == "" and cell_address(index, column) in sheet.error_cells
            if cell == "" and not is_error:
                continue
            value = math.nan if is_error else _read_cell(cell)
            if isinstance(resolved, Resolved) and at is not None and value is not None:
                found.read.append(ReadCell(Frame(*resolved, to_microseconds(at), None), value, index + 1))
            else:
                rule = (
                    resolved if isinstance(resolved, str) else "unreadable_time" if at is None else "unreadable_value"
                )
                text = f"{sheet.name}!{cell_address(index, column)}: {sheet.rows[header.row][column]} = {cell}"
                found.unread.append(UnreadCell(rule, text, index + 1))


def _find_header(monitoring: Monitoring, sheet: Sheet) -> _Header | None:
    """The heading of a sheet: the first row that names a time and at least one parameter that is known."""
    for number, row in enumerate(sheet.rows[:_HEADING_ROWS]):
        folded = [fold(str(cell)) for cell in row]
        times = [column for column, text in enumerate(folded) if text in _TIME_HEADINGS]
        if len(times) != 1:
            continue
        headings = {
            column: str(cell)
            for column, cell in enumerate(row)
            if cell != "" and column != times[0] and folded[column] not in _NUMBER_HEADINGS
        }
        parameters = {column: _resolve(monitoring, heading) for column, heading in headings.items()}
        if any(isinstance(resolved, Resolved) for resolved in parameters.values()):
            return _Header(number, times[0], parameters)
    return None


def _resolve(monitoring: Monitoring, heading: str) -> Resolved | str:
    match = _HEADING.fullmatch(heading.strip())
    return monitoring.resolve(match["symbol"], match["unit"] or "") if match else "unknown_symbol"


def _read_moment(cell: Cell) -> datetime | None:
    """The time of a row, local; None for anything but a date with a time of day, and outside 2000 to 2099."""
    moments: list[datetime] = [cell] if isinstance(cell, datetime) else list(_parse(str(cell).strip()))
    return moments[0] if moments and 2000 <= moments[0].year <= 2099 else None


def _parse(text: str) -> Iterator[datetime]:
    for form in _MOMENTS:
        try:
            yield datetime.strptime(text, form)
        except ValueError:
            continue


def _read_cell(cell: Cell) -> float | None:
    """The number in a cell, NaN where it plainly holds none, None where that is not clear."""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    if isinstance(cell, str):
        return read_value(cell.strip())
    return float(cell) if abs(cell) < LARGEST_NUMBER else None
