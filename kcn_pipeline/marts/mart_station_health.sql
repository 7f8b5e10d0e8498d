-- Audience: whoever keeps the stations running: the board, operators, maintenance firms
-- Grain: station. Days are those of which anything is known of any station; the running day is not among them.
-- Columns:
--   station_id, station_name_vi, kind, is_connected: the station as it is now
--   park_code, park_name_vi, park_name_en: the park in which it stands
--   enterprise_id, enterprise_name_vi: whose station it is; empty for a station of the park
--   newest_day: the newest day
--   last_seen_day, silent_days: the last day on which it sent anything, and the days since; empty when it never did
--   capture_1d_pct, capture_7d_pct, capture_30d_pct: valid readings in per cent of expected ones, of the last 1, 7, 30
--     days, all parameters together; empty when none was expected
--   insufficient_days_30d: of the last 30 days those on which some parameter had too few readings
--   flagged_readings_30d: valid readings in a flat line or a spike
--   flat_lines_30d, spikes_30d, gaps_30d, long_calibrations_30d, low_shares_30d: flags of the last 30 days
--   status: not_connected, never_seen, silent, incomplete, doubtful or good, see below
-- Rule of status, the first that applies: not_connected = by the register · never_seen · silent = nothing on the newest day ·
--   incomplete = too few readings of some parameter on the newest day · doubtful = a flat line in the last 7 days · good.
CREATE VIEW mart_station_health AS
WITH ages AS (
    SELECT d.day, ROW_NUMBER() OVER (ORDER BY d.day DESC) AS age
    FROM (SELECT DISTINCT day FROM fct_monitoring_daily) d
),
measured AS (
    SELECT
        d.station_id,
        SUM(CASE WHEN a.age = 1 THEN d.n_valid END) AS valid_1d,
        SUM(CASE WHEN a.age = 1 THEN d.n_expected END) AS expected_1d,
        SUM(CASE WHEN a.age <= 7 THEN d.n_valid END) AS valid_7d,
        SUM(CASE WHEN a.age <= 7 THEN d.n_expected END) AS expected_7d,
        SUM(d.n_valid) AS valid_30d,
        SUM(d.n_expected) AS expected_30d,
        COUNT(DISTINCT CASE WHEN NOT d.is_sufficient THEN d.day END) AS insufficient_days,
        SUM(d.n_flagged) AS flagged_readings,
        SUM(CASE WHEN a.age = 1 AND NOT d.is_sufficient THEN 1 ELSE 0 END) AS insufficient_now
    FROM ages a
    JOIN fct_monitoring_daily d ON d.day = a.day
    WHERE a.age <= 30 AND NOT d.is_derived
    GROUP BY d.station_id
),
seen AS (
    SELECT station_id, MAX(day) AS last_seen_day
    FROM fct_monitoring_daily
    WHERE n_received > 0
    GROUP BY station_id
),
flagged AS (
    SELECT
        f.station_id,
        SUM(CASE WHEN f.flag = 'flat_line' THEN 1 ELSE 0 END) AS flat_lines,
        SUM(CASE WHEN f.flag = 'flat_line' AND a.age <= 7 THEN 1 ELSE 0 END) AS flat_lines_7d,
        SUM(CASE WHEN f.flag = 'spike' THEN 1 ELSE 0 END) AS spikes,
        SUM(CASE WHEN f.flag = 'gap' THEN 1 ELSE 0 END) AS gaps,
        SUM(CASE WHEN f.flag = 'long_calibration' THEN 1 ELSE 0 END) AS long_calibrations,
        SUM(CASE WHEN f.flag = 'low_share' THEN 1 ELSE 0 END) AS low_shares
    FROM ages a
    JOIN fct_monitoring_flag f ON f.day = a.day
    WHERE a.age <= 30
    GROUP BY f.station_id
)
SELECT
    s.station_id,
    s.name_vi AS station_name_vi,
    s.kind,
    s.is_connected,
    s.park_code,
    k.name_vi AS park_name_vi,
    COALESCE(k.name_en, k.name_vi) AS park_name_en,
    s.enterprise_id,
    e.name_vi AS enterprise_name_vi,
    n.day AS newest_day,
    l.last_seen_day,
    b.age - 1 AS silent_days,
    100 * CAST(m.valid_1d AS DOUBLE PRECISION) / NULLIF(m.expected_1d, 0) AS capture_1d_pct,
    100 * CAST(m.valid_7d AS DOUBLE PRECISION) / NULLIF(m.expected_7d, 0) AS capture_7d_pct,
    100 * CAST(m.valid_30d AS DOUBLE PRECISION) / NULLIF(m.expected_30d, 0) AS capture_30d_pct,
    COALESCE(m.insufficient_days, 0) AS insufficient_days_30d,
    COALESCE(m.flagged_readings, 0) AS flagged_readings_30d,
    COALESCE(f.flat_lines, 0) AS flat_lines_30d,
    COALESCE(f.spikes, 0) AS spikes_30d,
    COALESCE(f.gaps, 0) AS gaps_30d,
    COALESCE(f.long_calibrations, 0) AS long_calibrations_30d,
    COALESCE(f.low_shares, 0) AS low_shares_30d,
    CASE
        WHEN NOT s.is_connected THEN 'not_connected'
        WHEN l.last_seen_day IS NULL THEN 'never_seen'
        WHEN b.age > 1 THEN 'silent'
        WHEN m.insufficient_now > 0 THEN 'incomplete'
        WHEN f.flat_lines_7d > 0 THEN 'doubtful'
        ELSE 'good'
    END AS status
FROM dim_station s
LEFT JOIN ages n ON n.age = 1
LEFT JOIN seen l ON l.station_id = s.station_id
LEFT JOIN ages b ON b.day = l.last_seen_day
LEFT JOIN measured m ON m.station_id = s.station_id
LEFT JOIN flagged f ON f.station_id = s.station_id
LEFT JOIN dim_park k ON k.park_code = s.park_code
LEFT JOIN dim_enterprise e ON e.enterprise_id = s.enterprise_id
