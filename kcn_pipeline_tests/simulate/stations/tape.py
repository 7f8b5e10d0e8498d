"""The workbench of one station: its files in order, and the cases that happen to them.

It must not decide what happens (`events.py`, `plans.py`). The surprising fact: what an event spoils is taken out of the
meaning of the lines right here, so the truth never looks at a file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random

from kcn_pipeline_tests.simulate.province import stream
from kcn_pipeline_tests.simulate.stations.days import station_day
from kcn_pipeline_tests.simulate.stations.files import Line, StationFile
from kcn_pipeline_tests.simulate.stations.fleet import Station

#: What must come of a case.
READ, REFUSED, FLAGGED, NOTED = "read", "refused", "flagged", "noted"


@dataclass(frozen=True)
class StationCase:
    """One ugly thing: what it is, in which file and line (if in one), and what must come of it by which rule."""

    case: str
    station_id: str
    source: str
    file: str
    line: int | None
    what: str
    expected: str
    rule: str = ""


@dataclass
class Tape:
    """A station's files over some days, ordered by the time in their names, and the cases noted."""

    station: Station
    seed: int
    files: list[StationFile]
    cases: list[StationCase] = field(default_factory=list)

    def draw(self, *parts: object) -> Random:
        """A random stream of its own for a purpose."""
        return stream(self.seed, self.station.station_id, *parts)

    def span(self, start: datetime, end: datetime) -> list[StationFile]:
        """The files of a span of time, its end excluded."""
        return [file for file in self.files if start <= file.moment < end]

    def find(self, moment: datetime) -> StationFile | None:
        """The first file of a moment, if there is one."""
        return next((file for file in self.files if file.moment == moment), None)

    def at(self, moment: datetime) -> StationFile:
        """The first file of a moment; raises LookupError."""
        file = self.find(moment)
        if file is None:
            raise LookupError(f"{self.station.station_id} has no file of {moment}")
        return file

    def lines(self, code: str, start: datetime, end: datetime) -> Iterator[Line]:
        """The lines of a parameter in a span of time."""
        for file in self.span(start, end):
            yield from (line for line in file.lines if line.sensor and line.sensor.code == code)

    def note(
        self,
        case: str,
        what: str,
        expected: str,
        rule: str = "",
        file: StationFile | None = None,
        line: int | None = None,
    ) -> None:
        """Keep a case."""
        place = (file.source, file.path) if file else ("", "")
        self.cases.append(StationCase(case, self.station.station_id, *place, line, what, expected, rule))


def make_tape(station: Station, days: Sequence[date], seed: int) -> Tape:
    """A station's clean files of some days, as far as it was there."""
    files: list[StationFile] = []
    for day in days:
        if station.sends and station.valid_from <= day <= (station.valid_to or date.max):
            files += station_day(station, day, seed)
    return Tape(station, seed, files)
