"""Some days of a fleet: its files, its cases, and what is true of it on a night.

It must not write a file nor hold a trap. The surprising fact: a station's files are made anew each time they are asked
for, because those of a large fleet would not fit into memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby

from kcn_pipeline.contracts import Contracts
from kcn_pipeline_tests.simulate.stations.files import StationFile
from kcn_pipeline_tests.simulate.stations.flags import Flag, find_flags
from kcn_pipeline_tests.simulate.stations.fleet import Station
from kcn_pipeline_tests.simulate.stations.judging import Episode, Judged, find_episodes, units_of
from kcn_pipeline_tests.simulate.stations.means import average_day
from kcn_pipeline_tests.simulate.stations.plans import Fleet
from kcn_pipeline_tests.simulate.stations.readings import Readings, read_files
from kcn_pipeline_tests.simulate.stations.tape import Tape, make_tape
from kcn_pipeline_tests.simulate.stations.verdicts import DayRow, judge_day

_DAY = timedelta(days=1)


@dataclass
class StationTruth:
    """What is true of one station on a night: its readings, its days by date, its episodes and flags."""

    readings: Readings
    rows: dict[date, list[DayRow]] = field(default_factory=dict)
    episodes: list[Episode] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """The days of a fleet."""

    contracts: Contracts
    fleet: Fleet
    seed: int

    @property
    def stations(self) -> Sequence[Station]:
        """The stations of the fleet."""
        return self.fleet.stations

    def tape(self, station: Station) -> Tape:
        """A station's files, with everything that happens to it."""
        tape = make_tape(station, self.fleet.days, self.seed)
        for event in self.fleet.plan.get(station.station_id, ()):
            event(tape)
        return tape

    def files(self, first_night: str = "", last_night: str = "9999") -> Iterator[StationFile]:
        """The files that these nights land, station by station."""
        for station in self.stations:
            yield from (file for file in self.tape(station).files if first_night <= file.night <= last_night)

    def truth_of(self, station: Station, night: str) -> StationTruth:
        """What is true of a station on a night, for the days from the fleet's first to the one before the night."""
        files = [file for file in self.tape(station).files if file.night <= night]
        truth = StationTruth(read_files(station, files))
        if not station.is_registered or not self.fleet.days:
            return truth
        day = self.fleet.days[0]
        last = date.fromisoformat(night) - _DAY
        while day <= last:
            if station.holds_on(day):
                sent = average_day(self.contracts, truth.readings, day)
                truth.rows[day] = judge_day(self.contracts, station, sent, day)
            truth.flags += find_flags(self.contracts, truth.readings, day)
            day += _DAY
        truth.episodes = list(self._episodes(station, truth))
        return truth

    def _episodes(self, station: Station, truth: StationTruth) -> Iterator[Episode]:
        settings = self.contracts.monitoring.settings
        units: list[Judged] = [
            unit
            for rows in truth.rows.values()
            for row in rows
            for limit in row.limits
            for unit in units_of(row.means, limit, settings.sufficient_share)
        ]
        units.sort(key=lambda unit: (unit.limit.code, unit.limit.averaging, unit.begins))
        for _, some in groupby(units, key=lambda unit: (unit.limit.code, unit.limit.averaging)):
            yield from find_episodes(station.station_id, some, settings.compare_decimals)
