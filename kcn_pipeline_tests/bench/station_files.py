"""How much dearer staging a day of station files is than merely reading the files, and how small its readings lie.

It must not land files over a network. The surprising fact: staging reads one pack and not 28,800 files, so that it can
cost about as much as opening and closing them.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing import PayloadBatch, iterate_batches
from kcn_pipeline.landing.store import write_batch
from kcn_pipeline.staging.monitoring import READINGS_TABLE, STATION_FILES, MonitoringStageResult, stage_monitoring
from kcn_pipeline_tests.bench.figures import Figure, alternate, compare, time_call
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes
from kcn_pipeline_tests.simulate.stations.days import write_station_day
from kcn_pipeline_tests.simulate.stations.fleet import make_stations

NIGHT, DAY, SOURCE = "2026-11-19", date(2026, 11, 18), "stations"
STATIONS, REPETITIONS = 100, 7


def measure_station_files(
    folder: Path, sizes: Sizes, stations: int = STATIONS, repetitions: int = REPETITIONS
) -> Iterator[Figure]:
    """Pack → sorted Parquet against open, read, close of the files; then the bytes of a reading in the lake."""
    written = write_station_day(folder / "files", make_stations(stations, ["YEN_PHONG", "QUE_VO"]), DAY)
    files = sorted(path for path in (folder / "files").rglob("*.txt"))
    lake, contracts = Lake(folder / "data"), load_contracts()
    pack_files(lake, files)

    def stage() -> MonitoringStageResult:
        return stage_monitoring(lake, contracts, NIGHT, iterate_batches(lake, [SOURCE], NIGHT))

    result = stage()
    if result.payloads != written.files or result.rows[READINGS_TABLE] != written.lines:
        raise BenchmarkError(f"{written.files} files with {written.lines} lines were written, staging made {result}")
    pairs = alternate(repetitions, lambda: _time(stage), lambda: _time(lambda: read_files(files)))
    yield from compare("station_files_staged_vs_bare_read", 2.2, pairs, ("staging", "bare_read"))
    slices = lake.slices("staging", READINGS_TABLE, NIGHT)
    yield Figure("staged_reading_bytes", sum(path.stat().st_size for path in slices) / written.lines, "bytes")


def pack_files(lake: Lake, files: Sequence[Path]) -> None:
    """Put files into a pack as landing does, in the order of the times in their names."""
    ordered = sorted(files, key=lambda path: (path.stem.rpartition("_")[2], path.name))
    contents = [path.read_bytes() for path in ordered]
    batch = PayloadBatch(
        SOURCE,
        [path.name for path in ordered],
        contents,
        [None] * len(contents),
        [sha256(content).hexdigest() for content in contents],
        [{"kind": STATION_FILES}] * len(contents),
    )
    write_batch(lake, NIGHT, batch, "ftp://stations")


def read_files(files: Sequence[Path]) -> int:
    """Open, read and close every file; returns how many bytes they hold."""
    count = 0
    for path in files:
        with open(path, "rb") as handle:
            count += len(handle.read())
    return count


def _time(call: Callable[[], object]) -> float:
    gc.collect()
    return time_call(call)
