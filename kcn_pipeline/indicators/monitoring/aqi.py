"""VN_AQI of ambient stations, by hour and by day, after Decision 1459/QĐ-TCMT of 12 November 2019.

It must not hold a breakpoint, a band or a threshold: those are contracts. The surprising fact: a day needs the evening
before it (12 hours of NowCast, 8 hours of ozone), so a late reading changes the index of its own day and of the next.

Where the decision leaves a choice:
* NowCast divides by the sum of the weights. For a weight of 1/2 the decision writes the sum of (1/2)^i × c_i instead,
  which is the same to 0.02 % when all 12 hours are there and far too low when some are missing.
* Only sufficient hours count (`sufficient_share` of their readings); an 8-hour mean needs that share of its hours, a
  day that share of its readings (dust) or of its hours (gases). Less gives no index, never a low one.
* Concentrations and indices are rounded to 6 decimals first, so that the order of adding up never shows; an index is
  then rounded half up, and only then put into a band.
* A concentration above the table has the table's highest index.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import pyarrow as pa

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.contracts.monitoring import Aqi, Breakpoint, Monitoring, Settings
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.monitoring.tables import HOURS
from kcn_pipeline.indicators.slices import STAGE, days_of, newest_days
from kcn_pipeline.lake import Lake

TABLE = "monitoring_aqi"
KIND = "ambient"

#: One row is one station × hour × parameter, or × day where `hour_at` is null; '' is the station as a whole.
SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("day", pa.date32()),
        ("hour_at", pa.timestamp("us")),
        ("parameter_code", pa.string()),
        ("averaging", pa.string()),
        ("concentration", pa.float64()),
        ("aqi", pa.int64()),
        ("band", pa.string()),
        ("main_parameter", pa.string()),
        ("is_sufficient", pa.bool_()),
        ("hours_valid", pa.int64()),
        ("worst_hour_aqi", pa.int64()),
        ("worst_hour_at", pa.timestamp("us")),
    ]
)

#: What is read of the hours.
_HOURS_SCHEMA = pa.schema(
    [
        ("station_id", pa.string()),
        ("kind", pa.string()),
        ("parameter_code", pa.string()),
        ("hour_at", pa.timestamp("us")),
        ("mean", pa.float64()),
        ("n_valid", pa.int64()),
        ("n_expected", pa.int64()),
        ("is_sufficient", pa.bool_()),
    ]
)
_DAY = timedelta(days=1)
#: Bounds the memory of a backfill; every chunk also reads the day before it.
_DAYS_AT_A_TIME = 31


@dataclass(frozen=True)
class AqiResult:
    """What a night wrote: the days whose indices it computed, and the rows of hours and days."""

    days: tuple[date, ...]
    rows: int


def compute_aqi(lake: Lake, contracts: Contracts, night: str, days: Collection[date]) -> AqiResult:
    """Write `indicators/monitoring_aqi`, parts `day=`, of the touched days and of the days after them.

    Reads the newest slices of `indicators/monitoring_hours`, which must be up to date. Concentrations are in the unit
    of the breakpoints (µg/m3).
    """
    measured = days_of(lake.parts(STAGE, HOURS))
    after = {day + _DAY for day in days} & measured
    # An earlier attempt of the night may have touched more; its slices would otherwise be left empty.
    wanted = sorted({*days, *after, *days_of(lake.parts(STAGE, TABLE, night))})
    rows = 0

    def parts() -> Iterator[tuple[str, pa.Table]]:
        nonlocal rows
        for start in range(0, len(wanted), _DAYS_AT_A_TIME):
            for day, table in _compute(lake, contracts.monitoring, wanted[start : start + _DAYS_AT_A_TIME]):
                rows += table.num_rows
                yield f"day={day}", table

    lake.replace(STAGE, TABLE, night, parts(), is_state=True)
    return AqiResult(tuple(wanted), rows)


def _compute(lake: Lake, monitoring: Monitoring, days: Sequence[date]) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each of the days; one thread, because equal sums need equal order."""
    with Engine(threads=1) as engine:
        open_hours(engine, lake, days)
        compute_indices(engine, monitoring)
        for day in days:
            rows = engine.query(f"SELECT {_COLUMNS} FROM indices WHERE day = DATE '{day}' ORDER BY {_ORDER}")
            yield day, rows.cast(SCHEMA)


