"""Runs of consecutive means over a limit inside each day, the pieces that episodes are made of.

It must not look beyond a day. The surprising fact: a mean that is missing or insufficient needs no mention; only means
over a limit are read, and a run ends where the next of them is not adjacent.
"""

from kcn_pipeline.engine import Engine


def find_stretches(engine: Engine) -> None:
    """Materialize `stretches` (rows of STRETCH_SCHEMA) from `hours`, `series_days`, `eights` and `day_rows`.

    Hours count where the limit is one of hours, means of 8 hours by the hour that closes them, days where the limit is
    one of days. The peak is the mean that is the most times over its limit; a lower limit is over by limit / mean.
    """
    engine.materialize("over_means", f"{_HOURS} UNION ALL {_EIGHTS} UNION ALL {_DAYS}")
    engine.materialize("stretches", _STRETCHES)


_HOURS = """
    SELECT d.station_id, d.parameter_code, '1h' AS averaging, d.day, h.hour_at AS begins_at, 1 AS hours,
        h.judged AS mean, d.hour_min AS limit_min, d.hour_max AS limit_max, d.unit, d.hour_basis AS basis
    FROM hours AS h JOIN series_days AS d ON d.series_day = h.series_day
    WHERE d.judges_hours AND h.is_over"""

_EIGHTS = """
    SELECT station_id, parameter_code, '8h', day, hour_at, 1, mean, limit_min, limit_max, unit, basis
    FROM eights WHERE is_over"""

_DAYS = """
    SELECT station_id, parameter_code, day_averaging, day, CAST(day AS TIMESTAMP), 24, judged, day_min, day_max, unit,
        day_basis
    FROM day_rows WHERE day_over"""

#: A limit of zero is passed infinitely often, which is kept as null and counts as the worst.
_RATIO = "CASE WHEN mean < limit_min THEN limit_min / NULLIF(mean, 0) ELSE mean / NULLIF(limit_max, 0) END"

_STRETCHES = f"""
    WITH measured AS (
        SELECT m.*, CASE WHEN {_RATIO} > 0 THEN {_RATIO} END AS ratio,
            EXTRACT(hour FROM begins_at) - ROW_NUMBER() OVER (
                PARTITION BY station_id, parameter_code, averaging, day ORDER BY begins_at) AS run
        FROM over_means AS m
    ), ranked AS (
        SELECT m.*, ROW_NUMBER() OVER (
            PARTITION BY station_id, parameter_code, averaging, day, run
            ORDER BY CASE WHEN ratio IS NULL THEN 0 ELSE 1 END, ratio DESC, begins_at) AS place
        FROM measured AS m
    ), runs AS (
        SELECT station_id, parameter_code, averaging, day, run, MIN(begins_at) AS from_at, SUM(hours) AS hours
        FROM measured
        GROUP BY station_id, parameter_code, averaging, day, run
    )
    SELECT r.station_id, r.parameter_code, r.averaging, r.day, r.from_at,
        r.from_at + r.hours * INTERVAL '1' HOUR AS to_at, r.hours, k.mean AS peak, k.limit_min, k.limit_max, k.ratio,
        k.unit, k.basis
    FROM runs AS r
    JOIN ranked AS k ON k.station_id = r.station_id AND k.parameter_code = r.parameter_code
        AND k.averaging = r.averaging AND k.day = r.day AND k.run = r.run AND k.place = 1"""
