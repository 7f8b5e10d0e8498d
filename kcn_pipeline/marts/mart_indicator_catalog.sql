-- Audience: everyone who asks what an indicator means and whether it has data
-- Grain: indicator of the current catalog
-- Columns:
--   indicator_code, catalog_version, name_vi, name_en, dimension: the indicator
--   unit, unit_label_vi, unit_label_en, frequency, frequencies, levels, direction: how it is measured
--   scale, numerator_sql, denominator_sql, source_tables: how it is computed: scale × numerator / denominator
--   target_op, target_value, target_basis: what it should reach and why
--   alternative_of, alternative_op, alternative_value: the other way to meet the target, on an operand
--   status, is_collected, confidence, framework_references, note: standing in the catalog; is_collected: data arrives yet
--   value_count: published rows that hold a value
--   newest_period_end: last day of the newest period that has a value; empty when there is none
CREATE VIEW mart_indicator_catalog AS
SELECT
    i.indicator_code,
    i.catalog_version,
    i.name_vi,
    i.name_en,
    i.dimension,
    i.unit,
    i.unit_label_vi,
    i.unit_label_en,
    i.frequency,
    i.frequencies,
    i.levels,
    i.direction,
    i.scale,
    i.numerator_sql,
    i.denominator_sql,
    i.source_tables,
    i.target_op,
    i.target_value,
    i.target_basis,
    i.alternative_of,
    i.alternative_op,
    i.alternative_value,
    i.status,
    i.is_collected,
    i.confidence,
    i.framework_references,
    i.note,
    COALESCE(served.value_count, 0) AS value_count,
    served.newest_period_end
FROM dim_indicator i
LEFT JOIN (
    SELECT
        v.indicator_code,
        COUNT(*) AS value_count,
        MAX(p.end_date) AS newest_period_end
    FROM fct_indicator_value v
    JOIN dim_period p ON p.period_code = v.period_code
    WHERE v.value IS NOT NULL
    GROUP BY v.indicator_code
) served ON served.indicator_code = i.indicator_code
WHERE i.is_current
