"""Verdicts: what numbers lead to which, and what is said of them."""

from typing import Any

import pytest

from kcn_pipeline.contracts.ratings import VERDICTS
from kcn_pipeline.indicators.surveys.assessments import Decision, decide, explain, show
from kcn_pipeline_tests.indicators.lakes import packaged

THRESHOLDS = packaged().ratings.thresholds
#: An indicator that everybody wants and can report.
LIKED: dict[str, Any] = {
    "indicator_code": "MG01",
    "n_enterprises": 40,
    "n_experts": 12,
    "necessity_mean": 4.4,
    "necessity_cv": 0.2,
    "necessity_wilson_low": 0.75,
    "i_cvi": 11 / 12,
    "i_cvi_threshold": 0.78,
    "fuzzy_score": 0.8,
    "clarity_mean": 4.0,
    "availability_mean": 3.6,
    "cost_mean": 2.0,
    "previous_verdict": None,
}


def judge(is_legal: bool = False, **changes: Any) -> Decision:
    return decide(LIKED | changes, THRESHOLDS, is_legal)


@pytest.mark.parametrize(
    ("changes", "verdict", "rule"),
    [
        ({}, "keep", "all_met"),
        ({"necessity_mean": 4.0, "necessity_cv": 0.5, "necessity_wilson_low": 0.6}, "keep", "all_met"),
        ({"availability_mean": 2.99}, "keep_with_data_plan", "availability_low"),
        ({"availability_mean": 3.0}, "keep", "all_met"),
        ({"availability_mean": None}, "keep", "all_met"),
        ({"necessity_mean": 3.99}, "revise", "conditions_not_met"),
        ({"necessity_cv": 0.51}, "revise", "conditions_not_met"),
        ({"necessity_cv": None}, "revise", "conditions_not_met"),
        ({"necessity_wilson_low": 0.59}, "revise", "conditions_not_met"),
        ({"i_cvi": 0.77}, "revise", "conditions_not_met"),
        ({"necessity_mean": 3.5, "availability_mean": 2.0}, "revise", "conditions_not_met"),
        ({"necessity_mean": 3.0}, "revise", "conditions_not_met"),
        ({"necessity_mean": 2.99}, "drop", "mean_low"),
        ({"i_cvi": 0.69}, "drop", "i_cvi_low"),
        ({"fuzzy_score": 0.49}, "drop", "fuzzy_low"),
        ({"fuzzy_score": None}, "keep", "all_met"),
        ({"necessity_mean": 2.5, "i_cvi": 0.3, "fuzzy_score": 0.2}, "drop", "mean_low"),
        ({"n_enterprises": 9}, "not_enough_answers", "too_few_enterprises"),
        ({"n_experts": 4}, "not_enough_answers", "too_few_experts"),
        ({"n_enterprises": 0, "n_experts": 0, "necessity_mean": None, "i_cvi": None}, "not_enough_answers",
         "too_few_answers"),
    ],
)  # fmt: skip
def test_verdicts(changes: dict[str, Any], verdict: str, rule: str) -> None:
    found = judge(**changes)
    assert (found.verdict, found.rule) == (verdict, rule)
    assert rule in VERDICTS[verdict]


def test_law_keeps_what_votes_would_drop() -> None:
    found = judge(is_legal=True, necessity_mean=2.5, i_cvi=0.3)
    assert (found.verdict, found.rule) == ("revise", "legal_never_dropped")
    assert [one.rule for one in found.failed] == ["mean_low", "i_cvi_low"]
    assert judge(is_legal=True, n_experts=0).verdict == "not_enough_answers"
    assert judge(is_legal=True).verdict == "keep"


@pytest.mark.parametrize(
    ("relevant", "n", "is_kept"),
    [(5, 5, True), (4, 5, False), (5, 6, True), (7, 9, True), (6, 8, False), (8, 10, True)],
)
def test_cvi_of_lynn(relevant: int, n: int, is_kept: bool) -> None:
    """Lynn 1986, Nursing Research 35:382-385, and Polit and Beck 2006: 1.00 up to five, 0.83 of six, 0.78 of nine."""
    bar = THRESHOLDS.cvi_threshold(n)
    assert (judge(n_experts=n, i_cvi=relevant / n, i_cvi_threshold=bar).verdict == "keep") is is_kept


@pytest.mark.parametrize("is_legal", [False, True])
def test_reasons_name_the_numbers_in_two_languages(is_legal: bool) -> None:
    numbers = LIKED | {"necessity_mean": 2.25, "i_cvi": 2 / 3}
    told = explain(packaged(), decide(numbers, THRESHOLDS, is_legal), numbers, THRESHOLDS)
    assert "2,25" in told["reason_vi"]
    assert "2.25" in told["reason_en"]
    if is_legal:
        assert "0,667 (dưới 0,7)" in told["reason_vi"]
        assert "I-CVI of the experts 0.667 (below 0.7)" in told["reason_en"]
    assert "{" not in told["reason_vi"] + told["reason_en"]


def test_reason_of_what_failed() -> None:
    numbers = LIKED | {"necessity_cv": 0.625, "necessity_wilson_low": 0.5, "i_cvi": 0.75}
    told = explain(packaged(), decide(numbers, THRESHOLDS, False), numbers, THRESHOLDS)
    assert "hệ số biến thiên 0,625 (tối đa 0,5); cận dưới tỷ lệ đồng ý 0,5 (cần từ 0,6); I-CVI" in told["reason_vi"]
    assert "mean necessity" not in told["reason_en"]


def test_every_rule_of_every_verdict_has_words() -> None:
    for verdict, rules in VERDICTS.items():
        for rule in rules:
            told = explain(packaged(), Decision(verdict, rule), LIKED | {"previous_verdict": "revise"}, THRESHOLDS)
            assert all(text and "{" not in text for text in told.values())


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [
        (None, "–", "–"),
        (4.0, "4", "4"),
        (2 / 3, "0,667", "0.667"),
        (12, "12", "12"),
        (0.0, "0", "0"),
        (10.5, "10,5", "10.5"),
    ],
)
def test_numbers_as_they_are_shown(value: float | None, vi: str, en: str) -> None:
    assert (show(value, 0), show(value, 1)) == (vi, en)
