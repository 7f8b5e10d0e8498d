"""Day means of stations, verdicts, loads and volumes, from the hours of the same day.

It must not read a reading except to count the doubtful ones. The surprising fact: a mean over the limit is a verdict
even on a day with too few readings, when hours are what is judged; too few readings can never make a day compliant.
"""

from kcn_pipeline.contracts.monitoring import Monitoring
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.monitoring.hours import MILLION, exact_sum, is_over

#: Hours of the mean that QCVN 05:2023 names "8 giờ".
EIGHT = 8


def compute_days(engine: Engine, monitoring: Monitoring) -> None:
    """Materialize `eights`, `loads` and `day_rows` (rows of DAYS_SCHEMA, and what overruns are found by).

    Reads `hours` and `series_days`, `earlier_hours` of the days before, `readings` and `doubts`.
    """
    engine.materialize("eights", _eights_sql(monitoring))
    engine.materialize("loads", _loads_sql(monitoring))
    engine.materialize("day_sums", _sums_sql(monitoring))
    engine.materialize("day_doubts", _DOUBTS)
    engine.materialize("day_means", _means_sql(monitoring))
    engine.materialize("day_rows", _verdicts_sql(monitoring))


def _eights_sql(monitoring: Monitoring) -> str:
    """Means of 8 hours that end with a sufficient hour of the day and hold enough sufficient hours.

    They belong to the day in which they end, and so reach back into the evening before.
    """
    settings = monitoring.settings
    mean = f"{exact_sum('b.mean')} / COUNT(*)"
    verdict = is_over("e.mean", "e.limit_min", "e.limit_max", settings.compare_decimals)
    return f"""
        WITH hours_of_limit AS (
            SELECT d.series_day, d.station_id, d.parameter_code, h.hour_at, h.mean
            FROM hours AS h JOIN series_days AS d ON d.series_day = h.series_day
            WHERE d.has_eight AND h.is_sufficient
        ), near AS (
            SELECT station_id, parameter_code, hour_at, mean FROM hours_of_limit
            UNION ALL
            SELECT station_id, parameter_code, hour_at, mean FROM earlier_hours WHERE is_sufficient
        )
        SELECT e.*, {verdict} AS is_over FROM (
            SELECT d.series_day, d.station_id, d.parameter_code, d.day, a.hour_at, d.unit, d.eight_min AS limit_min,
                d.eight_max AS limit_max, d.eight_basis AS basis, {mean} AS mean
            FROM hours_of_limit AS a
            JOIN series_days AS d ON d.series_day = a.series_day
            JOIN near AS b ON b.station_id = a.station_id AND b.parameter_code = a.parameter_code
                AND b.hour_at > a.hour_at - INTERVAL '{EIGHT}' HOUR AND b.hour_at <= a.hour_at
            GROUP BY d.series_day, d.station_id, d.parameter_code, d.day, a.hour_at, d.unit, d.eight_min, d.eight_max,
                d.eight_basis
            HAVING COUNT(*) >= {settings.sufficient_share * EIGHT}
        ) AS e"""


def _loads_sql(monitoring: Monitoring) -> str:
    """Loads of wastewater, kg: 24 × the mean over hours with flow Q and concentration C of C (mg/L) × Q (m3/h) / 1000.

    Null where fewer than the sufficient share of the 24 hours have both.
    """
    settings = monitoring.settings
    listed = ", ".join(f"'{code}'" for code in settings.load_parameters)
    load = f"24 * {exact_sum('c.mean / p.factor * q.mean / p.flow_factor')} / 1000 / COUNT(*)"
    return f"""
        SELECT p.series_day, COUNT(*) AS load_hours,
            CASE WHEN COUNT(*) >= {settings.sufficient_share * 24} THEN {load} END AS load_kg
        FROM (
            SELECT d.series_day, d.factor, f.series_day AS flow_day, f.factor AS flow_factor
            FROM series_days AS d
            JOIN series_days AS f ON f.station_id = d.station_id AND f.day = d.day
                AND f.parameter_code = '{settings.flow_parameter}'
            WHERE d.kind = 'wastewater' AND d.parameter_code IN ({listed})
        ) AS p
        JOIN hours AS c ON c.series_day = p.series_day AND c.is_sufficient
        JOIN hours AS q ON q.series_day = p.flow_day AND q.hour_at = c.hour_at AND q.is_sufficient
        GROUP BY p.series_day"""


