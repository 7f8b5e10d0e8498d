"""What indicators read of stations: one row per station and day, and one per park and day.

It must not read a reading or a limit. The surprising fact: shares of hours (EN14) speak of wastewater alone, so every
other station has no hours here, not zero hours.
"""

from kcn_pipeline.contracts.monitoring import Monitoring
from kcn_pipeline.engine import Engine
from kcn_pipeline.indicators.monitoring.hours import exact_sum

COD = "cod"


def compute_measures(engine: Engine, monitoring: Monitoring) -> None:
    """Materialize `station_measures` and `park_measures` from `station_days`, `series_days`, `hours` and `day_rows`."""
    engine.materialize("wastewater_hours", _WASTEWATER_HOURS)
    engine.materialize("station_measures", _STATION_MEASURES)
    engine.materialize("compliant_volumes", _compliant_volumes_sql(monitoring))
    engine.materialize("supplies", _supplies_sql(monitoring))
    engine.materialize("park_measures", _PARK_MEASURES)


#: Hours of wastewater in which some limited parameter has a sufficient mean, and those in which one is over its limit.
#: Indicative: wastewater is judged by day means. A station with limits that sent nothing has none of both.
_WASTEWATER_HOURS = """
    SELECT l.station_id, l.day, COUNT(h.hour_at) AS hours_valid, COUNT(CASE WHEN h.is_over THEN 1 END) AS hours_over
    FROM (
        SELECT DISTINCT station_id, day FROM day_rows WHERE kind = 'wastewater' AND averaging IS NOT NULL
    ) AS l
    LEFT JOIN (
        SELECT d.station_id, d.day, w.hour_at, MAX(CASE WHEN w.is_over THEN 1 ELSE 0 END) = 1 AS is_over
        FROM hours AS w JOIN series_days AS d ON d.series_day = w.series_day
        WHERE d.kind = 'wastewater' AND w.is_over IS NOT NULL
        GROUP BY d.station_id, d.day, w.hour_at
    ) AS h ON h.station_id = l.station_id AND h.day = l.day
    GROUP BY l.station_id, l.day"""

#: Stations that sent something or are connected; without a valid hour there is no share of hours, not one of 0 %.
#: What is derived is neither expected nor counted as a reading.
_STATION_MEASURES = f"""
    SELECT s.station_id, s.park_code, CAST(NULL AS VARCHAR) AS province_code, s.kind, s.day,
        NULLIF(w.hours_valid, 0) AS hours_valid, CASE WHEN w.hours_valid > 0 THEN w.hours_over END AS hours_over,
        r.readings_valid, r.readings_expected, r.cod_load_kg,
        CASE WHEN r.cod_load_kg IS NOT NULL THEN 1 END AS days
    FROM station_days AS s
    LEFT JOIN wastewater_hours AS w ON w.station_id = s.station_id AND w.day = s.day
    LEFT JOIN (
        SELECT station_id, day,
            SUM(CASE WHEN NOT is_derived THEN n_valid - n_flagged END) AS readings_valid,
            SUM(CASE WHEN NOT is_derived THEN n_expected END) AS readings_expected,
            MAX(CASE WHEN parameter_code = '{COD}' THEN load_kg END) AS cod_load_kg
        FROM day_rows
        GROUP BY station_id, day
    ) AS r ON r.station_id = s.station_id AND r.day = s.day
    WHERE s.is_connected OR r.station_id IS NOT NULL"""


def _compliant_volumes_sql(monitoring: Monitoring) -> str:
    """m3 a station let out on a day on which every limited parameter was sufficient and compliant, 0 on other days.

    Null where no flow was measured or nothing is limited; parameters that are neither sent nor in the permit are left
    aside.
    """
    return f"""
        SELECT station_id, park_code, day, CASE
            WHEN MAX(volume_m3) IS NULL OR COUNT(averaging) = 0 THEN NULL
            WHEN COUNT(averaging) = COUNT(CASE WHEN is_compliant THEN 1 END) THEN MAX(volume_m3)
            ELSE 0 END AS compliant_m3
        FROM (
            SELECT station_id, park_code, day, averaging, is_compliant,
                CASE WHEN parameter_code = '{monitoring.settings.flow_parameter}' THEN volume_m3 END AS volume_m3
            FROM day_rows WHERE kind = 'wastewater'
        ) AS d
        GROUP BY station_id, park_code, day"""


def _supplies_sql(monitoring: Monitoring) -> str:
    """m3 of clean water a meter let through on a day: 24 × its mean hour, null below the sufficient share of hours."""
    settings = monitoring.settings
    return f"""
        SELECT s.station_id, s.park_code, s.day, d.supplied_m3
        FROM station_days AS s
        LEFT JOIN (
            SELECT station_id, day, CASE WHEN hours_valid >= {settings.sufficient_share * 24}
                THEN volume_m3 / hours_valid * 24 END AS supplied_m3
            FROM day_rows WHERE kind = 'water_supply' AND parameter_code = '{settings.flow_parameter}'
        ) AS d ON d.station_id = s.station_id AND d.day = s.day
        WHERE s.kind = 'water_supply' AND s.is_connected"""


#: A park whose meters are not all known that day has no supply, because the missing one is not zero.
_PARK_MEASURES = f"""
    SELECT p.park_code, CAST(NULL AS VARCHAR) AS province_code, p.day,
        w.compliant_m3 AS wastewater_treated_compliant_m3, s.supplied_m3 AS water_supplied_m3_d
    FROM (
        SELECT DISTINCT park_code, day FROM station_measures WHERE kind IN ('wastewater', 'water_supply')
    ) AS p
    LEFT JOIN (
        SELECT park_code, day, {exact_sum("compliant_m3")} AS compliant_m3 FROM compliant_volumes
        GROUP BY park_code, day
    ) AS w ON w.park_code = p.park_code AND w.day = p.day
    LEFT JOIN (
        SELECT park_code, day,
            CASE WHEN COUNT(*) = COUNT(supplied_m3) THEN {exact_sum("supplied_m3")} END AS supplied_m3
        FROM supplies
        GROUP BY park_code, day
    ) AS s ON s.park_code = p.park_code AND s.day = p.day"""