_COLUMNS = ", ".join(SCHEMA.names)
_ORDER = "station_id, hour_at NULLS LAST, parameter_code"


# ---- what is read ----------------------------------------------------------------------------------------------------


def open_hours(engine: Engine, lake: Lake, days: Sequence[date]) -> None:
    """Register `monitoring_hours` of the days and of those before them, and `clock`, which numbers their hours."""
    read = sorted({*days, *(day - _DAY for day in days)})
    engine.register_slices("monitoring_hours", newest_days(lake, HOURS, read), _HOURS_SCHEMA)
    engine.register("clock", _number_hours(read, frozenset(days)))


def _number_hours(days: Sequence[date], wanted: Collection[date]) -> pa.Table:
    """Every hour of the days with a number that goes up by one an hour, so that windows are plain arithmetic."""
    moments = [(day, hour) for day in days for hour in range(24)]
    return pa.table(
        {
            "hour_at": pa.array([datetime.combine(day, time(hour)) for day, hour in moments], pa.timestamp("us")),
            "day": pa.array([day for day, _ in moments], pa.date32()),
            "hour_number": pa.array([day.toordinal() * 24 + hour for day, hour in moments], pa.int64()),
            "is_wanted": pa.array([day in wanted for day, _ in moments], pa.bool_()),
        }
    )


def _register_contracts(engine: Engine, monitoring: Monitoring) -> None:
    """`steps` and `bands` of the index with the days they hold, and `aqi_parameters`: unit factor and whether dust."""
    aqi = monitoring.aqi
    dust = {row.parameter for row in aqi.breakpoints if row.averaging == "24h"}
    codes = sorted({row.parameter for row in aqi.breakpoints})
    engine.register("steps", _tabulate_steps(aqi))
    engine.register("bands", _tabulate_bands(aqi))
    engine.register(
        "aqi_parameters",
        pa.table(
            {
                "parameter_code": pa.array(codes, pa.string()),
                "shown_factor": pa.array([monitoring.parameters[code].shown(KIND).factor for code in codes]),
                "is_dust": pa.array([code in dust for code in codes]),
                "is_needed": pa.array([code in monitoring.settings.aqi_needs_one_of for code in codes]),
            }
        ),
    )


def _tabulate_steps(aqi: Aqi) -> pa.Table:
    """Breakpoints with the concentrations they are for: above `above`, up to `up_to`, open at both ends of a table."""
    rows = []
    for step in aqi.breakpoints:
        same = [one.step for one in aqi.breakpoints if _table_of(one) == _table_of(step)]
        rows.append(
            {
                **step.model_dump(include={"parameter", "averaging", "i_low", "i_high", "bp_low", "bp_high"}),
                "above": -1e300 if step.step == min(same) else step.bp_low,
                "up_to": 1e300 if step.step == max(same) else step.bp_high,
                "valid_from": step.valid_from or date.min,
                "valid_to": step.valid_to or date.max,
            }
        )
    texts, numbers = ("parameter", "averaging"), ("i_low", "i_high", "bp_low", "bp_high", "above", "up_to")
    fields = [*((name, pa.string()) for name in texts), *((name, pa.float64()) for name in numbers)]
    return pa.Table.from_pylist(rows, pa.schema([*fields, ("valid_from", pa.date32()), ("valid_to", pa.date32())]))


def _table_of(step: Breakpoint) -> tuple[str, str, date | None, date | None]:
    return step.parameter, step.averaging, step.valid_from, step.valid_to


