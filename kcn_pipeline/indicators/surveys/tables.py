"""What the stage keeps of surveys, as Arrow schemas: ratings, statistics, assessments, comments, response rates.

It must not compute. The surprising fact: every table lies in parts `round=<survey_id>.<round_code>`, and the newest
night's slice of a round is the whole truth about that round.
"""

import pyarrow as pa

RATINGS = "survey_ratings"
STATISTICS = "survey_statistics"
ASSESSMENTS = "survey_assessments"
COMMENTS = "survey_comments"
RATES = "survey_rates"
#: What the catalog reads: one respondent × period, in parts `period=`; its columns are those of its contract.
RESPONSES = "survey_response"

_TEXT, _COUNT, _NUMBER, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

#: One row is one indicator × criterion × respondent type × round × area that somebody of the type was asked in, or of
#: which nothing is shown: that nobody was asked there would tell that nobody answered.
#: `n_asked` counts the respondents whose form had the question, `n` those who answered, `n_missing` the others.
#: `median`, `q1` and `q3` lie between neighbours in a straight line; `sd` divides by n - 1. `wilson_low` and
#: `wilson_high` are the ends of the interval of 95 %. From `cvr` on figures are of experts only. Where `conf_status` is
#: C nothing but the key is told; of a park with few answers `sd` to `iqr` are not told.
RATINGS_SCHEMA = pa.schema(
    [
        ("indicator_code", _TEXT),
        ("criterion", _TEXT),
        ("respondent_type", _TEXT),
        ("survey_id", _TEXT),
        ("round_code", _TEXT),
        ("level", _TEXT),
        ("area_code", _TEXT),
        ("n", _COUNT),
        ("n_asked", _COUNT),
        ("n_missing", _COUNT),
        ("mean", _NUMBER),
        ("sd", _NUMBER),
        ("cv", _NUMBER),
        ("median", _NUMBER),
        ("q1", _NUMBER),
        ("q3", _NUMBER),
        ("iqr", _NUMBER),
        ("agree_n", _COUNT),
        ("agree_share", _NUMBER),
        ("wilson_low", _NUMBER),
        ("wilson_high", _NUMBER),
        ("cvr", _NUMBER),
        ("cvr_critical_n", _COUNT),
        ("is_cvr_met", _FLAG),
        ("i_cvi", _NUMBER),
        ("kappa", _NUMBER),
        ("fuzzy_low", _NUMBER),
        ("fuzzy_mid", _NUMBER),
        ("fuzzy_high", _NUMBER),
        ("fuzzy_score", _NUMBER),
        ("fuzzy_consensus_share", _NUMBER),
        ("conf_status", _TEXT),
    ]
)
#: What stays of a row that is not shown.
RATINGS_KEY = RATINGS_SCHEMA.names[: RATINGS_SCHEMA.names.index("n")]

#: One row is one survey × round × respondent type × criterion, and one more with criterion `all` for Cronbach's alpha
#: over all criteria, reversed ones turned round. `n_respondents` answered at least one of the `n_items` questions,
#: `n_complete` answered every one: Kendall's W is of these, the alphas are of all of them. `s_cvi_*` are of experts;
#: they and Krippendorff's alpha are over the items whose ratings are shown. Of too few respondents nothing but
#: `n_respondents` is told.
STATISTICS_SCHEMA = pa.schema(
    [
        ("survey_id", _TEXT),
        ("round_code", _TEXT),
        ("respondent_type", _TEXT),
        ("criterion", _TEXT),
        ("n_respondents", _COUNT),
        ("n_items", _COUNT),
        ("n_complete", _COUNT),
        ("kendall_w", _NUMBER),
        ("kendall_chi2", _NUMBER),
        ("kendall_df", _COUNT),
        ("kendall_p", _NUMBER),
        ("kendall_strength", _TEXT),
        ("cronbach_alpha", _NUMBER),
        ("krippendorff_alpha", _NUMBER),
        ("s_cvi_ave", _NUMBER),
        ("s_cvi_ua", _NUMBER),
    ]
)
#: The criterion of the row over all criteria.
ALL = "all"

#: One row is one survey × round × indicator: the verdict that the thresholds lead to, and the figures of the whole
#: province that led to it, of too few respondents only how many they are. `rule` names the condition that decided.
#: Means are of enterprises, CVI and fuzzy of experts.
ASSESSMENTS_SCHEMA = pa.schema(
    [
        ("survey_id", _TEXT),
        ("round_code", _TEXT),
        ("indicator_code", _TEXT),
        ("verdict", _TEXT),
        ("rule", _TEXT),
        ("is_legal", _FLAG),
        ("n_enterprises", _COUNT),
        ("n_experts", _COUNT),
        ("necessity_mean", _NUMBER),
        ("necessity_cv", _NUMBER),
        ("necessity_wilson_low", _NUMBER),
        ("i_cvi", _NUMBER),
        ("i_cvi_threshold", _NUMBER),
        ("fuzzy_score", _NUMBER),
        ("clarity_mean", _NUMBER),
        ("availability_mean", _NUMBER),
        ("cost_mean", _NUMBER),
        ("previous_verdict", _TEXT),
        ("reason_vi", _TEXT),
        ("reason_en", _TEXT),
        ("catalog_version", _TEXT),
        ("status_now", _TEXT),
        ("status_next", _TEXT),
    ]
)

#: One row is one comment on an indicator, masked in staging. Numbers follow a hash of the text, which tells nothing
#: of when or by whom it was written; respondent type `all` holds the groups that are too small to be told apart.
COMMENTS_SCHEMA = pa.schema(
    [
        ("survey_id", _TEXT),
        ("round_code", _TEXT),
        ("indicator_code", _TEXT),
        ("respondent_type", _TEXT),
        ("number", _COUNT),
        ("comment", _TEXT),
    ]
)

#: One row is one survey × round × respondent type × area (parks, and the province with all of them and those of no
#: park). received = current + superseded + deleted + quarantined. `response_rate_pct` is the share of the invited who
#: have a current response, null without a list of invited ones; who came uninvited counts in `n_current` only. Where
#: `conf_status` is C, in parks alone, nothing is told but how many were invited, which no answer changes.
RATES_SCHEMA = pa.schema(
    [
        ("survey_id", _TEXT),
        ("round_code", _TEXT),
        ("respondent_type", _TEXT),
        ("level", _TEXT),
        ("area_code", _TEXT),
        ("n_invited", _COUNT),
        ("n_received", _COUNT),
        ("n_current", _COUNT),
        ("n_superseded", _COUNT),
        ("n_deleted", _COUNT),
        ("n_quarantined", _COUNT),
        ("n_flagged", _COUNT),
        ("response_rate_pct", _NUMBER),
        ("conf_status", _TEXT),
    ]
)


#: A round of a survey: survey_id and round_code.
Round = tuple[str, str]


def round_part(survey_id: str, round_code: str) -> str:
    """The part of a table that holds a round."""
    return f"round={survey_id}.{round_code}"


def read_part(part: str) -> Round:
    """The survey and the round of a part such as `round=indicator_set.2026-1`."""
    survey_id, _, round_code = part.removeprefix("round=").partition(".")
    return survey_id, round_code
