"""What must come of every line of a station: the readings that count, and the lines that are refused.

It must not average. The surprising fact: of several readings of one parameter and time the one written last counts,
whether it came in the same night or a later one, so the order of arrival is all there is to know.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from kcn_pipeline_tests.simulate.stations.files import Line, StationFile
from kcn_pipeline_tests.simulate.stations.fleet import Station


@dataclass(frozen=True)
class BadLine:
    """A line that must be refused (`line` is None for a whole file), in which feed and file, and by which rule."""

    source: str
    file: str
    line: int | None
    station_id: str
    rule: str


#: Value in the canonical unit (None where there is none) and status (0 measuring, 1 calibrating, 2 failed).
Reading = tuple[float | None, int]


@dataclass
class Readings:
    """What a station's files hold: readings by parameter and time, refused lines, and how many lines there are."""

    station: Station
    by_code: dict[str, dict[datetime, Reading]] = field(default_factory=lambda: defaultdict(dict))
    bad: list[BadLine] = field(default_factory=list)
    lines: int = 0
    blank: int = 0
    read: int = 0
    repeated: int = 0
    corrected: int = 0

    def on(self, day: date) -> dict[str, dict[datetime, Reading]]:
        """The readings of a local day, by parameter."""
        return {
            code: found
            for code, readings in self.by_code.items()
            if (found := {at: reading for at, reading in readings.items() if at.date() == day})
        }


def read_files(station: Station, files: Sequence[StationFile]) -> Readings:
    """What must come of a station's files, in the order in which they were written."""
    found = Readings(station)
    for file in sorted(files, key=lambda one: (one.modified_at, one.source, one.path)):
        if file.rule:
            found.bad.append(BadLine(file.source, file.path, None, station.station_id, file.rule))
        for number, line in enumerate(file.lines, 1):
            _take(found, file, number, line)
    return found


def _take(found: Readings, file: StationFile, number: int, line: Line) -> None:
    found.lines += 1
    if line.sensor is None and not line.rule:
        found.blank += 1
        return
    rule = line.rule if line.rule in _UNREAD else _station_rule(found.station, line.at.date()) or line.rule
    if rule:
        found.bad.append(BadLine(file.source, file.path, number, found.station.station_id, rule))
        return
    assert line.sensor is not None
    readings, reading = found.by_code[line.sensor.code], (line.value, line.status)
    found.read += 1
    if line.at in readings:
        if readings[line.at] == reading:
            found.repeated += 1
        else:
            found.corrected += 1
    readings[line.at] = reading


#: Rules of lines that nobody can read, so that nobody knows whose they are.
_UNREAD = frozenset(
    {
        "unreadable_line",
        "unknown_symbol",
        "unknown_unit",
        "unknown_status",
        "unreadable_value",
        "unreadable_time",
        "unreadable_file_name",
    }
)


def _station_rule(station: Station, day: date) -> str:
    if not station.is_registered:
        return "unknown_station"
    return "" if station.is_connected and station.holds_on(day) else "inactive_station"


def bad_lines(found: Sequence[Readings]) -> Iterator[BadLine]:
    """The refused lines of all stations, by feed, file and line."""
    rows = [row for one in found for row in one.bad]
    yield from sorted(rows, key=lambda row: (row.source, row.file, row.line or 0, row.rule))