def _tabulate_bands(aqi: Aqi) -> pa.Table:
    rows = [
        {
            **band.model_dump(include={"code", "low", "high"}),
            "valid_from": band.valid_from or date.min,
            "valid_to": band.valid_to or date.max,
        }
        for band in aqi.bands
    ]
    fields = [("code", pa.string()), ("low", pa.int64()), ("high", pa.int64())]
    return pa.Table.from_pylist(rows, pa.schema([*fields, ("valid_from", pa.date32()), ("valid_to", pa.date32())]))


# ---- what is computed ------------------------------------------------------------------------------------------------


def compute_indices(engine: Engine, monitoring: Monitoring) -> None:
    """Materialize `indices` (rows of SCHEMA) from the tables `monitoring_hours` and `clock`."""
    _register_contracts(engine, monitoring)
    settings = monitoring.settings
    engine.materialize("hours", _HOURS)
    engine.materialize("nowcast", _nowcast_sql(settings))
    engine.materialize("hourly_means", _HOURLY_MEANS)
    engine.materialize("hourly", _index_sql("hourly_means"))
    engine.materialize("daily_means", _daily_means_sql(settings))
    engine.materialize("daily", _index_sql("daily_means"))
    engine.materialize("indices", _INDICES)


#: Hour means of ambient stations in the unit of the breakpoints.
_HOURS = f"""
    SELECT h.station_id, h.parameter_code, p.is_dust, c.day, c.hour_number, c.hour_at, c.is_wanted,
        h.mean / p.shown_factor AS mean, h.n_valid, h.n_expected, h.is_sufficient AND h.mean IS NOT NULL AS is_valid
    FROM monitoring_hours AS h
    JOIN clock AS c ON c.hour_at = h.hour_at
    JOIN aqi_parameters AS p ON p.parameter_code = h.parameter_code
    WHERE h.kind = '{KIND}'"""


def _nowcast_sql(settings: Settings) -> str:
    """NowCast of dust (mục 2.2.1.a): recent hours weigh more, the more so the more the means differ.

    An hour counts in which the station sent anything: two of the newest three means may then stand for a missing one.
    """
    return f"""
        WITH moments AS (
            SELECT DISTINCT a.station_id, s.parameter_code, a.hour_number
            FROM hours AS a
            JOIN hours AS s ON s.station_id = a.station_id AND s.day = a.day AND s.is_dust
            WHERE a.is_wanted
        ), means AS (
            SELECT m.station_id, m.parameter_code, m.hour_number, m.hour_number - v.hour_number AS age, v.mean
            FROM moments AS m
            JOIN hours AS v ON v.station_id = m.station_id AND v.parameter_code = m.parameter_code AND v.is_valid
                AND v.hour_number > m.hour_number - {settings.aqi_nowcast_hours} AND v.hour_number <= m.hour_number
        ), weights AS (
            SELECT station_id, parameter_code, hour_number,
                CASE WHEN MIN(mean) > {settings.aqi_nowcast_min_weight} * MAX(mean) THEN MIN(mean) / MAX(mean)
                    ELSE {settings.aqi_nowcast_min_weight} END AS weight
            FROM means
            GROUP BY station_id, parameter_code, hour_number
            HAVING SUM(CASE WHEN age < {settings.aqi_nowcast_recent_hours} THEN 1 ELSE 0 END)
                >= {settings.aqi_nowcast_min_recent}
        )
        SELECT m.station_id, m.parameter_code, m.hour_number,
            ROUND(SUM(POWER(w.weight, m.age) * m.mean) / SUM(POWER(w.weight, m.age)), 6) AS concentration
        FROM means AS m
        JOIN weights AS w ON w.station_id = m.station_id AND w.parameter_code = m.parameter_code
            AND w.hour_number = m.hour_number
        GROUP BY m.station_id, m.parameter_code, m.hour_number"""