def _sums_sql(monitoring: Monitoring) -> str:
    """What came of every series day, and the hours it came in."""
    corrected = "corrected_mean IS NOT NULL AND is_sufficient"
    return f"""
        SELECT series_day, SUM(n_received) AS n_received, SUM(n_valid) AS n_valid, SUM(total) AS total,
            MIN(low) AS low, MAX(high) AS high, COUNT(CASE WHEN is_sufficient THEN 1 END) AS hours_valid,
            COUNT(is_over) AS hours_judged, COUNT(CASE WHEN is_over THEN 1 END) AS hours_over,
            {exact_sum(f"CASE WHEN {corrected} THEN corrected_mean * n_valid END")}
                / SUM(CASE WHEN {corrected} THEN n_valid END) AS corrected_mean,
            {exact_sum("CASE WHEN is_sufficient THEN mean END")} AS sum_of_hours
        FROM hours
        GROUP BY series_day"""


#: Valid readings inside a flat line or a spike; a reading inside two of them counts once.
_DOUBTS = """
    SELECT r.station_id, r.parameter_code, CAST(r.measured_at AS DATE) AS day,
        COUNT(DISTINCT r.measured_at) AS n_flagged
    FROM readings AS r
    JOIN doubts AS f ON f.station_id = r.station_id AND f.parameter_code = r.parameter_code
        AND r.measured_at >= f.started_at AND r.measured_at <= f.ended_at
    WHERE r.status = '00' AND r.value IS NOT NULL
    GROUP BY r.station_id, r.parameter_code, CAST(r.measured_at AS DATE)"""


def _means_sql(monitoring: Monitoring) -> str:
    """Series days with their means; a day on which nothing came has zero readings and no mean."""
    settings = monitoring.settings
    mean = f"CAST(s.total AS DOUBLE) / ({MILLION} * NULLIF(s.n_valid, 0)) * d.factor"
    is_volume = f"d.parameter_code = '{settings.flow_parameter}' AND d.kind IN ('wastewater', 'water_supply')"
    return f"""
        SELECT d.*, {mean} AS mean, s.corrected_mean,
            CASE WHEN d.o2_reference_pct IS NULL THEN {mean} ELSE s.corrected_mean END AS judged,
            CAST(s.low AS DOUBLE) / {MILLION} * d.factor AS min, CAST(s.high AS DOUBLE) / {MILLION} * d.factor AS max,
            COALESCE(s.n_received, 0) AS n_received, COALESCE(s.n_valid, 0) AS n_valid,
            COALESCE(f.n_flagged, 0) AS n_flagged, COALESCE(s.hours_valid, 0) AS hours_valid,
            COALESCE(s.hours_judged, 0) AS hours_judged, COALESCE(s.hours_over, 0) AS hours_over,
            COALESCE(s.n_valid, 0) >= {settings.sufficient_share} * 24 * d.n_expected AS is_sufficient,
            w.load_kg, w.load_hours, CASE WHEN {is_volume} THEN s.sum_of_hours / d.factor END AS volume_m3
        FROM series_days AS d
        LEFT JOIN day_sums AS s ON s.series_day = d.series_day
        LEFT JOIN day_doubts AS f
            ON f.station_id = d.station_id AND f.day = d.day AND f.parameter_code = d.parameter_code
        LEFT JOIN loads AS w ON w.series_day = d.series_day"""


def _verdicts_sql(monitoring: Monitoring) -> str:
    """Days with the limit shown for them and whether they are compliant: null without a limit or enough readings."""
    settings = monitoring.settings
    verdict = is_over("m.judged", "m.day_min", "m.day_max", settings.compare_decimals)
    return f"""
        SELECT v.station_id, v.park_code, v.kind, v.parameter_code, v.day, v.unit, v.mean, v.corrected_mean, v.judged,
            v.min, v.max, v.n_received, v.n_valid, v.n_flagged, 24 * v.n_expected AS n_expected, v.hours_valid,
            CASE WHEN v.has_hour THEN v.hours_over END AS hours_over, v.limit_min, v.limit_max, v.averaging,
            v.basis AS regulation, v.is_sufficient, v.is_derived, v.load_kg, v.load_hours, v.volume_m3, v.day_over,
            v.day_min, v.day_max, v.day_basis, v.day_averaging, CASE
                WHEN v.averaging IS NULL THEN NULL
                WHEN v.day_over OR v.eights_over > 0 OR (v.judges_hours AND v.hours_over > 0) THEN FALSE
                WHEN NOT v.is_sufficient OR (v.has_day AND v.judged IS NULL) THEN NULL
                WHEN v.judges_hours AND v.hours_judged < {settings.sufficient_share * 24} THEN NULL
                ELSE TRUE END AS is_compliant
        FROM (
            SELECT m.*, COALESCE(e.eights_over, 0) AS eights_over,
                CASE WHEN m.has_day AND m.is_sufficient AND m.judged IS NOT NULL THEN {verdict} END AS day_over
            FROM day_means AS m
            LEFT JOIN (
                SELECT series_day, COUNT(*) AS eights_over FROM eights WHERE is_over GROUP BY series_day
            ) AS e ON e.series_day = m.series_day
        ) AS v"""
