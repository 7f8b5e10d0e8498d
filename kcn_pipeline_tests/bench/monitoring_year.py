"""What a year of station readings costs: hours and days in the engine, a backfill, five late days on top of it.

It must not stage or validate; accepted slices are written straight to the lake. The surprising fact: speeds are given
as seconds per million readings, because a target is the most that is ok.
"""

import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.monitoring.compute import MEMORY, compute_chunk, open_rules
from kcn_pipeline.indicators.monitoring.merge import group_days
from kcn_pipeline.indicators.monitoring.tables import DAYS_SCHEMA
from kcn_pipeline.lake import WHOLE, Lake
from kcn_pipeline.schemas import READING_ENCODINGS, READINGS, schema_of
from kcn_pipeline_tests.bench import processes
from kcn_pipeline_tests.bench.figures import Figure
from kcn_pipeline_tests.bench.processes import BenchmarkError
from kcn_pipeline_tests.bench.sizes import Sizes

FIRST_DAY = date(2025, 10, 1)
#: What each kind of station sends, with a usual value in the canonical unit and the decimals of its logger.
_SENT = {
    "wastewater": (
        *(("cod", 40, 1), ("color", 30, 0), ("flow", 120, 1), ("nh4", 3, 2)),
        *(("ph", 7.2, 2), ("temp", 27, 1), ("tn", 12, 1), ("tss", 20, 1)),
    ),
    "emission": (
        *(("co", 250_000, -2), ("flow", 18_000, 0), ("no", 220_000, -2), ("no2", 13_000, -1)),
        *(("o2", 8, 1), ("pm", 60_000, -2), ("so2", 180_000, -2), ("temp", 142, 1)),
    ),
    "ambient": (
        *(("co", 900, 0), ("no2", 40, 1), ("o3", 80, 1), ("pm10", 60, 0)),
        *(("pm25", 35, 0), ("rh", 70, 0), ("so2", 30, 1), ("temp", 25, 1)),
    ),
}
_PER_DAY = 288
_FIVE_MINUTES_US = 300_000_000

#: In a process of its own, whose peak of memory is its own.
_COMPUTE = """
import json, re, sys, time
from pathlib import Path
import pandas  # a night holds it anyway, and pyarrow would import it within the measured time
from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.indicators.monitoring import compute_monitoring
from kcn_pipeline.lake import Lake
contracts = load_contracts()
started = time.perf_counter()
result = compute_monitoring(Lake(Path({folder!r})), contracts, {night!r})
seconds = time.perf_counter() - started
peak = re.search(r"^VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read(), re.MULTILINE)
days = [day.isoformat() for day in result.days]
print(json.dumps(dict(seconds=seconds, peak_mb=int(peak[1]) / 1000, readings=result.readings, days=days)))
"""