#: What the index of an hour is read from: NowCast of dust, the mean of gases; what is insufficient has no index.
_HOURLY_MEANS = """
    SELECT COALESCE(n.station_id, h.station_id) AS station_id, c.day, c.hour_at,
        COALESCE(n.parameter_code, h.parameter_code) AS parameter_code,
        CASE WHEN n.station_id IS NOT NULL OR h.is_dust THEN '24h' ELSE '1h' END AS basis,
        CASE WHEN n.station_id IS NOT NULL OR h.is_dust THEN 'nowcast' ELSE '1h' END AS averaging,
        CASE WHEN n.station_id IS NOT NULL OR h.is_dust THEN n.concentration ELSE h.mean END AS concentration,
        n.station_id IS NOT NULL OR (h.is_valid AND NOT h.is_dust) AS is_sufficient
    FROM nowcast AS n
    FULL OUTER JOIN (SELECT * FROM hours WHERE is_wanted) AS h
        ON h.station_id = n.station_id AND h.parameter_code = n.parameter_code AND h.hour_number = n.hour_number
    JOIN clock AS c ON c.hour_number = COALESCE(n.hour_number, h.hour_number)"""


def _daily_means_sql(settings: Settings) -> str:
    """What the index of a day is read from (mục 2.2.2): means of dust, worst hours of gases, worst 8 hours of ozone.

    The mean of dust is over valid readings, so an hour weighs as many as it has.
    """
    share = settings.sufficient_share
    return f"""
        WITH dust AS (
            SELECT station_id, day, parameter_code, '24h' AS averaging,
                ROUND(SUM(mean * n_valid) / NULLIF(SUM(n_valid), 0), 6) AS concentration,
                SUM(n_valid) >= {share} * 24 * MAX(n_expected) AS is_sufficient
            FROM hours WHERE is_wanted AND is_dust
            GROUP BY station_id, day, parameter_code
        ), worst_hours AS (
            SELECT station_id, day, parameter_code, '1h' AS averaging, MAX(mean) AS concentration,
                COUNT(*) >= {share} * 24 AS is_sufficient
            FROM hours WHERE is_wanted AND NOT is_dust AND is_valid
            GROUP BY station_id, day, parameter_code
        ), eight_hours AS (
            SELECT m.station_id, m.day, m.parameter_code, m.hour_number, ROUND(AVG(v.mean), 6) AS mean
            FROM hours AS m
            JOIN hours AS v ON v.station_id = m.station_id AND v.parameter_code = m.parameter_code AND v.is_valid
                AND v.hour_number > m.hour_number - 8 AND v.hour_number <= m.hour_number
            WHERE m.is_wanted AND m.parameter_code IN (SELECT parameter FROM steps WHERE averaging = '8h')
            GROUP BY m.station_id, m.day, m.parameter_code, m.hour_number
            HAVING COUNT(*) >= {share} * 8
        ), worst_eight AS (
            SELECT station_id, day, parameter_code, MAX(mean) AS concentration
            FROM eight_hours
            GROUP BY station_id, day, parameter_code
        ), means AS (
            SELECT * FROM dust
            UNION ALL
            SELECT * FROM worst_hours
            UNION ALL
            SELECT e.station_id, e.day, e.parameter_code, '8h' AS averaging, e.concentration, o.is_sufficient
            FROM worst_eight AS e
            JOIN worst_hours AS o
                ON o.station_id = e.station_id AND o.day = e.day AND o.parameter_code = e.parameter_code
            WHERE e.concentration <= {settings.aqi_o3_8h_max}
        )
        SELECT m.*, m.averaging AS basis, CAST(NULL AS TIMESTAMP) AS hour_at FROM means AS m"""


