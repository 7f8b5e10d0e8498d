-- Audience: environment officers of the board, who ask an operator why
-- Grain: episode: consecutive means of one station and parameter over a limit, without a break and without a mean of too
--   few readings between them
-- Columns:
--   station_id, station_name_vi, kind: the station as it is now
--   park_code, park_name_vi, park_name_en: the park in which it stands now
--   enterprise_id, enterprise_name_vi: whose station it is; empty for a station of the park
--   parameter_code, parameter_name_vi, parameter_name_en: what was over
--   averaging: the means that were compared: 1h, 8h, 24h or day
--   started_at, ended_at: from the beginning of the first mean to the end of the last one, local time (UTC+7)
--   hours: how long
--   peak, limit_min, limit_max, unit: the worst mean and the limit at that time
--   side: above or below the limits (pH has both)
--   ratio: peak / limit_max, or limit_min / peak below
--   basis: the permit, or the regulation with its column and coefficients
CREATE VIEW mart_exceedance AS
SELECT
    x.station_id,
    s.name_vi AS station_name_vi,
    s.kind,
    s.park_code,
    k.name_vi AS park_name_vi,
    COALESCE(k.name_en, k.name_vi) AS park_name_en,
    s.enterprise_id,
    e.name_vi AS enterprise_name_vi,
    x.parameter_code,
    p.name_vi AS parameter_name_vi,
    COALESCE(p.name_en, p.name_vi) AS parameter_name_en,
    x.averaging,
    x.started_at,
    x.ended_at,
    x.hours,
    x.peak,
    x.limit_min,
    x.limit_max,
    x.unit,
    CASE WHEN x.peak > x.limit_max THEN 'above' WHEN x.peak < x.limit_min THEN 'below' END AS side,
    x.ratio,
    x.basis
FROM fct_exceedance x
LEFT JOIN dim_station s ON s.station_id = x.station_id
LEFT JOIN dim_park k ON k.park_code = s.park_code
LEFT JOIN dim_enterprise e ON e.enterprise_id = s.enterprise_id
LEFT JOIN dim_parameter p ON p.parameter_code = x.parameter_code