def measure_monitoring_year(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    """Backfill a year, measure its engine alone, then recompute five days of which readings come late."""
    lake = Lake(folder)
    readings = write_year(lake, sizes.year_stations, sizes.year_days)
    millions = readings / 1_000_000
    last_night = FIRST_DAY + timedelta(days=sizes.year_days)
    seconds = compute_in_engine(lake, sizes.year_days)
    yield Figure("monitoring_year_engine", seconds / millions, "s per million readings", 0.2)
    year = _compute(folder, last_night, readings)
    yield Figure("monitoring_year_memory", year["peak_mb"], "MB", 2048)
    yield Figure("monitoring_year.seconds", year["seconds"], "s")
    yield Figure("monitoring_year.seconds_per_million", year["seconds"] / millions, "s per million readings")
    yield Figure("monitoring_year.bytes_of_readings", _bytes_of(lake, "validation") / readings, "bytes a reading")
    yield Figure("monitoring_year.bytes_of_results", _bytes_of(lake, "indicators") / readings, "bytes a reading")
    late = write_late_days(lake, last_night, sizes.year_stations, sizes.year_days)
    five = _compute(folder, last_night + timedelta(days=1), readings=None)
    if missing := {day.isoformat() for day in late} - {*five["days"]}:
        raise BenchmarkError(f"late readings came for {sorted(missing)}, which were not computed again")
    yield Figure("monitoring_five_late_days", five["seconds"] / year["seconds"], "ratio", 0.05)
    yield Figure("monitoring_five_late_days.seconds", five["seconds"], "s")


def _compute(folder: Path, night: date, readings: int | None) -> dict[str, float]:
    said = processes.run_python(_COMPUTE.format(folder=str(folder), night=night.isoformat()))
    found: dict[str, float] = json.loads(said)
    if readings is not None and found["readings"] != readings:
        raise BenchmarkError(f"{readings} readings were written, {found['readings']} computed")
    return found


def compute_in_engine(lake: Lake, days: int) -> float:
    """The seconds from Parquet to hours and days as Arrow tables, without writing them."""
    contracts = load_contracts()
    listed = [FIRST_DAY + timedelta(days=step) for step in range(days)]
    names = ", ".join(f'"{name}"' for name in DAYS_SCHEMA.names)
    started = time.perf_counter()
    with Engine(memory=MEMORY) as engine:
        open_rules(engine, lake, contracts, listed)
        for chunk in group_days(lake, listed):
            compute_chunk(engine, lake, contracts, chunk)
            engine.query("SELECT * FROM shown_hours ORDER BY series_day, hour_at")
            engine.query(f"SELECT {names} FROM day_rows")
    return time.perf_counter() - started


def _bytes_of(lake: Lake, stage: str) -> int:
    return sum(path.stat().st_size for path in (lake.tables_dir / stage).rglob("*.parquet"))


# ---- what is written -------------------------------------------------------------------------------------------------


def write_year(lake: Lake, stations: int, days: int) -> int:
    """Write the register and the accepted slices of so many days, one reading every five minutes; returns how many.

    As in the life of an installation every day lies in two slices: what came before the night fell, and the rest.
    """
    kinds = _kinds(stations)
    _write_register(lake, kinds)
    source = np.random.default_rng(1)
    for step in range(days):
        day = FIRST_DAY + timedelta(days=step)
        whole = _tabulate(kinds, day, source)
        is_early = np.tile(np.arange(_PER_DAY) < 12, whole.num_rows // _PER_DAY)
        for night, kept in ((day, is_early), (day + timedelta(days=1), ~is_early)):
            _write(lake, night, {day: whole.filter(pa.array(kept))})
    return sum(len(_SENT[kind]) for kind in kinds) * _PER_DAY * days


def write_late_days(lake: Lake, night: date, stations: int, days: int) -> list[date]:
    """Write a night that brings one reading in a hundred of five days of the year anew; returns the days."""
    kinds = _kinds(stations)
    source = np.random.default_rng(2)
    late = sorted({FIRST_DAY + timedelta(days=days * part // 6) for part in range(1, 6)})
    rows = {day: _tabulate(kinds, day, source) for day in late}
    night += timedelta(days=1)
    _write(lake, night, {day: held.filter(pa.array(source.random(held.num_rows) < 0.01)) for day, held in rows.items()})
    return late


def _kinds(stations: int) -> list[str]:
    """Six of ten stations are of wastewater, three of emissions, one of ambient air."""
    return [
        "ambient" if number % 10 == 0 else "emission" if number % 10 < 4 else "wastewater" for number in range(stations)
    ]


def _write(lake: Lake, night: date, days: dict[date, pa.Table]) -> None:
    """Add slices to a night."""
    name = night.isoformat()
    old = {part: lake.read("validation", "monitoring_readings", name, [part]) for part in _parts(lake, name)}
    parts = {part: rows for part, rows in old.items() if rows is not None}
    parts |= {f"day={day}": _of_night(rows, name) for day, rows in days.items()}
    lake.replace("validation", "monitoring_readings", name, parts, READING_ENCODINGS)


def _parts(lake: Lake, night: str) -> list[str]:
    return lake.parts("validation", "monitoring_readings", night)


def _of_night(rows: pa.Table, night: str) -> pa.Table:
    column = pa.DictionaryArray.from_arrays(np.zeros(rows.num_rows, np.int32), pa.array([night]))
    return rows.set_column(rows.column_names.index("_night"), "_night", column)


def _tabulate(kinds: list[str], day: date, source: np.random.Generator) -> pa.Table:
    """A day of all stations: slow walks around a usual value, one reading in a hundred of a calibration or a fault."""
    series = [
        (f"S{number:04d}", code, level, decimals)
        for number, kind in enumerate(kinds)
        for code, level, decimals in sorted(_SENT[kind])
    ]
    walks = np.cumsum(source.normal(0, 0.004, (len(series), _PER_DAY)), axis=1) + source.normal(
        1, 0.1, (len(series), 1)
    )
    values = np.concatenate(
        [np.round(np.abs(walk) * level, decimals) for walk, (_, _, level, decimals) in zip(walks, series, strict=True)]
    )
    n = values.size
    start = (day - date(1970, 1, 1)).days * 86_400_000_000
    moments = np.tile(start + np.arange(_PER_DAY) * _FIVE_MINUTES_US, len(series))
    status = source.choice(3, n, p=[0.99, 0.005, 0.005])
    columns = {
        "station_id": _repeat([name for name, *_ in series]),
        "parameter_code": _repeat([code for _, code, *_ in series]),
        "measured_at": pa.array(moments).cast(pa.timestamp("us")),
        "value": pa.array(values),
        "status": pa.DictionaryArray.from_arrays(status.astype(np.int32), pa.array(["00", "01", "02"])),
        "ahead_s": pa.array(np.zeros(n, np.int32)),
        "_source": pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), pa.array(["stations"])),
        "_night": pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), pa.array([""])),
        "_row": pa.array(np.tile(np.arange(_PER_DAY, dtype=np.int32), len(series))),
        "_line": pa.array(np.repeat(np.arange(len(series), dtype=np.int32) % 8 + 1, _PER_DAY)),
    }
    return pa.table({name: columns[name] for name in READINGS.names})


def _repeat(names: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.repeat(np.arange(len(names), dtype=np.int32), _PER_DAY), pa.array(names))


def _write_register(lake: Lake, kinds: list[str]) -> None:
    night = FIRST_DAY.isoformat()
    tables = load_contracts().tables
    stations = [
        {"station_id": f"S{number:04d}", "park_code": "QUE_VO", "kind": kind, "is_connected": True}
        for number, kind in enumerate(kinds)
    ]
    permits = [
        {
            "station_id": row["station_id"],
            "parameter_code": "cod",
            "limit_max": 45.0,
            "unit": "mg/L",
            "regulation": "permit",
        }
        for row in stations
        if row["kind"] == "wastewater"
    ]
    for name, rows in (("register_stations", stations), ("register_permit_limits", permits)):
        table = pa.Table.from_pylist(rows, schema=schema_of(tables[name]))
        lake.replace("validation", name, night, {WHOLE: table})
