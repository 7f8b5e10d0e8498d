-- Audience: environment officers of the board, and operators of plants
-- Grain: station × parameter × day
-- Columns:
--   station_id, station_name_vi, kind: the station as it is now; wastewater, emission, ambient or water_supply
--   park_code, park_name_vi, park_name_en: the park in which it stood on the day
--   enterprise_id, enterprise_name_vi: whose station it is now; empty for a station of the park
--   parameter_code, parameter_name_vi, parameter_name_en: what is measured
--   day: local day (UTC+7)
--   mean, corrected_mean, min, max, unit: of the valid readings of the day; corrected to the reference oxygen where set
--   limit_min, limit_max, averaging, regulation: what may not be passed, by the mean over which time, and on what basis
--   limit_pct: the mean in per cent of limit_max, where means of a day are what is judged
--   n_received, n_valid, n_expected, capture_pct: readings that came, that are valid, that a day holds; valid of expected
--   n_flagged: valid readings in a flat line or a spike; they count in the mean, but somebody should look
--   hours_valid, hours_over: hours with enough readings, and those of them over the limit of hours
--   load_kg, volume_m3: load of the day, and what flowed in its valid hours
--   is_sufficient, is_compliant: whether enough readings came, and the verdict; empty where there is none
--   is_derived: computed from other parameters (NOx from NO and NO2)
--   status: over, compliant, silent, insufficient, no_limit or not_judged, see below
-- Rule of status, the first that applies: over, compliant = the verdict · silent = nothing came · insufficient = too few
--   readings · no_limit = nothing to compare with · not_judged = too few hours, or no oxygen to correct with.
CREATE VIEW mart_station_day AS
SELECT
    d.station_id,
    s.name_vi AS station_name_vi,
    d.kind,
    d.park_code,
    k.name_vi AS park_name_vi,
    COALESCE(k.name_en, k.name_vi) AS park_name_en,
    s.enterprise_id,
    e.name_vi AS enterprise_name_vi,
    d.parameter_code,
    p.name_vi AS parameter_name_vi,
    COALESCE(p.name_en, p.name_vi) AS parameter_name_en,
    d.day,
    d.mean,
    d.corrected_mean,
    d.min,
    d.max,
    d.unit,
    d.limit_min,
    d.limit_max,
    d.averaging,
    d.regulation,
    CASE
        WHEN d.averaging IN ('day', '24h') AND d.limit_max > 0
        THEN 100.0 * COALESCE(d.corrected_mean, d.mean) / d.limit_max
    END AS limit_pct,
    d.n_received,
    d.n_valid,
    d.n_expected,
    100 * CAST(d.n_valid AS DOUBLE PRECISION) / NULLIF(d.n_expected, 0) AS capture_pct,
    d.n_flagged,
    d.hours_valid,
    d.hours_over,
    d.load_kg,
    d.volume_m3,
    d.is_sufficient,
    d.is_compliant,
    d.is_derived,
    CASE
        WHEN NOT d.is_compliant THEN 'over'
        WHEN d.is_compliant THEN 'compliant'
        WHEN d.n_received = 0 THEN 'silent'
        WHEN NOT d.is_sufficient THEN 'insufficient'
        WHEN d.averaging IS NULL THEN 'no_limit'
        ELSE 'not_judged'
    END AS status
FROM fct_monitoring_daily d
LEFT JOIN dim_station s ON s.station_id = d.station_id
LEFT JOIN dim_park k ON k.park_code = d.park_code
LEFT JOIN dim_enterprise e ON e.enterprise_id = s.enterprise_id
LEFT JOIN dim_parameter p ON p.parameter_code = d.parameter_code
