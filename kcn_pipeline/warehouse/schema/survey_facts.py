"""Facts of surveys: ratings, statistics, verdicts, masked comments and response rates, by round.

It must not hold an answer nor a key of who gave it. The surprising fact: every key begins with survey and round,
because a night replaces whole rounds.
"""

from sqlalchemy import Boolean, Float, Index, Integer, Table

from kcn_pipeline.warehouse.schema.columns import in_dim_survey, key, metadata, optional, required

fct_indicator_rating = Table(
    "fct_indicator_rating",
    metadata,
    *key("survey_id round_code indicator_code criterion respondent_type area_code"),
    *required("level"),
    *optional("n n_asked n_missing", Integer),
    *optional("mean sd cv median q1 q3 iqr", Float),
    *optional("agree_n", Integer),
    *optional("agree_share wilson_low wilson_high cvr", Float),
    *optional("cvr_critical_n", Integer),
    *optional("is_cvr_met", Boolean),
    *optional("i_cvi kappa fuzzy_low fuzzy_mid fuzzy_high fuzzy_score fuzzy_consensus_share", Float),
    *required("conf_status"),
    in_dim_survey(),
    Index("ix_fct_indicator_rating_indicator", "indicator_code", "criterion"),
    comment="closed survey round × indicator × criterion × respondent type × area; conf_status C: too few, not shown",
)

fct_survey_statistic = Table(
    "fct_survey_statistic",
    metadata,
    *key("survey_id round_code respondent_type criterion"),
    *optional("n_respondents n_items n_complete", Integer),
    *optional("kendall_w kendall_chi2", Float),
    *optional("kendall_df", Integer),
    *optional("kendall_p", Float),
    *optional("kendall_strength"),
    *optional("cronbach_alpha krippendorff_alpha s_cvi_ave s_cvi_ua", Float),
    in_dim_survey(),
    comment="closed survey round × respondent type × criterion: agreement over all indicators; none of too few",
)

fct_indicator_assessment = Table(
    "fct_indicator_assessment",
    metadata,
    *key("survey_id round_code indicator_code"),
    *required("verdict rule"),
    *required("is_legal", Boolean),
    *optional("n_enterprises n_experts", Integer),
    *optional("necessity_mean necessity_cv necessity_wilson_low i_cvi i_cvi_threshold fuzzy_score", Float),
    *optional("clarity_mean availability_mean cost_mean", Float),
    *optional("previous_verdict"),
    *required("reason_vi reason_en catalog_version status_now status_next"),
    in_dim_survey(),
    comment="closed survey round × indicator: a proposal and the numbers behind it; it changes nothing by itself",
)

fct_indicator_comment = Table(
    "fct_indicator_comment",
    metadata,
    *key("survey_id round_code indicator_code respondent_type"),
    *key("number", Integer),
    *required("comment"),
    in_dim_survey(),
    comment="survey round × indicator × respondent type × number, which tells no order; type all: too few commented",
)

fct_survey_response = Table(
    "fct_survey_response",
    metadata,
    *key("survey_id round_code respondent_type area_code"),
    *required("level"),
    *optional("n_invited n_received n_current n_superseded n_deleted n_quarantined n_flagged", Integer),
    *optional("response_rate_pct", Float),
    *required("conf_status"),
    in_dim_survey(),
    comment="survey round × respondent type × area: how many were invited and answered; C: too few, not shown",
)
