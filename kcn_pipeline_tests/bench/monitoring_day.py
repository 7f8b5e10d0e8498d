"""What a day of station files costs from the folder to the warehouse, against merely reading the files.

It must not measure a network. The surprising fact: the files lie on the same disk for both sides and are read just
before, so neither pays for a cold cache.
"""

import gc
import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa

from kcn_pipeline.contracts import Contracts, load_contracts
from kcn_pipeline.contracts.sources import Feed, load_sources
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.landing import iterate_batches, land_feed, record_results
from kcn_pipeline.schemas import schema_of
from kcn_pipeline.staging.monitoring import stage_monitoring
from kcn_pipeline.validation import validate_topic
from kcn_pipeline_tests.bench import processes
from kcn_pipeline_tests.bench.figures import Figure, alternate, compare, time_call
from kcn_pipeline_tests.bench.nights import BARE_IMPORT
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes
from kcn_pipeline_tests.bench.station_files import read_files
from kcn_pipeline_tests.end_to_end.installation import make_installation
from kcn_pipeline_tests.simulate.stations.days import write_station_day
from kcn_pipeline_tests.simulate.stations.fleet import Station, make_stations

DAY, NIGHT, BEFORE = date(2026, 7, 1), "2026-07-02", "2026-07-01"
PARKS = ("YEN_PHONG", "QUE_VO")

_REGISTER = ("register_stations", "register_permit_limits")

#: The night's path from the folder to the warehouse, without Dagster: the functions that its assets call.
_PATH = """
import json, sys
from pathlib import Path
import dagster, pandas, great_expectations
from kcn_pipeline_tests.bench.monitoring_day import run_path
print(json.dumps(run_path(Path({folder!r}), {lake!r})))
"""


