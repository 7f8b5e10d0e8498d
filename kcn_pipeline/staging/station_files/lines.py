"""What one line of a station file means: where its columns stand, its time, number, symbol, unit and status.

It must not guess: a line that can mean two things, or nothing, comes back as the name of a rule. The surprising fact: a
failed sensor sends 0 like any other figure, so only the status says that it is none.
"""

import math
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from kcn_pipeline.contracts.monitoring import Monitoring


class Layout(NamedTuple):
    """Where a line has its columns, counted from 0; -1 where it has none."""

    parameter: int
    value: int
    unit: int
    time: int
    status: int


def _layouts(*orders: str) -> tuple[Layout, ...]:
    """Layouts by the first letters of their columns: Parameter, Value, Unit, Time, Status."""
    return tuple(Layout(*map(order.find, "PVUTS")) for order in orders)


#: The layouts that are read, by their number of columns; all that fit a line must agree.
_LAYOUTS = {
    5: _layouts("PVUTS", "TPVUS", "PVUST"),
    4: _layouts("PVUT", "PVTS", "PVST", "TPVU", "TPVS"),
    3: _layouts("PVT", "TPV"),
}
_EPOCH = datetime(1970, 1, 1)

#: What stands in the value column for a number; the comma is a decimal comma, there is no mark for thousands.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
#: A longer text, or a larger number, is no measurement but damage.
LONGEST_NUMBER = 20
LARGEST_NUMBER = 10.0**LONGEST_NUMBER


class Frame(NamedTuple):
    """All that a line says besides its value.

    `at` is in microseconds since 1970, local, None where the file's time holds; canonical value = value as written ×
    `factor` + `offset`; `status` is None where the line has none.
    """

    parameter_code: str
    factor: float
    offset: float
    at: int | None
    status: str | None


class ReadLine(NamedTuple):
    """A line that was read: its frame, its value as written (NaN: the line has none), and which column that is."""

    frame: Frame
    value: float
    value_at: int


class LineReader:
    """Reads lines by the board's contracts."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._resolve = lru_cache(maxsize=4096)(monitoring.resolve)
        self._status = lru_cache(maxsize=4096)(monitoring.status)

    def read(self, line: bytes, *, file_has_time: bool = True) -> ReadLine | str:
        """What a line says, or the rule by which it cannot be read.

        An empty time is the file's, where its name has one. Without a status a number is measured, and anything that
        is plainly no number (empty, `---`, `ERR`) is a device error; with status 00 it is an unreadable value.
        """
        columns = split_columns(line)
        if columns is None or len(columns) not in _LAYOUTS:
            return "unreadable_line"
        may_lack_time = file_has_time and len(columns) == 5
        fitting = [
            layout
            for layout in _LAYOUTS[len(columns)]
            if read_time(columns[layout.time]) is not None or (may_lack_time and not columns[layout.time])
        ]
        if not fitting:
            return _why_timeless(columns)
        return _agree([self._read_layout(columns, layout) for layout in fitting])

    def _read_layout(self, columns: Sequence[str], layout: Layout) -> ReadLine | str:
        """What a line says if its columns are these, or the rule by which it cannot be read."""
        written = columns[layout.status] if layout.status >= 0 else ""
        status = self._status(written)
        if status is None:
            return "unknown_status"
        resolved = self._resolve(columns[layout.parameter], columns[layout.unit] if layout.unit >= 0 else "")
        if isinstance(resolved, str):
            return resolved
        value = read_value(columns[layout.value])
        if value is None or (math.isnan(value) and written and status == "00"):
            return "unreadable_value"
        frame = Frame(*resolved, read_time(columns[layout.time]), status if written else None)
        return ReadLine(frame, value, layout.value)


def _agree(found: Sequence[ReadLine | str]) -> ReadLine | str:
    """The one thing that all readings of a line say, or the rule by which it cannot be read."""
    if len(found) == 1:
        return found[0]
    read = [one for one in found if not isinstance(one, str)]
    if not read:
        return found[0]
    is_one = all((one.frame, repr(one.value)) == (read[0].frame, repr(read[0].value)) for one in read)
    return read[0] if is_one else "unreadable_line"


def split_columns(line: bytes) -> list[str] | None:
    """The columns of a line without blanks around them; None when it is not text. Nothing but a tab parts columns."""
    try:
        text = line.rstrip(b"\r").decode().removeprefix("\ufeff").replace("\xa0", " ")
    except UnicodeDecodeError:
        return None
    if not text.replace("\t", "").isprintable():
        return None
    return [column.strip() for column in text.split("\t")]


@lru_cache(maxsize=4096)
def read_time(text: str) -> int | None:
    """A time of 12 or 14 digits in microseconds since 1970, local; None for anything else, and outside 2000 to 2099."""
    if len(text) not in (12, 14) or not (text.isascii() and text.isdigit() and text.startswith("20")):
        return None
    try:
        month, day, hour, minute, second = (int(text.ljust(14, "0")[start : start + 2]) for start in range(4, 14, 2))
        at = datetime(int(text[:4]), month, day, hour, minute, second)
    except ValueError:
        return None
    return to_microseconds(at)


def to_microseconds(at: datetime) -> int:
    """A local time in microseconds since 1970, local."""
    return (at - _EPOCH) // datetime.resolution


def read_value(text: str) -> float | None:
    """The number in a value column, NaN where it plainly holds none (empty or words), None where that is not clear.

    `41.3` and `41,3` are the same; `1.234,5`, `<0.5`, `4 1` and digits of other scripts are not clear.
    """
    if _NUMBER.fullmatch(text):
        number = float(text.replace(",", "."))
        return number if len(text) <= LONGEST_NUMBER and abs(number) < LARGEST_NUMBER else None
    return None if any(letter.isnumeric() for letter in text) else math.nan


def is_cut(lines: Sequence[bytes], end: bytes, value_at: int) -> bool:
    """Whether the last line of a file, which has no line end, lacks what all the others have: the transfer broke off.

    A line that lost its status would count as measured. Where the value is the last column nothing can be told.
    """
    last = _end_of(end)
    if lines and _end_of(lines[-1]) == last:
        return False
    others = [_end_of(line) for line in lines if line.strip()]
    if len({width for width, _ in others}) != 1:
        return False
    width = others[0][0]
    if last[0] != width or width == value_at:
        return last[0] < width
    lengths = {length for _, length in others}
    return len(lengths) == 1 and last[1] < min(lengths)


def _end_of(line: bytes) -> tuple[int, int]:
    """How many tabs a line has, and how long its last column is."""
    line = line.rstrip(b"\r")
    return line.count(b"\t"), len(line) - line.rfind(b"\t") - 1


def _why_timeless(columns: Sequence[str]) -> str:
    """The rule for a line without a time where one can stand: in a wrong place, damaged, or not there at all."""
    if any(read_time(column) is not None for column in columns):
        return "unreadable_line"
    has_some = any(sum(letter.isdigit() for letter in column) >= 8 for column in columns)
    return "unreadable_time" if has_some or len(columns) == 5 else "unreadable_line"
