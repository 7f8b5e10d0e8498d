-- Audience: officers who remind those invited to answer a survey
-- Grain: survey round × respondent type × area (parks, and the province with all of them)
-- Columns:
--   survey_id, survey_title_vi, survey_title_en, kind, round_code, opens_on, closes_on, period_code: the round
--   respondent_type, respondent_type_vi, respondent_type_en: enterprise, expert, manager or worker
--   level, area_code, area_name_vi, area_name_en, province_code: where the respondents are, as the area is now
--   n_invited: on the list of invitations; 0 or empty where there is no list
--   n_received: responses that came
--   n_current, n_superseded, n_deleted, n_quarantined: of these counting now, replaced by a newer one of the same
--     respondent, taken back and refused
--   n_flagged: counting responses that somebody should look at
--   response_rate_pct: share of the invited that answered; empty without a list
--   conf_status: F shown · C of a park that fewer than three answered for (min_respondents), or by which such a park
--     could be worked out: everything but n_invited is empty
CREATE VIEW mart_survey_response AS
SELECT
    r.survey_id,
    s.title_vi AS survey_title_vi,
    s.title_en AS survey_title_en,
    s.kind,
    r.round_code,
    s.opens_on,
    s.closes_on,
    s.period_code,
    r.respondent_type,
    CASE r.respondent_type
        WHEN 'enterprise' THEN 'Doanh nghiệp'
        WHEN 'expert' THEN 'Chuyên gia'
        WHEN 'manager' THEN 'Cán bộ quản lý'
        WHEN 'worker' THEN 'Người lao động'
        ELSE r.respondent_type
    END AS respondent_type_vi,
    CASE r.respondent_type
        WHEN 'enterprise' THEN 'Enterprise'
        WHEN 'expert' THEN 'Expert'
        WHEN 'manager' THEN 'Manager'
        WHEN 'worker' THEN 'Worker'
        ELSE r.respondent_type
    END AS respondent_type_en,
    r.level,
    r.area_code,
    a.name_vi AS area_name_vi,
    COALESCE(a.name_en, a.name_vi) AS area_name_en,
    CASE WHEN r.level = 'province' THEN r.area_code ELSE a.parent_code END AS province_code,
    r.n_invited,
    r.n_received,
    r.n_current,
    r.n_superseded,
    r.n_deleted,
    r.n_quarantined,
    r.n_flagged,
    r.response_rate_pct,
    r.conf_status
FROM fct_survey_response r
JOIN dim_survey s ON s.survey_id = r.survey_id AND s.round_code = r.round_code
LEFT JOIN dim_area a
    ON a.area_code = r.area_code
    AND a.valid_from = (SELECT MAX(newest.valid_from) FROM dim_area newest WHERE newest.area_code = r.area_code)
