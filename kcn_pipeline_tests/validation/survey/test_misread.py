"""Answers that nobody understood as few findings, and responses of which the day or the survey is not known."""

from typing import Any

import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.validation.survey.misread import group_answers
from kcn_pipeline_tests.validation.survey.nights import (
    ANSWERS,
    FIRST,
    RESPONSES,
    SCORES,
    expert,
    quarantine,
    response,
    run,
    stage,
)


def _told(lake: Lake) -> list[dict[str, Any]]:
    return lake.read("validation", "survey_findings", FIRST).to_pylist()


def _expert(number: int, **more: Any) -> dict[str, Any]:
    one = {"who": f"cg-{number}", "_line": number, "_payload": "p", "_file": "a.csv"} | more
    return expert(f"expert {number}", **one)


def _unknown(text: str) -> dict[str, str]:
    return {"problem": "unknown_label", "raw_text": text}


def test_a_thousand_wrong_labels_of_a_question_are_one_finding(lake: Lake, contracts: Contracts) -> None:
    count = 1_500
    labels = {number: {"mg01_necessity": _unknown(f"{number}/5")} for number in range(1, count + 1)}
    stage(lake, contracts, FIRST, *(_expert(number, answers=SCORES | said) for number, said in labels.items()))
    run(lake, contracts, FIRST)
    (told,) = [row for row in _told(lake) if row["rule"] == "unknown_label"]
    assert (told["file"], told["field"], told["line"]) == ("a.csv", "mg01_necessity", 1)
    assert told["value"] == "1/5, 10/5, 100/5, … (1500 ×; dòng/line 1, 2, 3, 4, 5, …)"
    assert told["value"] in told["reason_vi"]
    assert len(quarantine(lake, FIRST, ANSWERS)) == count


def test_one_wrong_label_in_all_questions_is_one_finding_a_file(lake: Lake, contracts: Contracts) -> None:
    wrong = dict.fromkeys(SCORES, _unknown("Cao, Thấp"))
    one, two, three = (_expert(number, answers=wrong) for number in (3, 2, 1))
    stage(lake, contracts, FIRST, one, two, {**three, "_file": "b.csv", "_payload": "q"})
    run(lake, contracts, FIRST)
    told = {row["file"]: row["value"] for row in _told(lake) if row["rule"] == "unknown_label"}
    count = len(SCORES)
    assert told == {
        "a.csv": f"Cao, Thấp ({2 * count} ×; dòng/line 2, 3)", "b.csv": f"Cao, Thấp ({count} ×; dòng/line 1)",
    }  # fmt: skip


def test_the_most_frequent_labels_are_shown_and_none_is_long(lake: Lake, contracts: Contracts) -> None:
    texts = ["9", "9", "[***]", "x" * 500, "y"]
    rows = [_expert(number, answers=SCORES | {"mg01_clarity": _unknown(text)}) for number, text in enumerate(texts, 1)]
    stage(lake, contracts, FIRST, *rows)
    run(lake, contracts, FIRST)
    (told,) = [row for row in _told(lake) if row["rule"] == "unknown_label"]
    assert told["value"] == f"9, [***], {'x' * 20}, … (5 ×; dòng/line 1, 2, 3, 4, 5)"


def test_nothing_refused_is_no_group(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, response("good"))
    rows = lake.read("staging", ANSWERS, FIRST)
    assert group_answers(rows.append_column("rule", rows.column("problem"))) == []


# ---- responses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "column"),
    [
        ("kobo_api", "_submission_time"), ("kobo_export", "_submission_time"), ("google_forms", "Dấu thời gian"),
        ("limesurvey", "submitdate"), ("paper", "Ngày nhận phiếu"),
    ],
)  # fmt: skip
def test_a_response_without_a_day_lacks_a_day_and_no_round(
    lake: Lake, contracts: Contracts, channel: str, column: str
) -> None:
    stage(lake, contracts, FIRST, response("a", channel=channel, submitted_at=None, round_code=None), response("good"))
    run(lake, contracts, FIRST)
    (row,) = quarantine(lake, FIRST, RESPONSES)
    assert row["_rules"] == "no_submission_date"
    for text in (row["_reason_vi"], row["_reason_en"]):
        assert column in text
    (told,) = _told(lake)
    assert (told["rule"], told["field"]) == ("no_submission_date", "submitted_at")
    assert column in told["reason_vi"]
    assert "closes_on" not in told["action_vi"]


def test_a_response_that_may_be_of_two_surveys_is_not_told_to_be_of_none(lake: Lake, contracts: Contracts) -> None:
    nowhere = {"survey_id": None, "round_code": None}
    stage(
        lake, contracts, FIRST, response("a", problem="ambiguous_survey", **nowhere),
        response("b", problem="unknown_survey", submitted_at=None, **nowhere),
    )  # fmt: skip
    run(lake, contracts, FIRST)
    assert {row["_file"]: row["_rules"] for row in quarantine(lake, FIRST)} == {
        "a.json": "ambiguous_survey", "b.json": "unknown_survey",
    }  # fmt: skip
    assert lake.count("validation", "survey_findings", FIRST) == 0, "staging has told both of their files"
