"""What a day's series look like: flat lines, spikes, gaps, long calibrations, too few measuring values.

It must not remove a reading: a flag says "look at this", and the mean keeps it. The surprising fact: a series is judged
within its local day only, so that a day's flags depend on nothing but its own readings, however late they came.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.engine import Engine
from kcn_pipeline.lake import Lake
from kcn_pipeline.schemas import READINGS

TABLE = "monitoring_flags"

#: One row is one flag of a station's parameter on a day, over the readings of all nights; times are local.
SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("parameter_code", pa.string()),
        ("day", pa.date32()),
        ("flag", pa.string()),
        ("started_at", pa.timestamp("us")),
        ("ended_at", pa.timestamp("us")),
        ("n_readings", pa.int64()),
        ("detail", pa.string()),
    ]
)
_FOUND_SCHEMA = pa.schema([field for field in SCHEMA if field.name != "day"])
_FOUND = _FOUND_SCHEMA.names


@dataclass(frozen=True)
class FlaggedDay:
    """The flags of a day, and how many readings of earlier nights tonight's replace by another value, by station."""

    day: date
    flags: pa.Table
    corrections: dict[str, int]


def open_limits(engine: Engine, contracts: Contracts) -> None:
    """Register `series_limits`: from when on a parameter's series is suspicious; null is never."""
    parameters = contracts.monitoring.parameters.values()
    columns = {
        "parameter_code": pa.array([one.code for one in parameters], pa.string()),
        "flat_hours": pa.array([one.flat_hours for one in parameters], pa.float64()),
        "spike_ratio": pa.array([one.spike_ratio for one in parameters], pa.float64()),
    }
    engine.register("series_limits", pa.table(columns))


def flag_days(engine: Engine, lake: Lake, contracts: Contracts, night: str) -> Iterator[FlaggedDay]:
    """The flags of every day that the night brought accepted readings for; needs `open_limits`."""
    for part in lake.parts("validation", "monitoring_readings", night):
        day = date.fromisoformat(part.removeprefix("day="))
        slices = lake.slices("validation", "monitoring_readings", parts=[part])
        engine.register_slices("accepted", slices, READINGS)
        corrections: dict[str, int] = {}
        if len(slices) > 1:
            corrections = _count_corrections(engine, night)
        engine.materialize("merged", _NEWEST if len(slices) > 1 else f"SELECT {_COLUMNS} FROM accepted")
        has_ended = day < date.fromisoformat(night)
        yield FlaggedDay(day, _find_flags(engine, contracts, day, has_ended), corrections)


_COLUMNS = "station_id, parameter_code, measured_at, value, status"
_NEWEST = f"""
    SELECT {_COLUMNS} FROM (
        SELECT b.*, ROW_NUMBER() OVER (
            PARTITION BY b.station_id, b.parameter_code, b.measured_at ORDER BY b._night DESC) AS place
        FROM accepted AS b
    ) AS a WHERE a.place = 1"""


def _count_corrections(engine: Engine, night: str) -> dict[str, int]:
    """Readings that tonight replaces by another value, by station; each of an earlier night is compared."""
    found = engine.query(f"""
        SELECT n.station_id, COUNT(*) AS n
        FROM accepted AS n JOIN accepted AS e ON e.station_id = n.station_id AND e.parameter_code = n.parameter_code
            AND e.measured_at = n.measured_at
        WHERE n._night = '{night}' AND e._night < '{night}'
            AND (n.value IS DISTINCT FROM e.value OR n.status <> e.status)
        GROUP BY n.station_id ORDER BY n.station_id""")
    return dict(zip(found.column("station_id").to_pylist(), found.column("n").to_pylist(), strict=True))


def _find_flags(engine: Engine, contracts: Contracts, day: date, has_ended: bool) -> pa.Table:
    """The flags of `merged`; only of a day that has ended can be said that it holds too little."""
    settings = contracts.monitoring.settings
    cadence = settings.cadence_minutes
    statements = [
        _flat_lines(cadence),
        _spikes(settings.spike_neighbours, settings.spike_min_neighbours),
        _gaps(settings.gap_minutes),
        _long_calibrations(cadence, settings.calibration_max_hours),
    ]
    if has_ended:
        statements.append(_low_shares(settings.readings_per_day, settings.required_share_valid))
    # One statement each: a union of all is planned together and takes twice as long.
    found = [engine.query(f"SELECT {', '.join(_FOUND)} FROM ({sql}) AS f") for sql in statements]
    flags = pa.concat_tables([one.cast(_FOUND_SCHEMA) for one in found])
    flags = flags.append_column("day", pa.array([day] * flags.num_rows, pa.date32())).select(SCHEMA.names)
    return flags.sort_by([(name, "ascending") for name in ("station_id", "parameter_code", "started_at", "flag")])


def _flat_lines(cadence: int) -> str:
    """The same measured value for so many hours; readings of another status between them do not break it.

    Runs are cut only in series that stand still long enough in all: the second sorting is spared to all the others.
    """
    return f"""
        SELECT r.station_id, r.parameter_code, 'flat_line' AS flag, r.started_at, r.ended_at, r.n_readings,
            CAST(r.value AS VARCHAR) AS detail
        FROM (
            SELECT v.station_id, v.parameter_code, v.value, MIN(v.measured_at) AS started_at,
                MAX(v.measured_at) AS ended_at, COUNT(*) AS n_readings
            FROM (
                SELECT m.*, ROW_NUMBER() OVER (PARTITION BY m.station_id, m.parameter_code ORDER BY m.measured_at)
                    - ROW_NUMBER() OVER (
                        PARTITION BY m.station_id, m.parameter_code, m.value ORDER BY m.measured_at) AS run
                FROM merged AS m
                JOIN ({_STILL}) AS s ON s.station_id = m.station_id AND s.parameter_code = m.parameter_code
                JOIN series_limits AS o ON o.parameter_code = m.parameter_code
                WHERE m.status = '00' AND s.minutes >= o.flat_hours * 60 - {cadence}
            ) AS v
            GROUP BY v.station_id, v.parameter_code, v.value, v.run
        ) AS r
        JOIN series_limits AS l ON l.parameter_code = r.parameter_code
        WHERE r.n_readings > 1
            AND r.ended_at >= r.started_at + CAST(l.flat_hours * 60 - {cadence} AS INTEGER) * INTERVAL 1 MINUTE"""