def measure_monitoring_day(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """A clean day of stations: land + stage + judge rows, the whole path as a process, pandas, memory of the night."""
    installation = make_installation(folder)
    stations = make_stations(sizes.day_stations, PARKS)
    written = write_station_day(folder / "stations", stations, DAY)
    _configure(folder, stations)
    files = sorted((folder / "stations").rglob("*.txt"))
    yield from _measure_arrival(folder, files, written.lines, sizes)
    yield from _measure_pandas(folder, files, sizes.pandas_files)
    yield from _measure_path(folder, files, sizes)
    run = processes.run_night(installation, NIGHT)
    if run.peak_mb is None:
        raise BenchmarkError("only Linux tells the most memory a process held")
    yield Figure("monitoring_night_memory", run.peak_mb, "MB", 700)
    yield Figure("monitoring_night_memory.seconds", run.seconds, "s")
    lake = Lake(folder / "data")
    yield Figure("lake_bytes_per_reading", _distinct_bytes(lake) / written.lines, "bytes", 4)


def _measure_arrival(folder: Path, files: Sequence[Path], lines: int, sizes: Sizes) -> Iterator[Figure]:
    """Landing, staging and quarantine into a fresh lake each time, against open, read, close."""
    feed, contracts = _feed(folder), load_contracts()
    numbers = iter(range(1_000))

    def arrive() -> float:
        lake = Lake(folder / f"arrival_{next(numbers)}")
        _copy_register(folder, lake)
        gc.collect()
        seconds = time_call(lambda: _arrive(lake, feed, contracts, folder))
        if lake.count("validation", "monitoring_readings", NIGHT) != lines:
            raise BenchmarkError(f"{lines} readings were written, not all of them accepted")
        return seconds

    arrive()
    pairs = alternate(sizes.day_repetitions, arrive, lambda: time_call(lambda: read_files(files)))
    yield from compare("monitoring_arrival_vs_bare_read", 5, pairs, ("arrival", "bare_read"))


def _measure_path(folder: Path, files: Sequence[Path], sizes: Sizes) -> Iterator[Figure]:
    """The path as a process of its own, less the bare import of the libraries, against open, read, close."""
    numbers = iter(range(1_000))
    ratios, paths, imports = [], [], []
    for _ in range(sizes.path_repetitions):
        bare = time_call(lambda: read_files(files))
        imported = time_call(lambda: processes.run_python(BARE_IMPORT))
        code = _PATH.format(folder=str(folder), lake=f"path_{next(numbers)}")
        said: list[str] = []
        seconds = time_call(lambda: said.append(processes.run_python(code)))  # noqa: B023
        if json.loads(said[0])["published"] == 0:
            raise BenchmarkError("the path published nothing")
        ratios.append((seconds - imported) / bare)
        paths.append(seconds)
        imports.append(imported)
    middle = len(ratios) // 2
    yield Figure("monitoring_path_vs_bare_read", sorted(ratios)[middle], "ratio", 15)
    yield Figure("monitoring_path_vs_bare_read.path", sorted(paths)[middle], "s")
    yield Figure("monitoring_path_vs_bare_read.bare_import", sorted(imports)[middle], "s")


def _measure_pandas(folder: Path, files: Sequence[Path], few: int) -> Iterator[Figure]:
    """Staging a file, from the pack to Parquet, against pandas.read_csv of one; target: a twentieth."""
    import pandas as pd

    lake, names = Lake(folder / "staged"), ["parameter", "value", "unit", "time", "status"]
    land_feed(lake, _feed(folder), NIGHT, folder)
    staged = time_call(
        lambda: stage_monitoring(lake, load_contracts(), NIGHT, iterate_batches(lake, ["stations"], NIGHT))
    )
    chosen = files[:: max(1, len(files) // few)]

    def read() -> object:
        return pd.concat([pd.read_csv(file, sep="\t", header=None, names=names) for file in chosen])

    yield Figure("monitoring_staging_vs_pandas", staged / len(files) / (time_call(read) / len(chosen)), "ratio", 0.05)


def run_path(folder: Path, name: str) -> dict[str, int]:
    """Land, stage, validate, compute and publish one night of stations in a fresh lake and warehouse."""
    from kcn_pipeline.indicators import build_dimensions, compute_values, find_touched, record_definitions, write_scope
    from kcn_pipeline.indicators.monitoring import compute_aqi, compute_monitoring
    from kcn_pipeline.landing import read_manifest, read_results
    from kcn_pipeline.warehouse import collect_night, publish_night

    contracts, lake = load_contracts(), Lake(folder / name)
    _copy_register(folder, lake)
    record_definitions(lake, contracts, BEFORE)  # an ordinary night, not the first of all
    _arrive(lake, _feed(folder), contracts, folder)
    result = compute_monitoring(lake, contracts, NIGHT)
    compute_aqi(lake, contracts, NIGHT, result.days)
    values = compute_values(lake, contracts, NIGHT, find_touched(lake, contracts, NIGHT))
    write_scope(lake, NIGHT, values.scope)
    batch = collect_night(
        lake,
        contracts,
        NIGHT,
        dimensions=build_dimensions(lake, contracts, NIGHT),
        scope=values.scope,
        manifest=read_manifest(lake, night=NIGHT),
        feeds=read_results(lake, "monitoring", NIGHT),
        refresh=dict.fromkeys(("started_at", "run_id", "code_version", "touched_periods", "failures"))
        | {"status": "published"},
    )
    published = publish_night(f"sqlite:///{folder / name}.db", batch)
    return {"published": published.changes["fct_monitoring_daily"].written}


def _arrive(lake: Lake, feed: Feed, contracts: Contracts, folder: Path) -> None:
    record_results(lake, "monitoring", NIGHT, [land_feed(lake, feed, NIGHT, folder)])
    stage_monitoring(lake, contracts, NIGHT, iterate_batches(lake, [feed.id], NIGHT))
    validate_topic(lake, contracts, "monitoring", NIGHT)


def _configure(folder: Path, stations: Sequence[Station]) -> None:
    """A sources file with the folder of the stations alone, and the register's state as a night has it."""
    entry = "- {id: stations, kind: monitoring/station_files, url: stations, settle_s: 0, look_back_days: 4000}\n"
    (folder / "sources.yaml").write_text(entry, "utf-8")
    contracts, lake = load_contracts(), Lake(folder / "data")
    known = [
        {"station_id": one.station_id, "park_code": one.park_code, "kind": one.kind, "is_connected": True}
        for one in stations
    ]
    permits = [
        {
            "station_id": one.station_id,
            "parameter_code": limit.symbol,
            "limit_min": limit.low,
            "limit_max": limit.high,
            "unit": limit.unit,
            "regulation": limit.regulation,
        }
        for one in stations
        for limit in one.limits
    ]
    for table, rows in zip(_REGISTER, (known, permits), strict=True):
        stored = pa.Table.from_pylist(rows, schema=schema_of(contracts.tables[table]))
        lake.replace("validation", table, BEFORE, {WHOLE: stored})


def _copy_register(folder: Path, lake: Lake) -> None:
    for table in _REGISTER:
        for path in Lake(folder / "data").slices("validation", table):
            lake.replace("validation", table, path.stem.removeprefix("night="), [(WHOLE, path)])


def _feed(folder: Path) -> Feed:
    (feed,) = load_sources(folder / "sources.yaml")
    return feed


def _distinct_bytes(lake: Lake) -> int:
    """The bytes of the lake's tables on disk; a file with two names counts once."""
    found = {path.stat().st_ino: path.stat().st_size for path in lake.tables_dir.rglob("*monitoring*/**/*.parquet")}
    return sum(found.values())
