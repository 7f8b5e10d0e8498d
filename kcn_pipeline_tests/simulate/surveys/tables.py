"""The truth about surveys as tables: a header and rows by name, for small CSV files.

It must not compute anything. The surprising fact: figures that are not told have empty cells here, too, though the
simulator knows them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from kcn_pipeline_tests.simulate.surveys.history import Surveys

_ROUND = ("survey_id", "round_code")
_AREA = ("level", "area_code")
_RATED = ("n", "n_asked", "n_missing", "mean", "sd", "cv", "median", "q1", "q3", "iqr", "agree_n", "agree_share")
_PANEL = ("cvr", "cvr_critical_n", "is_cvr_met", "i_cvi", "kappa", "fuzzy_low", "fuzzy_mid", "fuzzy_high")
RATINGS = (
    *_ROUND, "indicator_code", "criterion", "respondent_type", *_AREA, *_RATED, "wilson_low", "wilson_high", *_PANEL,
    "fuzzy_score", "fuzzy_consensus_share", "conf_status",
)  # fmt: skip
STATISTICS = (
    *_ROUND, "respondent_type", "criterion", "n_respondents", "n_items", "n_complete", "kendall_w", "kendall_chi2",
    "kendall_df", "kendall_p", "kendall_strength", "cronbach_alpha", "krippendorff_alpha", "s_cvi_ave", "s_cvi_ua",
)  # fmt: skip
ASSESSMENTS = (
    *_ROUND, "indicator_code", "verdict", "rule", "is_legal", "n_enterprises", "n_experts", "necessity_mean",
    "necessity_cv", "necessity_wilson_low", "i_cvi", "i_cvi_threshold", "fuzzy_score", "clarity_mean",
    "availability_mean", "cost_mean", "previous_verdict", "catalog_version", "status_now", "status_next",
)  # fmt: skip
RATES = (
    *_ROUND, "respondent_type", *_AREA, "n_invited", "n_received", "n_current", "n_superseded", "n_deleted",
    "n_quarantined", "n_flagged", "response_rate_pct", "conf_status",
)  # fmt: skip
COMMENTS = (*_ROUND, "indicator_code", "comment")
CASES = ("case", "survey_id", "serial", "file", "question", "what", "expected", "rule")

Table = tuple[Sequence[str], Iterable[Sequence[object]]]


def tabulate(surveys: Surveys, night: str) -> dict[str, Table]:
    """`ratings`, `statistics`, `assessments`, `rates`, `comments` and `cases` as of a night."""
    state = surveys.state(night)
    cases = [
        (
            one.case, one.survey_id, one.serial, surveys.written.file_of(one.serial).path, one.question, one.what,
            one.expected, one.rule,
        )
        for one in surveys.written.mishaps
    ]  # fmt: skip
    return {
        "ratings": (RATINGS, [text_cells(row, RATINGS) for row in state.ratings() if _is_written(row)]),
        "statistics": (STATISTICS, [text_cells(row, STATISTICS) for row in state.statistics()]),
        "assessments": (ASSESSMENTS, [text_cells(row, ASSESSMENTS) for row in state.assessments()]),
        "rates": (RATES, [text_cells(row, RATES) for row in state.rates()]),
        "comments": (COMMENTS, sorted(text_cells(row, COMMENTS) for row in state.comments())),
        "cases": (CASES, cases),
    }


def _is_written(row: dict[str, Any]) -> bool:
    """Of parks only what decides a verdict, or the file would be as large as the sample."""
    return bool(row["level"] == "province" or row["criterion"] == "necessity")


def text_cells(row: dict[str, Any], header: Sequence[str]) -> tuple[str, ...]:
    """The cells of a row as the truth writes them."""
    return tuple(_text(row.get(name)) for name in header)


def _text(value: object) -> str:
    """Twelve significant digits, as in the other files of the truth."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
