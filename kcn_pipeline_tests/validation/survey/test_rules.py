"""Every rule of responses, answers and invitations; flags; typing twice; what adds up; and that nobody is named."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from kcn_pipeline.contracts import Contracts
from kcn_pipeline.lake import Lake
from kcn_pipeline.validation.outcomes import CHECK_NAMES, ConservationError
from kcn_pipeline.validation.survey import told
from kcn_pipeline_tests.validation.survey.nights import (
    ANSWERS,
    CODES,
    FIRST,
    INVITATIONS,
    PART,
    RESPONSES,
    SCORES,
    SECOND,
    expert,
    findings,
    invitation,
    key_of,
    quarantine,
    response,
    run,
    stage,
    standings,
    state,
)

SOCIAL = "social_infrastructure_satisfaction"
BAD: dict[str, dict[str, Any]] = {
    "test_response": {"is_test": True},
    "not_finished": {"is_finished": False},
    "unknown_survey": {"survey_id": None, "round_code": None},
    "no_round": {"round_code": None, "submitted_at": datetime(2026, 1, 5)},
    "submitted_in_future": {"submitted_at": datetime(2026, 3, 20)},
    "unknown_respondent_type": {"respondent_type": None, "problem": "unknown_respondent_type"},
    "no_respondent_key": {"respondent_key": None, "problem": "no_respondent_key"},
    "unknown_enterprise": {"who": "2399999999"},
    "unknown_park": {"problem": "unknown_park", "respondent_type": "expert", "who": "cg-09"},
    "empty_response": {"answers": {"mg01_comment": {"comment": "…"}}, "n_answered": 0},
}


def test_responses_that_do_not_count_are_quarantined_with_their_answers(lake: Lake, contracts: Contracts) -> None:
    bad = [response(rule, _line=7, **change) for rule, change in BAD.items()]
    stage(lake, contracts, FIRST, response("good"), *bad)
    results = run(lake, contracts, FIRST)
    outside = {"unknown_survey", "no_round"}
    assert standings(lake, "good", *BAD) == {"good": "current"} | {rule: rule for rule in BAD if rule not in outside}
    rows = quarantine(lake, FIRST)
    assert {row["_file"]: (row["_rules"], row["_line"]) for row in rows} == {f"{rule}.json": (rule, 7) for rule in BAD}
    for row in rows:
        for text in (row["_reason_vi"], row["_reason_en"]):
            assert text
            assert "{" not in text
    answers = quarantine(lake, FIRST, ANSWERS)
    assert len(answers) == sum(len(row["answers"]) for row in bad)
    assert {row["_rules"] for row in answers} == {"response_refused"}
    assert {row["response_id"] for row in state(lake, ANSWERS)} == {response("good")["response_id"]}
    assert findings(lake, FIRST) == dict.fromkeys(BAD, 1)
    assert (results[RESPONSES].staged, results[RESPONSES].accepted, results[RESPONSES].quarantined) == (11, 1, 10)


def test_the_round_and_the_survey_of_what_is_in_none(lake: Lake, contracts: Contracts) -> None:
    """A round that the contracts do not name, of a survey that has others, is no round."""
    stage(lake, contracts, FIRST, response("a", round_code="1999-1"), response("b", survey_id="of_others"))
    run(lake, contracts, FIRST)
    assert sorted(row["_rules"] for row in quarantine(lake, FIRST)) == ["no_round", "unknown_survey"]
    assert not lake.slices("validation", RESPONSES)


def test_a_response_breaks_the_first_rule_only(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, response("a", is_test=True, who="9999999999", answers={}, n_answered=0))
    run(lake, contracts, FIRST)
    assert [row["_rules"] for row in quarantine(lake, FIRST)] == ["test_response"]


def test_types_that_the_survey_does_not_ask_are_unknown(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, expert("worker", respondent_type="worker"), expert("expert"))
    run(lake, contracts, FIRST)
    assert standings(lake, "worker", "expert") == {"worker": "unknown_respondent_type", "expert": "current"}


def test_approval_is_asked_of_channels_that_have_it(lake: Lake, with_thresholds: Callable[..., Contracts]) -> None:
    contracts = with_thresholds(approved_only=True)
    channels = ("kobo_api", "kobo_export", "odk", "google_forms", "limesurvey", "paper")
    rows = [expert(name, who=name, channel=name) for name in channels]
    rows += [expert(f"approved {name}", who=f"other {name}", channel=name, approval="approved") for name in channels]
    stage(lake, contracts, FIRST, *rows)
    run(lake, contracts, FIRST)
    found = standings(lake, *channels, *(f"approved {name}" for name in channels))
    assert {name for name, said in found.items() if said == "not_approved"} == set(channels[:3])
    assert sum(said == "current" for said in found.values()) == 9


# ---- flags -----------------------------------------------------------------------------------------------------------

ALIKE = {f"{code}{number:02}_{name}": 4.0 for code in ("mg", "en") for number in range(1, 6)
         for name in ("necessity", "clarity")}  # fmt: skip
FLAGGED: dict[str, dict[str, Any]] = {
    "straight_lining": {"answers": ALIKE},
    "impossible_duration": {"duration_s": 3.0},
    "outside_round_park": {"park_code": "VSIP_BN"},  # of E0003, whose park is another
}


ENTERPRISES = dict(zip(FLAGGED, CODES, strict=True))


def test_what_looks_odd_is_flagged_and_counts(lake: Lake, contracts: Contracts) -> None:
    odd = [response(flag, who=ENTERPRISES[flag], **change) for flag, change in FLAGGED.items()]
    stage(lake, contracts, FIRST, *odd, expert("good"))
    results = run(lake, contracts, FIRST)
    flags = {row["_file"].removesuffix(".json"): row["flags"] for row in state(lake)}
    assert flags == {flag: flag for flag in FLAGGED} | {"good": None}
    assert {row["standing"] for row in state(lake)} == {"current"}
    assert findings(lake, FIRST) == dict.fromkeys(FLAGGED, 1)
    assert all(check.passed for check in results[RESPONSES].checks)


def test_an_excluded_flag_refuses(lake: Lake, with_thresholds: Callable[..., Contracts]) -> None:
    contracts = with_thresholds(excluded_flags=tuple(FLAGGED))
    odd = [response(flag, who=ENTERPRISES[flag], **change) for flag, change in FLAGGED.items()]
    stage(lake, contracts, FIRST, *odd, expert("good"))
    run(lake, contracts, FIRST)
    assert standings(lake, *FLAGGED, "good") == {flag: flag for flag in FLAGGED} | {"good": "current"}
    assert {row["_rules"] for row in quarantine(lake, FIRST, ANSWERS)} == {"response_refused"}


def test_several_flags_stand_beside_each_other(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, response("odd", answers=ALIKE, duration_s=1.0, park_code="VSIP_BN"))
    run(lake, contracts, FIRST)
    assert [row["flags"] for row in state(lake)] == ["straight_lining,impossible_duration,outside_round_park"]
    assert findings(lake, FIRST) == dict.fromkeys(FLAGGED, 1)


def test_what_only_comes_near_is_not_flagged(lake: Lake, contracts: Contracts) -> None:
    near: list[dict[str, Any]] = [
        {"answers": dict.fromkeys(list(ALIKE)[:19], 4.0)},
        {"answers": ALIKE | {"mg06_cost": 3.0}},
        {"duration_s": None},
        {"duration_s": 86_400.0 * 29},
    ]
    rows = [expert(f"near {number}", who=f"{number}", **change) for number, change in enumerate(near)]
    beyond = [expert(f"beyond {seconds}", who=f"{seconds}", duration_s=seconds) for seconds in (-60.0, 86_400.0 * 31)]
    stage(lake, contracts, FIRST, *rows, *beyond, response("park", park_code="QUE_VO"))
    run(lake, contracts, FIRST)
    flags = {row["_file"]: row["flags"] for row in state(lake)}
    assert {name for name, flag in flags.items() if flag} == {row["_file"] for row in beyond}
    assert set(flags.values()) == {None, "impossible_duration"}


def test_the_registers_park_stands_beside_the_stated_one(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, response("a", park_code="VSIP_BN"), expert("e", park_code="VSIP_BN"))
    run(lake, contracts, FIRST)
    parks = {row["respondent_type"]: (row["park_code"], row["enterprise_park_code"]) for row in state(lake)}
    assert parks == {"enterprise": ("VSIP_BN", "QUE_VO"), "expert": ("VSIP_BN", None)}


def test_measures_of_nobody_knows_which_park_are_told_by_file(lake: Lake, contracts: Contracts) -> None:
    """They count for the province only; who rates indicators is not asked for a park in the first place."""
    measure = {"survey_id": "satisfaction", "round_code": "2025", "answers": {SOCIAL: 4.0}, "_payload": "a sheet"}
    at = {"submitted_at": datetime(2026, 1, 20), "started_at": None, "ended_at": None, "duration_s": None}
    workers = [
        response(f"w{line}", respondent_type="worker", who=f"w{line}", _line=line, _file="w.csv", **measure, **at)
        for line in (2, 3, 4)
    ]
    workers[1]["park_code"] = "QUE_VO"
    trial = response("t", respondent_type="worker", who="t", is_test=True, _file="t.csv", **measure, **at)
    stage(lake, contracts, FIRST, *workers, trial, expert("e"))
    run(lake, contracts, FIRST)
    assert findings(lake, FIRST) == {"park_not_stated": 1, "test_response": 1}
    (found,) = [
        row for row in lake.read("validation", "survey_findings", FIRST).to_pylist() if row["rule"] == "park_not_stated"
    ]
    assert (found["file"], found["line"], found["severity"]) == ("w.csv", 2, "warning")
    assert "2 responses of file w.csv (lines 2, 4)" in found["reason_en"]
    run(lake, contracts, FIRST)
    assert findings(lake, FIRST)["park_not_stated"] == 1


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_answers_that_were_not_understood_are_quarantined_alone(lake: Lake, contracts: Contracts) -> None:
    rules = ("unknown_label", "score_out_of_scale", "answer_contradicts")
    said: dict[str, Any] = dict(SCORES)
    for number, rule in enumerate(rules, 1):
        said |= {f"mg0{number}_{name}": {"problem": rule, "raw_text": f"x {rule}"} for name in ("necessity", "clarity")}
    stage(lake, contracts, FIRST, response("a", answers=said), response("b", who="E0002", answers=said))
    results = run(lake, contracts, FIRST)
    assert len(state(lake)) == 2
    assert len(state(lake, ANSWERS)) == 2 * (len(SCORES) - 6)
    rows = quarantine(lake, FIRST, ANSWERS)
    assert sorted((row["_rules"], row["raw_text"]) for row in rows) == sorted((one, f"x {one}") for one in rules * 4)
    assert all(row["question"] in row["_reason_vi"] for row in rows)
    told = lake.read("validation", "survey_findings", FIRST).to_pylist()
    assert sorted((row["file"], row["rule"], row["value"], row["line"]) for row in told) == sorted(
        (file, one, f"x {one} (2 ×; dòng/line 1)", 1) for one in rules for file in ("a.json", "b.json")
    )
    counts = results[ANSWERS].checks[-1].counts
    assert counts["rows"] == counts["accepted"] + counts["quarantined"] == 2 * len(SCORES)


def _not_asked(*names: str) -> dict[str, Any]:
    return {name: {"problem": "not_asked_of_type", "raw_text": "5"} for name in names}


def test_answers_of_the_wrong_kind_of_respondent_do_not_count(lake: Lake, contracts: Contracts) -> None:
    """Neither in ratings nor as answered: a response of nothing else is refused, and its answers tell why."""
    some = SCORES | _not_asked("mg01_necessity", "mg02_necessity")
    nothing_else = _not_asked("mg01_necessity") | {"mg01_comment": {"comment": "…"}}
    stage(lake, contracts, FIRST, response("a", answers=some), response("b", who="E0002", answers=nothing_else))
    run(lake, contracts, FIRST)
    assert standings(lake, "a", "b") == {"a": "current", "b": "no_usable_answer"}
    assert len(state(lake, ANSWERS)) == len(SCORES) - 2
    rules = [row["_rules"] for row in quarantine(lake, FIRST, ANSWERS)]
    assert sorted(rules) == ["not_asked_of_type"] * 3 + ["response_refused"]
    assert findings(lake, FIRST) == {"not_asked_of_type": 2, "no_usable_answer": 1}
    (reason, *_) = (row["_reason_en"] for row in quarantine(lake, FIRST, ANSWERS))
    assert "asked of enterprise, expert, manager only" in reason


def test_a_response_of_which_nothing_is_understood_does_not_count(lake: Lake, contracts: Contracts) -> None:
    """It is no empty one: what was wrong with its answers is told, and one that can be used is enough."""
    wrong = {name: {"problem": "unknown_label", "raw_text": "[***]"} for name in SCORES}
    useful = wrong | {"mg01_necessity": 4.0}
    commented = {**wrong, "mg01_comment": {"comment": "…"}}
    rows = [expert(f"wrong {number}", who=f"cg-{number}", answers=wrong) for number in range(3)]
    rows += [expert("useful", who="cg-7", answers=useful), expert("commented", who="cg-8", answers=commented)]
    stage(lake, contracts, FIRST, *rows)
    run(lake, contracts, FIRST)
    found = standings(lake, "wrong 0", "wrong 1", "wrong 2", "useful", "commented")
    assert found.pop("useful") == "current"
    assert set(found.values()) == {"no_usable_answer"}
    told_rules = findings(lake, FIRST)
    assert told_rules["no_usable_answer"] == 4
    assert told_rules["unknown_label"] == 5
    (row, *_) = quarantine(lake, FIRST)
    assert f"all {len(SCORES)} answers" in row["_reason_en"]


def test_the_scale_is_named(lake: Lake, contracts: Contracts) -> None:
    said = SCORES | {"mg01_necessity": {"problem": "score_out_of_scale", "raw_text": "7"}}
    stage(lake, contracts, FIRST, response("a", answers=said))
    run(lake, contracts, FIRST)
    (row,) = quarantine(lake, FIRST, ANSWERS)
    assert "1–5" in row["_reason_en"]


def test_a_score_that_the_scale_no_longer_has_and_a_question_that_is_gone(lake: Lake, contracts: Contracts) -> None:
    """Staged before the contracts changed: the summary of each question shows it, and the rows are found then."""
    said = SCORES | {"mg01_necessity": 9.0, "mg01_clarity": 0.0, "gone": {"choice": "x"}}
    stage(lake, contracts, FIRST, response("a", answers=said), response("b", who="E0002"))
    run(lake, contracts, FIRST)
    rules = {row["question"]: row["_rules"] for row in quarantine(lake, FIRST, ANSWERS)}
    expected = {
        "mg01_necessity": "score_out_of_scale",
        "mg01_clarity": "score_out_of_scale",
        "gone": "unknown_question",
    }
    assert rules == expected
    assert len(state(lake, ANSWERS)) == 2 * len(SCORES) - 2


def typed(entry: str, line: int, **changes: Any) -> dict[str, Any]:
    """A paper form typed into the workbook."""
    number = {"first": 1, "second": 2}[entry]
    return response(
        "p", number, channel="paper", entry=entry, _line=line, _file="paper.xlsx", _payload="book", **changes
    )


@pytest.mark.parametrize("nights", [(FIRST, FIRST), (FIRST, SECOND), (SECOND, FIRST)])
def test_two_typings_that_differ_are_told_and_the_first_counts(
    lake: Lake, contracts: Contracts, nights: tuple[str, str]
) -> None:
    rows = {night: [] for night in (FIRST, SECOND)}
    rows[nights[0]].append(typed("first", 2))
    other = SCORES | {
        "mg01_necessity": 5.0,
        "mg02_clarity": {"problem": "unknown_label"},
        "mg01_comment": {"comment": "x"},
    }
    del other["mg03_necessity"]
    rows[nights[1]].append(typed("second", 3, answers=other))
    for night, some in rows.items():
        stage(lake, contracts, night, *some)
    for night in rows:
        run(lake, contracts, night)
    (row,) = state(lake)
    assert (row["entry"], row["standing"]) == ("first", "current")
    assert {row["_line"] for row in state(lake, ANSWERS)} == {2}
    told = lake.read("validation", "survey_findings", max(nights)).to_pylist()
    (found,) = [one for one in told if one["rule"] == "double_entry_differs"]
    assert found["value"] == "mg01_necessity, mg02_clarity, mg03_necessity"
    assert found["line"] == 2


def test_two_typings_that_agree_are_not_told(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, typed("second", 3), typed("first", 2))
    results = run(lake, contracts, FIRST)
    assert findings(lake, FIRST) == {}
    assert [row["entry"] for row in state(lake)] == ["first"]
    assert results[RESPONSES].checks[-1].counts["replaced"] == 1


def test_a_second_typing_without_a_first_does_not_count(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, typed("second", 3))
    run(lake, contracts, FIRST)
    assert standings(lake, "p") == {"p": "second_entry_alone"}
    (row,) = quarantine(lake, FIRST)
    assert (row["_rules"], row["_line"]) == ("second_entry_alone", 3)
    assert "3" in row["_reason_vi"]
    assert findings(lake, FIRST) == {"second_entry_alone": 1}


def test_a_second_typing_waits_for_its_first(lake: Lake, contracts: Contracts) -> None:
    stage(lake, contracts, FIRST, typed("second", 3))
    run(lake, contracts, FIRST)
    stage(lake, contracts, SECOND, typed("first", 2))
    run(lake, contracts, SECOND)
    assert standings(lake, "p") == {"p": "current"}
    assert [row["entry"] for row in state(lake)] == ["first"]


# ---- invitations -----------------------------------------------------------------------------------------------------


def test_invitations_are_kept_by_respondent_with_the_registers_park(lake: Lake, contracts: Contracts) -> None:
    twice = [invitation("E0001"), invitation("E0001", 3, park_code="VSIP_BN"), invitation("E0002", 4)]
    experts = [invitation("cg-07", 5, respondent_type="expert", park_code="VSIP_BN")]
    bad = [
        invitation("2399999999", 6),
        invitation("E0003", 7, round_code="1999-1"),
        invitation("-", 8, respondent_type="expert", respondent_key=None, problem="unknown_park"),
    ]
    stage(lake, contracts, FIRST, invited=[*twice, *experts, *bad])
    result = run(lake, contracts, FIRST)[INVITATIONS]
    found = {(row["respondent_key"], row["park_code"]) for row in state(lake, INVITATIONS)}
    parks = {"E0001": "QUE_VO", "E0002": "VSIP_BN"}
    assert found == {(key_of(name), park) for name, park in parks.items()} | {(key_of("cg-07", "expert"), "VSIP_BN")}
    rules = {row["_line"]: row["_rules"] for row in quarantine(lake, FIRST, INVITATIONS)}
    assert rules == {6: "list_enterprise_unknown", 7: "unknown_round", 8: "unknown_park"}
    told = {"list_enterprise_unknown": 1, "unknown_round": 1, "unknown_park": 1, "invited_twice": 1}
    told |= {"list_park_not_registers": 1}
    assert findings(lake, FIRST) == told
    assert (result.staged, result.accepted, result.quarantined) == (7, 3, 3)


def test_a_list_that_is_sent_again_replaces_itself_and_no_other(lake: Lake, contracts: Contracts) -> None:
    earlier, other = invitation("E0003", 3, round_code="2025-2"), invitation("E0003", 4, list_key="2" * 32)
    stage(lake, contracts, FIRST, invited=[invitation("E0001"), earlier, other])
    run(lake, contracts, FIRST)
    # Its content changed, and with it what the payload is called.
    stage(lake, contracts, SECOND, invited=[invitation("E0002", _file="another.xlsx", _payload="another")])
    run(lake, contracts, SECOND)
    assert {row["respondent_key"] for row in state(lake, INVITATIONS)} == {key_of("E0002"), key_of("E0003")}
    assert len(state(lake, INVITATIONS, "round=indicator_set.2025-2")) == 1


# ---- all of it -------------------------------------------------------------------------------------------------------


def stage_all(lake: Lake, contracts: Contracts) -> None:
    rows = [response(f"bad {rule}", **change) for rule, change in BAD.items()]
    rows += [response(f"odd {flag}", **change) for flag, change in FLAGGED.items()]
    said = SCORES | {"mg01_necessity": {"problem": "unknown_label", "raw_text": "***"}}
    rows += [response("edited"), response("edited", 2, answers=said), typed("first", 2), typed("second", 3)]
    stage(lake, contracts, FIRST, *rows, invited=[invitation("E0001"), invitation("2399999999", 3)])


def test_rows_staged_are_rows_accepted_replaced_and_quarantined(lake: Lake, contracts: Contracts) -> None:
    stage_all(lake, contracts)
    results = run(lake, contracts, FIRST)
    for name, result in results.items():
        assert [check.name for check in result.checks] == list(CHECK_NAMES)
        assert {check.severity for check in result.checks} == {"WARN"}
        counts = result.checks[-1].counts
        if result.staged:
            assert counts["rows"] == counts["accepted"] + counts["replaced"] + counts["quarantined"]
            assert counts["accepted"] == len([row for row in state(lake, name) if row["_night"] == FIRST])
            assert counts["quarantined"] == len(quarantine(lake, FIRST, name))
    assert lake.parts("validation", RESPONSES) == [PART]
    # Most of these are of one enterprise and moment, and differ.
    assert {one.name for one in results[RESPONSES].checks if not one.passed} == {"keys", "values"}


def test_a_lost_answer_stops_the_night(lake: Lake, contracts: Contracts, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(lake, contracts, FIRST, response("a", is_test=True))
    keep = told.with_answer_reasons
    monkeypatch.setattr(told, "with_answer_reasons", lambda *given: keep(*given).slice(1))
    with pytest.raises(ConservationError, match="survey_answers"):
        run(lake, contracts, FIRST)


def test_nobody_is_named_in_findings_and_reasons(lake: Lake, contracts: Contracts) -> None:
    """Neither a tax code of the register nor any key; the tables themselves hold keys and no code."""
    stage_all(lake, contracts)
    run(lake, contracts, FIRST)
    keys = [key_of(one) for one in (*CODES, "2399999999")]
    told = lake.read("validation", "survey_findings", FIRST).to_pylist()
    reasons = [
        {name: row[name] for name in ("_rules", "_reason_vi", "_reason_en")}
        for table in (RESPONSES, ANSWERS, INVITATIONS)
        for row in quarantine(lake, FIRST, table)
    ]
    assert len(told) > 12
    said = f"{told}{reasons}"
    assert not [one for one in (*CODES.values(), *CODES, "2399999999", *keys) if one in said]
    kept = lake.data_dir / "lake"
    for path in (*kept.glob("validation/survey_*/**/*.parquet"), *kept.glob("quarantine/survey_*/**/*.parquet")):
        rows = str(pq.read_table(path, partitioning=None).to_pylist())
        assert not [code for code in CODES.values() if code in rows], path
