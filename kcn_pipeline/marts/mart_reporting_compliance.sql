-- Audience: officers who chase late and missing reports
-- Grain: enterprise × form × period: the report that counts now, or the row that says it is missing
-- Columns:
--   enterprise_id, tax_code, enterprise_name_vi, enterprise_name_en, role, ownership: who reports; BOARD is the board itself
--   park_code, park_name_vi, park_name_en, province_code: the park at the end of the period
--   form_code, freq, period_code, period_name_vi, period_name_en, period_end: what is reported
--   is_expected: a deadline asks for the report; false for one that came unasked
--   status, status_vi, status_en: on_time, late, missing or rejected
--   is_missing: expected and not there, also when only rejected ones came
--   is_late, due_on, submitted_on, days_late: days_late is 0 in time, empty where there is no report or no deadline
--   rejected_count: submissions of the same report that were refused
--   required_total, required_filled, filled_pct: figures that the form requires and that hold a value
--   channel, report_id, payload: how it came, which submission, sha256 of the file it was read from
CREATE VIEW mart_reporting_compliance AS
SELECT
    s.enterprise_id,
    e.tax_code,
    CASE WHEN s.enterprise_id = 'BOARD' THEN 'Ban Quản lý các khu công nghiệp' ELSE e.name_vi END AS enterprise_name_vi,
    CASE
        WHEN s.enterprise_id = 'BOARD' THEN 'Industrial parks management board'
        ELSE COALESCE(e.name_en, e.name_vi)
    END AS enterprise_name_en,
    e.role,
    e.ownership,
    NULLIF(s.park_code, '') AS park_code,
    k.name_vi AS park_name_vi,
    COALESCE(k.name_en, k.name_vi) AS park_name_en,
    s.province_code,
    s.form_code,
    s.freq,
    s.period_code,
    p.name_vi AS period_name_vi,
    p.name_en AS period_name_en,
    p.end_date AS period_end,
    s.is_expected,
    s.status,
    CASE s.status
        WHEN 'on_time' THEN 'Đúng hạn'
        WHEN 'late' THEN 'Nộp muộn'
        WHEN 'missing' THEN 'Chưa nộp'
        WHEN 'rejected' THEN 'Bị trả lại'
        ELSE s.status
    END AS status_vi,
    CASE s.status
        WHEN 'on_time' THEN 'On time'
        WHEN 'late' THEN 'Late'
        WHEN 'missing' THEN 'Missing'
        WHEN 'rejected' THEN 'Rejected'
        ELSE s.status
    END AS status_en,
    s.is_expected AND s.status IN ('missing', 'rejected') AS is_missing,
    s.status = 'late' AS is_late,
    s.due_on,
    s.submitted_on,
    s.days_late,
    (
        SELECT COUNT(*) FROM fct_report_submission r
        WHERE r.enterprise_id = s.enterprise_id
            AND r.form_code = s.form_code
            AND r.period_code = s.period_code
            AND r.status = 'rejected'
    ) AS rejected_count,
    s.required_total,
    s.required_filled,
    CASE
        WHEN s.required_total > 0
            THEN 100.0 * CAST(s.required_filled AS DOUBLE PRECISION) / s.required_total
    END AS filled_pct,
    s.channel,
    s.report_id,
    s.payload
FROM fct_report_submission s
JOIN dim_period p ON p.period_code = s.period_code
LEFT JOIN dim_enterprise e ON e.enterprise_id = s.enterprise_id
LEFT JOIN dim_park k ON k.park_code = s.park_code
WHERE s.is_current
