"""Hour means of what stations sent, of what is derived from it, and whether they are over the limit of hours.

It must not see a day or an episode. The surprising fact: readings are added up as whole millionths of their canonical
unit, so that a sum is exact, and equal whatever the order in which readings came or threads took them.
"""

import pyarrow as pa

from kcn_pipeline.contracts.monitoring import Monitoring, Part
from kcn_pipeline.engine import Engine

#: Parts of one canonical unit in which sums are kept.
MILLION = 1_000_000
OXYGEN = "o2"
#: No quantity is as large; beyond it a sum of millionths would overflow.
_LARGEST = "1e12"
_HOUR = "DATE_TRUNC('hour', measured_at)"
_MILLIONTHS = f"CASE WHEN status = '00' AND ABS(value) < {_LARGEST} THEN CAST(ROUND(value * {MILLION}) AS BIGINT) END"


def exact_sum(expression: str) -> str:
    """SQL of a sum that does not depend on the order of its rows; terms are rounded to millionths."""
    return f"CAST(SUM(CAST(ROUND(({expression}) * {MILLION}) AS BIGINT)) AS DOUBLE) / {MILLION}"


def is_over(mean: str, low: str, high: str, decimals: int) -> str:
    """SQL: whether a mean is beyond one of two limits, each of which may be null; means are rounded first."""
    rounded = f"ROUND({mean}, {decimals})"
    return f"(COALESCE({rounded} > {high}, FALSE) OR COALESCE({rounded} < {low}, FALSE))"


def open_derived(engine: Engine, monitoring: Monitoring) -> None:
    """Register `derived_parts`: of which parameters, times which factor, a derived parameter is the sum."""
    rows = [
        {"parameter_code": code, "part_code": part.parameter, "factor": part.factor}
        for code, parameter in monitoring.parameters.items()
        for part in parameter.derived
    ]
    schema = pa.schema([("parameter_code", pa.string()), ("part_code", pa.string()), ("factor", pa.float64())])
    engine.register("derived_parts", pa.Table.from_pylist(rows, schema=schema))


def compute_hours(engine: Engine, monitoring: Monitoring) -> None:
    """Materialize `sent_hours`, `derived_hours`, `series_days` and `hours`.

    Reads `readings` and what `find_limits` makes. `series_days`: station × parameter × day that was sent, derived or
    expected, numbered by `series_day` in that order, with its unit and limits. `hours`: one row per series day and
    hour. Readings of a station that the register does not know on the day, or of a parameter that the contracts no
    longer know, are in `sent_hours` only.
    """
    engine.materialize("sent_hours", _SENT_HOURS)
    derived = [_derived_sql(code, one.derived) for code, one in monitoring.parameters.items() if one.derived]
    engine.materialize("derived_hours", " UNION ALL ".join(["SELECT * FROM sent_hours WHERE FALSE", *derived]))
    engine.materialize("series_days", _series_days_sql(monitoring))
    engine.materialize("hours", _hours_sql(monitoring))


_SENT_HOURS = f"""
    SELECT station_id, parameter_code, hour_at, COUNT(*) AS n_received, COUNT(millionths) AS n_valid,
        SUM(millionths) AS total, MIN(millionths) AS low, MAX(millionths) AS high
    FROM (
        SELECT station_id, parameter_code, {_HOUR} AS hour_at, {_MILLIONTHS} AS millionths FROM readings
    ) AS r
    GROUP BY station_id, parameter_code, hour_at"""