#: One row is a series: for how many minutes in all its measured value was that of the reading before.
_STILL = """
    SELECT p.station_id, p.parameter_code, SUM(DATE_DIFF('second', p.before_at, p.measured_at)) / 60.0 AS minutes
    FROM (
        SELECT b.*, LAG(b.value) OVER (PARTITION BY b.station_id, b.parameter_code ORDER BY b.measured_at) AS before,
            LAG(b.measured_at) OVER (PARTITION BY b.station_id, b.parameter_code ORDER BY b.measured_at) AS before_at
        FROM merged AS b WHERE b.status = '00'
    ) AS p
    WHERE p.value = p.before
    GROUP BY p.station_id, p.parameter_code"""


def _spikes(neighbours: int, least: int) -> str:
    """A measured value so many times the median of those around it (itself among them, which moves a median little).

    A median is never below the least value: series without one that far above their least are not looked at.
    """
    frame = f"ROWS BETWEEN {neighbours} PRECEDING AND {neighbours} FOLLOWING"
    series = f"(PARTITION BY m.station_id, m.parameter_code ORDER BY m.measured_at {frame})"
    return f"""
        SELECT s.station_id, s.parameter_code, 'spike' AS flag, s.measured_at AS started_at, s.measured_at AS ended_at,
            1 AS n_readings, CAST(s.value AS VARCHAR) AS detail
        FROM (
            SELECT m.*, MEDIAN(m.value) OVER {series} AS usual, COUNT(*) OVER {series} AS around
            FROM merged AS m
            JOIN ({_UNEVEN}) AS u ON u.station_id = m.station_id AND u.parameter_code = m.parameter_code
            WHERE m.status = '00'
        ) AS s
        JOIN series_limits AS l ON l.parameter_code = s.parameter_code
        WHERE s.usual > 0 AND s.around > {least} AND s.value > l.spike_ratio * s.usual"""


#: One row is a series in which some measured value may be a spike.
_UNEVEN = """
    SELECT b.station_id, b.parameter_code
    FROM merged AS b JOIN series_limits AS o ON o.parameter_code = b.parameter_code
    WHERE b.status = '00'
    GROUP BY b.station_id, b.parameter_code, o.spike_ratio
    HAVING MIN(b.value) <= 0 OR MAX(b.value) > o.spike_ratio * MIN(b.value)"""


def _gaps(minutes: float) -> str:
    """No reading of any status for longer than so many minutes between two readings."""
    return f"""
        SELECT g.station_id, g.parameter_code, 'gap' AS flag, g.measured_at AS started_at, g.next_at AS ended_at,
            0 AS n_readings, CAST(NULL AS VARCHAR) AS detail
        FROM (
            SELECT m.station_id, m.parameter_code, m.measured_at, LEAD(m.measured_at) OVER (
                PARTITION BY m.station_id, m.parameter_code ORDER BY m.measured_at) AS next_at
            FROM merged AS m
        ) AS g
        WHERE g.next_at > g.measured_at + CAST({minutes} AS INTEGER) * INTERVAL 1 MINUTE"""


def _long_calibrations(cadence: int, hours: float) -> str:
    """Calibrating without a break for longer than so many hours."""
    return f"""
        SELECT r.station_id, r.parameter_code, 'long_calibration' AS flag, r.started_at, r.ended_at, r.n_readings,
            CAST(NULL AS VARCHAR) AS detail
        FROM (
            SELECT c.station_id, c.parameter_code, MIN(c.measured_at) AS started_at, MAX(c.measured_at) AS ended_at,
                COUNT(*) AS n_readings
            FROM (
                SELECT m.*, ROW_NUMBER() OVER (PARTITION BY m.station_id, m.parameter_code ORDER BY m.measured_at)
                    - ROW_NUMBER() OVER (
                        PARTITION BY m.station_id, m.parameter_code, m.status ORDER BY m.measured_at) AS run
                FROM merged AS m
            ) AS c
            WHERE c.status = '01'
            GROUP BY c.station_id, c.parameter_code, c.run
        ) AS r
        WHERE r.ended_at > r.started_at + CAST({hours} * 60 - {cadence} AS INTEGER) * INTERVAL 1 MINUTE"""


def _low_shares(expected: int, share: float) -> str:
    """Fewer measuring values than the required share of a full day."""
    return f"""
        SELECT m.station_id, m.parameter_code, 'low_share' AS flag, MIN(m.measured_at) AS started_at,
            MAX(m.measured_at) AS ended_at, COUNT(CASE WHEN m.status = '00' THEN 1 END) AS n_readings,
            CAST(CAST(ROUND(100.0 * COUNT(CASE WHEN m.status = '00' THEN 1 END) / {expected}) AS INTEGER) AS VARCHAR)
                || ' %' AS detail
        FROM merged AS m
        GROUP BY m.station_id, m.parameter_code
        HAVING COUNT(CASE WHEN m.status = '00' THEN 1 END) < {share} * {expected}"""
