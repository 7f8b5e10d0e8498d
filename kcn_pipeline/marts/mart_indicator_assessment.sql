-- Audience: the board, which decides what stays in the set of indicators
-- Grain: survey round × indicator
-- Columns:
--   survey_id, survey_title_vi, survey_title_en, round_code, opens_on, closes_on: the round
--   is_newest_round: no later round of the survey has assessed the indicator
--   indicator_code, indicator_name_vi, indicator_name_en, dimension: the indicator, as the assessed catalog names it
--   verdict, verdict_vi, verdict_en: keep, keep_with_data_plan, revise, drop or not_enough_answers; a proposal, no more
--   rule, reason_vi, reason_en: the condition that decided, and the numbers and thresholds behind it
--   previous_verdict, has_verdict_changed: what the round before said
--   is_legal: law requires the indicator, so votes do not drop it
--   n_enterprises, necessity_mean, necessity_cv, necessity_wilson_low: enterprises that rated its necessity, and how
--   clarity_mean, availability_mean, cost_mean: the other ratings of enterprises; a high cost speaks against it
--   n_experts, i_cvi, i_cvi_threshold, fuzzy_score: what experts said of its necessity; no figure is of too few
--   comment_count: comments on it in this round; they stand in mart_indicator_comment
--   catalog_version, status_now, status_next: the catalog it was assessed with, its status there and the one proposed
--   catalog_status: its status in the current catalog
--   is_settled: the current catalog has the proposed status, or the proposal was to change nothing
CREATE VIEW mart_indicator_assessment AS
SELECT
    a.survey_id,
    s.title_vi AS survey_title_vi,
    s.title_en AS survey_title_en,
    a.round_code,
    s.opens_on,
    s.closes_on,
    NOT EXISTS (
        SELECT 1
        FROM fct_indicator_assessment later
        JOIN dim_survey later_round
            ON later_round.survey_id = later.survey_id AND later_round.round_code = later.round_code
        WHERE later.survey_id = a.survey_id
            AND later.indicator_code = a.indicator_code
            AND later_round.closes_on > s.closes_on
    ) AS is_newest_round,
    a.indicator_code,
    COALESCE(i.name_vi, c.name_vi) AS indicator_name_vi,
    COALESCE(i.name_en, c.name_en) AS indicator_name_en,
    COALESCE(i.dimension, c.dimension) AS dimension,
    a.verdict,
    CASE a.verdict
        WHEN 'keep' THEN 'Giữ'
        WHEN 'keep_with_data_plan' THEN 'Giữ và lập kế hoạch dữ liệu'
        WHEN 'revise' THEN 'Chỉnh sửa'
        WHEN 'drop' THEN 'Loại'
        WHEN 'not_enough_answers' THEN 'Chưa đủ ý kiến'
        ELSE a.verdict
    END AS verdict_vi,
    CASE a.verdict
        WHEN 'keep' THEN 'Keep'
        WHEN 'keep_with_data_plan' THEN 'Keep with a data plan'
        WHEN 'revise' THEN 'Revise'
        WHEN 'drop' THEN 'Drop'
        WHEN 'not_enough_answers' THEN 'Not enough answers'
        ELSE a.verdict
    END AS verdict_en,
    a.rule,
    a.reason_vi,
    a.reason_en,
    a.previous_verdict,
    COALESCE(a.previous_verdict <> a.verdict, FALSE) AS has_verdict_changed,
    a.is_legal,
    a.n_enterprises,
    a.necessity_mean,
    a.necessity_cv,
    a.necessity_wilson_low,
    a.clarity_mean,
    a.availability_mean,
    a.cost_mean,
    a.n_experts,
    a.i_cvi,
    a.i_cvi_threshold,
    a.fuzzy_score,
    (
        SELECT COUNT(*) FROM fct_indicator_comment m
        WHERE m.survey_id = a.survey_id AND m.round_code = a.round_code AND m.indicator_code = a.indicator_code
    ) AS comment_count,
    a.catalog_version,
    a.status_now,
    a.status_next,
    c.status AS catalog_status,
    COALESCE(a.status_next = a.status_now OR c.status = a.status_next, FALSE) AS is_settled
FROM fct_indicator_assessment a
JOIN dim_survey s ON s.survey_id = a.survey_id AND s.round_code = a.round_code
LEFT JOIN dim_indicator i ON i.indicator_code = a.indicator_code AND i.catalog_version = a.catalog_version
LEFT JOIN dim_indicator c ON c.indicator_code = a.indicator_code AND c.is_current
