"""Where the readers of monitoring put what they read: readings as plain columns of numbers, payloads, unread lines.

It must not read a payload. The surprising fact: stations and parameters are numbers here and become text once, when a
table is made, because a night holds a hundred stations and a quarter of a million readings.
"""

import traceback
from array import array
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: No time, among times in microseconds.
NO_TIME = np.iinfo(np.int64).min
#: A payload whose name does not say which station it is.
NO_STATION = ""
#: The codes of the three statuses, as they are counted in `ReadingColumns.status`.
STATUSES = ("00", "01", "02")

#: The start of an unread line that is kept.
_SHOWN = 200


class Unread(NamedTuple):
    """One line that could not be read; `line` is None where it is the payload itself, being empty for example."""

    rule: str
    text: str
    station_id: str
    source: str
    payload: str
    file: str
    line: int | None


class ReadingColumns(NamedTuple):
    """Readings column by column. Stations, parameters, sources are numbers of `Collected`, statuses of STATUSES.

    `at` is in microseconds since 1970, local; a `value` that is none is NaN; `ahead` is the time minus that of the
    payload's name in seconds, NO_TIME where the name has none; `row` and `line` lead to the payload and the line in it.
    """

    station: NDArray[Any]
    parameter: NDArray[Any]
    at: NDArray[Any]
    value: NDArray[Any]
    status: NDArray[Any]
    ahead: NDArray[Any]
    source: NDArray[Any]
    row: NDArray[Any]
    line: NDArray[Any]


_TYPES = (np.int32, np.int32, np.int64, np.float64, np.int8, np.int64, np.int32, np.int32, np.int32)
NO_READINGS = ReadingColumns(*(np.empty(0, kind) for kind in _TYPES))


class Names:
    """Texts as numbers, in the order in which they were first met."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text, a new one where it was not met before."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return number

    def ranks(self) -> NDArray[np.int32]:
        """By number: the place of the text among all in sorted order."""
        ranks = np.empty(len(self.texts), np.int32)
        ranks[sorted(range(len(self.texts)), key=self.texts.__getitem__)] = np.arange(len(self.texts), dtype=np.int32)
        return ranks


class Counts(NamedTuple):
    """How many lines a payload has, and how many of them are readings, unread or blank."""

    lines: int
    readings: int
    unread: int
    blank: int


class Payloads:
    """What each payload held, side by side; `at` is the time in its name."""

    def __init__(self) -> None:
        self.source = array("i")
        self.station = array("i")
        self.row = array("i")
        self.at = array("q")
        self.lines = array("q")
        self.readings = array("q")
        self.unread = array("q")
        self.blank = array("q")

    def __len__(self) -> int:
        return len(self.at)

    def add(self, source: int, station: int, row: int, at: int, counts: Counts) -> None:
        """Note one payload."""
        self.source.append(source)
        self.station.append(station)
        self.row.append(row)
        self.at.append(at)
        self.lines.append(counts.lines)
        self.readings.append(counts.readings)
        self.unread.append(counts.unread)
        self.blank.append(counts.blank)


class Collected:
    """Everything read in a night, by reader: what one reader notes of payloads and readings is in order of arrival."""

    def __init__(self) -> None:
        self.sources = Names()
        self.stations = Names()
        self.parameters = Names()
        self.columns: list[ReadingColumns] = []
        self.payloads: list[Payloads] = []
        self.unread: list[Unread] = []


def convert(value: NDArray[Any], factor: NDArray[Any], offset: NDArray[Any]) -> NDArray[Any]:
    """Values as written in the canonical unit, without the dust of the multiplication.

    0.57 × 100 is 56.99999999999999: what a conversion adds behind the ninth digit was not measured.
    """
    return np.where((factor == 1) & (offset == 0), value, np.round(value * factor + offset, 9))


def describe_error(error: Exception) -> str:
    """An exception of our own code, and where in it it came from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.name}, line {last.lineno})"


def show_line(line: bytes) -> str:
    """The start of a line as people can read it: what is no letter, figure or sign of print is escaped."""
    text = line[: 4 * _SHOWN].rstrip(b"\r").decode("utf-8", "backslashreplace")
    return show_text(text)


def show_text(text: str) -> str:
    """The start of a text with control characters, tabs too, and other unprintable ones escaped."""
    text = text[:_SHOWN].replace("\t", "\\t")
    if not text.isprintable():
        text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return text[:_SHOWN]
