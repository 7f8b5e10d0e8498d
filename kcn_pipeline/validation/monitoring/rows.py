"""Readings of one day judged row by row: known station, right time, possible value, and one row per key.

It must not look at other days nor at series. The surprising fact: a reading that another of the same night replaces is
neither accepted nor quarantined; loggers send everything again after an outage, and that is no fault of a row.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import READINGS
from kcn_pipeline.validation.outcomes import ConservationError

TABLE = "monitoring_readings"
_COLUMNS = ", ".join(f'j."{name}"' for name in READINGS.names)
_KEY = "j.station_id, j.parameter_code, j.measured_at"


@dataclass
class DayCount:
    """What became of the readings that a night brought for one day or more.

    `superseded` were replaced by a later reading of the same key and night, `corrected` of them by another value.
    `replaced` says per station how many were corrected and the newest file that did it.
    """

    staged: int = 0
    accepted: int = 0
    quarantined: int = 0
    superseded: int = 0
    corrected: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)

    def add(self, other: "DayCount") -> None:
        """Add up the counts of another day."""
        for name in ("staged", "accepted", "quarantined", "superseded", "corrected"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.by_rule += other.by_rule


@dataclass(frozen=True)
class JudgedDay:
    """One day of a night: the accepted readings by key, the refused ones with their `rule`, corrections by station.

    Where all readings were accepted `accepted` is the staged slice itself.
    """

    day: date
    accepted: pa.Table | Path
    refused: pa.Table
    corrections: Mapping[str, int]
    counts: DayCount


def open_rules(engine: Engine, contracts: Contracts, stations: pa.Table) -> None:
    """Register what the rows are judged by: `stations` (versions in the register), `ranges` by kind and parameter."""
    engine.register("stations", stations)
    kinds = [code.code for code in contracts.code_lists["station_kind"].codes]
    pairs = [(kind, one) for kind in kinds for one in contracts.monitoring.parameters.values()]
    columns = {
        "kind": pa.array([kind for kind, _ in pairs], pa.string()),
        "parameter_code": pa.array([one.code for _, one in pairs], pa.string()),
        "low": pa.array([one.range_of(kind).low for kind, one in pairs], pa.float64()),
        "high": pa.array([one.range_of(kind).high for kind, one in pairs], pa.float64()),
    }
    engine.register("ranges", pa.table(columns))


def judge_days(engine: Engine, lake: Lake, contracts: Contracts, night: str, newest: datetime) -> Iterator[JudgedDay]:
    """Judge the readings a night staged, day by day; `newest` is the latest time a reading can be of.

    Raises ConservationError when a reading is lost.
    """
    for part in lake.parts("staging", TABLE, night):
        slices = lake.slices("staging", TABLE, night, [part])
        yield judge_day(engine, slices, contracts, date.fromisoformat(part.removeprefix("day=")), newest)


def judge_day(engine: Engine, slices: Sequence[Path], contracts: Contracts, day: date, newest: datetime) -> JudgedDay:
    """Judge one day of a night; needs `open_rules`."""
    engine.register_slices("staged", slices, READINGS)
    engine.materialize("judged", _judged(contracts, day, newest))
    refused = engine.query(f"SELECT {_COLUMNS}, j.rule FROM judged AS j WHERE j.rule IS NOT NULL ORDER BY {_KEY}")
    (found,) = engine.query("SELECT COUNT(*) AS staged, COUNT(rule) AS bad FROM judged").to_pylist()
    corrections: dict[str, int] = {}
    accepted: pa.Table | Path
    if _has_repeated_keys(engine):
        engine.materialize("replaced", _REPLACED)
        corrections = _count_corrections(engine)
        accepted = engine.query(f"SELECT {_COLUMNS} FROM replaced AS j WHERE j.place = 1 ORDER BY {_KEY}").cast(
            READINGS
        )
        count = accepted.num_rows
    elif found["bad"] or len(slices) != 1:
        accepted = engine.query(f"SELECT {_COLUMNS} FROM judged AS j WHERE j.rule IS NULL ORDER BY {_KEY}").cast(
            READINGS
        )
        count = accepted.num_rows
    else:
        accepted, count = slices[0], found["staged"]
    counts = DayCount(
        staged=found["staged"],
        accepted=count,
        quarantined=refused.num_rows,
        superseded=found["staged"] - found["bad"] - count,
        corrected=sum(corrections.values()),
        by_rule=Counter(refused.column("rule").to_pylist()),
    )
    if counts.quarantined != found["bad"] or counts.superseded < 0:
        raise ConservationError(TABLE, counts.staged, counts.accepted + counts.superseded, counts.quarantined)
    return JudgedDay(day, accepted, refused, corrections, counts)


def _judged(contracts: Contracts, day: date, newest: datetime) -> str:
    """The day's rows with the first rule each breaks. A station is known by any version, active by one of the day."""
    settings = contracts.monitoring.settings
    window = settings.window_minutes * 60
    latest = newest + timedelta(minutes=settings.max_future_minutes)
    return f"""
        WITH known AS (
            SELECT station_id, MAX(kind) AS kind, MAX(CASE WHEN is_connected
                AND (valid_from IS NULL OR valid_from <= DATE '{day}')
                AND (valid_to IS NULL OR valid_to >= DATE '{day}') THEN 1 ELSE 0 END) AS is_active
            FROM stations GROUP BY station_id
        )
        SELECT s.*, CASE
            WHEN k.station_id IS NULL THEN 'unknown_station'
            WHEN k.is_active = 0 THEN 'inactive_station'
            WHEN ABS(s.ahead_s) > {window} THEN 'time_outside_file'
            WHEN s.measured_at > TIMESTAMP '{latest:%Y-%m-%d %H:%M:%S}' THEN 'time_in_future'
            WHEN s.status = '00' AND (s.value < r.low OR s.value > r.high) THEN 'value_out_of_range'
        END AS rule
        FROM staged AS s
        LEFT JOIN known AS k ON k.station_id = s.station_id
        LEFT JOIN ranges AS r ON r.kind = k.kind AND r.parameter_code = s.parameter_code"""