def _derived_sql(code: str, parts: tuple[Part, ...]) -> str:
    """Hours of a derived parameter: the sum of readings of the same time, of which all must be valid.

    Days on which some part is not sent at all have none. A station that sends the parameter itself is believed.
    """
    terms = " + ".join(
        f"{part.factor!r} * MAX(CASE WHEN r.parameter_code = '{part.parameter}' "
        f"AND r.status = '00' AND ABS(r.value) < {_LARGEST} THEN r.value END)"
        for part in parts
    )
    listed = ", ".join(f"'{part.parameter}'" for part in parts)
    return f"""
        SELECT t.station_id, '{code}' AS parameter_code, {_HOUR} AS hour_at, COUNT(*) AS n_received,
            COUNT(t.millionths) AS n_valid, SUM(t.millionths) AS total, MIN(t.millionths) AS low,
            MAX(t.millionths) AS high
        FROM (
            SELECT r.station_id, r.measured_at, CAST(ROUND(({terms}) * {MILLION}) AS BIGINT) AS millionths
            FROM readings AS r
            WHERE r.parameter_code IN ({listed})
                AND r.station_id IN (SELECT h.station_id FROM sent_hours AS h WHERE h.parameter_code IN ({listed}))
            GROUP BY r.station_id, r.measured_at
        ) AS t
        JOIN (
            SELECT s.station_id, CAST(s.hour_at AS DATE) AS day FROM sent_hours AS s
            WHERE s.parameter_code IN ({listed}, '{code}')
            GROUP BY s.station_id, CAST(s.hour_at AS DATE)
            HAVING COUNT(DISTINCT s.parameter_code) = {len(parts)}
                AND MAX(CASE WHEN s.parameter_code = '{code}' THEN 1 ELSE 0 END) = 0
        ) AS c ON c.station_id = t.station_id AND c.day = CAST(t.measured_at AS DATE)
        GROUP BY t.station_id, {_HOUR}"""


def _series_days_sql(monitoring: Monitoring) -> str:
    """Numbers are in the order of day, station and parameter, so that what is sorted by them is sorted by these.

    `o2_reference_pct` is null for what is no concentration; `n_expected` are the readings of an hour.
    """
    settings = monitoring.settings
    return f"""
        WITH found AS (
            SELECT station_id, parameter_code, CAST(hour_at AS DATE) AS day, FALSE AS is_derived, TRUE AS is_sent
            FROM sent_hours
            GROUP BY station_id, parameter_code, CAST(hour_at AS DATE)
            UNION ALL
            SELECT station_id, parameter_code, CAST(hour_at AS DATE), TRUE, TRUE FROM derived_hours
            GROUP BY station_id, parameter_code, CAST(hour_at AS DATE)
        ), listed AS (
            SELECT * FROM found
            UNION ALL
            SELECT DISTINCT x.station_id, x.parameter_code, x.day, x.is_derived, FALSE
            FROM expected_series AS x
            WHERE NOT EXISTS (
                SELECT 1 FROM found AS f
                WHERE f.station_id = x.station_id AND f.day = x.day AND f.parameter_code = x.parameter_code)
            AND NOT EXISTS (
                SELECT 1 FROM found AS f WHERE f.station_id = x.station_id AND f.day = x.day
                    AND f.parameter_code = x.needed_for AND NOT f.is_derived)
        )
        SELECT ROW_NUMBER() OVER (ORDER BY s.day, s.station_id, s.parameter_code) AS series_day, s.station_id,
            d.park_code, d.kind, s.day, s.parameter_code, s.is_derived, k.unit, k.factor,
            COALESCE(e.per_hour, {settings.readings_per_hour}) AS n_expected,
            CASE WHEN k.is_concentration THEN d.o2_reference_pct END AS o2_reference_pct,
            COALESCE(l.has_hour, FALSE) AS has_hour, COALESCE(l.judges_hours, FALSE) AS judges_hours, l.hour_min,
            l.hour_max, l.hour_basis, COALESCE(l.has_eight, FALSE) AS has_eight, l.eight_min, l.eight_max,
            l.eight_basis, COALESCE(l.has_day, FALSE) AS has_day, l.day_min, l.day_max, l.day_basis, l.day_averaging,
            l.limit_min, l.limit_max, l.averaging, l.basis
        FROM listed AS s
        JOIN station_days AS d ON d.station_id = s.station_id AND d.day = s.day
        JOIN shown AS k ON k.kind = d.kind AND k.parameter_code = s.parameter_code
        LEFT JOIN cadences AS e ON e.station_id = s.station_id AND e.parameter_code = s.parameter_code
        LEFT JOIN series_limits AS l
            ON l.station_id = s.station_id AND l.day = s.day AND l.parameter_code = s.parameter_code"""


