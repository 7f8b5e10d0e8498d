-- Audience: analysts of the board and developers of the parks
-- Grain: park × indicator × period, indicators of the current catalog
-- Columns:
--   park_code, park_name_vi, park_name_en, province_code, is_pilot, is_eco_park: the park as it is now
--   indicator_code, indicator_name_vi, indicator_name_en, dimension: the indicator, as the current catalog names it
--   freq, period_code, period_name_vi, period_name_en, period_start, period_end: the period
--   value, unit, unit_label_vi, unit_label_en: the figure; empty where obs_status and comment say why
--   numerator, denominator: the operands before scale
--   obs_status, comment: SDMX status (A normal, B break, E estimated, P partial, O missing, M cannot exist, L not collected,
--     Q withheld because too few answered a survey)
--   n_reporting, n_expected: enterprises (or records) behind the figure and expected
--   target_op, target_value, target_basis: what the value should reach and why
--   refreshed_night: the night that last changed the row
--   traffic_light: green, amber, red or grey
-- Rule of traffic_light: green = the target is met, or its alternative is (Decree 35/2022 Art. 9(4): 3 % of the land or 5 ha);
--   amber = missed by at most 10 % of the target; red = missed by more; grey = no target or no value.
CREATE VIEW mart_park_indicator AS
SELECT
    v.area_code AS park_code,
    k.name_vi AS park_name_vi,
    COALESCE(k.name_en, k.name_vi) AS park_name_en,
    k.province_code,
    k.is_pilot,
    k.is_eco_park,
    i.indicator_code,
    i.name_vi AS indicator_name_vi,
    i.name_en AS indicator_name_en,
    i.dimension,
    v.freq,
    v.period_code,
    p.name_vi AS period_name_vi,
    p.name_en AS period_name_en,
    p.start_date AS period_start,
    p.end_date AS period_end,
    v.value,
    v.unit,
    i.unit_label_vi,
    i.unit_label_en,
    v.numerator,
    v.denominator,
    v.obs_status,
    v.comment,
    v.n_reporting,
    v.n_expected,
    i.target_op,
    i.target_value,
    i.target_basis,
    v.refreshed_night,
    -- traffic light: begin (the same lines stand in mart_park_indicator and mart_province_indicator)
    CASE
        WHEN v.value IS NULL OR i.target_value IS NULL OR i.target_op = 'none' THEN 'grey'
        WHEN CASE i.target_op
            WHEN '>=' THEN v.value >= i.target_value
            WHEN '>' THEN v.value > i.target_value
            WHEN '<=' THEN v.value <= i.target_value
            WHEN '<' THEN v.value < i.target_value
            WHEN '==' THEN v.value = i.target_value
        END THEN 'green'
        WHEN CASE i.alternative_op || ' ' || i.alternative_of
            WHEN '>= numerator' THEN v.numerator >= i.alternative_value
            WHEN '> numerator' THEN v.numerator > i.alternative_value
            WHEN '<= numerator' THEN v.numerator <= i.alternative_value
            WHEN '< numerator' THEN v.numerator < i.alternative_value
            WHEN '== numerator' THEN v.numerator = i.alternative_value
            WHEN '>= denominator' THEN v.denominator >= i.alternative_value
            WHEN '> denominator' THEN v.denominator > i.alternative_value
            WHEN '<= denominator' THEN v.denominator <= i.alternative_value
            WHEN '< denominator' THEN v.denominator < i.alternative_value
            WHEN '== denominator' THEN v.denominator = i.alternative_value
        END THEN 'green'
        WHEN CASE
            WHEN i.target_op IN ('>=', '>') THEN v.value >= i.target_value - 0.1 * ABS(i.target_value)
            WHEN i.target_op IN ('<=', '<') THEN v.value <= i.target_value + 0.1 * ABS(i.target_value)
            WHEN i.target_op = '==' THEN ABS(v.value - i.target_value) <= 0.1 * ABS(i.target_value)
        END THEN 'amber'
        ELSE 'red'
    END AS traffic_light
    -- traffic light: end
FROM fct_indicator_value v
JOIN dim_indicator i ON i.indicator_code = v.indicator_code AND i.is_current
JOIN dim_period p ON p.period_code = v.period_code
LEFT JOIN dim_park k ON k.park_code = v.area_code
WHERE v.level = 'park'
