-- Audience: the board's planning officers, who must review parks that are too little occupied
-- Grain: park whose occupancy (MG01) in its newest quarter with a value lies strictly below the target of MG01,
--   60 % by the provincial directive of 2025-08; a park without any value is not listed
-- Columns:
--   park_code, park_name_vi, park_name_en, province_code, is_pilot, status: the park as it is now
--   developer_id, developer_name_vi: the infrastructure developer
--   period_code, period_name_vi, period_name_en, period_end: the quarter
--   occupancy_pct, threshold_pct: the value of MG01 and what it must reach
--   leased_ha, planned_ha: its operands
--   to_lease_ha: land that must still be leased to reach the threshold
--   obs_status: SDMX status of the value
CREATE VIEW mart_occupancy_review AS
SELECT
    v.area_code AS park_code,
    k.name_vi AS park_name_vi,
    COALESCE(k.name_en, k.name_vi) AS park_name_en,
    k.province_code,
    k.is_pilot,
    k.status,
    k.developer_id,
    e.name_vi AS developer_name_vi,
    v.period_code,
    p.name_vi AS period_name_vi,
    p.name_en AS period_name_en,
    p.end_date AS period_end,
    v.value AS occupancy_pct,
    i.target_value AS threshold_pct,
    v.numerator AS leased_ha,
    v.denominator AS planned_ha,
    i.target_value / i.scale * v.denominator - v.numerator AS to_lease_ha,
    v.obs_status
FROM fct_indicator_value v
JOIN dim_indicator i ON i.indicator_code = v.indicator_code AND i.is_current
JOIN dim_period p ON p.period_code = v.period_code
LEFT JOIN dim_park k ON k.park_code = v.area_code
LEFT JOIN dim_enterprise e ON e.enterprise_id = k.developer_id
WHERE v.indicator_code = 'MG01'
    AND v.level = 'park'
    AND v.freq = 'Q'
    AND v.value < i.target_value
    AND p.end_date = (
        SELECT MAX(newest_period.end_date)
        FROM fct_indicator_value newest
        JOIN dim_period newest_period ON newest_period.period_code = newest.period_code
        WHERE newest.indicator_code = v.indicator_code
            AND newest.area_code = v.area_code
            AND newest.freq = v.freq
            AND newest.value IS NOT NULL
    )