def _hours_sql(monitoring: Monitoring) -> str:
    """Hours with their means in the shown unit, at the reference O2 where one is set, and their verdict.

    Concentrations C of a stack are judged as C × (air − reference) / (air − O2), of the hour means of both; without a
    sufficient hour of O2 below the highest share there is no corrected mean and no verdict. `judged` is the mean that
    is held against limits.
    """
    settings = monitoring.settings
    air = settings.o2_of_air_pct
    verdict = is_over("c.judged", "c.hour_min", "c.hour_max", settings.compare_decimals)
    columns = "station_id, parameter_code, hour_at, n_received, n_valid, total, low, high"
    return f"""
        SELECT c.series_day, c.hour_at, c.n_received, c.n_valid, c.total, c.low, c.high, c.mean, c.corrected_mean,
            c.judged, c.is_sufficient, CASE WHEN c.has_hour AND c.is_sufficient AND c.judged IS NOT NULL
                THEN {verdict} END AS is_over
        FROM (
            SELECT m.*, CASE WHEN m.o2_reference_pct IS NULL THEN m.mean ELSE m.corrected_mean END AS judged FROM (
                SELECT d.series_day, h.hour_at, h.n_received, h.n_valid, h.total, h.low, h.high, d.has_hour,
                    d.hour_min, d.hour_max, d.o2_reference_pct,
                    CAST(h.total AS DOUBLE) / ({MILLION} * NULLIF(h.n_valid, 0)) * d.factor AS mean,
                    CAST(h.total AS DOUBLE) / ({MILLION} * NULLIF(h.n_valid, 0)) * d.factor
                        * ({air} - d.o2_reference_pct) / ({air} - o.o2) AS corrected_mean,
                    h.n_valid >= {settings.sufficient_share} * d.n_expected AS is_sufficient
                FROM (
                    SELECT {columns}, FALSE AS is_derived FROM sent_hours
                    UNION ALL
                    SELECT {columns}, TRUE FROM derived_hours
                ) AS h
                JOIN series_days AS d ON d.station_id = h.station_id AND d.parameter_code = h.parameter_code
                    AND d.day = CAST(h.hour_at AS DATE) AND d.is_derived = h.is_derived
                LEFT JOIN ({_oxygen_sql(monitoring)}) AS o ON o.station_id = h.station_id AND o.hour_at = h.hour_at
            ) AS m
        ) AS c"""


def _oxygen_sql(monitoring: Monitoring) -> str:
    """Hours of stations with a reference O2 in which their own O2 is known well enough to convert to it."""
    settings = monitoring.settings
    o2 = f"CAST(s.total AS DOUBLE) / ({MILLION} * NULLIF(s.n_valid, 0))"
    return f"""
        SELECT s.station_id, s.hour_at, {o2} AS o2
        FROM sent_hours AS s
        JOIN series_days AS k ON k.station_id = s.station_id AND k.parameter_code = s.parameter_code
            AND k.day = CAST(s.hour_at AS DATE)
        JOIN station_days AS d ON d.station_id = s.station_id AND d.day = CAST(s.hour_at AS DATE)
        WHERE s.parameter_code = '{OXYGEN}' AND d.o2_reference_pct IS NOT NULL
            AND s.n_valid >= {settings.sufficient_share} * k.n_expected AND {o2} <= {settings.o2_correction_max_pct}"""


#: Hours with the names of their series, as they are kept.
SHOWN_HOURS = """
    SELECT h.series_day, d.day, d.station_id, d.kind, d.parameter_code, h.hour_at, d.unit, h.mean, h.corrected_mean,
        h.n_received, h.n_valid, d.n_expected, h.is_sufficient, h.is_over
    FROM hours AS h JOIN series_days AS d ON d.series_day = h.series_day"""
