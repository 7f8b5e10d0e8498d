-- Audience: analysts who compare what documents print with what the warehouse computes
-- Grain: published figure × indicator that it belongs to; figures that belong to none are left out
-- Columns:
--   figure_id, what_vi, what_en, document, as_of, area_code: the figure, the date or period it speaks of and its area
--   indicator_code, indicator_name_vi, indicator_name_en: the indicator
--   value_raw, qualifier: the figure as printed, and what stands before it (about, greater_than …)
--   published_value: the figure in `unit`, its power of ten multiplied in
--   unit: unit of the published figure
--   computed_value, obs_status: the province's value of the same indicator; only where it may be compared
--   difference, difference_pct: computed minus published, and that as a share of published
--   is_comparable: area, period and unit are the same, both values exist, and the figure is no plan
--   reason, reason_vi, reason_en: comparable, or why not
CREATE VIEW mart_published_vs_computed AS
WITH scaled AS (
    SELECT
        f.*,
        f.value * CASE COALESCE(f.unit_mult, 0)
            WHEN 0 THEN 1.0
            WHEN 1 THEN 10.0
            WHEN 2 THEN 100.0
            WHEN 3 THEN 1000.0
            WHEN 4 THEN 10000.0
            WHEN 5 THEN 100000.0
            WHEN 6 THEN 1000000.0
            WHEN 7 THEN 10000000.0
            WHEN 8 THEN 100000000.0
            WHEN 9 THEN 1000000000.0
            WHEN 10 THEN 10000000000.0
            WHEN 11 THEN 100000000000.0
            WHEN 12 THEN 1000000000000.0
        END AS published_value,
        ';' || REPLACE(f.indicator_code, ' ', '') || ';' AS listed_codes
    FROM fct_published_figure f
    WHERE f.indicator_code <> ''
),
paired AS (
    SELECT
        f.*,
        COALESCE(i.indicator_code, f.indicator_code) AS paired_code,
        i.name_vi AS indicator_name_vi,
        i.name_en AS indicator_name_en,
        v.value AS province_value,
        v.obs_status,
        CASE
            WHEN f.published_value IS NULL THEN 'no_published_value'
            WHEN i.indicator_code IS NULL THEN 'unknown_indicator'
            WHEN f.qualifier = 'planned' THEN 'planned'
            WHEN v.indicator_code IS NULL THEN 'other_area_or_period'
            WHEN v.value IS NULL THEN 'not_computed'
            WHEN v.unit <> f.unit THEN 'other_unit'
            ELSE 'comparable'
        END AS reason
    FROM scaled f
    LEFT JOIN dim_indicator i
        ON i.is_current AND REPLACE(f.listed_codes, ';' || i.indicator_code || ';', '') <> f.listed_codes
    LEFT JOIN fct_indicator_value v
        ON v.indicator_code = i.indicator_code
        AND v.area_code = f.area_code
        AND v.period_code = f.as_of
        AND v.level = 'province'
)
SELECT
    c.figure_id,
    c.what_vi,
    c.what_en,
    c.document,
    c.as_of,
    c.area_code,
    c.paired_code AS indicator_code,
    c.indicator_name_vi,
    c.indicator_name_en,
    c.value_raw,
    c.qualifier,
    c.published_value,
    c.unit,
    CASE WHEN c.reason = 'comparable' THEN c.province_value END AS computed_value,
    CASE WHEN c.reason = 'comparable' THEN c.obs_status END AS obs_status,
    CASE WHEN c.reason = 'comparable' THEN c.province_value - c.published_value END AS difference,
    CASE
        WHEN c.reason = 'comparable' AND c.published_value <> 0
            THEN 100.0 * (c.province_value - c.published_value) / c.published_value
    END AS difference_pct,
    c.reason = 'comparable' AS is_comparable,
    c.reason,
    CASE c.reason
        WHEN 'comparable' THEN 'So sánh được'
        WHEN 'no_published_value' THEN 'Văn bản không nêu con số đọc được'
        WHEN 'unknown_indicator' THEN 'Chỉ tiêu không có trong danh mục hiện hành'
        WHEN 'planned' THEN 'Số kế hoạch, không phải số thực hiện'
        WHEN 'other_area_or_period' THEN 'Không có giá trị tính toán cho đúng địa bàn và kỳ này'
        WHEN 'not_computed' THEN 'Kỳ này thiếu dữ liệu để tính'
        WHEN 'other_unit' THEN 'Khác đơn vị tính'
    END AS reason_vi,
    CASE c.reason
        WHEN 'comparable' THEN 'Comparable'
        WHEN 'no_published_value' THEN 'The document states no readable number'
        WHEN 'unknown_indicator' THEN 'The indicator is not in the current catalog'
        WHEN 'planned' THEN 'A plan, not an outcome'
        WHEN 'other_area_or_period' THEN 'There is no computed value for this very area and period'
        WHEN 'not_computed' THEN 'Data to compute this period are missing'
        WHEN 'other_unit' THEN 'Another unit'
    END AS reason_en
FROM paired c