def _has_repeated_keys(engine: Engine) -> bool:
    """Whether some key has two good rows; a plain night has none and is spared the sorting."""
    found = engine.query("""
        SELECT COUNT(*) AS n FROM (
            SELECT 1 AS one FROM judged WHERE rule IS NULL
            GROUP BY station_id, parameter_code, measured_at HAVING COUNT(*) > 1 LIMIT 1
        ) AS r""")
    return bool(found.column("n")[0].as_py())


#: Good rows with their place within their key, the one written last first, and the values of the best beside it.
_REPLACED = """
    SELECT j.*,
        ROW_NUMBER() OVER (PARTITION BY j.station_id, j.parameter_code, j.measured_at
            ORDER BY j._source DESC, j._row DESC, j._line DESC) AS place,
        FIRST_VALUE(j.value) OVER (PARTITION BY j.station_id, j.parameter_code, j.measured_at
            ORDER BY j._source DESC, j._row DESC, j._line DESC) AS best_value,
        FIRST_VALUE(j.status) OVER (PARTITION BY j.station_id, j.parameter_code, j.measured_at
            ORDER BY j._source DESC, j._row DESC, j._line DESC) AS best_status
    FROM judged AS j WHERE j.rule IS NULL"""


def _count_corrections(engine: Engine) -> dict[str, int]:
    found = engine.query("""
        SELECT station_id, COUNT(*) AS n FROM replaced
        WHERE place > 1 AND (value IS DISTINCT FROM best_value OR status <> best_status)
        GROUP BY station_id ORDER BY station_id""")
    return dict(zip(found.column("station_id").to_pylist(), found.column("n").to_pylist(), strict=True))