def _index_sql(means: str) -> str:
    """The index of every row of a table of means (Công thức 1), rounded half up; null where a mean is insufficient."""
    return f"""
        SELECT m.station_id, m.day, m.hour_at, m.parameter_code, m.averaging, m.concentration, m.is_sufficient,
            p.is_needed, CASE WHEN m.is_sufficient THEN CAST(FLOOR(ROUND(LEAST(s.i_high, GREATEST(s.i_low,
                (s.i_high - s.i_low) / (s.bp_high - s.bp_low) * (m.concentration - s.bp_low) + s.i_low)), 6) + 0.5)
                AS BIGINT) END AS aqi
        FROM {means} AS m
        JOIN aqi_parameters AS p ON p.parameter_code = m.parameter_code
        LEFT JOIN steps AS s ON s.parameter = m.parameter_code AND s.averaging = m.basis
            AND m.day BETWEEN s.valid_from AND s.valid_to
            AND m.concentration > s.above AND m.concentration <= s.up_to"""


#: Parameters and stations by hour and by day: of two means of a parameter the worse counts, of parameters the worst.
_INDICES = """
    WITH single AS (
        SELECT * FROM hourly
        UNION ALL
        SELECT station_id, day, hour_at, parameter_code, averaging, concentration, is_sufficient, is_needed, aqi
        FROM (
            SELECT d.*, ROW_NUMBER() OVER (
                PARTITION BY d.station_id, d.day, d.parameter_code
                ORDER BY COALESCE(d.aqi, -1) DESC, d.averaging) AS place
            FROM daily AS d
        ) AS ranked WHERE place = 1
    ), worst AS (
        SELECT station_id, day, hour_at,
            CASE WHEN SUM(CASE WHEN is_needed AND aqi IS NOT NULL THEN 1 ELSE 0 END) > 0 THEN MAX(aqi) END AS aqi
        FROM single
        GROUP BY station_id, day, hour_at
    ), whole AS (
        SELECT w.station_id, w.day, w.hour_at, w.aqi, MIN(s.parameter_code) AS main_parameter
        FROM worst AS w
        LEFT JOIN single AS s ON s.station_id = w.station_id AND s.day = w.day AND s.aqi = w.aqi
            AND s.hour_at IS NOT DISTINCT FROM w.hour_at
        GROUP BY w.station_id, w.day, w.hour_at, w.aqi
    ), listed AS (
        SELECT station_id, day, hour_at, parameter_code, averaging, concentration, aqi,
            CAST(NULL AS VARCHAR) AS main_parameter, is_sufficient
        FROM single
        UNION ALL
        SELECT station_id, day, hour_at, '' AS parameter_code, CAST(NULL AS VARCHAR) AS averaging,
            CAST(NULL AS DOUBLE) AS concentration, aqi, main_parameter, aqi IS NOT NULL AS is_sufficient
        FROM whole
    ), hours_of_day AS (
        SELECT station_id, day, parameter_code, COUNT(aqi) AS hours_valid, MAX(aqi) AS worst_hour_aqi
        FROM listed WHERE hour_at IS NOT NULL
        GROUP BY station_id, day, parameter_code
    ), worst_hours AS (
        SELECT d.station_id, d.day, d.parameter_code, d.hours_valid, d.worst_hour_aqi, MIN(e.hour_at) AS worst_hour_at
        FROM hours_of_day AS d
        LEFT JOIN listed AS e ON e.station_id = d.station_id AND e.day = d.day
            AND e.parameter_code = d.parameter_code AND e.aqi = d.worst_hour_aqi AND e.hour_at IS NOT NULL
        GROUP BY d.station_id, d.day, d.parameter_code, d.hours_valid, d.worst_hour_aqi
    )
    SELECT e.station_id, e.day, e.hour_at, e.parameter_code, e.averaging, e.concentration, e.aqi, b.code AS band,
        e.main_parameter, e.is_sufficient, h.hours_valid, h.worst_hour_aqi, h.worst_hour_at
    FROM listed AS e
    LEFT JOIN bands AS b ON e.aqi BETWEEN b.low AND b.high AND e.day BETWEEN b.valid_from AND b.valid_to
    LEFT JOIN worst_hours AS h ON e.hour_at IS NULL AND h.station_id = e.station_id AND h.day = e.day
        AND h.parameter_code = e.parameter_code"""
