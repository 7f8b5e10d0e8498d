"""How far the respondents of one round agree over all indicators: Kendall's W, the alphas, the scale's CVI.

It must not know a threshold's meaning. The surprising fact: only here it matters who gave which scores; everything else
of a round is made of counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import fsum

from kcn_pipeline.contracts.ratings import Criterion, Thresholds
from kcn_pipeline.indicators.surveys import statistics
from kcn_pipeline.indicators.surveys.ratings import EXPERT, Question, Row, Tally, Yardstick
from kcn_pipeline.indicators.surveys.scores import Scores, matrix_of
from kcn_pipeline.indicators.surveys.statistics import Matrix
from kcn_pipeline.indicators.surveys.tables import ALL, Round


def agree(
    scores: Scores,
    tallies: Mapping[Question, Tally],
    held: Round,
    yardstick: Yardstick,
    criteria: Mapping[str, Criterion],
) -> Iterator[Row]:
    """The rows of `survey_statistics` of a round."""
    least = yardstick.thresholds.min_respondents_province
    for respondent_type in sorted({question[2] for question in tallies}):
        matrix, items = matrix_of(scores, respondent_type)
        key = {"survey_id": held[0], "round_code": held[1], "respondent_type": respondent_type}
        for criterion in sorted({criterion for _, criterion in items}):
            chosen = [number for number, item in enumerate(items) if item[1] == criterion]
            found = {item: tallies[item, criterion, respondent_type] for item, one in items if one == criterion}
            row = _agree_on(matrix[:, chosen], _shown(found, least), yardstick.thresholds)
            if respondent_type == EXPERT:
                row |= _validity_of_scale(_shown(found, least), yardstick.relevant_from(criterion))
            yield {**key, "criterion": criterion, **_withhold(row, least)}
        turned = turn_reversed(matrix, items, yardstick, criteria)
        row = _count(matrix) | {"cronbach_alpha": statistics.cronbach_alpha(turned)}
        yield {**key, "criterion": ALL, **_withhold(row, least)}


def _shown(found: Mapping[str, Tally], least: int) -> dict[str, Tally]:
    """The items whose ratings are shown: one that is not could be worked out from a figure over all of them."""
    return {item: one for item, one in found.items() if one.everybody.n >= least}


def _withhold(row: Row, least: int) -> Row:
    """The row, of fewer than `least` respondents no more than how many they are."""
    return row if row["n_respondents"] >= least else {"n_respondents": row["n_respondents"]}


def turn_reversed(
    matrix: Matrix, items: Sequence[tuple[str, str]], yardstick: Yardstick, criteria: Mapping[str, Criterion]
) -> Matrix:
    """The scores with those of reversed criteria turned round: on five points 5 becomes 1."""
    turned = matrix.copy()
    for number, (_, criterion) in enumerate(items):
        if criteria[criterion].is_reversed:
            scale = yardstick.scales[criterion]
            turned[:, number] = scale.min + scale.max - turned[:, number]
    return turned


def _agree_on(matrix: Matrix, found: Mapping[str, Tally], thresholds: Thresholds) -> Row:
    """The statistics of one criterion: Krippendorff's alpha over the items `found`, the others over all of `matrix`."""
    row = _count(matrix) | {
        "cronbach_alpha": statistics.cronbach_alpha(matrix),
        "krippendorff_alpha": statistics.krippendorff_alpha([each.everybody.counts for each in found.values()]),
    }
    concordance = statistics.kendall_w(matrix)
    if concordance and concordance.raters >= thresholds.min_respondents_province:
        row |= {
            "kendall_w": concordance.w,
            "kendall_chi2": concordance.chi2,
            "kendall_df": concordance.df,
            "kendall_p": concordance.p,
            "kendall_strength": _strength(concordance.w, thresholds),
        }
    return row


def _strength(w: float, thresholds: Thresholds) -> str:
    """What W is called (Schmidt 1997, Decision Sciences 28)."""
    steps = {name: getattr(thresholds, f"kendall_{name}") for name in ("strong", "moderate", "weak")}
    return next((name for name, least in steps.items() if w >= least), "none")


def _count(matrix: Matrix) -> Row:
    import numpy as np

    known = ~np.isnan(matrix)
    counts = (known.any(axis=1), known.any(axis=0), known.all(axis=1))
    return dict(zip(("n_respondents", "n_items", "n_complete"), (int(each.sum()) for each in counts), strict=True))


def _validity_of_scale(found: Mapping[str, Tally], relevant_from: int) -> Row:
    """S-CVI/Ave, the mean of I-CVI, and S-CVI/UA, the share of items that all find relevant (Polit and Beck 2006).

    Example (PMC7253559, table 4: six experts, twelve items, two of which one expert doubts): 0.97 and 0.83.
    """
    if not found:
        return {}
    shares = [statistics.count_from(one.everybody.counts, relevant_from) / one.everybody.n for one in found.values()]
    return {"s_cvi_ave": fsum(shares) / len(shares), "s_cvi_ua": sum(share == 1 for share in shares) / len(shares)}
