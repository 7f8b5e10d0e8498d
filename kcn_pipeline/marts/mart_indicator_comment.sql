-- Audience: the board, which reads what respondents wrote before it decides on an indicator
-- Grain: survey round × indicator × comment
-- Columns:
--   survey_id, survey_title_vi, survey_title_en, round_code, closes_on: the round
--   indicator_code, indicator_name_vi, indicator_name_en, dimension: the indicator, as the current catalog names it
--   verdict: what the round proposes for it
--   respondent_type: who wrote it; all where too few of a type wrote something to tell the types apart
--   number: tells comments of a group apart; it says nothing of when or by whom they were written
--   comment: the text, with names, phones, addresses and codes masked
CREATE VIEW mart_indicator_comment AS
SELECT
    m.survey_id,
    s.title_vi AS survey_title_vi,
    s.title_en AS survey_title_en,
    m.round_code,
    s.closes_on,
    m.indicator_code,
    i.name_vi AS indicator_name_vi,
    i.name_en AS indicator_name_en,
    i.dimension,
    a.verdict,
    m.respondent_type,
    m.number,
    m.comment
FROM fct_indicator_comment m
JOIN dim_survey s ON s.survey_id = m.survey_id AND s.round_code = m.round_code
LEFT JOIN dim_indicator i ON i.indicator_code = m.indicator_code AND i.is_current
LEFT JOIN fct_indicator_assessment a
    ON a.survey_id = m.survey_id AND a.round_code = m.round_code AND a.indicator_code = m.indicator_code
