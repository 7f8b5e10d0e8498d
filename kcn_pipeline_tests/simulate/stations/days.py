"""A day of stations as files, most of them clean.

It must not know the truth of hours and days. The surprising fact: a day of 100 stations is made without a province, so
benchmarks get their 28,800 files in seconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from kcn_pipeline_tests.simulate.province import stream
from kcn_pipeline_tests.simulate.stations.files import Line, StationFile, write_files
from kcn_pipeline_tests.simulate.stations.fleet import Station
from kcn_pipeline_tests.simulate.stations.signals import SLOTS, draw_figures
from kcn_pipeline_tests.simulate.stations.traps import spoil

_STEP = timedelta(minutes=5)


@dataclass(frozen=True)
class DayCounts:
    """What was written: files, lines (blank ones too), and the bad lines as (path, line, rule)."""

    files: int
    lines: int
    bad: tuple[tuple[str, int | None, str], ...]


def station_day(station: Station, day: date, seed: int) -> list[StationFile]:
    """The 288 files of a station on a day, nothing wrong with any."""
    figures = [draw_figures(seed, station.station_id, sensor, day) for sensor in station.sensors]
    midnight = datetime.combine(day, time())
    moments = [midnight + slot * _STEP for slot in range(SLOTS)]
    return [
        StationFile(
            station.station_id,
            station.logger,
            moment,
            [Line(sensor, moment, shown[slot]) for sensor, shown in zip(station.sensors, figures, strict=True)],
        )
        for slot, moment in enumerate(moments)
    ]


def write_station_day(
    folder: Path, stations: Sequence[Station], day: date, dirty: float = 0.0, seed: int = 7
) -> DayCounts:
    """Write the files of a day below a folder; `dirty` is the share of files in which something is wrong."""
    counts = [_write_one(folder, station, day, dirty, seed) for station in stations]
    bad = tuple(line for count in counts for line in count.bad)
    return DayCounts(sum(count.files for count in counts), sum(count.lines for count in counts), bad)


def _write_one(folder: Path, station: Station, day: date, dirty: float, seed: int) -> DayCounts:
    files = station_day(station, day, seed)
    if dirty:
        draw = stream(seed, "dirt", station.station_id, day)
        for file in files:
            if draw.random() < dirty:
                spoil(file, draw)
    write_files(folder, files)
    return DayCounts(len(files), sum(len(file.lines) for file in files), tuple(_bad_lines(files)))


def _bad_lines(files: Sequence[StationFile]) -> Iterator[tuple[str, int | None, str]]:
    for file in files:
        if file.rule:
            yield file.path, None, file.rule
        for number, line in enumerate(file.lines, 1):
            if line.rule:
                yield file.path, number, line.rule
